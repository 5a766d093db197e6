//! [`ConstantBaseline`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// The score function estimator with a constant baseline.
///
/// ```text
///     ∂F/∂θ = E (f(x) - b) s(x)
/// ```
///
/// One evaluation of f for each draw, and those of the pilot run once. Unbiased for any b that does not
/// depend on the draw, since E s = 0. The best constant is `E[f s²] / E[s²]`, another one for each element of
/// θ (Weaver & Tao 2001; Greensmith, Bartlett & Baxter 2004).
#[derive(Clone, Debug)]
pub struct ConstantBaseline<T: Real> {
    name: &'static str,
    /// For each parameter, of a shape that broadcasts to it.
    baselines: Vec<Tensor<T>>,
}

impl<T: Real> ConstantBaseline<T> {
    /// With one baseline for all parameters.
    pub fn new<D: Distribution<T>>(problem: &Expectation<T, D>, baseline: T) -> Self {
        let baselines = vec![Tensor::scalar(baseline); problem.parameters().len()];
        ConstantBaseline { name: "score_function_constant_baseline", baselines }
    }

    /// With the mean of f over the draws of a pilot run.
    pub fn mean<D: Distribution<T>>(
        problem: &Expectation<T, D>,
        pilot: usize,
        noise: &mut Stream,
    ) -> Self {
        let mean = Scored::draw(problem, pilot, noise).cost.mean();
        let baselines = vec![mean; problem.parameters().len()];
        ConstantBaseline { name: "score_function_mean_baseline", baselines }
    }

    /// With `E[f s²] / E[s²]` over the draws of a pilot run, for each element of each parameter.
    pub fn optimal<D: Distribution<T>>(
        problem: &Expectation<T, D>,
        pilot: usize,
        noise: &mut Stream,
    ) -> Self {
        let Scored { cost, scores } = Scored::draw(problem, pilot, noise);
        let optimal = |score: Tensor<T>| {
            let squares = score.square();
            let weighted = column(&cost, &squares) * &squares;
            weighted.mean_axes(0, false) / squares.mean_axes(0, false)
        };
        let baselines = scores.into_iter().map(optimal).collect();
        ConstantBaseline { name: "score_function_optimal_baseline", baselines }
    }

    /// The baseline of each parameter.
    pub fn baselines(&self) -> &[Tensor<T>] {
        &self.baselines
    }
}

impl<T: Real, D: Distribution<T>> Estimator<T, D> for ConstantBaseline<T> {
    fn name(&self) -> &'static str {
        self.name
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
        let each = scores.into_iter().zip(&self.baselines);
        draws.means(each.map(|(score, b)| (column(&cost, &score) - b) * score).collect())
    }
}
