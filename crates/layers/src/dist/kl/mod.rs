//! KL(q ‖ p) = E ln q(x) - ln p(x) under q, by pair of families.
//!
//! A pair with a closed form implements [`Divergence`]: `same` holds those of one family, `cross` those
//! of two, `infinite` those where q draws what p never does. Any other pair does not compile with
//! [`kl`]; [`kl_monte_carlo`] estimates it and says how well.

mod cross;
mod infinite;
mod monte_carlo;
mod same;

use elbo_tensor::{Real, Tensor};

pub use monte_carlo::{MonteCarlo, kl_monte_carlo};

use super::Distribution;

/// A family whose divergence from the family `P` has a closed form.
pub trait Divergence<T: Real, P>: Distribution<T> {
    /// KL(self ‖ p), in nats, of the shape to which both batches broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn kl(&self, p: &P) -> Tensor<T>;
}

/// KL(q ‖ p) in closed form, in nats, of the shape to which both batches broadcast; differentiable in
/// the parameters of both.
///
/// ```
/// # use elbo_layers::dist::{Laplace, Normal, kl};
/// # use elbo_tensor::Tensor;
/// let q = Normal::from_sigma(&Tensor::from([0.5f64]), &Tensor::from([2.0]));
/// let p = Laplace::new(&Tensor::from([0.0]), &Tensor::from([1.0]));
/// assert!((kl(&q, &p).item() - 0.226_440_259_689_647_98).abs() < 1e-13);
/// ```
///
/// A pair without a closed form is refused by the compiler:
///
/// ```compile_fail,E0277
/// # use elbo_layers::dist::{Logistic, Normal, kl};
/// # use elbo_tensor::Tensor;
/// # let (zero, one) = (Tensor::from([0.0f64]), Tensor::from([1.0]));
/// kl(&Logistic::new(&zero, &one), &Logistic::new(&one, &one));
/// ```
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
pub fn kl<T: Real, Q: Divergence<T, P>, P>(q: &Q, p: &P) -> Tensor<T> {
    q.kl(p)
}
