//! `elbo reconstruct`

use clap::Args;
use elbo_models::{Error, Result, gallery};

use super::run_args::{Opened, RunArgs};
use super::say::say;

/// Which run to draw reconstructions of.
#[derive(Args)]
pub(crate) struct ReconstructArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Images per row; there are three rows
    #[arg(long, value_name = "N", default_value_t = 10)]
    columns: usize,
}

pub(super) fn run(args: &ReconstructArgs) -> Result<()> {
    let Opened { folder, trained, data, .. } = args.run.open()?;
    if args.columns == 0 {
        return Err(Error::Settings {
            what: "--columns is 0".into(),
            help: "it must be at least 1".into(),
        });
    }
    let path = gallery::reconstructions(&folder, trained.codec(), &data, args.columns)?;
    say!("{}", path.display());
    Ok(())
}
