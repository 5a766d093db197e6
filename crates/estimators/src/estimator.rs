//! [`Estimator`]: a rule that turns draws into an estimate of a gradient.

use elbo_tensor::{Real, Shape, Stream, Tensor};

use crate::expectation::Expectation;

/// A rule that estimates ∂F/∂θ of an [`Expectation`] from random draws.
///
/// What a rule asks of the distribution stands in the bounds of its implementation: one that does not fit
/// does not compile.
///
/// ```compile_fail,E0277
/// # use elbo_estimators::{Draws, Estimator, Expectation, Pathwise};
/// # use elbo_layers::Bernoulli;
/// # use elbo_tensor::{Stream, Tensor};
/// let coin = Expectation::new(
///     [("logits", Tensor::scalar(0.0))],
///     |[logits]| Bernoulli::new(logits),
///     |x: &Tensor<f64>| x.square(),
/// );
/// // No path leads through a coin.
/// Pathwise.estimate(&coin, Draws::new(1, 1), &mut Stream::new(1));
/// ```
pub trait Estimator<T: Real, D>: Send + Sync {
    /// Its name, as in tables and JSON.
    fn name(&self) -> &'static str;

    /// Whether its mean is the gradient.
    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    /// Evaluations of f for one estimate from so many draws.
    fn evaluations(&self, problem: &Expectation<T, D>, samples: usize) -> usize;

    /// Independent estimates, for each parameter θ in order: shape [repeats, ..θ].
    ///
    /// # Panics
    /// As [`Expectation::family`] and [`Expectation::cost`], and if the estimator needs more samples.
    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>>;
}

/// Whether the mean of an estimator is the gradient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bias {
    /// For every f that is smooth enough for it.
    Unbiased,
    /// It is the gradient of something near, at most.
    Biased,
}

/// How many estimates are made at once, and of how many draws each is the mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draws {
    /// Estimates.
    pub repeats: usize,
    /// Draws in each.
    pub samples: usize,
}

impl Draws {
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(repeats: usize, samples: usize) -> Draws {
        assert!(repeats > 0, "Draws: repeats is 0; it must be at least 1");
        assert!(samples > 0, "Draws: samples is 0; it must be at least 1");
        Draws { repeats, samples }
    }

    /// Draws in all.
    pub fn count(self) -> usize {
        self.repeats * self.samples
    }

    /// The mean over the draws of each estimate: [repeats · samples, ..θ] to [repeats, ..θ].
    pub fn mean<T: Real>(self, each: &Tensor<T>) -> Tensor<T> {
        match self.samples {
            1 => each.clone(),
            _ => self.split(each).mean_axes(1, false),
        }
    }

    /// An axis of its own for the draws of an estimate: [repeats, samples, ..].
    pub fn split<T: Real>(self, each: &Tensor<T>) -> Tensor<T> {
        let rest = &each.shape()[1..];
        each.reshape(Shape::new(&[&[self.repeats, self.samples], rest].concat()))
    }

    /// [`mean`](Draws::mean) of the gradients by each parameter.
    pub fn means<T: Real>(self, each: Vec<Tensor<T>>) -> Vec<Tensor<T>> {
        each.iter().map(|each| self.mean(each)).collect()
    }
}
