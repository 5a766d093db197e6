//! [`Geometric`]

use elbo_tensor::{Real, Stream, Tensor};

use super::bernoulli::{log_prob_of_tries, logits_of};
use super::distribution::within;
use super::{Cdf, Distribution, Entropy, Moments, Replace, Sample};

/// The number of failures before the first success, 0, 1, …, where p = sigmoid(logits) is the
/// probability of success. There is no path for a gradient, hence no `rsample`.
#[derive(Clone, Debug)]
pub struct Geometric<T: Real = f32> {
    logits: Tensor<T>,
}

/// The largest whole number that is not above x, as a constant.
pub(super) fn floor<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    Tensor::write(*x.shape(), |y| {
        y.iter_mut().zip(x.data()).for_each(|(y, x)| *y = T::from_f64(x.to_f64().floor()));
    })
}

/// Whether x is one of 0, 1, 2, …
pub(super) fn is_count(x: f64) -> bool {
    x >= 0.0 && x.fract() == 0.0
}

impl<T: Real> Geometric<T> {
    /// From logits ln(p / (1 - p)).
    pub fn new(logits: &Tensor<T>) -> Geometric<T> {
        Geometric { logits: logits.clone() }
    }

    /// From the probability of success.
    ///
    /// # Panics
    /// If a probability is outside [0, 1].
    #[track_caller]
    pub fn from_probs(probs: &Tensor<T>) -> Geometric<T> {
        Geometric::new(&logits_of("Geometric", probs))
    }

    /// ln(p / (1 - p))
    pub fn logits(&self) -> &Tensor<T> {
        &self.logits
    }

    /// The probability of success.
    pub fn probs(&self) -> Tensor<T> {
        self.logits.sigmoid()
    }
}

impl<T: Real> Distribution<T> for Geometric<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Geometric { logits: f("logits", &self.logits, 0) }
    }

    /// ⌊e / -ln(1 - p)⌋ with standard exponential e
    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let hazard = self.logits.detach().softplus();
        Sample::new(&floor(&(noise.exponential(*hazard.shape()) / hazard)))
    }

    /// x ln(1 - p) + ln p
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        within(&log_prob_of_tries(&self.logits, &Tensor::scalar(T::ONE), x), x, is_count)
    }
}

impl<T: Real> Moments<T> for Geometric<T> {
    /// (1 - p) / p
    fn mean(&self) -> Tensor<T> {
        (-&self.logits).exp()
    }

    /// (1 - p) / p²
    fn variance(&self) -> Tensor<T> {
        let mean = self.mean();
        &mean * (&mean + T::ONE)
    }
}

impl<T: Real> Entropy<T> for Geometric<T> {
    /// The entropy of one coin, divided by p
    fn entropy(&self) -> Tensor<T> {
        let p = self.probs();
        -log_prob_of_tries(&self.logits, &p, &(-&self.logits).sigmoid()) / p
    }
}

impl<T: Real> Cdf<T> for Geometric<T> {
    /// 1 - (1 - p)^(⌊x⌋ + 1) for x ≥ 0
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let tries = (floor(x) + T::ONE).clamp(0.0, f64::INFINITY);
        -(-(tries * self.logits.softplus())).exp_m1()
    }
}
