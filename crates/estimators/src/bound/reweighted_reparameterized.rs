//! [`ReweightedWakeSleepReparameterized`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, path};
use crate::estimator::Bias;

/// [`ReweightedWakeSleep`](super::ReweightedWakeSleep) along the path.
///
/// ```text
///     Σ (w̃ᵢ - w̃ᵢ²) ∂ ln wᵢ/∂zᵢ ∂zᵢ/∂φ
/// ```
///
/// The same mean as reweighted wake-sleep, with less noise. Tucker et al. 2019.
#[derive(Clone, Copy, Debug)]
pub struct ReweightedWakeSleepReparameterized;

impl<T: Real, D: Reparameterized<T>> BoundEstimator<T, D> for ReweightedWakeSleepReparameterized {
    fn name(&self) -> &'static str {
        "reweighted_wake_sleep_reparameterized"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        path(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        let weights = particles.weights();
        particles.along_the_path() * (weights - weights.square())
    }
}
