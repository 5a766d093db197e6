//! What has parameters and computes: read [`Parameter`], [`Module`], then the layers.

mod activation;
mod dropout;
mod init;
mod linear;
mod module;
mod parameter;
mod sequential;

pub use activation::Activation;
pub use dropout::Dropout;
pub use init::Initializer;
pub use linear::Linear;
pub use module::{Module, Parameters, Pass};
pub use parameter::Parameter;
pub use sequential::Sequential;
