//! `metrics.jsonl`: one JSON object per epoch.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic::{write_failed, write_whole};
use crate::{Error, Result};

/// What is known of an epoch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: u64,
    /// The loss per image, averaged over the steps of the epoch.
    pub train_loss: f64,
    /// Its reconstruction term.
    pub train_recon: f64,
    /// Its KL term.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub train_kl: Option<f64>,
    /// The loss per test image after the epoch: recon + beta · kl.
    pub test_loss: f64,
    /// Its reconstruction term.
    pub recon: f64,
    /// Its KL term.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kl: Option<f64>,
    /// The learning rate of the last step.
    pub lr: f64,
    /// Seconds of training, without the test.
    pub seconds: f64,
    /// Training images per second.
    pub images_per_second: f64,
}

/// The metrics of a run, oldest first.
///
/// # Errors
/// If the file cannot be read or a line is not what it should be.
pub fn read_metrics(path: &Path) -> Result<Vec<EpochMetrics>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
        help: "is this the folder of a run?".into(),
    })?;
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| Error::Data {
            path: path.into(),
            what: format!("line {}: {error}", number + 1),
            help: "remove the damaged line".into(),
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// The file while a run writes it.
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// An empty file.
    pub(super) fn begin(path: &Path) -> Result<MetricsFile> {
        let file = File::create(path).map_err(write_failed(path))?;
        Ok(MetricsFile { path: path.into(), file })
    }

    /// The file of a run that is resumed, cut back to what its checkpoint knows: a run that was
    /// killed may have written a line more, or half of one.
    pub(super) fn resume(path: &Path, epochs: u64) -> Result<MetricsFile> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let known = |line: &&str| {
            serde_json::from_str::<EpochMetrics>(line).is_ok_and(|metrics| metrics.epoch <= epochs)
        };
        let kept: String = text.lines().filter(known).map(|line| format!("{line}\n")).collect();
        write_whole(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(write_failed(path))?;
        Ok(MetricsFile { path: path.into(), file })
    }

    pub(super) fn append(&mut self, metrics: &EpochMetrics) -> Result<()> {
        let line = serde_json::to_string(metrics).expect("numbers and names") + "\n";
        self.file.write_all(line.as_bytes()).map_err(write_failed(&self.path))
    }
}
