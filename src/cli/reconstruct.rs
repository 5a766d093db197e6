//! `elbo reconstruct`

use clap::Args;
use elbo_models::{Result, gallery};

use super::run_args::{Opened, RunArgs, up_to};
use super::say::say;

/// Which run to draw reconstructions of.
#[derive(Args)]
pub(crate) struct ReconstructArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Images per row; there are three rows
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = up_to(1, 1000))]
    columns: usize,
}

pub(super) fn run(args: &ReconstructArgs) -> Result<()> {
    let Opened { folder, trained, data, .. } = args.run.open()?;
    let path = gallery::reconstructions(&folder, trained.codec(), &data, args.columns)?;
    say!("{}", path.display());
    Ok(())
}
