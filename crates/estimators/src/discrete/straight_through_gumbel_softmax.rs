//! [`StraightThroughGumbelSoftmax`]

use elbo_tensor::{Real, Stream, Tensor};

use super::Relaxable;
use super::straight_through::in_place_of;
use crate::estimator::{Bias, Draws, Estimator};
use crate::expectation::{Expectation, gradients};

/// [`GumbelSoftmax`](super::GumbelSoftmax) in the backward pass, the rounded draw in the forward pass.
///
/// ```text
///     f'(H(z)) ∂/∂θ softmax(z / τ)
/// ```
///
/// One evaluation of f for each draw, at values of the discrete variable. Biased. Jang, Gu & Poole 2017.
#[derive(Clone, Copy, Debug)]
pub struct StraightThroughGumbelSoftmax {
    /// τ, positive.
    pub temperature: f64,
}

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for StraightThroughGumbelSoftmax {
    fn name(&self) -> &'static str {
        "straight_through_gumbel_softmax"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        samples
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let leaves = problem.leaves(draws.count());
        let z = problem.family(&leaves).perturb(noise);
        let hard = in_place_of(&D::relax(&z, self.temperature), &D::round(&z));
        draws.means(gradients(&problem.cost(&hard), &leaves))
    }
}
