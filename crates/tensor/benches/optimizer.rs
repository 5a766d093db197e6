//! A step of Adam and of gradient descent with momentum, for the weights of a layer 784-400.
//!
//! `cargo bench -p elbo-tensor --bench optimizer` runs all of them in some seconds. On one thread, unless `ELBO_THREADS`
//! says otherwise.

mod rate;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::kernels::optimizer::{Adam, Gradient, Sgd, adam, sgd};
use elbo_tensor::{Real, Stream, Tensor};
use rate::Rate;

const N: usize = 784 * 400;

fn steps<T: Real>(criterion: &mut Criterion<Rate>) {
    let mut group = criterion.benchmark_group(T::NAME);
    let mut noise = Stream::new(1);
    let mut w = noise.normal::<T>([N]).data().to_vec();
    let gradient: Tensor<T> = noise.normal([N]);
    let (mut first, mut second) = (vec![T::ZERO; N], vec![T::ZERO; N]);
    let [rate, momentum, beta2, eps] = [1e-3, 0.9, 0.999, 1e-8].map(T::from_f64);
    let step = Adam {
        rate,
        scale: T::ONE,
        beta1: momentum,
        beta2,
        eps,
        l2: T::ZERO,
        decay: T::ONE,
        gradient_scale: T::ONE,
    };
    // Weights and moments are read and written, the gradient is read.
    group.throughput(rate::bytes::<T>(7 * N));
    group.bench_function("adam", |bencher| {
        bencher.iter(|| {
            let g = Gradient::Numbers(gradient.data());
            adam(step, [(g, [&mut w[..], &mut first, &mut second])]);
        });
    });
    let step = Sgd { rate, momentum, l2: T::ZERO, gradient_scale: T::ONE };
    group.throughput(rate::bytes::<T>(5 * N));
    group.bench_function("sgd", |bencher| {
        bencher.iter(|| {
            let g = Gradient::Numbers(gradient.data());
            sgd(step, [(g, [&mut w[..], &mut first])]);
        });
    });
}

criterion_group! { name = all; config = rate::on_one_thread(); targets = steps<f32>, steps<f64> }
criterion_main!(all);
