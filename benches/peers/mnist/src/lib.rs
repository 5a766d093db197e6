//! What the programs that train have in common: images, batches, the clock, and the JSON that they print;
//! `python/mnist.py` says the same.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

pub const PIXELS: usize = 784;

/// Trains a new model for each batch size, as the arguments `DATA EPOCHS BATCH...` say.
///
/// `new` makes a model, and what it returns takes one step on the pixels of one batch and returns the
/// loss per image. Timed is all that an epoch needs: the shuffle, copying the images of each batch, the steps,
/// reading the losses. The first epoch warms up; a last batch that is not full is left out.
pub fn train<S: FnMut(Vec<f32>) -> f32>(new: impl Fn() -> S) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [data, epochs, batches @ ..] = &args[..] else { panic!("usage: DATA EPOCHS BATCH...") };
    let epochs: usize = epochs.parse().expect("a number of epochs");
    let images = images(&Path::new(data).join("train-images-idx3-ubyte.gz"));
    let (mut figures, mut curves) = (Vec::new(), Vec::new());
    for batch in batches {
        let size = batch.parse().expect("a batch size");
        let mut step = new();
        let mut random = fastrand::Rng::with_seed(1);
        let (mut seconds, losses): (Vec<f64>, Vec<f64>) =
            (0..epochs).map(|_| epoch(&images, size, &mut random, &mut step)).unzip();
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        figures.push(format!("\"batch {batch}\": {}", seconds[seconds.len() / 2]));
        curves.push(format!("\"batch {batch}\": {losses:?}"));
    }
    println!("{{\"figures\": {{{}}}, \"losses\": {{{}}}}}", figures.join(", "), curves.join(", "));
}

/// Seconds for as many images as there are, and the mean loss.
fn epoch(
    images: &[f32],
    batch: usize,
    random: &mut fastrand::Rng,
    step: &mut impl FnMut(Vec<f32>) -> f32,
) -> (f64, f64) {
    let start = Instant::now();
    let mut order: Vec<usize> = (0..images.len() / PIXELS).collect();
    random.shuffle(&mut order);
    let (mut sum, mut steps) = (0.0, 0.0);
    for rows in order.chunks_exact(batch) {
        let pixels = rows.iter().flat_map(|&row| &images[row * PIXELS..][..PIXELS]).copied();
        sum += f64::from(step(pixels.collect()));
        steps += 1.0;
    }
    let whole = order.len() as f64 / (steps * batch as f64);
    (start.elapsed().as_secs_f64() * whole, sum / steps)
}

/// All pixels, in [0, 1].
fn images(path: &Path) -> Vec<f32> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    bytes[16..].iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
}
