//! One training step of the reference VAE (784-400-20, batch 128, Adam), and its parts.
//!
//! `cargo bench --bench step`; on all threads, unless `ELBO_THREADS` says otherwise. The operations are those of its products.

#[path = "../crates/tensor/benches/rate/mod.rs"]
mod rate;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo::prelude::*;
use rate::Rate;

const BATCH: usize = 128;

/// Multiply-adds of the value for one image; the gradients of the weights take as many, and those of the inputs as many
/// without the first layer's.
const FIRST: usize = 784 * 400;
const OTHERS: usize = 400 * 40 + 20 * 400 + 400 * 784;

fn step(criterion: &mut Criterion<Rate>) {
    let mut noise = Stream::new(1);
    let mut vae = Vae::new(784, &Settings::default(), &mut noise);
    let mut adam = Adam::new(1e-3);
    let x: Tensor = noise.uniform([BATCH, 784], 0.0, 1.0);

    let mut group = criterion.benchmark_group("vae 784-400-20, batch 128");
    group.throughput(rate::flop(2 * BATCH * (FIRST + OTHERS)));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0).total.item());
    });
    group.throughput(rate::flop(2 * BATCH * (2 * FIRST + 3 * OTHERS)));
    group.bench_function("forward and backward", |bencher| {
        bencher.iter(|| vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0).into_gradients());
    });
    group.bench_function("step", |bencher| {
        bencher.iter(|| {
            let terms = vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0);
            adam.step(&mut vae, &terms.into_gradients());
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Rate).sample_size(50);
    targets = step
}
criterion_main!(benches);
