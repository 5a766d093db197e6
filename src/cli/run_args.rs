//! What all commands on a trained run have in common.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use elbo_models::data::{Dataset, Source, load};
use elbo_models::{Error, Result, RunFolder, Settings, Trained};

/// A run, and the data to use it on.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The folder that `elbo train` wrote
    pub(crate) run: PathBuf,

    /// Other data than the run was trained on: sample, mnist, fashion-mnist, or a folder
    #[arg(long, value_name = "DATA")]
    data: Option<String>,

    /// Use the weights with the best test loss instead of the last ones
    #[arg(long)]
    best: bool,
}

/// A run with its model and data.
pub(crate) struct Opened {
    pub(crate) folder: RunFolder,
    pub(crate) settings: Settings,
    pub(crate) trained: Trained,
    pub(crate) data: Dataset,
}

impl RunArgs {
    /// Reads model and data, and checks that they fit.
    pub(crate) fn open(&self) -> Result<Opened> {
        let folder = RunFolder::open(&self.run)?;
        let settings = folder.settings()?;
        let trained = folder.load(self.best)?;
        let data = load_data(self.data.as_deref().unwrap_or(&settings.data))?;
        let (expected, found) = (trained.codec().pixels(), data.test.images.pixels_per_image());
        if expected != found {
            return Err(Error::Settings {
                what: format!(
                    "the model takes images of {expected} pixels, {} has {found}",
                    data.name
                ),
                help: "give the data that the run was trained on with --data".into(),
            });
        }
        Ok(Opened { folder, settings, trained, data })
    }
}

/// The data set that a word or a folder names.
pub(crate) fn load_data(what: &str) -> Result<Dataset> {
    load(&what.parse::<Source>()?)
}

/// Batch for passes without gradients.
pub(crate) const BATCH: usize = 250;

/// A parser for a count; the largest is far above any use, and far below what fills the memory.
pub(crate) fn up_to(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}
