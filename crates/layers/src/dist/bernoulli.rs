//! [`Bernoulli`]

use elbo_tensor::{Real, Stream, Tensor};

/// Independent coins, given by their logits: P(1) = sigmoid(logits).
#[derive(Clone, Debug)]
pub struct Bernoulli<T: Real = f32> {
    logits: Tensor<T>,
}

impl<T: Real> Bernoulli<T> {
    /// From logits ln(p / (1 - p)).
    pub fn new(logits: &Tensor<T>) -> Bernoulli<T> {
        Bernoulli { logits: logits.clone() }
    }

    /// P(1) = sigmoid(logits), which is also the mean.
    pub fn probs(&self) -> Tensor<T> {
        self.logits.sigmoid()
    }

    /// 0 or 1 as a constant. There is no path for a gradient: hence no `rsample`.
    pub fn sample(&self, noise: &mut Stream) -> Tensor<T> {
        noise.bernoulli(&self.probs().detach())
    }

    /// ln p(x) summed over the last axis, in nats; x may be grey, in [0, 1], as in most VAEs.
    ///
    /// Shapes: x and logits are [.., n], the result is [..].
    ///
    /// # Panics
    /// If the shapes differ or have no axis, or x is outside [0, 1].
    #[track_caller]
    pub fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        crate::loss::require_probabilities("Bernoulli::log_prob", x);
        -self.logits.bce_with_logits(x)
    }

    /// The entropy of each element, in nats: softplus(l) - l sigmoid(l).
    pub fn entropy(&self) -> Tensor<T> {
        self.logits.softplus() - &self.logits * self.probs()
    }
}
