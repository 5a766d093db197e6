//! A linear autoencoder finds the plane of the principal components, by gradient descent alone
//! (Baldi & Hornik 1989): same error, same subspace, other axes in it.
//!
//! `cargo run --release --example pca_and_linear_autoencoder [DATA] [EPOCHS]`

use elbo::models::{Reconstruction, RunFolder, largest_principal_angle};
use elbo::prelude::*;
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let source: data::Source = args.next().as_deref().unwrap_or("sample").parse()?;
    let epochs: u64 = args.next().as_deref().unwrap_or("300").parse()?;
    let data = data::load(&source)?;
    let k = 8;

    let pca = Pca::<f32>::fit(&data.train.images, k)?;
    let best = pca.mse_per_pixel(&data.train.images);
    println!("PCA, k = {k}:          train MSE/px {best:.6}");

    let settings = Settings {
        model: ModelKind::Autoencoder,
        latent: k,
        hidden: vec![],
        output: Activation::Identity,
        loss: Reconstruction::Mse,
        epochs,
        lr: 3e-3,
        schedule: Schedule::Cosine { epochs: epochs as f64, floor: 0.0 },
        ..Settings::default()
    };
    let folder = RunFolder::scratch("example-linear-autoencoder")?;
    let mut trainer = Trainer::new(settings, &data, folder.path())?;
    trainer.run(&AtomicBool::new(false), |_| ())?;
    let mse = evaluate::reconstruction(trainer.model(), &data.train, 250).mse;
    println!("linear autoencoder:    train MSE/px {mse:.6} ({:+.2} %)", 100.0 * (mse / best - 1.0));

    // The decoder's weight is [k, pixels] in memory: its rows span what it can draw.
    let mut decoder = None;
    trainer.model().visit("", &mut |name, parameter| {
        if name == "decoder.0.weight" {
            decoder = Some(parameter.tensor().cast());
        }
    });
    let decoder = decoder.expect("a linear decoder has one weight");
    let angle = largest_principal_angle(&decoder, &pca.components().cast());
    println!("largest principal angle between the two subspaces: {:.2}°", angle.to_degrees());
    Ok(())
}
