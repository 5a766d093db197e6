//! A variational autoencoder, trained by a loop that you can read: 784-400-20, Adam, batch 128.
//!
//! `cargo run --release --example vae [DATA] [EPOCHS]`, where DATA is `sample` (inside the program),
//! `mnist` (see `elbo data fetch mnist`), `fashion-mnist`, or a folder of IDX files.

use elbo::models::{RunFolder, batch_of};
use elbo::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let source: data::Source = args.next().as_deref().unwrap_or("sample").parse()?;
    let epochs: u64 = args.next().as_deref().unwrap_or("10").parse()?;
    let data = data::load(&source)?;
    let settings = Settings::default();

    let root = Stream::new(settings.seed);
    let pixels = data.train.images.pixels_per_image();
    let mut vae = Vae::new(pixels, &settings, &mut root.substream(1));
    let mut noise = root.substream(2);
    let mut adam = Adam::new(1e-3);

    for epoch in 0..epochs {
        let mut sum = 0.0;
        let order = data::order(settings.seed, epoch, data.train.images.count);
        for indices in order.chunks(128) {
            let x = batch_of(&data.train, indices);
            let q = vae.posterior(&x, &mut Pass::Eval);
            let z = q.rsample(&mut noise);
            let log_likelihood = vae.log_likelihood(&x, &z, &mut Pass::Eval);
            let loss = (q.kl_standard() - log_likelihood).mean(); // -ELBO, nats per image
            sum += loss.item() * indices.len() as f32;
            adam.step(&mut vae, &loss.into_gradients());
        }
        let test = evaluate::bound(&vae, &data.test, 250, &mut root.substream(3));
        let train = sum / data.train.images.count as f32;
        println!("epoch {:>2}: train {train:.2}, test {:.2} nats/image", epoch + 1, -test.elbo);
    }

    let folder = RunFolder::scratch("example-vae")?;
    gallery::samples(&folder, &vae, &data, 64, 1)?;
    gallery::reconstructions(&folder, &vae, &data, 10)?;
    println!("pictures: {}", folder.path().display());
    Ok(())
}
