//! What a study goes through: numbers of samples, and seeds.

use clap::Args;
use elbo_estimators::study::Study;

use super::estimators::LEAVE_ONE_OUT;
use crate::cli::run_args::up_to;

/// Samples and seeds; each with each.
#[derive(Args)]
pub(super) struct SweepArgs {
    /// Draws in one estimate; several numbers, separated by commas, are gone through
    #[arg(long, value_name = "N,N", default_value = "1", value_delimiter = ',', value_parser = up_to(1, 1_000_000), allow_negative_numbers = true)]
    samples: Vec<usize>,

    /// What all noise follows from; several are gone through
    #[arg(
        long,
        value_name = "N,N",
        default_value = "1",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    seed: Vec<u64>,
}

impl SweepArgs {
    /// All studies, the first of which a figure is drawn of.
    pub(super) fn studies(&self, repeats: usize) -> Vec<Study> {
        let of_seed =
            |&seed: &u64| self.samples.iter().map(move |&samples| Study { repeats, samples, seed });
        self.seed.iter().flat_map(of_seed).collect()
    }

    /// The seeds alone.
    pub(super) fn seeds(&self) -> &[u64] {
        &self.seed
    }

    /// Why estimators that were asked for cannot do with these samples.
    pub(super) fn refuse(&self, names: &[String]) -> Option<String> {
        refuse(&self.samples, names)
    }
}

/// Why estimators that were asked for cannot do with these samples.
pub(super) fn refuse(samples: &[usize], names: &[String]) -> Option<String> {
    let alone = samples.contains(&1) && names.iter().any(|name| name == LEAVE_ONE_OUT);
    alone.then(|| format!("{LEAVE_ONE_OUT} with --samples 1; it needs at least 2"))
}

/// Whether an estimator can do with so many draws.
pub(super) fn fits(name: &str, study: &Study) -> bool {
    study.samples > 1 || name != LEAVE_ONE_OUT
}
