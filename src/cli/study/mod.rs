//! `elbo study`: what is measured about gradients. One file per experiment.

mod progress;
mod vae;

use clap::{Args, Subcommand};
use elbo_models::Result;

use super::Done;

/// Which experiment.
#[derive(Args)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    /// Noise in the gradient of a trained VAE: of the latent draws, and of the choice of images
    Vae(vae::VaeArgs),
}

pub(super) fn run(args: &StudyArgs) -> Result<Done> {
    match &args.experiment {
        Experiment::Vae(args) => vae::run(args).map(|()| Done::Completely),
    }
}
