//! [`AugmentReinforceMerge`]

use elbo_layers::Bernoulli;
use elbo_layers::dist::{Distribution, Independent};
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column, gradients};

/// A distribution of coins.
pub trait Coins<T: Real>: Distribution<T> {
    /// The logits φ, of the shape of a draw, tracked as the parameters are.
    fn logits(&self) -> Tensor<T>;
}

impl<T: Real> Coins<T> for Bernoulli<T> {
    fn logits(&self) -> Tensor<T> {
        self.logits().clone()
    }
}

impl<T: Real> Coins<T> for Independent<Bernoulli<T>> {
    fn logits(&self) -> Tensor<T> {
        self.base().logits().clone()
    }
}

/// Augment-REINFORCE-merge, ARM: the score function on two coins that are thrown with the same number.
///
/// ```text
///     ∂F/∂φ = E (f(1[u > σ(-φ)]) - f(1[u < σ(φ)])) (u - ½),    u ~ U(0, 1)
/// ```
///
/// Two evaluations of f for each draw, for any number of coins. Unbiased for f of any kind. Yin & Zhou 2019.
#[derive(Clone, Copy, Debug)]
pub struct AugmentReinforceMerge;

impl<T: Real, D: Coins<T>> Estimator<T, D> for AugmentReinforceMerge {
    fn name(&self) -> &'static str {
        "arm"
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
        let logits = problem.family(&leaves).logits();
        let phi = logits.detach();
        let u: Tensor<T> = noise.uniform(*phi.shape(), 0.0, 1.0);
        let one = problem.constant_cost(&u.greater(&(-&phi).sigmoid()));
        let other = problem.constant_cost(&phi.sigmoid().greater(&u));
        let difference = column(&(one - other), &u);
        let by_phi = (u - T::from_f64(0.5)) * difference;
        draws.means(gradients(&(logits * by_phi), &leaves))
    }
}
