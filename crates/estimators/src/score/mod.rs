//! Gradients of the density: the cost may be anything that can be evaluated.

mod constant;
mod leave_one_out;
mod moving_average;

pub use constant::ConstantBaseline;
pub use leave_one_out::LeaveOneOut;
pub use moving_average::MovingAverage;

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column, gradients};

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

/// Draws with their costs and scores.
struct Scored<T: Real> {
    /// Shape `[n]`.
    cost: Tensor<T>,
    /// For each parameter θ: shape [n, ..θ].
    scores: Vec<Tensor<T>>,
}

impl<T: Real> Scored<T> {
    fn draw<D: Distribution<T>>(
        problem: &Expectation<T, D>,
        count: usize,
        noise: &mut Stream,
    ) -> Scored<T> {
        let leaves = problem.leaves(count);
        let family = problem.family(&leaves);
        let x = family.sample(noise).constant();
        let scores = gradients(&family.log_prob(&x), &leaves);
        Scored { cost: problem.constant_cost(&x), scores }
    }
}
