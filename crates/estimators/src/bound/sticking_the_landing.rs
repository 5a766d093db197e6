//! [`StickingTheLanding`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, path};
use crate::estimator::Bias;

/// The gradient along the path, with the density of q held fixed.
///
/// ```text
///     Σ w̃ᵢ ∂ ln wᵢ/∂zᵢ ∂zᵢ/∂φ
/// ```
///
/// What is left out of the total derivative is a score, whose mean is 0 for K = 1: unbiased then, biased for
/// K > 1. No noise at all where q is the posterior. Roeder, Wu & Duvenaud 2017.
#[derive(Clone, Copy, Debug)]
pub struct StickingTheLanding;

impl<T: Real, D: Reparameterized<T>> BoundEstimator<T, D> for StickingTheLanding {
    fn name(&self) -> &'static str {
        "sticking_the_landing"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        path(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        particles.along_the_path() * particles.weights()
    }
}
