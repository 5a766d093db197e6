//! Gradients of importance-weighted bounds on ln p(x).
//!
//! ```text
//!     L = E ln 1/K Σ wᵢ,    wᵢ = p(x, zᵢ; θ) / q(zᵢ; φ),    zᵢ ~ q(z; φ),    w̃ᵢ = wᵢ / Σ wⱼ
//! ```
//!
//! (Burda, Grosse & Salakhutdinov 2016; with K = 1 it is the ELBO.) All estimators have the same gradient by
//! the parameters θ of the model, E Σ w̃ᵢ ∂/∂θ ln p(x, zᵢ; θ); they differ in the gradient by the parameters φ
//! of the inference network.

mod doubly_reparameterized;
mod jackknife;
mod reweighted;
mod reweighted_reparameterized;
mod sticking_the_landing;
mod total_derivative;
mod vimco;

pub use doubly_reparameterized::DoublyReparameterized;
pub use jackknife::Jackknife;
pub use reweighted::ReweightedWakeSleep;
pub use reweighted_reparameterized::ReweightedWakeSleepReparameterized;
pub use sticking_the_landing::StickingTheLanding;
pub use total_derivative::TotalDerivative;
pub use vimco::Vimco;

use std::sync::Arc;

use elbo_layers::dist::{Distribution, Reparameterized};
use elbo_tensor::{Real, Stream, Tensor, no_grad};

use crate::estimator::{Bias, Draws};
use crate::expectation::{gradients, with_axis};

/// A model p(x, z; θ) of one x, a posterior q(z; φ), and the number K of importance samples.
///
/// For n bounds at once, parameters have the shape [n, 1, ..]; the posterior's batch is [n, 1], the draws z
/// have the shape [n, K, ..event], and ln p(x, z) is [n, K].
///
/// ```
/// use elbo_estimators::bound::{Bound, BoundEstimator, StickingTheLanding};
/// use elbo_estimators::Draws;
/// use elbo_layers::{Distribution, Normal};
/// use elbo_tensor::{Stream, Tensor};
///
/// // p(z) = N(mu, 1), p(x|z) = N(z, 1), x = 2; the posterior is N(1 + mu/2, 1/2).
/// let unit = || Tensor::scalar(0.0f64);
/// let bound = Bound::new(
///     [("mu", Tensor::scalar(0.0))],
///     [("mean", Tensor::scalar(1.0)), ("logvar", Tensor::scalar(0.5f64.ln()))],
///     4,
///     |[mean, logvar]| Normal::new(mean, logvar),
///     move |[mu], z| {
///         Normal::new(mu, &unit()).log_prob(z) + Normal::new(z, &unit()).log_prob(&Tensor::scalar(2.0))
///     },
/// );
/// let [_, mean, _] = &StickingTheLanding.estimate(&bound, Draws::new(5, 1), &mut Stream::new(1))[..] else {
///     panic!("three parameters")
/// };
/// assert!(mean.data().iter().all(|g| g.abs() < 1e-12), "no noise at the posterior");
/// ```
pub struct Bound<T: Real, D> {
    model: Vec<(&'static str, Tensor<T>)>,
    inference: Vec<(&'static str, Tensor<T>)>,
    particles: usize,
    posterior: Arc<Posterior<T, D>>,
    log_joint: Arc<LogJoint<T>>,
}

/// From φ to q.
type Posterior<T, D> = dyn Fn(&[Tensor<T>]) -> D + Send + Sync;

/// From θ and z to ln p(x, z; θ).
type LogJoint<T> = dyn Fn(&[Tensor<T>], &Tensor<T>) -> Tensor<T> + Send + Sync;

impl<T: Real, D> Clone for Bound<T, D> {
    fn clone(&self) -> Self {
        Bound {
            model: self.model.clone(),
            inference: self.inference.clone(),
            particles: self.particles,
            posterior: self.posterior.clone(),
            log_joint: self.log_joint.clone(),
        }
    }
}

impl<T: Real, D: Distribution<T>> Bound<T, D> {
    /// From the parameters θ and φ with their names, K, q and ln p.
    ///
    /// # Panics
    /// If K is 0.
    #[track_caller]
    pub fn new<const M: usize, const N: usize>(
        model: [(&'static str, Tensor<T>); M],
        inference: [(&'static str, Tensor<T>); N],
        particles: usize,
        posterior: impl Fn(&[Tensor<T>; N]) -> D + Send + Sync + 'static,
        log_joint: impl Fn(&[Tensor<T>; M], &Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Bound<T, D> {
        assert!(particles > 0, "Bound: K is 0; it must be at least 1");
        let posterior =
            move |all: &[Tensor<T>]| posterior(all.try_into().expect("as many as given"));
        let log_joint = move |all: &[Tensor<T>], z: &Tensor<T>| {
            log_joint(all.try_into().expect("as many as given"), z)
        };
        Bound {
            model: model.map(|(name, value)| (name, value.detach())).into(),
            inference: inference.map(|(name, value)| (name, value.detach())).into(),
            particles,
            posterior: Arc::new(posterior),
            log_joint: Arc::new(log_joint),
        }
    }

    /// The same with another K.
    ///
    /// # Panics
    /// If K is 0.
    #[track_caller]
    pub fn with_particles(&self, particles: usize) -> Bound<T, D> {
        assert!(particles > 0, "Bound: K is 0; it must be at least 1");
        Bound { particles, ..self.clone() }
    }

    /// K
    pub fn particles(&self) -> usize {
        self.particles
    }

    /// All parameters with their names: θ, then φ.
    pub fn parameters(&self) -> impl Iterator<Item = &(&'static str, Tensor<T>)> {
        self.model.iter().chain(&self.inference)
    }

    /// ln wᵢ of n bounds, as constants: shape [n, K].
    pub fn log_weights(&self, n: usize, noise: &mut Stream) -> Tensor<T> {
        no_grad(|| {
            let [theta, phi] = self.leaves(n);
            let q = self.posterior(&phi);
            let z = q.sample(noise).constant();
            self.log_joint(&theta, &z) - q.log_prob(&z)
        })
    }

    /// n independent values of ln 1/K Σ wᵢ: shape `[n]`.
    pub fn values(&self, n: usize, noise: &mut Stream) -> Tensor<T> {
        let ln_k = T::from_f64((self.particles as f64).ln());
        self.log_weights(n, noise).log_sum_exp(-1, false) - ln_k
    }

    /// θ and φ, a leaf for each bound.
    fn leaves(&self, n: usize) -> [Vec<Tensor<T>>; 2] {
        [&self.model, &self.inference].map(|all| {
            let leaf = |(_, value): &(_, Tensor<T>)| {
                let column = value.reshape(with_axis(1, value.shape()));
                column.broadcast_to(with_axis(n, column.shape())).requires_grad()
            };
            all.iter().map(leaf).collect()
        })
    }

    /// q of all draws: batch [n, K].
    #[track_caller]
    fn posterior(&self, phi: &[Tensor<T>]) -> D {
        let (q, n) = ((self.posterior)(phi), phi.first().map_or(0, |p| p.shape()[0]));
        let batch = q.batch_shape();
        assert!(*batch == [n, 1], "Bound: the posterior has batch {batch}; it must be [{n}, 1]");
        q.expand([n, self.particles])
    }

    #[track_caller]
    fn log_joint(&self, theta: &[Tensor<T>], z: &Tensor<T>) -> Tensor<T> {
        let log_joint = (self.log_joint)(theta, z);
        let (shape, n, k) = (log_joint.shape(), z.shape()[0], self.particles);
        assert!(
            **shape == [n, k],
            "Bound: ln p maps draws of shape {} to {shape}; it must be [{n}, {k}]",
            z.shape()
        );
        let has_nan = log_joint.data().iter().any(|x| x.is_nan());
        assert!(!has_nan, "Bound: ln p(x, z) is NaN; it must be a number");
        log_joint
    }
}

/// A rule that estimates the gradient of a [`Bound`] by φ.
pub trait BoundEstimator<T: Real, D: Distribution<T>>: Send + Sync {
    /// Its name, as in tables and JSON.
    fn name(&self) -> &'static str;

    /// Whether its mean is the gradient of the bound.
    fn bias(&self) -> Bias {
        Bias::Unbiased
    }

    /// The least K that it takes.
    fn least_particles(&self) -> usize {
        1
    }

    /// Evaluations of ln p for one estimate from so many bounds: K for the gradient by θ, and K for that by φ.
    fn evaluations(&self, bound: &Bound<T, D>, samples: usize) -> usize {
        2 * bound.particles * samples
    }

    /// Draws from the posterior: along a path if the rule differentiates through them.
    fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<T>;

    /// A number for each bound, or several to be summed, whose gradient by φ is the estimate.
    fn surrogate(&self, particles: &Particles<T, D>) -> Tensor<T>;

    /// Independent estimates for each parameter, θ then φ, each the mean over so many bounds: shape
    /// [repeats, ..].
    ///
    /// # Panics
    /// If K is too small for the rule, the posterior's batch or the shape of ln p is another than [`Bound`] says, or
    /// ln p is NaN.
    fn estimate(&self, bound: &Bound<T, D>, draws: Draws, noise: &mut Stream) -> Vec<Tensor<T>> {
        let (k, least) = (bound.particles, self.least_particles());
        assert!(k >= least, "{}: K is {k}; it must be at least {least}", self.name());
        let [theta, phi] = bound.leaves(draws.count());
        let posterior = bound.posterior(&phi);
        let z = self.draw(&posterior, noise);
        let constants: Vec<_> = theta.iter().map(Tensor::detach).collect();
        let log_joint = bound.log_joint(&constants, &z);
        let particles = Particles::new(posterior, z, log_joint);
        // w̃ is computed once, without its graph: the gradient of ln Σ w by θ is Σ w̃ ∂ ln p.
        let of_theta = bound.log_joint(&theta, &particles.z.detach()) * &particles.weights;
        let by_theta = gradients(&of_theta, &theta);
        let by_phi = gradients(&self.surrogate(&particles), &phi);
        let flat = |each: Tensor<T>| {
            let sizes = [&each.shape()[..1], &each.shape()[2..]].concat();
            draws.mean(&each.reshape(&sizes[..]))
        };
        by_theta.into_iter().chain(by_phi).map(flat).collect()
    }
}

/// What a rule has to work with: draws, weights, and the ways in which gradients may flow. Shapes are [n, K].
pub struct Particles<T: Real, D> {
    posterior: D,
    z: Tensor<T>,
    log_joint: Tensor<T>,
    log_weights: Tensor<T>,
    weights: Tensor<T>,
}

impl<T: Real, D: Distribution<T>> Particles<T, D> {
    fn new(posterior: D, z: Tensor<T>, log_joint: Tensor<T>) -> Particles<T, D> {
        let log_q = no_grad(|| posterior.log_prob(&z.detach()));
        let log_weights = log_joint.detach() - log_q;
        let weights = log_weights.softmax(-1);
        Particles { posterior, z, log_joint, log_weights, weights }
    }

    /// K
    pub fn count(&self) -> usize {
        self.weights.shape()[1]
    }

    /// w̃ as constants.
    pub fn weights(&self) -> &Tensor<T> {
        &self.weights
    }

    /// ln w as constants.
    pub fn log_weights(&self) -> &Tensor<T> {
        &self.log_weights
    }

    /// ln w with all its gradients: through z, and through the density of q.
    pub fn total(&self) -> Tensor<T> {
        &self.log_joint - self.posterior.log_prob(&self.z)
    }

    /// ln w with gradients through z alone: the parameters of q's density are constants.
    pub fn along_the_path(&self) -> Tensor<T> {
        &self.log_joint - self.posterior.detach().log_prob(&self.z)
    }

    /// ln q of constant draws, whose gradient is the score.
    pub fn score(&self) -> Tensor<T> {
        self.posterior.log_prob(&self.z.detach())
    }
}

/// ln Σ_{j≠i} wⱼ for each i, given ln w of shape [n, K]: shape [n, K].
fn leave_one_out<T: Real>(log_weights: &Tensor<T>) -> Tensor<T> {
    let (n, k) = (log_weights.shape()[0], log_weights.shape()[1]);
    let own =
        Tensor::select(&Tensor::eye(k), &Tensor::scalar(T::NEG_INFINITY), &Tensor::scalar(T::ZERO));
    (log_weights.reshape([n, 1, k]) + own).log_sum_exp(-1, false)
}

/// A path through the draw.
fn path<T: Real, D: Reparameterized<T>>(posterior: &D, noise: &mut Stream) -> Tensor<T> {
    posterior.rsample(noise)
}

/// A draw as a constant.
fn constant<T: Real, D: Distribution<T>>(posterior: &D, noise: &mut Stream) -> Tensor<T> {
    posterior.sample(noise).constant()
}
