//! Products of matrices.
//!
//! `cargo bench -p elbo-tensor --bench gemm` runs all shapes in half a minute; a part of a name
//! after `--` picks some, such as `f32/128x784x400`. The shapes are those of training on pictures of
//! 784 pixels, of Gram matrices, and cubes. On one thread, unless `ELBO_THREADS` says otherwise;
//! `benches/peers/run gemm` has them beside other libraries.

mod rate;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::Real;
use elbo_tensor::kernels::gemm::{Matrix, gemm};
use rate::Rate;

/// Sizes m, k, n, and whether A and B are stored transposed.
const SHAPES: [(usize, usize, usize, bool, bool); 13] = [
    (128, 784, 400, false, false),
    (128, 400, 784, false, false),
    (128, 400, 40, false, false),
    (128, 20, 400, false, false),
    (784, 128, 400, true, false),
    (400, 128, 784, true, false),
    (128, 784, 400, false, true),
    (512, 784, 512, false, false),
    (784, 1000, 784, true, false),
    (64, 64, 64, false, false),
    (256, 256, 256, false, false),
    (512, 512, 512, false, false),
    (1024, 1024, 1024, false, false),
];

fn shapes<T: Real>(criterion: &mut Criterion<Rate>) {
    let mut group = criterion.benchmark_group(T::NAME);
    for (m, k, n, ta, tb) in SHAPES {
        let number = |i: usize| T::from_f64((i * 7919 % 1013) as f64 / 506.5 - 1.0);
        let a: Vec<T> = (0..m * k).map(number).collect();
        let b: Vec<T> = (0..k * n).map(number).collect();
        let mut c = vec![T::ZERO; m * n];
        let matrix = |data, rows, columns, transposed| match transposed {
            true => Matrix::new(data, columns, rows).transpose(),
            false => Matrix::new(data, rows, columns),
        };
        let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
        let letter = |transposed| if transposed { 'T' } else { 'N' };
        group.throughput(rate::flop(2 * m * k * n));
        group.bench_function(format!("{m}x{k}x{n} {}{}", letter(ta), letter(tb)), |bencher| {
            bencher.iter(|| gemm(a, b, false, &mut c));
        });
    }
}

criterion_group! { name = gemms; config = rate::on_one_thread(); targets = shapes<f32>, shapes<f64> }
criterion_main!(gemms);
