//! [`ScoreFunction`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// The score function estimator, likelihood-ratio method, or REINFORCE.
///
/// ```text
///     ∂F/∂θ = E f(x) s(x),   s = ∂/∂θ ln p(x; θ)
/// ```
///
/// One evaluation of f for each draw. Unbiased for any f, differentiable or not. Glynn 1990; Williams 1992.
#[derive(Clone, Copy, Debug)]
pub struct ScoreFunction;

impl<T: Real, D: Distribution<T>> Estimator<T, D> for ScoreFunction {
    fn name(&self) -> &'static str {
        "score_function"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        samples
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let Scored { cost, scores } = Scored::draw(problem, draws.count(), noise);
        draws.means(scores.into_iter().map(|score| column(&cost, &score) * score).collect())
    }
}
