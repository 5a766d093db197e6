//! Whole training steps of a VAE 784-H-20: forward, backward, Adam.

use elbo::bench::{Kind, Timing, Work, time};
use elbo::prelude::*;
use elbo_tensor::kernels::threads;
use elbo_tensor::with_precision;
use serde::Serialize;

use super::Row;

/// Layer sizes and batch of a VAE.
#[derive(Clone, Copy)]
struct Sizes {
    pixels: usize,
    hidden: usize,
    latent: usize,
    batch: usize,
}

/// The VAE that everything is compared with.
const REFERENCE: Sizes = Sizes { pixels: 784, hidden: 400, latent: 20, batch: 128 };

/// The share of MNIST's pixels that are not zero.
const MNIST: f64 = 0.19;

/// How it scales: with the batch, with the size of the layers, and with threads.
pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    let (batches, hidden): (&[_], &[_]) = match quick {
        true => (&[128], &[]),
        false => (&[32, 128, 512, 2048, 4096], &[100, 200, 800, 1600, 3200]),
    };
    for &batch in batches {
        report(row("step, MNIST-like", Sizes { batch, ..REFERENCE }, MNIST, Kind::F32));
    }
    report(row("step, no zeros", REFERENCE, 1.0, Kind::F32));
    for &hidden in hidden {
        report(row("step, MNIST-like", Sizes { hidden, ..REFERENCE }, MNIST, Kind::F32));
    }
    for &batch in batches {
        report(row("step, bf16", Sizes { batch, ..REFERENCE }, MNIST, Kind::Bf16));
    }
}

fn row(work: &'static str, sizes: Sizes, density: f64, kind: Kind) -> Row {
    let Sizes { pixels, hidden, latent, batch } = sizes;
    let step = || with_precision(kind.precision(), || step(sizes, density));
    let timing = step();
    let alone = (threads::count() > 1).then(|| threads::with(1, step));
    // Products only, each for the value, the weights and, but for the images, the inputs.
    let first = (pixels * hidden) as f64;
    let others = (hidden * 2 * latent + latent * hidden + hidden * pixels) as f64;
    let parameters = first + others;
    let amount = Work {
        flop: 2.0 * batch as f64 * (2.0 * first + 3.0 * others),
        // Weights and both moments are read and written, the images read.
        bytes: 4.0 * (6.0 * parameters + (batch * pixels) as f64),
        kind,
    };
    let shape = format!("{pixels}-{hidden}-{latent}, batch {batch}");
    Row { images: Some(batch), alone, ..Row::new("step", work, shape, amount, timing) }
}

/// A share of `density` of the pixels is not zero.
fn step(sizes: Sizes, density: f64) -> Timing {
    let (mut vae, mut noise) = vae(sizes);
    let mut adam = Adam::new(1e-3);
    let shape = [sizes.batch, sizes.pixels];
    let ink: Tensor = noise.uniform(shape, 0.01, 1.0);
    let x = ink * noise.bernoulli(&Tensor::full(shape, density as f32));
    time(|| {
        let loss = vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0).total;
        adam.step(&mut vae, &loss.into_gradients());
    })
}

fn vae(Sizes { pixels, hidden, latent, .. }: Sizes) -> (Vae, Stream) {
    let mut noise = Stream::new(1);
    let settings = Settings { hidden: vec![hidden], latent, ..Settings::default() };
    (Vae::new(pixels, &settings, &mut noise), noise)
}

/// What a step costs beyond its kernels.
#[derive(Serialize)]
pub(super) struct Overhead {
    /// Nodes of the graph of one step, leaves included.
    pub(super) nodes: usize,
    /// Seconds of the graph alone.
    pub(super) seconds: f64,
    /// Of a step of the reference VAE 784-400-20 with a batch of 128.
    pub(super) share: f64,
}

/// Measures what recording the graph, walking it backwards, buffers and the loop over parameters cost.
///
/// The same step is timed on a VAE 1-1-1 with a batch of one image: it records the same nodes and calls the
/// same kernels, each on a number or two, so that next to nothing of its time is arithmetic. That time, which
/// still holds the calls of the kernels, is set against the step of the reference VAE.
pub(super) fn overhead() -> Overhead {
    let tiny = Sizes { pixels: 1, hidden: 1, latent: 1, batch: 1 };
    let (vae, mut noise) = vae(tiny);
    let loss = vae.loss(&Tensor::ones([1, 1]), &mut noise, &mut Pass::Eval, 0.0).total;
    let seconds = step(tiny, 1.0).median;
    let share = seconds / step(REFERENCE, MNIST).median;
    Overhead { nodes: loss.graph().len(), seconds, share }
}
