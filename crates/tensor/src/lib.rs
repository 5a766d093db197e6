//! Tensors, reverse-mode autodiff written by hand, and the CPU kernels under both.
//!
//! ```
//! use elbo_tensor::{Stream, Tensor};
//!
//! // A sample is a differentiable function of its parameters: z = mu + exp(logvar / 2) eps.
//! let mu = Tensor::from([0.5, -1.0]).requires_grad();
//! let logvar = Tensor::from([0.0, 0.3]).requires_grad();
//! let eps = Stream::new(7).normal([2]);
//! let z = Tensor::reparameterize(&mu, &logvar, &eps);
//! let loss = z.square().sum() + Tensor::gaussian_kl(&mu, &logvar);
//!
//! let gradients = loss.backward();
//! println!("{}", gradients[&mu]);      // 2 z + mu
//! println!("{}", loss.graph());        // every node with its rule
//! ```
//!
//! Five words carry the crate. A [`Tensor`] is a shape and a shared contiguous buffer, and perhaps
//! the *node* that made it; a node holds an [`Op`], an operation with its derivative rule, and leads
//! to the nodes of its inputs; [`Gradients`] are what a backward pass leaves; *kernels* do the work,
//! slices in, slices out. Rules are written in tensor operations, so one rule serves every order of
//! derivative.
//!
//! The crate knows numbers and their derivatives. It knows nothing of layers, losses with names,
//! data or models. Mistakes in shapes are programming errors: they panic, with the operation and the
//! shapes.

#![deny(unsafe_code)]

mod buffer;
pub mod check;
mod graph;
#[allow(unsafe_code)] // SIMD, threads and products: the only unsafe code of the libraries
pub mod kernels;
mod ops;
mod random;
mod real;
mod shape;
pub mod special;
mod tensor;

pub use graph::{
    Batch, BatchReduce, Gradients, Graph, GraphNode, NanOrigin, Needs, NodeRole, Op, Values, apply,
    find_nan, grad, hessian_vector_product, jacobian, keep_values, no_grad, vjp, with_precision,
};
pub use ops::{Convolution, Pooling};
pub use random::{Stream, Words};
pub use real::Real;
pub use shape::{Axes, IntoAxes, MAX_RANK, Shape};
pub use tensor::Tensor;
