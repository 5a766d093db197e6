//! [`Antithetic`]

use elbo_layers::dist::{
    Independent, Laplace, Logistic, Moments, Normal, Reparameterized, Uniform,
};
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, gradients};

/// A distribution that is its own mirror image about its mean.
pub trait Symmetric<T: Real>: Reparameterized<T> + Moments<T> {}

impl<T: Real> Symmetric<T> for Normal<T> {}
impl<T: Real> Symmetric<T> for Laplace<T> {}
impl<T: Real> Symmetric<T> for Logistic<T> {}
impl<T: Real> Symmetric<T> for Uniform<T> {}
impl<T: Real, D: Symmetric<T>> Symmetric<T> for Independent<D> {}

/// The pathwise estimator on pairs of draws that mirror each other.
///
/// ```text
///     x' = 2 m - x,   ∂F/∂θ = E ½ (f'(x) ∂x/∂θ + f'(x') ∂x'/∂θ)
/// ```
///
/// with the mean m. A draw is a pair: two evaluations of f. Unbiased as the pathwise estimator; what is
/// odd about the mean cancels. Hammersley & Morton 1956.
#[derive(Clone, Copy, Debug)]
pub struct Antithetic;

impl<T: Real, D: Symmetric<T>> Estimator<T, D> for Antithetic {
    fn name(&self) -> &'static str {
        "pathwise_antithetic"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        2 * samples
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let leaves = problem.leaves(draws.count());
        let family = problem.family(&leaves);
        let x = family.rsample(noise);
        let mirrored = family.mean() * T::from_f64(2.0) - &x;
        let pair = problem.cost(&x) + problem.cost(&mirrored);
        draws.means(gradients(&(pair * T::from_f64(0.5)), &leaves))
    }
}
