//! `elbo sample`

use clap::Args;
use elbo_models::{Error, Result, Trained, gallery};

use super::run_args::{Opened, RunArgs, up_to};
use super::say::say;

/// Which run to draw from, and how much.
#[derive(Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Number of images
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = up_to(1, 10000))]
    count: usize,

    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &SampleArgs) -> Result<()> {
    let Opened { folder, trained, data, settings } = args.run.open()?;
    let is_vae = matches!(&trained, Trained::Gradient(model) if model.as_vae().is_some());
    if !is_vae {
        return Err(Error::Settings {
            what: format!("{} has no distribution of codes to draw from", settings.model.name()),
            help: "sample from a run of `elbo train vae`".into(),
        });
    }
    let path = gallery::samples(&folder, trained.codec(), &data, args.count, args.seed)?;
    say!("{}", path.display());
    Ok(())
}
