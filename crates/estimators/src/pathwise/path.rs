//! [`Pathwise`]

use elbo_layers::dist::Reparameterized;
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, gradients};

/// The pathwise estimator, or reparameterization trick.
///
/// ```text
///     x = g(ε; θ),   ∂F/∂θ = E f'(x) ∂x/∂θ
/// ```
///
/// One evaluation of f for each draw. Unbiased where f is differentiable (or has kinks only, without
/// jumps). Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.
#[derive(Clone, Copy, Debug)]
pub struct Pathwise;

impl<T: Real, D: Reparameterized<T>> Estimator<T, D> for Pathwise {
    fn name(&self) -> &'static str {
        "pathwise"
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
        let x = problem.family(&leaves).rsample(noise);
        draws.means(gradients(&problem.cost(&x), &leaves))
    }
}
