//! A VAE with two latent units, so that all that it knows can be seen on one page.
//!
//! `cargo run --release --example latent_plane [DATA] [EPOCHS]`

use elbo::models::RunFolder;
use elbo::prelude::*;
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let source: data::Source = args.next().as_deref().unwrap_or("sample").parse()?;
    let epochs: u64 = args.next().as_deref().unwrap_or("30").parse()?;
    let data = data::load(&source)?;

    // Two hidden layers: a plane is a narrow place for ten classes.
    let settings = Settings { latent: 2, hidden: vec![512, 256], epochs, ..Settings::default() };
    let folder = RunFolder::scratch("example-latent-plane")?;
    let mut trainer = Trainer::new(settings, &data, folder.path())?;
    trainer.run(&AtomicBool::new(false), |epoch| {
        println!("epoch {:>2}: test {:.2} nats/image", epoch.epoch, epoch.test_loss);
    })?;

    // manifold.png: what each point of the plane decodes to, through the quantiles of the prior.
    // codes.png: where the test images lie, coloured by class.
    for picture in gallery::draw(&folder, &folder.load(false)?, &data, 1)? {
        println!("{}", picture.display());
    }
    Ok(())
}
