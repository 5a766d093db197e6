//! The divergence of any pair, estimated.

use elbo_tensor::{Real, Shape, Stream, Tensor, no_grad};

use super::super::Distribution;

/// An estimate that says how good it is.
#[derive(Clone, Debug)]
pub struct MonteCarlo<T: Real = f32> {
    /// The mean over the draws.
    pub value: Tensor<T>,
    /// The standard error of the mean. With many draws the value is within two of them of the truth 19
    /// times of 20, if the draws reach all that counts. ∞ if they show that they do not: see
    /// [`kl_monte_carlo`].
    pub standard_error: Tensor<T>,
    /// How many draws there were.
    pub draws: usize,
}

/// KL(q ‖ p) estimated by the mean of ln q(x) - ln p(x) over draws x from q, in nats: for pairs that have
/// no closed form. Value and standard error have the shape to which both batches broadcast; they are
/// constants.
///
/// ```
/// # use elbo_layers::dist::{Logistic, Normal, kl_monte_carlo};
/// # use elbo_tensor::{Stream, Tensor};
/// let q = Logistic::new(&Tensor::from([0.0f64]), &Tensor::from([1.0]));
/// let p = Logistic::new(&Tensor::from([1.0]), &Tensor::from([1.0]));
/// let kl = kl_monte_carlo(&q, &p, 10_000, &mut Stream::new(1));
/// assert!(kl.value.item() > 0.1 && kl.standard_error.item() < 0.01);
/// ```
///
/// The draws know only of where they fall. Where q has mass and p none the divergence is infinite, but the
/// estimate is finite until a draw falls there: of U(0, 1) and U(0.001, 1), one of 1000 does. Look at the
/// supports first; likewise if q has a little mass where p has far less. The standard error is ∞ if a
/// term is, and if the value is more than ten of its standard errors below 0, where no divergence is. An
/// error of 0 says that all draws agreed, not that all others would.
///
/// # Panics
/// If there are fewer than 2 draws, or the shapes do not broadcast.
#[track_caller]
pub fn kl_monte_carlo<T: Real, Q: Distribution<T>, P: Distribution<T>>(
    q: &Q,
    p: &P,
    draws: usize,
    noise: &mut Stream,
) -> MonteCarlo<T> {
    assert!(draws >= 2, "kl_monte_carlo: {draws} draws have no standard error; 2 or more do");
    let (own, other) = (q.batch_shape(), p.batch_shape());
    let Some(batch) = own.broadcast(&other) else {
        panic!("kl_monte_carlo: batches {own} and {other} do not broadcast")
    };
    no_grad(|| {
        let q = q.expand(Shape::new(&[&[draws], &*batch].concat()));
        let x = q.sample(noise).constant();
        let ratio = q.log_prob(&x) - p.log_prob(&x);
        let value = ratio.mean_axes(0, false);
        let squares = (&ratio - &value).square().sum_axes(0, false);
        let count = draws as f64;
        let spread = (squares / T::from_f64(count * (count - 1.0))).sqrt();
        // Beyond what rounding of the densities may do.
        let least = &spread * T::from_f64(-10.0) - (T::ONE - T::ONE.next_down()).sqrt();
        let unbounded = Tensor::scalar(T::INFINITY);
        let is_none = value.equal(&unbounded) + least.greater(&value);
        let standard_error = Tensor::select(&is_none, &unbounded, &spread);
        MonteCarlo { value, standard_error, draws }
    })
}
