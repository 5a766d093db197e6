//! [`RelaxedCategorical`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::categorical::logs_of;
use super::distribution::{require_positive, where_positive};
use super::{Distribution, Reparameterized, Replace, Sample};

/// Probabilities y = softmax((logits + G) / τ) with Gumbel variables G and the temperature τ: classes
/// through which a path leads (Maddison, Mnih & Teh 2017; Jang, Gu & Poole 2017). One event is the last
/// axis.
///
/// The largest yᵢ is a [`Categorical`](super::Categorical) variable at every temperature. Mean, variance
/// and entropy have no closed form; means over draws estimate them, for the entropy those of -ln p(y).
#[derive(Clone, Debug)]
pub struct RelaxedCategorical<T: Real = f32> {
    temperature: Tensor<T>,
    logits: Tensor<T>,
}

impl<T: Real> RelaxedCategorical<T> {
    /// From the temperature, of shape [..], and logits of shape [.., k].
    ///
    /// # Panics
    /// If a temperature is not positive, there is no axis of classes, or the temperature does not
    /// broadcast to the others.
    #[track_caller]
    pub fn new(temperature: &Tensor<T>, logits: &Tensor<T>) -> RelaxedCategorical<T> {
        require_positive("RelaxedCategorical", "temperature", temperature);
        let shape = logits.shape();
        assert!(shape.rank() > 0, "RelaxedCategorical: logits have no axis of classes");
        let batch = Shape::new(&shape[..shape.rank() - 1]);
        let temperature = match *temperature.shape() == batch {
            true => temperature.clone(),
            false => temperature.broadcast_to(batch),
        };
        RelaxedCategorical { temperature, logits: logits.clone() }
    }

    /// From the temperature and numbers that are proportional to the probabilities.
    ///
    /// # Panics
    /// If one is negative or not finite, all of a row are 0, or as [`new`](RelaxedCategorical::new).
    #[track_caller]
    pub fn from_probs(temperature: &Tensor<T>, probs: &Tensor<T>) -> RelaxedCategorical<T> {
        RelaxedCategorical::new(temperature, &logs_of("RelaxedCategorical", probs))
    }

    /// τ, with size 1 in place of the classes
    fn column(&self) -> Tensor<T> {
        self.temperature.reshape(&[&**self.temperature.shape(), &[1]].concat()[..])
    }

    /// ln y of the draw y that [`rsample`](Reparameterized::rsample) makes of the same noise, which does
    /// not underflow.
    pub fn rsample_log(&self, noise: &mut Stream) -> Tensor<T> {
        let gumbel = -noise.exponential(*self.logits.shape()).ln();
        ((&self.logits + gumbel) / self.column()).log_softmax(-1)
    }

    /// ln p(y), given ln y: see [`log_prob`](Distribution::log_prob).
    #[track_caller]
    pub fn log_prob_of_log(&self, ln_y: &Tensor<T>) -> Tensor<T> {
        let k = self.logits.shape()[self.logits.rank() - 1] as f64;
        let race = self.logits.log_softmax(-1) - ln_y * self.column();
        let sum = (&race - ln_y).sum_axes(-1, false);
        let constant: Tensor<T> = Tensor::scalar(T::from_f64(k)).lgamma();
        sum - race.log_sum_exp(-1, false) * T::from_f64(k)
            + self.temperature.ln() * T::from_f64(k - 1.0)
            + constant
    }
}

impl<T: Real> Distribution<T> for RelaxedCategorical<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let temperature = f("temperature", &self.temperature, 0);
        RelaxedCategorical { temperature, logits: f("logits", &self.logits, 1) }
    }

    fn event_shape(&self) -> Shape {
        Shape::new(&self.logits.shape()[self.logits.rank() - 1..])
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// ln Γ(k) + (k - 1) ln τ + Σ (ln pᵢ - (τ + 1) ln yᵢ) - k ln Σ pᵢ yᵢ^(-τ) for positive y, whose
    /// sum is taken to be 1
    #[track_caller]
    fn log_prob(&self, y: &Tensor<T>) -> Tensor<T> {
        where_positive(&self.log_prob_of_log(&y.ln()), y)
    }
}

impl<T: Real> Reparameterized<T> for RelaxedCategorical<T> {
    /// softmax((logits + G) / τ). Parts below the smallest normal number are held there, with gradient
    /// 0, as many are at low temperatures: [`rsample_log`](RelaxedCategorical::rsample_log) and
    /// [`log_prob_of_log`](RelaxedCategorical::log_prob_of_log) have no end to be held from.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.rsample_log(noise).exp().clamp(T::MIN_POSITIVE.to_f64(), 1.0)
    }
}
