//! [`Exponential`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{require_positive, within};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Exponential variables with density rate e^(-rate x) for x ≥ 0.
#[derive(Clone, Debug)]
pub struct Exponential<T: Real = f32> {
    rate: Tensor<T>,
}

impl<T: Real> Exponential<T> {
    /// From the rate, 1 / mean.
    ///
    /// # Panics
    /// If a rate is not positive.
    #[track_caller]
    pub fn new(rate: &Tensor<T>) -> Exponential<T> {
        require_positive("Exponential", "rate", rate);
        Exponential { rate: rate.clone() }
    }

    /// 1 / mean
    pub fn rate(&self) -> &Tensor<T> {
        &self.rate
    }
}

impl<T: Real> Distribution<T> for Exponential<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Exponential { rate: f("rate", &self.rate, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// ln rate - rate x
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        within(&(self.rate.ln() - &self.rate * x), x, |x| x >= 0.0)
    }
}

impl<T: Real> Reparameterized<T> for Exponential<T> {
    /// e / rate with standard exponential e
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        noise.exponential(*self.rate.shape()) / &self.rate
    }
}

impl<T: Real> Moments<T> for Exponential<T> {
    fn mean(&self) -> Tensor<T> {
        self.rate.powi(-1)
    }

    fn variance(&self) -> Tensor<T> {
        self.rate.powi(-2)
    }
}

impl<T: Real> Entropy<T> for Exponential<T> {
    /// 1 - ln rate
    fn entropy(&self) -> Tensor<T> {
        -self.rate.ln() + T::ONE
    }
}

impl<T: Real> Cdf<T> for Exponential<T> {
    /// 1 - e^(-rate x) for x ≥ 0
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        -(-(&self.rate * x.clamp(0.0, f64::INFINITY))).exp_m1()
    }
}
