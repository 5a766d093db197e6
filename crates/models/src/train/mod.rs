//! [`Trainer`]: one loop for all models that are trained by gradients.
//!
//! All randomness follows from the seed and from counters, never from time or threads: the initial
//! weights, the order of the images in an epoch, the noise of a step. So a run that is stopped and
//! resumed ends in the same bits as one that was not.

mod checkpoint;
mod metrics;
mod progress;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use elbo_layers::{Adam, AdamW, Optimizer, Pass, Sgd, gradient_norm};
use elbo_tensor::{Stream, Tensor, find_nan, with_precision};
use serde::{Deserialize, Serialize};

pub(crate) use checkpoint::load_parameters;
pub use checkpoint::{Checkpoint, read_tensors, write_tensors};
pub use metrics::{EpochMetrics, read_metrics};

use crate::data::{Dataset, Split, order};
use crate::run::{self, RunFolder};
use crate::{Error, Model, OptimizerKind, Result, Settings};
use metrics::MetricsFile;
use progress::Progress;

/// How training ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// The test loss has not become better for [`Settings::patience`] epochs.
    StoppedEarly,
    /// Somebody asked to stop; the state is saved, and the run can be resumed.
    Interrupted,
}

/// What of a run the next step depends on, besides parameters and moments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Position {
    /// Epochs that are complete.
    epoch: u64,
    /// Images of the current epoch that have been used.
    images: usize,
    /// Sums over those images of loss, reconstruction and KL.
    sums: [f64; 3],
    /// Seconds spent in the current epoch.
    seconds: f64,
    /// The stream of the training noise.
    noise: [u64; 3],
    /// The best test loss so far.
    best: Option<f64>,
    /// Epochs since then.
    since_best: u64,
}

/// Trains a model on a data set, in a run folder.
pub struct Trainer<'a> {
    model: Box<dyn Model>,
    optimizer: Box<dyn Optimizer>,
    settings: Settings,
    data: &'a Dataset,
    folder: RunFolder,
    position: Position,
    noise: Stream,
    metrics: MetricsFile,
}

/// Streams of one seed.
const INIT: u64 = 1;
const NOISE: u64 = 2;
const TEST_NOISE: u64 = 3;
const DROPOUT: u64 = 4;

/// What a run begins with: all of it follows from the settings.
struct Fresh {
    model: Box<dyn Model>,
    optimizer: Box<dyn Optimizer>,
    noise: Stream,
}

impl Fresh {
    fn new(settings: &Settings, data: &Dataset) -> Fresh {
        let root = Stream::new(settings.seed);
        let pixels = data.train.images.pixels_per_image();
        let model = run::new_model(settings, pixels, &mut root.substream(INIT));
        Fresh { model, optimizer: optimizer(settings), noise: root.substream(NOISE) }
    }

    fn position(&self) -> Position {
        Position {
            epoch: 0,
            images: 0,
            sums: [0.0; 3],
            seconds: 0.0,
            noise: self.noise.state(),
            best: None,
            since_best: 0,
        }
    }

    fn into_trainer(
        self,
        position: Position,
        settings: Settings,
        data: &Dataset,
        folder: RunFolder,
        metrics: MetricsFile,
    ) -> Trainer<'_> {
        let Fresh { model, optimizer, noise } = self;
        Trainer { model, optimizer, settings, data, folder, position, noise, metrics }
    }
}

impl<'a> Trainer<'a> {
    /// A fresh run in a folder that holds none yet.
    ///
    /// # Errors
    /// If a setting is out of range, or the folder holds another run or cannot be written.
    pub fn new(settings: Settings, data: &'a Dataset, folder: &Path) -> Result<Trainer<'a>> {
        settings.validate(data.train.images.count, data.train.images.pixels_per_image())?;
        let folder = RunFolder::create(folder, &settings)?;
        let metrics = MetricsFile::begin(&folder.metrics())?;
        let fresh = Fresh::new(&settings, data);
        let position = fresh.position();
        Ok(fresh.into_trainer(position, settings, data, folder, metrics))
    }

    /// Goes on with the run in a folder, from its last checkpoint; from the beginning if it has none.
    ///
    /// # Errors
    /// If the folder holds no run, or its files are damaged or do not fit the data.
    pub fn resume(data: &'a Dataset, folder: &Path, epochs: Option<u64>) -> Result<Trainer<'a>> {
        let folder = RunFolder::open(folder)?;
        let mut settings = folder.settings()?;
        settings.epochs = epochs.unwrap_or(settings.epochs);
        settings.validate(data.train.images.count, data.train.images.pixels_per_image())?;
        let checkpoint = Checkpoint::last(&folder)?;
        let done = checkpoint.as_ref().map_or(0, Checkpoint::epoch);
        if settings.epochs < done {
            return Err(Error::Settings {
                what: format!("epochs is {}, and the run has {done}", settings.epochs),
                help: "give more of them, or begin a new run".into(),
            });
        }
        let mut fresh = Fresh::new(&settings, data);
        let mut position = fresh.position();
        if let Some(checkpoint) = checkpoint {
            position = checkpoint.restore(&mut *fresh.model, &mut *fresh.optimizer)?;
            let images = data.train.images.count;
            if position.images > images {
                return Err(Error::Settings {
                    what: format!(
                        "the run has used {} images of its epoch, {} has {images}",
                        position.images, data.name
                    ),
                    help: "give it back the data that it was begun with".into(),
                });
            }
            fresh.noise = Stream::from_state(position.noise);
        }
        // All is read and fits: only now is anything written.
        if epochs.is_some() {
            folder.write_settings(&settings)?;
        }
        crate::atomic::sweep(folder.path());
        let metrics = MetricsFile::resume(&folder.metrics(), done)?;
        Ok(fresh.into_trainer(position, settings, data, folder, metrics))
    }

    /// The model as it is now.
    pub fn model(&self) -> &dyn Model {
        &*self.model
    }

    /// The settings of the run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The folder of the run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Trains until the end, or until `interrupt` is set, and calls `report` after each epoch.
    ///
    /// # Errors
    /// If a checkpoint cannot be written (the one before is kept), or the loss stops being a finite
    /// number: the message names the operation that produced the first such number.
    pub fn run(
        &mut self,
        interrupt: &AtomicBool,
        mut report: impl FnMut(&EpochMetrics),
    ) -> Result<Outcome> {
        let patience = self.settings.patience;
        while self.position.epoch < self.settings.epochs {
            if patience > 0 && self.position.since_best >= patience {
                return Ok(Outcome::StoppedEarly);
            }
            if !self.train_epoch(interrupt)? {
                self.save()?;
                return Ok(Outcome::Interrupted);
            }
            report(&self.finish_epoch()?);
        }
        Ok(Outcome::Finished)
    }

    /// Takes the steps that are left of an epoch; `false` if interrupted.
    fn train_epoch(&mut self, interrupt: &AtomicBool) -> Result<bool> {
        let images = &self.data.train.images;
        let began = Instant::now();
        let order = order(self.settings.seed, self.position.epoch, images.count);
        let progress = Progress::new(&self.settings, self.position.epoch, images.count);
        progress.start_at(self.position.images);
        let earlier = self.position.seconds;
        while self.position.images < images.count {
            if interrupt.load(Ordering::Relaxed) {
                self.position.seconds = earlier + began.elapsed().as_secs_f64();
                return Ok(false);
            }
            let start = self.position.images;
            let batch = &order[start..(start + self.settings.batch_size).min(images.count)];
            let terms = self.step(&batch_of(&self.data.train, batch))?;
            let sums = self.position.sums.iter_mut().zip(terms);
            sums.for_each(|(sum, term)| *sum += term * batch.len() as f64);
            self.position.images += batch.len();
            progress.step(batch.len(), self.position.sums[0] / self.position.images as f64);
        }
        self.position.seconds = earlier + began.elapsed().as_secs_f64();
        Ok(true)
    }

    /// One step; returns loss, reconstruction and KL per image.
    fn step(&mut self, x: &Tensor) -> Result<[f64; 3]> {
        let epoch = self.position.epoch as f64
            + self.position.images as f64 / self.data.train.images.count as f64;
        self.optimizer.set_lr(self.settings.lr * self.settings.schedule.factor(epoch));
        let noise_before = self.noise.clone();
        // A stream for each step, told apart by the images that went before it.
        let seen =
            self.position.epoch * self.data.train.images.count as u64 + self.position.images as u64;
        let mut dropout = self.noise.substream(DROPOUT | seen << 8);
        let mut pass = Pass::Train(&mut dropout);
        let (values, gradients) = with_precision(self.settings.precision.into(), || {
            let terms = self.model.loss(x, &mut self.noise, &mut pass, epoch);
            let values = terms.values();
            (values, values[0].is_finite().then(|| terms.into_gradients()))
        });
        let Some(gradients) = gradients else {
            return Err(self.diverged(x, noise_before, epoch, values[0]));
        };
        let scale = match self.settings.clip_norm {
            max if max > 0.0 => (max / gradient_norm(&gradients)).min(1.0),
            _ => 1.0,
        };
        self.optimizer.step_scaled(&mut *self.model, &gradients, scale);
        Ok(values)
    }

    /// Repeats the forward pass of a step that went wrong, looking for the first NaN.
    fn diverged(&self, x: &Tensor, mut noise: Stream, epoch: f64, loss: f64) -> Error {
        let mut spoilt = None;
        self.model.visit("", &mut |name, parameter| {
            if spoilt.is_none() && parameter.tensor().data().iter().any(|w| !w.is_finite()) {
                spoilt = Some(name.to_string());
            }
        });
        let forward = || self.model.loss(x, &mut noise, &mut Pass::Eval, epoch).total.item();
        let precision = self.settings.precision.into();
        let (_, origin) = with_precision(precision, || find_nan(forward));
        let step = self.position.images / self.settings.batch_size;
        let cause = match (spoilt, origin) {
            (Some(name), _) => format!("the step before made {name} infinite or NaN"),
            (None, Some(origin)) => origin.to_string(),
            (None, None) => "no NaN, but a sum too large for a 32-bit float".into(),
        };
        let kept = self.folder.checkpoint();
        let help = match kept.exists() {
            true => format!("try a lower lr; {} holds the last good state", kept.display()),
            false => "try a lower lr".into(),
        };
        let epoch = self.position.epoch + 1;
        Error::Diverged {
            what: format!("the loss is {loss} in epoch {epoch}, step {step}: {cause}"),
            help,
        }
    }

    /// Evaluates on the test images, writes metrics and checkpoints, and begins the next epoch.
    fn finish_epoch(&mut self) -> Result<EpochMetrics> {
        let mut test_noise = Stream::new(self.settings.seed).substream(TEST_NOISE);
        let batch = self.settings.batch_size;
        let test = mean_terms(&*self.model, &self.data.test, batch, &mut test_noise);
        let count = self.position.images as f64;
        let [train_loss, train_recon, train_kl] = self.position.sums.map(|sum| sum / count);
        if !test[0].is_finite() {
            let x = batch_of(&self.data.test, &[0]);
            return Err(self.diverged(&x, test_noise, f64::INFINITY, test[0]));
        }
        let has_kl = self.model.as_vae().is_some();
        let metrics = EpochMetrics {
            epoch: self.position.epoch + 1,
            train_loss,
            train_recon,
            train_kl: has_kl.then_some(train_kl),
            test_loss: test[0],
            recon: test[1],
            kl: has_kl.then_some(test[2]),
            lr: self.optimizer.lr(),
            seconds: self.position.seconds,
            images_per_second: count / self.position.seconds.max(1e-9),
        };
        let better = self.position.best.is_none_or(|best| test[0] < best);
        self.position = Position {
            epoch: self.position.epoch + 1,
            images: 0,
            sums: [0.0; 3],
            seconds: 0.0,
            noise: self.noise.state(),
            best: if better { Some(test[0]) } else { self.position.best },
            since_best: if better { 0 } else { self.position.since_best + 1 },
        };
        self.metrics.append(&metrics)?;
        if better {
            checkpoint::save_model(&self.folder.best(), &*self.model, self.position.epoch)?;
        }
        self.save()?;
        Ok(metrics)
    }

    fn save(&mut self) -> Result<()> {
        self.position.noise = self.noise.state();
        checkpoint::save(&self.folder, &*self.model, &*self.optimizer, &self.position)
    }
}

fn optimizer(settings: &Settings) -> Box<dyn Optimizer> {
    let (lr, decay) = (settings.lr, settings.weight_decay);
    match settings.optimizer {
        OptimizerKind::Adam => Box::new(Adam::new(lr).weight_decay(decay)),
        OptimizerKind::Adamw => Box::new(AdamW::new(lr, decay)),
        OptimizerKind::Sgd => {
            Box::new(Sgd::new(lr).momentum(settings.momentum).weight_decay(decay))
        }
    }
}

/// Images as a tensor, [indices, pixels], in [0, 1].
pub fn batch_of(split: &Split, indices: &[u32]) -> Tensor {
    Tensor::write([indices.len(), split.images.pixels_per_image()], |out| {
        split.images.batch_into(indices, out);
    })
}

/// Calls `visit` with all images in order, in batches of at most so many.
pub fn for_each_batch(
    split: &Split,
    batch: usize,
    mut visit: impl FnMut(std::ops::Range<usize>, Tensor),
) {
    let count = split.images.count;
    for start in (0..count).step_by(batch.max(1)) {
        let range = start..(start + batch.max(1)).min(count);
        let indices: Vec<u32> = range.clone().map(|i| i as u32).collect();
        visit(range, batch_of(split, &indices));
    }
}

/// Loss, reconstruction and KL per image over a whole split, without gradients.
fn mean_terms(model: &dyn Model, split: &Split, batch: usize, noise: &mut Stream) -> [f64; 3] {
    let mut sums = [0.0; 3];
    elbo_tensor::no_grad(|| {
        for_each_batch(split, batch, |range, x| {
            let terms = model.loss(&x, noise, &mut Pass::Eval, f64::INFINITY);
            sums.iter_mut().zip(terms.values()).for_each(|(sum, x)| *sum += x * range.len() as f64);
        });
    });
    sums.map(|sum| sum / split.images.count as f64)
}
