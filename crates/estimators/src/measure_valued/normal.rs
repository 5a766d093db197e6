//! The normal distribution as a difference.

use elbo_layers::Normal;
use elbo_layers::dist::Moments;
use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::{Coupling, MeasureValued, Sides};

/// ```text
///     ∂/∂mu:     c = 1 / (σ √2π),   x± = mu ± σ w,            w with density w exp(-w²/2)
///     ∂/∂logvar: c = ½,             x⁺ = mu + σ m, x⁻ = mu + σ n,  n ~ N(0, 1),
///                                   m with density m² exp(-m²/2) / √2π
/// ```
///
/// Coupled: the same w on both sides, and n = m u with uniform u, which is standard normal.
impl<T: Real> MeasureValued<T> for Normal<T> {
    fn sides(&self, coupling: Coupling, noise: &mut Stream) -> Vec<Sides<T>> {
        let (mu, sigma, shape) = (self.mean(), self.sigma(), *self.mu().shape());
        let w = weibull(shape, noise);
        let other_w = match coupling {
            Coupling::Coupled => w.clone(),
            Coupling::Independent => weibull(shape, noise),
        };
        let m = maxwell(shape, noise);
        let n = match coupling {
            Coupling::Coupled => &m * noise.uniform(shape, 0.0, 1.0),
            Coupling::Independent => noise.normal(shape),
        };
        let root = T::from_f64(std::f64::consts::TAU.sqrt());
        let at = |eps: Tensor<T>| eps * &sigma + &mu;
        vec![
            Sides {
                weight: Tensor::ones(shape) / (&sigma * root),
                positive: at(w),
                negative: at(-other_w),
            },
            Sides { weight: Tensor::scalar(T::from_f64(0.5)), positive: at(m), negative: at(n) },
        ]
    }
}

/// √2e with standard exponential e: density w exp(-w²/2).
fn weibull<T: Real>(shape: Shape, noise: &mut Stream) -> Tensor<T> {
    (noise.exponential(shape) * T::from_f64(2.0)).sqrt()
}

/// The length of a normal vector in three dimensions, with a sign as likely as the other: the squares of two
/// of its numbers are together 2e with standard exponential e, and the third has the sign.
fn maxwell<T: Real>(shape: Shape, noise: &mut Stream) -> Tensor<T> {
    let third: Tensor<T> = noise.normal(shape);
    let squares = noise.exponential(shape) * T::from_f64(2.0) + third.square();
    squares.sqrt() * third.sign()
}
