//! A real data set inside the binary, so that everything can be tried at once and offline.
//!
//! It is cut from Fashion-MNIST, copyright 2017 Zalando SE, MIT licence; the licence and what was
//! cut stand in `assets/sample/NOTICE`. `examples/cut_sample.rs` makes the files.

use std::path::Path;

use super::dataset::labels_from_idx;
use super::folder::FILE_NAMES;
use super::published::{Check, Verdict, sha256};
use super::{Dataset, Images, Split, idx};
use crate::Result;

/// One gzipped file, and the SHA-256 of what is in it.
struct Asset {
    packed: &'static [u8],
    sha256: &'static str,
}

macro_rules! asset {
    ($name:literal, $sha256:literal) => {
        Asset {
            packed: include_bytes!(concat!("../../assets/sample/", $name, ".gz")),
            sha256: $sha256,
        }
    };
}

/// In the order of [`FILE_NAMES`].
static ASSETS: [Asset; 4] = [
    asset!(
        "train-images-idx3-ubyte",
        "79d623aea6e7cb0a26f39b67b8f6ab9a128a528d86fb83ae6a2dadd855d235f7"
    ),
    asset!(
        "train-labels-idx1-ubyte",
        "772372ea466aaed0dd35563ab81842183d895343685c455be5aa62268fc52044"
    ),
    asset!(
        "t10k-images-idx3-ubyte",
        "7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef"
    ),
    asset!(
        "t10k-labels-idx1-ubyte",
        "3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909"
    ),
];

/// The first 400 training and 100 test images of each class of Fashion-MNIST, in their order.
///
/// 4,000 and 1,000 images of 28x28 pixels, with labels.
pub(super) fn dataset() -> Dataset {
    read().expect("the sample was whole when it was compiled in")
}

fn read() -> Result<Dataset> {
    let array = |i: usize| idx::read_from(ASSETS[i].packed, Path::new(FILE_NAMES[i]));
    let split = |images: usize, labels: usize| {
        let images = Images::from_idx(array(images)?, Path::new(FILE_NAMES[images]))?;
        let place = Path::new(FILE_NAMES[labels]);
        let labels = labels_from_idx(array(labels)?, images.count, place)?;
        Ok(Split { images, labels: Some(labels) })
    };
    Dataset::new("sample", split(0, 1)?, split(2, 3)?, Path::new("sample"))
}

/// Compares the sample with the SHA-256 of the files that it was made from.
pub fn verify_sample() -> Vec<Check> {
    let check = |(asset, name): (&Asset, &str)| {
        let mut unpacked = Vec::new();
        let verdict = match idx::read_from(asset.packed, Path::new(name))
            .map(|array| idx::write_to(&mut unpacked, &array))
        {
            Ok(_) if sha256(&unpacked) == asset.sha256 => Verdict::Match,
            Ok(_) => Verdict::Mismatch { found: sha256(&unpacked) },
            Err(error) => Verdict::Damaged(error.to_string()),
        };
        Check { name: name.into(), path: None, verdict }
    };
    ASSETS.iter().zip(FILE_NAMES).map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_every_class_equally_often() {
        let data = dataset();
        for (split, each) in [(&data.train, 400), (&data.test, 100)] {
            assert_eq!(split.images.pixels.len(), 10 * each * 28 * 28);
            assert_eq!((split.images.rows, split.images.cols), (28, 28));
            let mut counts = [0; 10];
            split.labels.iter().flatten().for_each(|&label| counts[usize::from(label)] += 1);
            assert_eq!(counts, [each; 10]);
        }
    }

    #[test]
    fn it_is_the_cut_of_the_published_files() {
        for check in verify_sample() {
            assert_eq!(check.verdict, Verdict::Match, "{}", check.name);
        }
    }

    #[test]
    fn it_stays_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.packed.len()).sum();
        assert!(bytes < 2_500_000, "{bytes} bytes in the binary");
    }
}
