//! Layers, distributions, losses and optimizers.
//!
//! The crate knows parameters and what is computed with them. It knows nothing of data, training
//! loops or files. Names, definitions and defaults are PyTorch's wherever PyTorch has the thing.
//!
//! ```
//! use elbo_layers::{Activation, Adam, Module, Optimizer, Pass, Reduction, Sequential, loss};
//! use elbo_tensor::{Stream, Tensor};
//!
//! let mut init = Stream::new(1);
//! let mut model = Sequential::<f32>::mlp(&[2, 16, 1], Activation::Tanh, &mut init);
//! let mut adam = Adam::new(1e-2);
//! let x = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
//! let xor = Tensor::from([[0.0], [1.0], [1.0], [0.0]]);
//! let mut last = f32::INFINITY;
//! for _ in 0..300 {
//!     let loss = loss::bce_with_logits(&model.forward(&x, &mut Pass::Eval), &xor, Reduction::PerSample);
//!     last = loss.item();
//!     adam.step(&mut model, &loss.into_gradients());
//! }
//! assert!(last < 0.1, "{last}");
//! ```

#![forbid(unsafe_code)]

pub mod dist;
pub mod loss;
mod nn;
mod optim;

pub use dist::{Bernoulli, Distribution, Normal, Reparameterized, kl_standard_normal};
pub use loss::Reduction;
pub use nn::{
    Activation, AvgPool2d, Conv2d, ConvTranspose2d, Dropout, Initializer, Linear, MaxPool2d,
    Module, Parameter, Parameters, Pass, PixelShuffle, Sequential, Upsample,
};
pub use optim::{Adam, AdamW, Optimizer, OptimizerState, Schedule, Sgd, gradient_norm};
