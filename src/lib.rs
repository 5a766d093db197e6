//! `elbo`: tensors, hand-written reverse-mode autodiff and the autoencoder family, from scratch.
//!
//! ```
//! use elbo::prelude::*;
//!
//! // The sample is a differentiable function of mu and logvar: z = mu + exp(logvar / 2) * eps.
//! let mu = Tensor::from([0.5, -1.0]).requires_grad();
//! let logvar = Tensor::from([0.0, 0.3]).requires_grad();
//! let mut noise = Stream::new(7);
//!
//! let z = Normal::new(&mu, &logvar).rsample(&mut noise);
//! let loss = z.square().sum() + kl_standard_normal(&mu, &logvar).sum();
//!
//! let gradients = loss.backward();
//! println!("d loss / d mu = {}", gradients[&mu]);
//! println!("{}", loss.graph());
//! ```
//!
//! This crate is a roof over four: [`tensor`] (numbers and their derivatives), [`layers`] (modules,
//! distributions, losses, optimizers), [`estimators`] (gradients of expectations, and studies of them) and
//! [`models`] (data, PCA, autoencoders, training, pictures).
//! The [`prelude`] holds what most programs need. The command `elbo` is built on the same crates.

#![forbid(unsafe_code)]

pub mod bench;

pub use elbo_estimators as estimators;
pub use elbo_layers as layers;
pub use elbo_models as models;
pub use elbo_tensor as tensor;

/// What most programs need: `use elbo::prelude::*;`
pub mod prelude {
    pub use elbo_estimators::{Draws, Estimator, Expectation, Pathwise, ScoreFunction};
    pub use elbo_layers::{
        Activation, Adam, AdamW, Bernoulli, Distribution, Dropout, Initializer, Linear, Module,
        Normal, Optimizer, Parameter, Parameters, Pass, Reduction, Reparameterized, Schedule,
        Sequential, Sgd, dist, gradient_norm, kl_standard_normal, loss,
    };
    pub use elbo_models::{
        Autoencoder, Codec, Model, ModelKind, Pca, Settings, Trainer, Vae, data, evaluate, gallery,
        pictures,
    };
    pub use elbo_tensor::{
        Batch, BatchReduce, Gradients, Graph, Needs, Op, Real, Shape, Stream, Tensor, Values,
        apply, check, grad, hessian_vector_product, jacobian, no_grad, vjp,
    };
}
