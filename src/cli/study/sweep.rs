//! What a study goes through: numbers of samples, and seeds.

use clap::Args;
use elbo_estimators::study::Study;

use super::estimators::LEAVE_ONE_OUT;
use crate::cli::run_args::up_to;

/// Seeds.
#[derive(Args)]
pub(super) struct SeedArgs {
    /// What all noise follows from; several are gone through
    #[arg(
        long,
        value_name = "N,N",
        default_value = "1",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(super) seed: Vec<u64>,
}

/// Samples, not more than `MOST`, and seeds; each with each.
#[derive(Args)]
pub(super) struct SweepArgs<const MOST: u64> {
    /// Draws in one estimate; several numbers, separated by commas, are gone through
    #[arg(long, value_name = "N,N", default_value = "1", value_delimiter = ',', value_parser = up_to(1, MOST), allow_negative_numbers = true)]
    pub(super) samples: Vec<usize>,

    #[command(flatten)]
    pub(super) seeds: SeedArgs,
}

impl<const MOST: u64> SweepArgs<MOST> {
    /// All studies, the first of which a figure is drawn of.
    pub(super) fn studies(&self, repeats: usize) -> Vec<Study> {
        let of_seed =
            |&seed: &u64| self.samples.iter().map(move |&samples| Study { repeats, samples, seed });
        self.seeds.seed.iter().flat_map(of_seed).collect()
    }

    /// Why estimators that were asked for cannot do with these samples.
    pub(super) fn refuse(&self, names: &[String]) -> Option<String> {
        let alone = self.samples.contains(&1) && names.iter().any(|name| name == LEAVE_ONE_OUT);
        alone.then(|| format!("{LEAVE_ONE_OUT} with --samples 1; it needs at least 2"))
    }
}

/// Whether an estimator can do with so many draws.
pub(super) fn fits(name: &str, study: &Study) -> bool {
    study.samples > 1 || name != LEAVE_ONE_OUT
}
