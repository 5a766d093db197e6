//! [`RelaxedBernoulli`]

use elbo_tensor::{Real, Stream, Tensor};

use super::bernoulli::logits_of;
use super::distribution::{broadcast, require_positive, within};
use super::{Cdf, Distribution, Reparameterized, Replace, Sample};

/// Coins that may stand between 0 and 1 so that a path leads through them: y = sigmoid((logits + L) / τ)
/// with logistic L and the temperature τ (Maddison, Mnih & Teh 2017; Jang, Gu & Poole 2017).
///
/// Rounded, y is a [`Bernoulli`](super::Bernoulli) variable at every temperature. Mean, variance and
/// entropy have no closed form; means over draws estimate them, for the entropy those of -ln p(y).
#[derive(Clone, Debug)]
pub struct RelaxedBernoulli<T: Real = f32> {
    temperature: Tensor<T>,
    logits: Tensor<T>,
}

impl<T: Real> RelaxedBernoulli<T> {
    /// From the temperature and logits ln(p / (1 - p)).
    ///
    /// # Panics
    /// If a temperature is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(temperature: &Tensor<T>, logits: &Tensor<T>) -> RelaxedBernoulli<T> {
        require_positive("RelaxedBernoulli", "temperature", temperature);
        let parameters = [("temperature", temperature), ("logits", logits)];
        let [temperature, logits] = broadcast("RelaxedBernoulli", parameters);
        RelaxedBernoulli { temperature, logits }
    }

    /// From the temperature and P(y > ½).
    ///
    /// # Panics
    /// If a probability is outside [0, 1], or as [`new`](RelaxedBernoulli::new).
    #[track_caller]
    pub fn from_probs(temperature: &Tensor<T>, probs: &Tensor<T>) -> RelaxedBernoulli<T> {
        RelaxedBernoulli::new(temperature, &logits_of("RelaxedBernoulli", probs))
    }

    /// ln(y / (1 - y)) of the draw y that [`rsample`](Reparameterized::rsample) makes of the same noise:
    /// (logits + L) / τ, which does not saturate.
    pub fn rsample_logit(&self, noise: &mut Stream) -> Tensor<T> {
        let shape = *self.logits.shape();
        let logistic = noise.exponential(shape).ln() - noise.exponential(shape).ln();
        (&self.logits + logistic) / &self.temperature
    }

    /// ln p(y), given x = ln(y / (1 - y)), also where y rounds to 0 or 1:
    ///
    /// ```text
    ///     ln τ - softplus(l) - softplus(-l) + softplus(x) + softplus(-x),   l = τ x - logits
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn log_prob_of_logit(&self, x: &Tensor<T>) -> Tensor<T> {
        let l = x * &self.temperature - &self.logits;
        let stretch = x.softplus() + (-x).softplus();
        self.temperature.ln() - l.softplus() - (-l).softplus() + stretch
    }

    /// ln(y / (1 - y)) τ - logits: the logistic variable that made y
    fn logistic(&self, y: &Tensor<T>) -> Tensor<T> {
        (y.ln() - (-y).ln_1p()) * &self.temperature - &self.logits
    }
}

impl<T: Real> Distribution<T> for RelaxedBernoulli<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let temperature = f("temperature", &self.temperature, 0);
        RelaxedBernoulli { temperature, logits: f("logits", &self.logits, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// ln τ - softplus(l) - softplus(-l) - ln y - ln(1 - y), with the logistic variable
    /// l = τ ln(y / (1 - y)) - logits
    #[track_caller]
    fn log_prob(&self, y: &Tensor<T>) -> Tensor<T> {
        let l = self.logistic(y);
        let log_prob =
            self.temperature.ln() - l.softplus() - (-l).softplus() - y.ln() - (-y).ln_1p();
        within(&log_prob, y, |y| y > 0.0 && y < 1.0)
    }
}

impl<T: Real> Reparameterized<T> for RelaxedBernoulli<T> {
    /// sigmoid((logits + L) / τ). What is below the smallest normal number or rounds to 1 is held
    /// within, with gradient 0, as many draws are at low temperatures:
    /// [`rsample_logit`](RelaxedBernoulli::rsample_logit) and
    /// [`log_prob_of_logit`](RelaxedBernoulli::log_prob_of_logit) have no ends to be held from.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let y = self.rsample_logit(noise).sigmoid();
        y.clamp(T::MIN_POSITIVE.to_f64(), T::ONE.next_down().to_f64())
    }
}

impl<T: Real> Cdf<T> for RelaxedBernoulli<T> {
    /// sigmoid(τ ln(y / (1 - y)) - logits) for 0 < y < 1
    #[track_caller]
    fn cdf(&self, y: &Tensor<T>) -> Tensor<T> {
        self.logistic(&y.clamp(0.0, 1.0)).sigmoid()
    }
}
