//! [`MovingAverage`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// The score function estimator whose baseline is a moving average over the estimates before.
///
/// ```text
///     bₜ = mₜ / (1 - decayᵗ),   mₜ₊₁ = decay mₜ + (1 - decay) f̄ₜ,   m₀ = b₀ = 0
/// ```
///
/// with the mean f̄ₜ of f over the draws of estimate t: what a training loop can afford. One evaluation of f
/// for each draw. Unbiased, since bₜ does not depend on the draws that it is subtracted from; estimates that
/// are made in one call are uncorrelated, though not independent. Williams 1992; Mnih & Gregor 2014.
#[derive(Clone, Copy, Debug)]
pub struct MovingAverage {
    /// Below 1.
    pub decay: f64,
}

impl Default for MovingAverage {
    /// A decay of 0.9
    fn default() -> Self {
        MovingAverage { decay: 0.9 }
    }
}

impl<T: Real, D: Distribution<T>> Estimator<T, D> for MovingAverage {
    fn name(&self) -> &'static str {
        "score_function_moving_average_baseline"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        samples
    }

    /// # Panics
    /// If the decay is not in [0, 1).
    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let decay = self.decay;
        assert!((0.0..1.0).contains(&decay), "MovingAverage: decay {decay} must be in [0, 1)");
        let Scored { cost, scores } = Scored::draw(problem, draws.count(), noise);
        let costs = draws.mean(&cost);
        let (mut average, mut weight) = (0.0, 0.0);
        let baselines = Tensor::write([draws.repeats, 1], |baselines| {
            for (baseline, cost) in baselines.iter_mut().zip(costs.data()) {
                *baseline = T::from_f64(if weight > 0.0 { average / weight } else { 0.0 });
                average = decay * average + (1.0 - decay) * cost.to_f64();
                weight = decay * weight + (1.0 - decay);
            }
        });
        let cost = draws.split(&cost) - baselines;
        draws.means(scores.into_iter().map(|score| column(&cost, &score) * score).collect())
    }
}
