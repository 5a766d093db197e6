//! A small convolutional autoencoder of images of 28 × 28 pixels: four 3 × 3 convolutions with
//! max pooling down to 8 × 4 × 4 numbers, and four with upsampling back to logits of pixels.
//!
//! `cargo run --release --example convolutional_autoencoder [DATA] [EPOCHS]`, where DATA is `sample`
//! (inside the program), `mnist` (see `elbo data fetch mnist`), `fashion-mnist`, or a folder of IDX
//! files. At most 10,000 images are used, and the first epoch warms up.

use std::time::Instant;

use elbo::layers::{Conv2d, MaxPool2d, Sequential, Upsample, loss};
use elbo::models::batch_of;
use elbo::prelude::*;
use elbo::tensor::Pooling;

fn autoencoder(noise: &mut Stream) -> Sequential {
    let pool = MaxPool2d(Pooling { ceil_mode: true, ..Pooling::new(2) });
    let mut conv = |inputs, outputs, padding| Conv2d::new(inputs, outputs, 3, padding, noise);
    let down = |model: Sequential, conv| model.then(conv).then(Activation::Relu).then(pool);
    let up = |model: Sequential, conv| {
        model.then(conv).then(Activation::Relu).then(Upsample::Nearest(2))
    };
    let mut model = Sequential::new();
    model = down(model, conv(1, 16, 1)); // 28 → 14
    model = down(model, conv(16, 8, 1)); // 7
    model = down(model, conv(8, 8, 1)); // 4
    model = up(model, conv(8, 8, 1)); // 8
    model = up(model, conv(8, 8, 1)); // 16
    model = up(model, conv(8, 16, 0)); // 14 → 28
    model.then(conv(16, 1, 1))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let source: data::Source = args.next().as_deref().unwrap_or("sample").parse()?;
    let epochs: u64 = args.next().as_deref().unwrap_or("10").parse()?;
    let data = data::load(&source)?;
    let seed = Settings::default().seed;
    let mut model = autoencoder(&mut Stream::new(seed));
    let mut adam = Adam::new(1e-3);

    for epoch in 0..epochs {
        let (start, mut sum, mut images) = (Instant::now(), 0.0, 0);
        let order = data::order(seed, epoch, data.train.images.count);
        for indices in order[..order.len().min(10_000)].chunks(128) {
            let x = batch_of(&data.train, indices).reshape([indices.len(), 1, 28, 28]);
            let logits = model.forward(&x, &mut Pass::Eval);
            let flat = |t: &Tensor| t.reshape([indices.len(), 784]);
            let loss = loss::bce_with_logits(&flat(&logits), &flat(&x), Reduction::PerSample);
            sum += loss.item() * indices.len() as f32;
            images += indices.len();
            adam.step(&mut model, &loss.into_gradients());
        }
        let (loss, seconds) = (sum / images as f32, start.elapsed().as_secs_f64());
        let per_10k = seconds * 1e4 / images as f64;
        println!("epoch {:>2}: {loss:.2} nats/image, {per_10k:.3} s per 10,000 images", epoch + 1);
    }
    Ok(())
}
