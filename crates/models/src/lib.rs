//! Datasets, PCA, the autoencoder family, training, evaluation and pictures.

pub mod data;
mod error;
pub mod pictures;

pub use error::{Error, Result};
