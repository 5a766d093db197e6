//! [`Laplace`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Laplace variables with density e^(-|x - loc| / scale) / (2 scale).
#[derive(Clone, Debug)]
pub struct Laplace<T: Real = f32> {
    loc: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Real> Laplace<T> {
    /// From the median and the mean distance from it.
    ///
    /// # Panics
    /// If a loc is not finite, a scale is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, scale: &Tensor<T>) -> Laplace<T> {
        require_finite("Laplace", "loc", loc);
        require_positive("Laplace", "scale", scale);
        let [loc, scale] = broadcast("Laplace", [("loc", loc), ("scale", scale)]);
        Laplace { loc, scale }
    }

    /// The median, which is the mean.
    pub fn loc(&self) -> &Tensor<T> {
        &self.loc
    }

    /// E |x - loc|
    pub fn scale(&self) -> &Tensor<T> {
        &self.scale
    }
}

impl<T: Real> Distribution<T> for Laplace<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Laplace { loc: f("loc", &self.loc, 0), scale: f("scale", &self.scale, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -|x - loc| / scale - ln 2 scale
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        -((x - &self.loc).abs() / &self.scale) - (&self.scale * T::from_f64(2.0)).ln()
    }
}

impl<T: Real> Reparameterized<T> for Laplace<T> {
    /// loc + scale (e₁ - e₂) with standard exponential e₁, e₂
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let shape = *self.loc.shape();
        let difference = noise.exponential(shape) - noise.exponential(shape);
        &self.loc + &self.scale * difference
    }
}

impl<T: Real> Moments<T> for Laplace<T> {
    fn mean(&self) -> Tensor<T> {
        self.loc.clone()
    }

    fn variance(&self) -> Tensor<T> {
        self.scale.square() * T::from_f64(2.0)
    }
}

impl<T: Real> Entropy<T> for Laplace<T> {
    /// 1 + ln 2 scale
    fn entropy(&self) -> Tensor<T> {
        (&self.scale * T::from_f64(2.0)).ln() + T::ONE
    }
}

impl<T: Real> Cdf<T> for Laplace<T> {
    /// ½ e^(-d) below loc and 1 - ½ e^(-d) above, where d = |x - loc| / scale
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let from_loc = (x - &self.loc) / &self.scale;
        let tail = (-from_loc.abs()).exp() * T::from_f64(0.5);
        let above = from_loc.greater(&Tensor::scalar(T::ZERO));
        Tensor::select(&above, &(-&tail + T::ONE), &tail)
    }
}
