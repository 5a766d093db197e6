//! [`Gumbel`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{Cdf, Distribution, EULER_GAMMA, Entropy, Moments, Reparameterized, Replace, Sample};

/// Gumbel variables, whose distribution function is exp(-e^(-(x - loc) / scale)): the largest of many.
#[derive(Clone, Debug)]
pub struct Gumbel<T: Real = f32> {
    loc: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Real> Gumbel<T> {
    /// From the mode and the scale.
    ///
    /// # Panics
    /// If a loc is not finite, a scale is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, scale: &Tensor<T>) -> Gumbel<T> {
        require_finite("Gumbel", "loc", loc);
        require_positive("Gumbel", "scale", scale);
        let [loc, scale] = broadcast("Gumbel", [("loc", loc), ("scale", scale)]);
        Gumbel { loc, scale }
    }

    /// The mode.
    pub fn loc(&self) -> &Tensor<T> {
        &self.loc
    }

    /// The scale.
    pub fn scale(&self) -> &Tensor<T> {
        &self.scale
    }
}

impl<T: Real> Distribution<T> for Gumbel<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Gumbel { loc: f("loc", &self.loc, 0), scale: f("scale", &self.scale, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -z - e^(-z) - ln scale, with z = (x - loc) / scale
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let minus_z = (&self.loc - x) / &self.scale;
        &minus_z - minus_z.exp() - self.scale.ln()
    }
}

impl<T: Real> Reparameterized<T> for Gumbel<T> {
    /// loc - scale ln e with standard exponential e
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        &self.loc - &self.scale * noise.exponential(*self.loc.shape()).ln()
    }
}

impl<T: Real> Moments<T> for Gumbel<T> {
    /// loc + γ scale, γ Euler's constant
    fn mean(&self) -> Tensor<T> {
        &self.loc + &self.scale * T::from_f64(EULER_GAMMA)
    }

    /// π² scale² / 6
    fn variance(&self) -> Tensor<T> {
        self.scale.square() * T::from_f64(std::f64::consts::PI.powi(2) / 6.0)
    }
}

impl<T: Real> Entropy<T> for Gumbel<T> {
    /// 1 + γ + ln scale
    fn entropy(&self) -> Tensor<T> {
        self.scale.ln() + T::from_f64(1.0 + EULER_GAMMA)
    }
}

impl<T: Real> Cdf<T> for Gumbel<T> {
    /// exp(-e^(-(x - loc) / scale))
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        (-((&self.loc - x) / &self.scale).exp()).exp()
    }
}
