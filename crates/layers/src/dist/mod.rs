//! Distributions, and the divergence of a posterior from its prior.
//!
//! Noise comes from the [`Stream`](elbo_tensor::Stream) that is passed in; nothing is global.

mod bernoulli;
mod normal;

pub use bernoulli::Bernoulli;
pub use normal::{Normal, kl_standard_normal};
