//! [`Relax`]

use std::sync::Arc;

use elbo_tensor::{Real, Stream, Tensor, vjp};

use super::Relaxable;
use super::critic::{CriticTraining, LearnedCritic};
use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column, gradients};

/// A critic c: from z, of shape [n, ..event], to one number each, `[n]`.
pub(super) type Critic<T> = dyn Fn(&Tensor<T>) -> Tensor<T> + Send + Sync;

/// The score function with a control variate along the path of the continuous variable behind the discrete one.
///
/// ```text
///     (f(b) - c(z̃)) s(b) + ∂/∂θ c(z) - ∂/∂θ c(z̃),    b = H(z),   z̃ ~ p(z | b)
/// ```
///
/// for any differentiable critic c; z̃ is made of the noise of z. One evaluation of f and two of c for each draw.
/// Unbiased, for f of any kind. Grathwohl et al. 2018.
#[derive(Clone)]
pub struct Relax<T: Real> {
    critic: Arc<Critic<T>>,
}

impl<T: Real> Relax<T> {
    /// With a critic that is given.
    pub fn new(critic: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static) -> Relax<T> {
        Relax { critic: Arc::new(critic) }
    }

    /// With a network of one hidden layer, trained to lower the variance of the estimate on draws of its own.
    pub fn fit<D: Relaxable<T>>(
        problem: &Expectation<T, D>,
        training: CriticTraining,
        noise: &mut Stream,
    ) -> Relax<T> {
        let numbers = problem.family(&problem.leaves(1)).perturb(noise).count();
        let mut critic = LearnedCritic::new(numbers, training, noise);
        for _ in 0..training.steps {
            let each = tracked(problem, &|z| critic.forward(z), training.draws, noise);
            critic.learn(&each);
        }
        Relax::new(move |z| critic.forward(z))
    }
}

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for Relax<T> {
    fn name(&self) -> &'static str {
        "relax"
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
        estimate(problem, &*self.critic, draws, noise)
    }
}

/// The estimate with a critic, from one backward pass.
pub(super) fn estimate<T: Real, D: Relaxable<T>>(
    problem: &Expectation<T, D>,
    critic: &Critic<T>,
    draws: Draws,
    noise: &mut Stream,
) -> Vec<Tensor<T>> {
    let leaves = problem.leaves(draws.count());
    let family = problem.family(&leaves);
    let z = family.perturb(noise);
    let b = D::round(&z);
    let (free, given) = (critic(&z), critic(&family.perturb_given(&z)));
    let rest = problem.constant_cost(&b) - given.detach();
    let surrogate = family.log_prob(&b) * rest + free - given;
    draws.means(gradients(&surrogate, &leaves))
}

/// The estimate of each draw, [n, ..θ], tracked to what the critic is made of.
pub(super) fn tracked<T: Real, D: Relaxable<T>>(
    problem: &Expectation<T, D>,
    critic: &dyn Fn(&Tensor<T>) -> Tensor<T>,
    n: usize,
    noise: &mut Stream,
) -> Vec<Tensor<T>> {
    let leaves = problem.leaves(n);
    let family = problem.family(&leaves);
    let z = family.perturb(noise);
    let b = D::round(&z);
    let given = family.perturb_given(&z);
    let rest = problem.constant_cost(&b) - critic(&given.detach());
    let scores = gradients(&family.log_prob(&b), &leaves);
    let difference = critic(&z) - critic(&given);
    let of_leaf = |(leaf, score): (&Tensor<T>, Tensor<T>)| {
        let [path] = vjp(&difference, &Tensor::ones([n]), [leaf]);
        column(&rest, &score) * score + path
    };
    leaves.iter().zip(scores).map(of_leaf).collect()
}
