//! [`LeaveOneOut`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// The score function estimator whose baseline for each draw is the mean of the other draws.
///
/// ```text
///     1/K Σᵢ (fᵢ - 1/(K-1) Σ_{j≠i} fⱼ) sᵢ  =  1/(K-1) Σᵢ (fᵢ - f̄) sᵢ
/// ```
///
/// K evaluations of f for K samples, of which there must be two. Unbiased: it is the sample covariance
/// of f and s. Kool, van Hoof & Welling 2019.
#[derive(Clone, Copy, Debug)]
pub struct LeaveOneOut;

impl<T: Real, D: Distribution<T>> Estimator<T, D> for LeaveOneOut {
    fn name(&self) -> &'static str {
        "score_function_leave_one_out"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        samples
    }

    /// # Panics
    /// If there are less than two samples.
    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let k = draws.samples;
        assert!(k > 1, "LeaveOneOut: samples is {k}; it must be at least 2");
        let Scored { cost, scores } = Scored::draw(problem, draws.count(), noise);
        let split = draws.split(&cost);
        let others = (&split - split.mean_axes(-1, true)) * T::from_f64(k as f64 / (k - 1) as f64);
        draws.means(scores.into_iter().map(|score| column(&others, &score) * score).collect())
    }
}
