//! `elbo study`: estimators of gradients, measured against the truth. One file per experiment.

mod bernoulli_vae;
mod discrete;
mod estimators;
mod figure;
mod folder;
mod logistic;
mod numbers;
mod progress;
mod row;
mod snr;
mod sweep;
mod toy;
mod vae;

use clap::{Args, Subcommand};
use elbo_estimators::known::Cost;
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
    /// Gradients of E (x - k)² with normal x
    Quadratic(toy::ToyArgs),
    /// Gradients of E exp(-k x²) with normal x
    Exp(toy::ToyArgs),
    /// Gradients of E cos(k x) with normal x
    Cos(toy::ToyArgs),
    /// Gradients through coins and classes, and a VAE whose code is made of coins
    Discrete(discrete::DiscreteArgs),
    /// Gradients of Bayesian logistic regression while it is trained
    Logistic(logistic::LogisticArgs),
    /// Signal-to-noise ratios of gradients of importance-weighted bounds
    Snr(snr::SnrArgs),
    /// Noise in the gradient of a trained VAE: of the latent draws, and of the choice of images
    Vae(vae::VaeArgs),
}

pub(super) fn run(args: &StudyArgs) -> Result<Done> {
    match &args.experiment {
        Experiment::Quadratic(args) => toy::run(Cost::Quadratic, args),
        Experiment::Exp(args) => toy::run(Cost::Exp, args),
        Experiment::Cos(args) => toy::run(Cost::Cos, args),
        Experiment::Discrete(args) => discrete::run(args),
        Experiment::Logistic(args) => logistic::run(args),
        Experiment::Snr(args) => snr::run(args),
        Experiment::Vae(args) => vae::run(args).map(|()| Done::Completely),
    }
}
