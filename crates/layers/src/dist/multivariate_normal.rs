//! [`MultivariateNormal`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::distribution::{require, require_finite};
use super::{Distribution, Entropy, LN_2PI, Moments, Reparameterized, Replace, Sample};

/// Normal vectors N(loc, Σ) with the covariance Σ = L Lᵀ, L the lower triangular factor of Cholesky. One
/// event is the last axis.
#[derive(Clone, Debug)]
pub struct MultivariateNormal<T: Real = f32> {
    loc: Tensor<T>,
    scale_tril: Tensor<T>,
}

impl<T: Real> MultivariateNormal<T> {
    /// From loc, of shape [.., d], and L, of shape [.., d, d]; what L has above its diagonal is left out.
    ///
    /// # Panics
    /// If the shapes do not fit, or a diagonal element of L is not positive.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, scale_tril: &Tensor<T>) -> MultivariateNormal<T> {
        const NAME: &str = "MultivariateNormal";
        require_finite(NAME, "loc", loc);
        let (location, factor) = (loc.shape(), scale_tril.shape());
        let batch = match (&location[..], &factor[..]) {
            ([a @ .., n], [b @ .., rows, columns]) if n == rows && n == columns => {
                Shape::new(a).broadcast(&Shape::new(b)).map(|batch| (batch, *n))
            }
            _ => None,
        };
        let Some((batch, d)) = batch else {
            panic!("{NAME}: loc {location} and scale_tril {factor} must be [.., d] and [.., d, d]")
        };
        let to = |x: &Tensor<T>, event: &[usize]| {
            let shape = Shape::new(&[&batch, event].concat());
            if *x.shape() == shape { x.clone() } else { x.broadcast_to(shape) }
        };
        let made = MultivariateNormal { loc: to(loc, &[d]), scale_tril: to(scale_tril, &[d, d]) };
        require(NAME, "scale_tril's diagonal", "positive", &made.diagonal(), |x| x > 0.0);
        made
    }

    /// From loc and the covariance, of shape [.., d, d].
    ///
    /// # Panics
    /// If a covariance is not positive definite, or the shapes do not fit.
    #[track_caller]
    pub fn from_covariance(loc: &Tensor<T>, covariance: &Tensor<T>) -> MultivariateNormal<T> {
        MultivariateNormal::new(loc, &covariance.cholesky())
    }

    /// The size d of a vector.
    pub fn dimension(&self) -> usize {
        self.loc.shape()[self.loc.rank() - 1]
    }

    /// loc
    pub fn loc(&self) -> &Tensor<T> {
        &self.loc
    }

    /// L, with 0 above its diagonal.
    pub fn scale_tril(&self) -> Tensor<T> {
        self.scale_tril.tril()
    }

    /// Lᵢᵢ
    fn diagonal(&self) -> Tensor<T> {
        (&self.scale_tril * Tensor::eye(self.dimension())).sum_axes(-1, false)
    }

    /// Σ ln Lᵢᵢ, half of ln det Σ
    pub(super) fn half_log_det(&self) -> Tensor<T> {
        self.diagonal().ln().sum_axes(-1, false)
    }

    /// |L⁻¹ (x - loc)|², the squared distance of Mahalanobis
    pub(super) fn distance(&self, x: &Tensor<T>) -> Tensor<T> {
        let away = x - &self.loc;
        let column = away.reshape(&[away.shape(), &[1][..]].concat()[..]);
        Tensor::solve_tril(&self.scale_tril, &column).square().sum_axes([-2, -1], false)
    }
}

impl<T: Real> Distribution<T> for MultivariateNormal<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let loc = f("loc", &self.loc, 1);
        MultivariateNormal { loc, scale_tril: f("scale_tril", &self.scale_tril, 2) }
    }

    fn event_shape(&self) -> Shape {
        Shape::new(&[self.dimension()])
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -½ (|L⁻¹ (x - loc)|² + d ln 2π) - Σ ln Lᵢᵢ
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let constant = T::from_f64(LN_2PI * self.dimension() as f64);
        (self.distance(x) + constant) * T::from_f64(-0.5) - self.half_log_det()
    }
}

impl<T: Real> Reparameterized<T> for MultivariateNormal<T> {
    /// loc + L eps
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let shape = self.loc.shape();
        let (batch, d) = (&shape[..shape.rank() - 1], self.dimension());
        let eps: Tensor<T> = noise.normal(&[batch, &[1, d]].concat()[..]);
        &self.loc + (self.scale_tril() * eps).sum_axes(-1, false)
    }
}

impl<T: Real> Moments<T> for MultivariateNormal<T> {
    fn mean(&self) -> Tensor<T> {
        self.loc.clone()
    }

    /// The diagonal of Σ.
    fn variance(&self) -> Tensor<T> {
        self.scale_tril().square().sum_axes(-1, false)
    }
}

impl<T: Real> Entropy<T> for MultivariateNormal<T> {
    /// ½ d (1 + ln 2π) + Σ ln Lᵢᵢ
    fn entropy(&self) -> Tensor<T> {
        self.half_log_det() + T::from_f64(0.5 * (1.0 + LN_2PI) * self.dimension() as f64)
    }
}
