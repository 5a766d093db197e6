//! [`StraightThrough`]

use elbo_tensor::{Real, Stream, Tensor};

use super::Relaxable;
use crate::estimator::{Bias, Draws, Estimator};
use crate::expectation::{Expectation, gradients};

/// The straight-through estimator: a draw in the forward pass, its mean in the backward pass.
///
/// ```text
///     f'(b) ∂(E b)/∂θ
/// ```
///
/// One evaluation of f for each draw, which must be differentiable between the values of b. Biased unless f is
/// linear. Hinton 2012; Bengio, Léonard & Courville 2013.
#[derive(Clone, Copy, Debug)]
pub struct StraightThrough;

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for StraightThrough {
    fn name(&self) -> &'static str {
        "straight_through"
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
        let family = problem.family(&leaves);
        let b = family.sample(noise).constant();
        draws.means(gradients(&problem.cost(&in_place_of(&family.probs(), &b)), &leaves))
    }
}

/// The value of `hard` with the gradients of `soft`.
pub(super) fn in_place_of<T: Real>(soft: &Tensor<T>, hard: &Tensor<T>) -> Tensor<T> {
    soft + (hard - soft.detach())
}
