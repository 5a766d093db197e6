//! Datasets, PCA, the autoencoder family, training, evaluation and pictures.
//!
//! The crate knows images, models of images and the folders in which runs are kept. It knows nothing
//! of command lines. What can be wrong with files and settings is an [`Error`] that says what, where
//! and what to do.
//!
//! Read [`data`] for where images come from, [`Settings`] for what can be chosen, [`Codec`] and
//! [`Model`] for what all models have in common, then [`Pca`], [`Autoencoder`] and [`Vae`];
//! [`Trainer`] trains them, [`evaluate`] measures them, [`gradients`] says how noisy their gradients are, [`pictures`] and [`gallery`] draw them.

#![forbid(unsafe_code)]

mod atomic;
mod autoencoder;
pub mod data;
mod error;
pub mod evaluate;
pub mod gallery;
pub mod gradients;
mod model;
mod pca;
pub mod pictures;
mod run;
mod settings;
mod train;
mod vae;

pub use atomic::write_whole;
pub use autoencoder::Autoencoder;
pub use error::{Error, Result};
pub use model::{Codec, Model, Terms};
pub use pca::{Pca, largest_principal_angle};
pub use run::{RunFolder, Trained, new_model, read_settings, save_pca};
pub use settings::{Likelihood, ModelKind, OptimizerKind, Precision, Reconstruction, Settings};
pub use train::{
    Checkpoint, EpochMetrics, Outcome, Trainer, batch_of, for_each_batch, read_metrics,
    read_tensors, write_tensors,
};
pub use vae::Vae;
