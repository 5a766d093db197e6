//! [`ReweightedWakeSleep`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, constant};
use crate::estimator::Bias;

/// The wake-phase update of q in reweighted wake-sleep.
///
/// ```text
///     Σ w̃ᵢ ∂/∂φ ln q(zᵢ; φ)
/// ```
///
/// It lowers KL(p(z|x) ‖ q) instead of raising the bound, and is itself biased for finite K. It needs no path.
/// Bornschein & Bengio 2015.
#[derive(Clone, Copy, Debug)]
pub struct ReweightedWakeSleep;

impl<T: Real, D: Distribution<T>> BoundEstimator<T, D> for ReweightedWakeSleep {
    fn name(&self) -> &'static str {
        "reweighted_wake_sleep"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        constant(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        particles.score() * particles.weights()
    }
}
