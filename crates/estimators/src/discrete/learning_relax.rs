//! [`LearningRelax`]

use std::sync::{Mutex, PoisonError};

use elbo_tensor::{Real, Stream, Tensor};

use super::Relaxable;
use super::critic::{CriticTraining, LearnedCritic};
use super::relax::tracked;
use crate::estimator::{Draws, Estimator};
use crate::expectation::Expectation;

/// [`Relax`](super::Relax) in a training loop: the critic is the relaxed cost and a network that learns with each
/// estimate.
///
/// ```text
///     c(z) = f(softmax(z / τ)) + r(z)
/// ```
///
/// After each estimate r takes one step that lowers the squares of the estimates of its draws. Three evaluations of
/// f for each draw. Unbiased, since an estimate is made before r learns from it. Estimates follow from those before,
/// so that a study over several threads, which asks for the same numbers whatever the order, takes
/// [`Relax::fit`](super::Relax::fit). Grathwohl et al. 2018, section 3.3 and algorithm 1.
pub struct LearningRelax<T: Real> {
    temperature: f64,
    critic: Mutex<LearnedCritic<T>>,
}

impl<T: Real> LearningRelax<T> {
    /// For draws of so many numbers, with a positive temperature τ; of `training` it takes the width and the
    /// learning rate.
    pub fn new(
        numbers: usize,
        temperature: f64,
        training: CriticTraining,
        noise: &mut Stream,
    ) -> LearningRelax<T> {
        let critic = Mutex::new(LearnedCritic::new(numbers, training, noise));
        LearningRelax { temperature, critic }
    }
}

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for LearningRelax<T> {
    fn name(&self) -> &'static str {
        "relax"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        3 * samples
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        // A panic in a cost leaves the network as it was.
        let mut critic = self.critic.lock().unwrap_or_else(PoisonError::into_inner);
        let relaxed = |z: &Tensor<T>| problem.cost(&D::relax(z, self.temperature));
        let each = tracked(problem, &|z| relaxed(z) + critic.forward(z), draws.count(), noise);
        critic.learn(&each);
        draws.means(each.iter().map(Tensor::detach).collect())
    }
}
