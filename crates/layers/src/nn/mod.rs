//! What has parameters and computes: read [`Parameter`], [`Module`], then the layers.

mod activation;
mod conv;
mod dropout;
mod init;
mod linear;
mod module;
mod parameter;
mod pool;
mod sequential;

pub use activation::Activation;
pub use conv::{Conv2d, ConvTranspose2d};
pub use dropout::Dropout;
pub use init::Initializer;
pub use linear::Linear;
pub use module::{Module, Parameters, Pass};
pub use parameter::Parameter;
pub use pool::{AvgPool2d, MaxPool2d, PixelShuffle, Upsample};
pub use sequential::Sequential;
