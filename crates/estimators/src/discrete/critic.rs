//! The critic of RELAX that is a network.

use elbo_layers::{Activation, Adam, Module, Optimizer, Pass, Sequential};
use elbo_tensor::{Real, Stream, Tensor};

/// How a critic is trained.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CriticTraining {
    /// Units of its hidden layer.
    pub hidden: usize,
    /// Steps of Adam.
    pub steps: usize,
    /// Draws in each step.
    pub draws: usize,
    /// Learning rate.
    pub lr: f64,
}

impl Default for CriticTraining {
    fn default() -> Self {
        CriticTraining { hidden: 10, steps: 400, draws: 256, lr: 0.02 }
    }
}

/// r(z), a network of one hidden layer that learns to lower the variance of the estimate: since the estimate's mean
/// does not depend on it, the gradient of the variance is that of the squared estimate.
pub(super) struct LearnedCritic<T: Real> {
    numbers: usize,
    net: Sequential<T>,
    adam: Adam<T>,
}

impl<T: Real> LearnedCritic<T> {
    /// For so many numbers in z.
    pub(super) fn new(numbers: usize, training: CriticTraining, noise: &mut Stream) -> Self {
        let net = Sequential::mlp(&[numbers, training.hidden, 1], Activation::Tanh, noise);
        LearnedCritic { numbers, net, adam: Adam::new(training.lr) }
    }

    /// From z of shape [n, ..event] to `[n]`.
    pub(super) fn forward(&self, z: &Tensor<T>) -> Tensor<T> {
        let n = z.shape()[0];
        self.net.forward(&z.reshape([n, self.numbers]), &mut Pass::Eval).reshape([n])
    }

    /// A step, given the estimates of n draws, [n, ..θ] for each parameter, that were made with it.
    pub(super) fn learn(&mut self, each: &[Tensor<T>]) {
        let n = each[0].shape()[0] as f64;
        let squares = each.iter().map(|each| each.square().sum()).reduce(|a, b| a + b);
        let loss = squares.expect("a problem has parameters") / T::from_f64(n);
        self.adam.step(&mut self.net, &loss.into_gradients());
    }
}
