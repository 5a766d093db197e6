//! [`TotalDerivative`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, path};

/// The gradient of the bound along the path, with all that depends on φ.
///
/// ```text
///     ∂/∂φ ln 1/K Σ wᵢ
/// ```
///
/// Unbiased. Its signal-to-noise ratio falls as 1/√K (Rainforth et al. 2018). Burda, Grosse & Salakhutdinov
/// 2016; with K = 1 Kingma & Welling 2014.
#[derive(Clone, Copy, Debug)]
pub struct TotalDerivative;

impl<T: Real, D: Reparameterized<T>> BoundEstimator<T, D> for TotalDerivative {
    fn name(&self) -> &'static str {
        "total_derivative"
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        path(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        particles.total().log_sum_exp(-1, false)
    }
}
