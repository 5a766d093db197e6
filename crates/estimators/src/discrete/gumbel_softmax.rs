//! [`GumbelSoftmax`]

use elbo_tensor::{Real, Stream, Tensor};

use super::Relaxable;
use crate::estimator::{Bias, Draws, Estimator};
use crate::expectation::{Expectation, gradients};

/// The pathwise estimator of a relaxed variable, Gumbel-softmax or Concrete.
///
/// ```text
///     ∂/∂θ f(softmax(z / τ)),    z = ln p + G
/// ```
///
/// with sigmoid in place of softmax for coins. One evaluation of f for each draw, between the values of the
/// discrete variable. Biased: less at low temperatures, where its variance is large. Jang, Gu & Poole 2017;
/// Maddison, Mnih & Teh 2017.
#[derive(Clone, Copy, Debug)]
pub struct GumbelSoftmax {
    /// τ, positive.
    pub temperature: f64,
}

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for GumbelSoftmax {
    fn name(&self) -> &'static str {
        "gumbel_softmax"
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
        let relaxed = D::relax(&z, self.temperature);
        draws.means(gradients(&problem.cost(&relaxed), &leaves))
    }
}
