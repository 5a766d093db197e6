//! A million random numbers, and samples of a Gaussian by the reparameterization trick.
//!
//! `cargo bench -p elbo-tensor --bench noise` runs all of them in some seconds; a part of a name after `--` picks some,
//! such as `normal`. On one thread, unless `ELBO_THREADS` says otherwise.

mod rate;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::{Real, Stream, Tensor};
use rate::Rate;

const N: usize = 1_000_000;

fn noise<T: Real>(criterion: &mut Criterion<Rate>) {
    let mut stream = Stream::new(1);
    let p: Tensor<T> = stream.uniform([N], 0.0, 1.0);
    let (mean, log_variance): (Tensor<T>, Tensor<T>) = (stream.normal([N]), stream.normal([N]));
    let mut bench = |name: &str, numbers: usize, work: &mut dyn FnMut() -> Tensor<T>| {
        let mut group = criterion.benchmark_group(T::NAME);
        group.throughput(rate::bytes::<T>(numbers));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
    };
    bench("uniform", N, &mut || stream.uniform([N], 0.0, 1.0));
    bench("normal", N, &mut || stream.normal([N]));
    bench("bernoulli", 2 * N, &mut || stream.bernoulli(&p));
    let eps = stream.normal([N]);
    bench("reparameterize", 4 * N, &mut || Tensor::reparameterize(&mean, &log_variance, &eps));
}

criterion_group! {
    name = all;
    config = rate::on_one_thread();
    targets = noise<f32>, noise<f64>
}
criterion_main!(all);
