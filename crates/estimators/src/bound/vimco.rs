//! [`Vimco`]

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use super::{BoundEstimator, Particles, constant, leave_one_out};

/// Variational inference for Monte Carlo objectives: the score function, each draw with a baseline made of the
/// others.
///
/// ```text
///     Σ (L - L₋ᵢ) sᵢ - Σ w̃ᵢ sᵢ,    sᵢ = ∂/∂φ ln q(zᵢ; φ)
///     L₋ᵢ: L with ln wᵢ replaced by the mean of the other ln wⱼ
/// ```
///
/// Unbiased; it needs no path, and K of at least 2. Mnih & Rezende 2016.
#[derive(Clone, Copy, Debug)]
pub struct Vimco;

impl<T: Real, D: Distribution<T>> BoundEstimator<T, D> for Vimco {
    fn name(&self) -> &'static str {
        "vimco"
    }

    fn least_particles(&self) -> usize {
        2
    }

    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T> {
        constant(posterior, noise)
    }

    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T> {
        let log_weights = particles.log_weights();
        let others = T::from_f64((particles.count() - 1) as f64);
        let stand_in = (log_weights.sum_axes(-1, true) - log_weights) / others;
        let without = [leave_one_out(log_weights), stand_in];
        let baseline = Tensor::stack(&without, 2).log_sum_exp(-1, false);
        let signal = log_weights.log_sum_exp(-1, true) - baseline;
        particles.score() * (signal - particles.weights())
    }
}
