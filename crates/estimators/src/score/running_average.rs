//! [`RunningAverage`]

use std::sync::{Mutex, PoisonError};

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// [`MovingAverage`](super::MovingAverage) in a training loop: the average goes on from call to call.
///
/// ```text
///     bₜ = mₜ / (1 - decayᵗ),   mₜ₊₁ = decay mₜ + (1 - decay) f̄ₜ,   m₀ = b₀ = 0
/// ```
///
/// with the mean f̄ₜ of f over all draws of call t. One evaluation of f for each draw. Unbiased, since bₜ is made
/// of calls before. Williams 1992; Mnih & Gregor 2014.
#[derive(Debug)]
pub struct RunningAverage {
    decay: f64,
    /// mₜ and 1 - decayᵗ.
    average: Mutex<[f64; 2]>,
}

impl RunningAverage {
    /// # Panics
    /// If the decay is not in [0, 1).
    #[track_caller]
    pub fn new(decay: f64) -> RunningAverage {
        assert!((0.0..1.0).contains(&decay), "RunningAverage: decay {decay} must be in [0, 1)");
        RunningAverage { decay, average: Mutex::new([0.0; 2]) }
    }
}

impl<T: Real, D: Distribution<T>> Estimator<T, D> for RunningAverage {
    fn name(&self) -> &'static str {
        "score_function_moving_average_baseline"
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
        let now = cost.mean().item().to_f64();
        let mut average = self.average.lock().unwrap_or_else(PoisonError::into_inner);
        let [sum, weight] = *average;
        let baseline = if weight > 0.0 { sum / weight } else { 0.0 };
        let keep = |old: f64, new: f64| self.decay * old + (1.0 - self.decay) * new;
        *average = [keep(sum, now), keep(weight, 1.0)];
        let cost = cost - T::from_f64(baseline);
        draws.means(scores.into_iter().map(|score| column(&cost, &score) * score).collect())
    }
}
