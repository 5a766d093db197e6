//! One training step of the reference VAE (784-400-20, batch 128, Adam), and its parts.
//!
//! `cargo bench --bench step`; throughput is in images. 196.8 GFLOP are an epoch of 60,000 images.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use elbo::prelude::*;

fn step(criterion: &mut Criterion) {
    const BATCH: usize = 128;
    let mut noise = Stream::new(1);
    let mut vae = Vae::new(784, &Settings::default(), &mut noise);
    let mut adam = Adam::new(1e-3);
    let x: Tensor = noise.uniform([BATCH, 784], 0.0, 1.0);

    let mut group = criterion.benchmark_group("vae 784-400-20, batch 128");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.sample_size(50);
    group.bench_function("forward", |bencher| {
        bencher.iter(|| vae.loss(&x, &mut noise, &mut Pass::Eval, 0.0).total.item());
    });
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

criterion_group!(benches, step);
criterion_main!(benches);
