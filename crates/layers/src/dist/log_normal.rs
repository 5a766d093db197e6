//! [`LogNormal`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::within;
use super::{Cdf, Distribution, Entropy, Moments, Normal, Reparameterized, Replace, Sample};

/// Variables eˣ with normal x.
#[derive(Clone, Debug)]
pub struct LogNormal<T: Real = f32> {
    base: Normal<T>,
}

impl<T: Real> LogNormal<T> {
    /// From the mean mu and logvar = ln sigma² of the logarithm.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(mu: &Tensor<T>, logvar: &Tensor<T>) -> LogNormal<T> {
        LogNormal { base: Normal::new(mu, logvar) }
    }

    /// From the mean mu and the standard deviation sigma of the logarithm.
    ///
    /// # Panics
    /// If a mu is not finite, a sigma is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn from_sigma(mu: &Tensor<T>, sigma: &Tensor<T>) -> LogNormal<T> {
        LogNormal { base: Normal::from_sigma(mu, sigma) }
    }

    /// The distribution of the logarithm.
    pub fn base(&self) -> &Normal<T> {
        &self.base
    }
}

impl<T: Real> Distribution<T> for LogNormal<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        LogNormal { base: self.base.map(f) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// ln N(ln x; mu, sigma²) - ln x
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let ln_x = x.ln();
        within(&(self.base.log_prob(&ln_x) - ln_x), x, |x| x > 0.0)
    }
}

impl<T: Real> Reparameterized<T> for LogNormal<T> {
    /// exp(mu + sigma eps)
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.base.rsample(noise).exp()
    }
}

impl<T: Real> Moments<T> for LogNormal<T> {
    /// exp(mu + sigma² / 2)
    fn mean(&self) -> Tensor<T> {
        (self.base.mu() + self.base.variance() * T::from_f64(0.5)).exp()
    }

    /// (exp(sigma²) - 1) times the square of the mean
    fn variance(&self) -> Tensor<T> {
        self.base.variance().exp_m1() * self.mean().square()
    }
}

impl<T: Real> Entropy<T> for LogNormal<T> {
    /// That of the logarithm, plus mu
    fn entropy(&self) -> Tensor<T> {
        self.base.entropy() + self.base.mu()
    }
}

impl<T: Real> Cdf<T> for LogNormal<T> {
    /// Φ((ln x - mu) / sigma) for x > 0
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let held = x.clamp(T::MIN_POSITIVE.to_f64(), f64::INFINITY);
        let zero = Tensor::scalar(T::ZERO);
        Tensor::select(&x.greater(&zero), &self.base.cdf(&held.ln()), &zero)
    }
}
