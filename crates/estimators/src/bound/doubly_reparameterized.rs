//! [`DoublyReparameterized`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, path};

/// The doubly reparameterized gradient, DReG.
///
/// ```text
///     Σ w̃ᵢ² ∂ ln wᵢ/∂zᵢ ∂zᵢ/∂φ
/// ```
///
/// The score in the total derivative is itself turned into a path. Unbiased; its signal-to-noise ratio grows as
/// √K. Tucker et al. 2019.
#[derive(Clone, Copy, Debug)]
pub struct DoublyReparameterized;

impl<T: Real, D: Reparameterized<T>> BoundEstimator<T, D> for DoublyReparameterized {
    fn name(&self) -> &'static str {
        "doubly_reparameterized"
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        path(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        particles.along_the_path() * particles.weights().square()
    }
}
