//! The published MNIST files, held against facts that were computed elsewhere.
//!
//! A wrong byte order, a lost image or a wrong logarithm shows here before any model is trained.
//! The four files are looked for where `--data mnist` finds them; `$ELBO_DATA` may name the folder.

use elbo_models::data::{Dataset, Source, Statistics, load};

fn mnist() -> Dataset {
    load(&Source::Mnist).unwrap_or_else(|error| panic!("{error}"))
}

/// A quantity, how it is read, and its values on the training and the test images.
///
/// They are text because their number of digits is part of what is stated.
type Fact = (&'static str, fn(&Statistics) -> f64, [&'static str; 2]);

const FACTS: [Fact; 12] = [
    ("mean pixel", |s| s.mean, ["0.130660476", "0.132514606"]),
    ("std pixel", |s| s.std, ["0.308107804", "0.310480248"]),
    ("E[x^2] per px", |s| s.mean_square, ["0.112002579", "0.113958105"]),
    ("share of non-zero pixels", |s| s.nonzero_share, ["0.191202", "0.192758"]),
    ("share of pixels > 127", |s| s.bright_share, ["0.132258", "0.134229"]),
    ("pixels that are 0 in every image", |s| s.always_zero as f64, ["67", "116"]),
    ("total variance", |s| s.total_variance, ["52.72503550", "52.84824867"]),
    ("MSE/px of the mean image", |s| s.mean_image_mse_per_px, ["0.067251321", "0.067408480"]),
    ("BCE/img of the mean image", |s| s.mean_image_bce_per_img, ["206.02748", "205.65051"]),
    ("BCE/px of the mean image", |s| s.mean_image_bce_per_px, ["0.262790", "0.262309"]),
    ("BCE floor per px", |s| s.bce_floor_per_px, ["0.058363268", "0.058079701"]),
    ("BCE floor per img", |s| s.bce_floor_per_img, ["45.756802", "45.534486"]),
];

#[test]
fn every_published_fact_holds_to_its_last_digit() {
    let data = mnist();
    for (column, split, count) in [(0, &data.train, 60_000), (1, &data.test, 10_000)] {
        let images = &split.images;
        assert_eq!((images.count, images.rows, images.cols), (count, 28, 28));
        // The size of the one vector that holds them: nothing was allocated beyond it.
        assert_eq!(images.pixels.capacity(), count * 784);
        let statistics = images.statistics();
        for (name, read, values) in FACTS {
            let digits = values[column].split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let found = format!("{:.digits$}", read(&statistics));
            assert_eq!(found, values[column], "{name}, {count} images");
        }
    }
}

#[test]
fn labels_stand_beside_their_images() {
    let data = mnist();
    // The first ten labels of each file, as shown wherever MNIST is introduced.
    assert_eq!(data.train.labels.unwrap()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(data.test.labels.unwrap()[..10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
}
