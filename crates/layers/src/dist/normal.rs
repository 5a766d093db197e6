//! [`Normal`]

use elbo_tensor::{Real, Stream, Tensor};

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_3;

/// Independent normal variables N(mu, sigma²), given by mu and logvar = ln sigma².
#[derive(Clone, Debug)]
pub struct Normal<T: Real = f32> {
    mu: Tensor<T>,
    logvar: Tensor<T>,
}

impl<T: Real> Normal<T> {
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn new(mu: &Tensor<T>, logvar: &Tensor<T>) -> Normal<T> {
        assert_eq!(mu.shape(), logvar.shape(), "Normal: shapes of mu and logvar");
        Normal { mu: mu.clone(), logvar: logvar.clone() }
    }

    /// mu
    pub fn mu(&self) -> &Tensor<T> {
        &self.mu
    }

    /// ln sigma²
    pub fn logvar(&self) -> &Tensor<T> {
        &self.logvar
    }

    /// z = mu + sigma ⊙ eps, through which gradients flow to mu and logvar (Kingma & Welling 2014,
    /// section 2.4).
    pub fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.rsample_with(&noise.normal(*self.mu.shape()))
    }

    /// [`rsample`](Normal::rsample) with noise that is given, so that it can be held fixed.
    ///
    /// # Panics
    /// If the shape of eps differs.
    #[track_caller]
    pub fn rsample_with(&self, eps: &Tensor<T>) -> Tensor<T> {
        Tensor::reparameterize(&self.mu, &self.logvar, eps)
    }

    /// A sample as a constant: no gradient flows through it.
    pub fn sample(&self, noise: &mut Stream) -> Tensor<T> {
        self.rsample(noise).detach()
    }

    /// ln p(x) of each element, in nats: -½ (ln 2π + logvar + (x - mu)² / sigma²).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let squares = (x - &self.mu).square() * (-&self.logvar).exp();
        (squares + &self.logvar + T::from_f64(LN_2PI)) * T::from_f64(-0.5)
    }

    /// The entropy of each element, in nats: ½ (ln 2π + 1 + logvar).
    pub fn entropy(&self) -> Tensor<T> {
        (&self.logvar + T::from_f64(LN_2PI + 1.0)) * T::from_f64(0.5)
    }

    /// KL(self ‖ p) of each element, in nats:
    /// ½ (ln sigma_p² - ln sigma² + (sigma² + (mu - mu_p)²) / sigma_p² - 1).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn kl(&self, p: &Normal<T>) -> Tensor<T> {
        let ratio = &self.logvar - &p.logvar;
        let distance = (&self.mu - &p.mu).square() * (-&p.logvar).exp();
        (ratio.exp_m1() - ratio + distance) * T::from_f64(0.5)
    }

    /// KL(self ‖ N(0, 1)) summed over the last axis, in nats: see [`kl_standard_normal`].
    pub fn kl_standard(&self) -> Tensor<T> {
        kl_standard_normal(&self.mu, &self.logvar)
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
