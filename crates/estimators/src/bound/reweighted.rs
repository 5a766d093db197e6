//! [`ReweightedWakeSleep`] and [`ReweightedWakeSleepReparameterized`]

use elbo_layers::dist::{Distribution, Reparameterized};
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, constant, path};
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

/// [`ReweightedWakeSleep`] along the path.
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
