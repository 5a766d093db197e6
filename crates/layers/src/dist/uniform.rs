//! [`Uniform`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Variables that are uniform from low to high.
#[derive(Clone, Debug)]
pub struct Uniform<T: Real = f32> {
    low: Tensor<T>,
    high: Tensor<T>,
}

impl<T: Real> Uniform<T> {
    /// From the ends.
    ///
    /// # Panics
    /// If a low is not below its high, an end is not finite, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(low: &Tensor<T>, high: &Tensor<T>) -> Uniform<T> {
        require_finite("Uniform", "low", low);
        require_finite("Uniform", "high", high);
        let [low, high] = broadcast("Uniform", [("low", low), ("high", high)]);
        if let Some((l, h)) = low.data().iter().zip(high.data()).find(|(l, h)| l >= h) {
            panic!("Uniform: low {l} must be below high {h}");
        }
        Uniform { low, high }
    }

    /// The lower end.
    pub fn low(&self) -> &Tensor<T> {
        &self.low
    }

    /// The upper end.
    pub fn high(&self) -> &Tensor<T> {
        &self.high
    }

    /// high - low
    pub(super) fn width(&self) -> Tensor<T> {
        &self.high - &self.low
    }
}

impl<T: Real> Distribution<T> for Uniform<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Uniform { low: f("low", &self.low, 0), high: f("high", &self.high, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -ln(high - low) from low to high, both included: rounding may lead a draw to either
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let outside = self.low.greater(x) + x.greater(&self.high);
        Tensor::select(&outside, &Tensor::scalar(T::NEG_INFINITY), &-self.width().ln())
    }
}

impl<T: Real> Reparameterized<T> for Uniform<T> {
    /// low + (high - low) u
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        &self.low + self.width() * noise.uniform(*self.low.shape(), 0.0, 1.0)
    }
}

impl<T: Real> Moments<T> for Uniform<T> {
    fn mean(&self) -> Tensor<T> {
        (&self.low + &self.high) * T::from_f64(0.5)
    }

    fn variance(&self) -> Tensor<T> {
        self.width().square() * T::from_f64(1.0 / 12.0)
    }
}

impl<T: Real> Entropy<T> for Uniform<T> {
    /// ln(high - low)
    fn entropy(&self) -> Tensor<T> {
        self.width().ln()
    }
}

impl<T: Real> Cdf<T> for Uniform<T> {
    /// (x - low) / (high - low), between 0 and 1
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        ((x - &self.low) / self.width()).clamp(0.0, 1.0)
    }
}
