//! Functions of one number, losses, reductions and noise on a million elements. The time in microseconds
//! is a thousand times that of an element in nanoseconds; the throughput is that of memory.
//!
//! `cargo bench -p elbo-tensor --bench math` runs all of them in half a minute; a part of a name after
//! `--` picks some, such as `f32/exp`. On one thread, unless `ELBO_THREADS` says otherwise.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use elbo_tensor::kernels::math::{Function, map};
use elbo_tensor::kernels::threads;
use elbo_tensor::{Real, Stream, Tensor, no_grad};

const N: usize = 1_000_000;

fn functions<T: Real>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(T::NAME);
    group.throughput(Throughput::Bytes(2 * (N * size_of::<T>()) as u64));
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

fn operations(criterion: &mut Criterion) {
    let x = Stream::new(1).normal::<f32>([N]) * 3.0;
    let t = Stream::new(1).uniform::<f32>([N], 0.0, 1.0);
    let leaf = x.requires_grad();
    let mut bench = |name: &str, arrays: usize, work: &mut dyn FnMut() -> Tensor| {
        let mut group = criterion.benchmark_group("f32");
        group.throughput(Throughput::Bytes((arrays * N * size_of::<f32>()) as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
    };
    bench("relu", 2, &mut || x.relu());
    bench("add", 3, &mut || &x + &t);
    bench("sum", 1, &mut || x.sum());
    bench("bce_with_logits", 2, &mut || no_grad(|| x.bce_with_logits(&t)));
    bench("bce_with_logits and gradient", 5, &mut || {
        leaf.bce_with_logits(&t).backward()[&leaf].clone()
    });
    let mut noise = Stream::new(1);
    bench("normal", 1, &mut || noise.normal([N]));
    bench("uniform", 1, &mut || noise.uniform([N], 0.0, 1.0));
    bench("bernoulli", 2, &mut || noise.bernoulli(&t));
}

fn short() -> Criterion {
    if std::env::var_os("ELBO_THREADS").is_none() {
        threads::set(1);
    }
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! { name = math; config = short(); targets = functions<f32>, operations, functions<f64> }
criterion_main!(math);
