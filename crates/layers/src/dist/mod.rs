//! Distributions: samples, densities, moments, and divergences between them.
//!
//! Read in this order: [`Distribution`] (what all of them can do), `normal` and `gamma` as examples,
//! `implicit` (paths where there is no formula for one), `kl`.
//!
//! **Shapes.** Parameters broadcast against each other; their common shape is the *batch shape*, and
//! each element of it is a variable of its own. A draw of a multivariate family has the axes of one
//! event behind those of the batch: [`Dirichlet`], [`MultivariateNormal`], [`OneHotCategorical`],
//! [`RelaxedCategorical`] have one such axis, [`Independent`] makes one of the last axis of the batch.
//! [`log_prob`](Distribution::log_prob), [`entropy`](Entropy::entropy) and [`kl`] have the batch shape:
//! they sum over the axes of an event and over nothing else. All are in nats.
//!
//! **Gradients.** [`sample`](Distribution::sample) gives a [`Sample`], a constant that must be unwrapped
//! by name; [`rsample`](Reparameterized::rsample) gives a tensor through which gradients flow to the
//! parameters, and exists only for families that have such a path:
//!
//! ```compile_fail,E0599
//! # use elbo_layers::dist::{Bernoulli, Reparameterized};
//! # use elbo_tensor::{Stream, Tensor};
//! let coin = Bernoulli::new(&Tensor::from([0.3f64]));
//! let x = coin.rsample(&mut Stream::new(1)); // no path leads through a coin
//! ```
//!
//! **Parameters** are checked where a distribution is made, and a message names the one that cannot be.
//! Not so those of [`Normal::new`] and [`LogNormal::new`] and all logits: any number will do, and they
//! are what networks put out at each step of training, where NaN is to reach the loss and be seen there.
//!
//! Noise comes from the [`Stream`](elbo_tensor::Stream) that is passed in; nothing is global.

mod distribution;
mod implicit;
mod kl;

mod bernoulli;
mod beta;
mod binomial;
mod categorical;
mod dirichlet;
mod exponential;
mod gamma;
mod geometric;
mod gumbel;
mod independent;
mod laplace;
mod log_normal;
mod logistic;
mod mixture;
mod multivariate_normal;
mod normal;
mod one_hot_categorical;
mod poisson;
mod relaxed_bernoulli;
mod relaxed_categorical;
mod student_t;
mod transformed;
mod uniform;
mod von_mises;

pub use distribution::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};
pub use kl::{Divergence, MonteCarlo, kl, kl_monte_carlo};

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use dirichlet::Dirichlet;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use geometric::Geometric;
pub use gumbel::Gumbel;
pub use independent::Independent;
pub use laplace::Laplace;
pub use log_normal::LogNormal;
pub use logistic::Logistic;
pub use mixture::Mixture;
pub use multivariate_normal::MultivariateNormal;
pub use normal::{Normal, kl_standard_normal};
pub use one_hot_categorical::OneHotCategorical;
pub use poisson::Poisson;
pub use relaxed_bernoulli::RelaxedBernoulli;
pub use relaxed_categorical::RelaxedCategorical;
pub use student_t::StudentT;
pub use transformed::{Affine, Exp, SoftmaxCentered, Tanh, Transform, Transformed};
pub use uniform::Uniform;
pub use von_mises::VonMises;

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_3;

/// Euler's constant: minus the derivative of Γ at 1.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
