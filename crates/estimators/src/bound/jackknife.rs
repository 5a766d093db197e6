//! [`Jackknife`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, leave_one_out, path};
use crate::estimator::Bias;

/// The gradient of the jackknifed bound.
///
/// ```text
///     K L_K - (K-1) 1/K Σ L₋ᵢ,    L₋ᵢ = ln 1/(K-1) Σ_{j≠i} wⱼ
/// ```
///
/// The error of L_K against ln p(x) is O(1/K), that of this O(1/K²): it is the gradient of something nearer to
/// ln p(x), so it is biased for the bound itself. K of at least 2. Nowozin 2018.
#[derive(Clone, Copy, Debug)]
pub struct Jackknife;

impl<T: Real, D: Reparameterized<T>> BoundEstimator<T, D> for Jackknife {
    fn name(&self) -> &'static str {
        "jackknife"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn least_particles(&self) -> usize {
        2
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        path(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        let log_weights = particles.total();
        let k = particles.count() as f64;
        let whole = log_weights.log_sum_exp(-1, false) * T::from_f64(k);
        whole - leave_one_out(&log_weights).mean_axes(-1, false) * T::from_f64(k - 1.0)
    }
}
