//! Functions of one number, and losses, on a million elements. The time in microseconds is a thousand times that of an
//! element in nanoseconds.
//!
//! `cargo bench -p elbo-tensor --bench math` runs all of them in half a minute; a part of a name after
//! `--` picks some, such as `f32/exp`. On one thread, unless `ELBO_THREADS` says otherwise.

mod rate;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::kernels::math::{Function, map};
use elbo_tensor::{Real, Stream, no_grad};
use rate::Rate;

const N: usize = 1_000_000;

fn functions<T: Real>(criterion: &mut Criterion<Rate>) {
    let mut group = criterion.benchmark_group(T::NAME);
    group.throughput(rate::bytes::<T>(2 * N));
    let normal = Stream::new(1).normal::<T>([N]) * T::from_f64(3.0);
    let uniform = Stream::new(1).uniform::<T>([N], 0.0, 1.0);
    let mut y = vec![T::ZERO; N];
    for &function in Function::ALL {
        let x = match function {
            Function::Ln | Function::Ln1p | Function::Sqrt => &uniform,
            _ => &normal,
        };
        group.bench_function(function.name(), |bencher| {
            bencher.iter(|| map(function, x.data(), &mut y));
        });
    }
}

fn losses(criterion: &mut Criterion<Rate>) {
    let mut group = criterion.benchmark_group("f32/bce_with_logits");
    let x = Stream::new(1).normal::<f32>([N]) * 3.0;
    let t = Stream::new(1).uniform::<f32>([N], 0.0, 1.0);
    let leaf = x.requires_grad();
    group.throughput(rate::bytes::<f32>(2 * N));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| black_box(no_grad(|| x.bce_with_logits(&t))));
    });
    // Logits and targets are read in both passes, and the gradient is written.
    group.throughput(rate::bytes::<f32>(5 * N));
    group.bench_function("forward and backward", |bencher| {
        bencher.iter(|| black_box(leaf.bce_with_logits(&t).into_gradients()));
    });
}

criterion_group! {
    name = math;
    config = rate::on_one_thread();
    targets = functions<f32>, functions<f64>, losses
}
criterion_main!(math);
