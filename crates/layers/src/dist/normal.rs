//! [`Normal`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{Cdf, Distribution, Entropy, LN_2PI, Moments, Reparameterized, Replace, Sample};

/// Normal variables N(mu, sigma²), given by mu and logvar = ln sigma².
#[derive(Clone, Debug)]
pub struct Normal<T: Real = f32> {
    mu: Tensor<T>,
    logvar: Tensor<T>,
}

impl<T: Real> Normal<T> {
    /// From mu and logvar, which broadcast and are not looked at: see [parameters](super).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(mu: &Tensor<T>, logvar: &Tensor<T>) -> Normal<T> {
        let [mu, logvar] = broadcast("Normal", [("mu", mu), ("logvar", logvar)]);
        Normal { mu, logvar }
    }

    /// From mu and the standard deviation sigma.
    ///
    /// # Panics
    /// If a mu is not finite, a sigma is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn from_sigma(mu: &Tensor<T>, sigma: &Tensor<T>) -> Normal<T> {
        require_finite("Normal", "mu", mu);
        require_positive("Normal", "sigma", sigma);
        Normal::new(mu, &(sigma.ln() * T::from_f64(2.0)))
    }

    /// mu
    pub fn mu(&self) -> &Tensor<T> {
        &self.mu
    }

    /// ln sigma²
    pub fn logvar(&self) -> &Tensor<T> {
        &self.logvar
    }

    /// sigma
    pub fn sigma(&self) -> Tensor<T> {
        (&self.logvar * T::from_f64(0.5)).exp()
    }

    /// [`rsample`](Reparameterized::rsample) with noise that is given, so that it can be held fixed.
    ///
    /// # Panics
    /// If the shape of eps differs.
    #[track_caller]
    pub fn rsample_with(&self, eps: &Tensor<T>) -> Tensor<T> {
        Tensor::reparameterize(&self.mu, &self.logvar, eps)
    }

    /// KL(self ‖ N(0, 1)) summed over the last axis, in nats: see [`kl_standard_normal`].
    pub fn kl_standard(&self) -> Tensor<T> {
        kl_standard_normal(&self.mu, &self.logvar)
    }
}

impl<T: Real> Distribution<T> for Normal<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Normal { mu: f("mu", &self.mu, 0), logvar: f("logvar", &self.logvar, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -½ (ln 2π + logvar + (x - mu)² / sigma²)
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let squares = (x - &self.mu).square() * (-&self.logvar).exp();
        (squares + &self.logvar + T::from_f64(LN_2PI)) * T::from_f64(-0.5)
    }
}

impl<T: Real> Reparameterized<T> for Normal<T> {
    /// z = mu + sigma ⊙ eps (Kingma & Welling 2014, section 2.4)
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.rsample_with(&noise.normal(*self.mu.shape()))
    }
}

impl<T: Real> Moments<T> for Normal<T> {
    fn mean(&self) -> Tensor<T> {
        self.mu.clone()
    }

    fn variance(&self) -> Tensor<T> {
        self.logvar.exp()
    }
}

impl<T: Real> Entropy<T> for Normal<T> {
    /// ½ (ln 2π + 1 + logvar)
    fn entropy(&self) -> Tensor<T> {
        (&self.logvar + T::from_f64(LN_2PI + 1.0)) * T::from_f64(0.5)
    }
}

impl<T: Real> Cdf<T> for Normal<T> {
    /// Φ((x - mu) / sigma)
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        ((x - &self.mu) * (&self.logvar * T::from_f64(-0.5)).exp()).normal_cdf()
    }
}

/// KL(N(mu, exp(logvar)) ‖ N(0, 1)), in nats, summed over the last axis.
///
/// ```text
///     KL = ½ Σ ( exp(logvar) + mu² - 1 - logvar )
///     ∂KL/∂mu = mu,   ∂KL/∂logvar = ½ (exp(logvar) - 1)
/// ```
///
/// Shapes: mu and logvar are [.., latent_dim], the result is [..]. The gradient is derived by hand
/// (Kingma & Welling 2014, appendix B).
///
/// # Panics
/// If the shapes differ or have no axis.
#[track_caller]
pub fn kl_standard_normal<T: Real>(mu: &Tensor<T>, logvar: &Tensor<T>) -> Tensor<T> {
    Tensor::gaussian_kl(mu, logvar)
}
