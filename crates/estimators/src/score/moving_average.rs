//! [`MovingAverage`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::Scored;
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column};

/// The score function estimator whose baseline is a moving average over the estimates before.
///
/// ```text
///     bₜ₊₁ = decay bₜ + (1 - decay) f̄ₜ
/// ```
///
/// with the mean f̄ₜ of f over the draws of estimate t. A call begins with the mean of a pilot run of
/// (1 + decay) / (1 - decay) estimates: it has the variance of an average that has gone on for ever, so that all
/// estimates are alike, wherever a study is cut into calls. One evaluation of f for each draw, and those of the
/// pilot. Unbiased, since bₜ does not depend on the draws that it is subtracted from; estimates that are made in one
/// call are uncorrelated, though not independent. Williams 1992. For a loop that makes one call a step there is
/// [`RunningAverage`](super::RunningAverage).
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
    /// If the decay is not in [0, 1), and for a problem of rows, whose estimates have different means.
    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let decay = self.decay;
        assert!((0.0..1.0).contains(&decay), "MovingAverage: decay {decay} must be in [0, 1)");
        assert!(
            problem.rows() == 1,
            "MovingAverage: {} rows; it takes one problem",
            problem.rows()
        );
        let pilot = ((1.0 + decay) / (1.0 - decay)).round();
        let mut of_pilot = |_| Scored::draw(problem, draws.samples, noise).cost.mean().item();
        let mut average =
            (0..pilot as usize).map(&mut of_pilot).map(T::to_f64).sum::<f64>() / pilot;
        let Scored { cost, scores } = Scored::draw(problem, draws.count(), noise);
        let costs = draws.mean(&cost);
        let baselines = Tensor::write([draws.repeats, 1], |baselines| {
            for (baseline, cost) in baselines.iter_mut().zip(costs.data()) {
                *baseline = T::from_f64(average);
                average = decay * average + (1.0 - decay) * cost.to_f64();
            }
        });
        let cost = draws.split(&cost) - baselines;
        draws.means(scores.into_iter().map(|score| column(&cost, &score) * score).collect())
    }
}
