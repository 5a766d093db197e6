//! Whole training steps of a VAE 784-H-20: forward, backward, Adam.

use elbo::bench::{Work, time};
use elbo::prelude::*;

use super::Row;

const PIXELS: usize = 784;
const LATENT: usize = 20;

pub(super) fn measure(quick: bool, report: &mut impl FnMut(Row)) {
    let batches: &[usize] = if quick { &[128] } else { &[32, 128, 512, 4096] };
    for &batch in batches {
        report(step("step, MNIST-like", batch, 400, 0.19));
    }
    report(step("step, no zeros", 128, 400, 1.0));
    let hidden: &[usize] = if quick { &[] } else { &[100, 200, 800, 1600, 3200] };
    for &hidden in hidden {
        report(step("step, MNIST-like", 128, hidden, 0.19));
    }
}

/// A share of `density` of the pixels is not zero; of MNIST's it is 0.19.
fn step(work: &'static str, batch: usize, hidden: usize, density: f64) -> Row {
    let mut noise = Stream::new(1);
    let settings = Settings { hidden: vec![hidden], latent: LATENT, ..Settings::default() };
    let mut vae = Vae::new(PIXELS, &settings, &mut noise);
    let mut adam = Adam::new(1e-3);
    let ink: Tensor = noise.uniform([batch, PIXELS], 0.01, 1.0);
    let x = ink * noise.bernoulli(&Tensor::full([batch, PIXELS], density as f32));
    let timing = time(|| {
        let loss = vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0).total;
        adam.step(&mut vae, &loss.into_gradients());
    });
    // Products only, each for the value, the weights and, but for the images, the inputs.
    let first = (PIXELS * hidden) as f64;
    let others = (hidden * 2 * LATENT + LATENT * hidden + hidden * PIXELS) as f64;
    let parameters = first + others;
    Row {
        family: "step",
        work,
        shape: format!("784-{hidden}-20, batch {batch}"),
        amount: Work {
            flop: 2.0 * batch as f64 * (2.0 * first + 3.0 * others),
            // Weights and both moments are read and written, the images read.
            bytes: 4.0 * (6.0 * parameters + (batch * PIXELS) as f64),
            double: false,
        },
        timing,
    }
}
