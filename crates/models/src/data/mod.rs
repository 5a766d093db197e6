//! Images that come from IDX files: found, checked, described, put in order.
//!
//! In reading order:
//!
//! - [`idx`] reads and writes the format, and believes no header;
//! - [`Images`], [`Split`] and [`Dataset`] are what was read, still bytes;
//! - [`Statistics`] are the facts that results are held against;
//! - [`order`] is the order in which an epoch sees its images;
//! - [`Source`] is what `--data` names, [`Places`] where it is looked for, [`load`] reads it;
//! - [`Published`] sets have files whose SHA-256 is known, [`fetch`] downloads them; a
//!   part of one is inside the binary, as [`Source::Sample`].
//!
//! ```
//! use elbo_models::data::{Source, load, order};
//!
//! let data = load(&Source::Sample)?;
//! let images = &data.train.images;
//! let epoch = order(7, 0, images.count);
//! let mut batch = vec![0.0; 128 * images.pixels_per_image()];
//! images.batch_into(&epoch[..128], &mut batch);
//! assert!(batch.iter().all(|x| (0.0..=1.0).contains(x)));
//! # Ok::<(), elbo_models::Error>(())
//! ```

mod dataset;
mod download;
mod folder;
pub mod idx;
mod published;
mod sample;
mod shuffle;
mod source;
mod statistics;

pub use dataset::{Dataset, Images, Split};
pub use download::{Fetched, Progress, fetch};
pub use folder::{FILE_NAMES, Files};
pub use published::{Check, Published, PublishedFile, Verdict};
pub use sample::verify_sample;
pub use shuffle::order;
pub use source::{Places, Source, load, load_from};
pub use statistics::Statistics;
