//! [`Bernoulli`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{require, within};
use super::{Cdf, Distribution, Entropy, Moments, Replace, Sample};

/// Coins, given by their logits: P(1) = sigmoid(logits). There is no path for a gradient, hence no
/// `rsample`.
#[derive(Clone, Debug)]
pub struct Bernoulli<T: Real = f32> {
    logits: Tensor<T>,
}

/// logits ln(p / (1 - p)) of probabilities.
///
/// # Panics
/// If a probability is outside [0, 1].
#[track_caller]
pub(super) fn logits_of<T: Real>(family: &str, probs: &Tensor<T>) -> Tensor<T> {
    require(family, "probs", "in [0, 1]", probs, |p| (0.0..=1.0).contains(&p));
    probs.ln() - (-probs).ln_1p()
}

/// s ln p + f ln(1 - p) of s successes and f failures, where 0 ln 0 is 0.
pub(super) fn log_prob_of_tries<T: Real>(
    logits: &Tensor<T>,
    successes: &Tensor<T>,
    failures: &Tensor<T>,
) -> Tensor<T> {
    let zero = Tensor::scalar(T::ZERO);
    let minus_ln_p = Tensor::select(successes, &(-logits).softplus(), &zero);
    let minus_ln_rest = Tensor::select(failures, &logits.softplus(), &zero);
    -(minus_ln_p * successes + minus_ln_rest * failures)
}

impl<T: Real> Bernoulli<T> {
    /// From logits ln(p / (1 - p)), which are not looked at: see [parameters](super).
    pub fn new(logits: &Tensor<T>) -> Bernoulli<T> {
        Bernoulli { logits: logits.clone() }
    }

    /// From P(1).
    ///
    /// # Panics
    /// If a probability is outside [0, 1].
    #[track_caller]
    pub fn from_probs(probs: &Tensor<T>) -> Bernoulli<T> {
        Bernoulli::new(&logits_of("Bernoulli", probs))
    }

    /// ln(p / (1 - p))
    pub fn logits(&self) -> &Tensor<T> {
        &self.logits
    }

    /// P(1) = sigmoid(logits), which is also the mean.
    pub fn probs(&self) -> Tensor<T> {
        self.logits.sigmoid()
    }

    /// ln p(x) summed over the last axis, in nats, in one pass; x may be grey, in [0, 1], as in most VAEs.
    ///
    /// Shapes: x and logits are [.., n], the result is [..].
    ///
    /// # Panics
    /// If the shapes differ or have no axis, or x is outside [0, 1].
    #[track_caller]
    pub fn log_likelihood(&self, x: &Tensor<T>) -> Tensor<T> {
        crate::loss::require_probabilities("Bernoulli::log_likelihood", x);
        -self.logits.bce_with_logits(x)
    }
}

impl<T: Real> Distribution<T> for Bernoulli<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Bernoulli { logits: f("logits", &self.logits, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&noise.bernoulli(&self.probs().detach()))
    }

    /// x ln p + (1 - x) ln(1 - p), for x from 0 to 1, also between them
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let log_prob = log_prob_of_tries(&self.logits, x, &(-x + T::ONE));
        within(&log_prob, x, |x| (0.0..=1.0).contains(&x))
    }
}

impl<T: Real> Moments<T> for Bernoulli<T> {
    fn mean(&self) -> Tensor<T> {
        self.probs()
    }

    /// p (1 - p)
    fn variance(&self) -> Tensor<T> {
        self.probs() * (-&self.logits).sigmoid()
    }
}

impl<T: Real> Entropy<T> for Bernoulli<T> {
    /// -p ln p - (1 - p) ln(1 - p)
    fn entropy(&self) -> Tensor<T> {
        -log_prob_of_tries(&self.logits, &self.probs(), &(-&self.logits).sigmoid())
    }
}

impl<T: Real> Cdf<T> for Bernoulli<T> {
    /// 0 below 0, 1 - p below 1, and 1 from there on
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let (zero, one) = (Tensor::scalar(T::ZERO), Tensor::scalar(T::ONE));
        let below_1 = Tensor::select(&zero.greater(x), &zero, &(-&self.logits).sigmoid());
        Tensor::select(&one.greater(x), &below_1, &one)
    }
}
