//! [`Logistic`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Logistic variables, whose distribution function is sigmoid((x - loc) / scale).
#[derive(Clone, Debug)]
pub struct Logistic<T: Real = f32> {
    loc: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Real> Logistic<T> {
    /// From the median and the scale.
    ///
    /// # Panics
    /// If a loc is not finite, a scale is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, scale: &Tensor<T>) -> Logistic<T> {
        require_finite("Logistic", "loc", loc);
        require_positive("Logistic", "scale", scale);
        let [loc, scale] = broadcast("Logistic", [("loc", loc), ("scale", scale)]);
        Logistic { loc, scale }
    }
}

impl<T: Real> Distribution<T> for Logistic<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Logistic { loc: f("loc", &self.loc, 0), scale: f("scale", &self.scale, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -softplus(z) - softplus(-z) - ln scale, with z = (x - loc) / scale
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let z = (x - &self.loc) / &self.scale;
        -(z.softplus() + (-z).softplus() + self.scale.ln())
    }
}

impl<T: Real> Reparameterized<T> for Logistic<T> {
    /// loc + scale (ln e₁ - ln e₂) with standard exponential e₁, e₂
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let shape = *self.loc.shape();
        let logit = noise.exponential(shape).ln() - noise.exponential(shape).ln();
        &self.loc + &self.scale * logit
    }
}

impl<T: Real> Moments<T> for Logistic<T> {
    fn mean(&self) -> Tensor<T> {
        self.loc.clone()
    }

    /// π² scale² / 3
    fn variance(&self) -> Tensor<T> {
        self.scale.square() * T::from_f64(std::f64::consts::PI.powi(2) / 3.0)
    }
}

impl<T: Real> Entropy<T> for Logistic<T> {
    /// 2 + ln scale
    fn entropy(&self) -> Tensor<T> {
        self.scale.ln() + T::from_f64(2.0)
    }
}

impl<T: Real> Cdf<T> for Logistic<T> {
    /// sigmoid((x - loc) / scale)
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        ((x - &self.loc) / &self.scale).sigmoid()
    }
}
