//! Our product beside that of the `matrixmultiply` crate.
//!
//! `cargo bench -p elbo-tensor --bench gemm` runs all shapes in about a minute; a part of a name
//! after `--` picks some, such as `f32/128x784x400`. The shapes are those of training on pictures of
//! 784 pixels, of Gram matrices, and cubes. Both sides run on one thread, since the crate knows no
//! more; `ELBO_THREADS=2` gives ours two.

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

/// The crate's function, in this order: m, k, n, α, A and its steps, B and its steps, β, C and its.
type Theirs<T> = unsafe fn(
    usize,
    usize,
    usize,
    T,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    *mut T,
    isize,
    isize,
);

fn shapes<T: Real>(criterion: &mut Criterion<Rate>, theirs: Theirs<T>) {
    for (m, k, n, ta, tb) in SHAPES {
        let letter = |transposed| if transposed { 'T' } else { 'N' };
        let name = format!("{}/{m}x{k}x{n} {}{}", T::NAME, letter(ta), letter(tb));
        let number = |i: usize| T::from_f64((i * 7919 % 1013) as f64 / 506.5 - 1.0);
        let a: Vec<T> = (0..m * k).map(number).collect();
        let b: Vec<T> = (0..k * n).map(number).collect();
        let mut c = vec![T::ZERO; m * n];
        let mut group = criterion.benchmark_group(name);
        group.throughput(rate::flop(2 * m * k * n));
        group.bench_function("ours", |bencher| {
            let matrix = |data, rows, columns, transposed| match transposed {
                true => Matrix::new(data, columns, rows).transpose(),
                false => Matrix::new(data, rows, columns),
            };
            let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
            bencher.iter(|| gemm(a, b, false, &mut c));
        });
        group.bench_function("matrixmultiply", |bencher| {
            let steps = |rows: usize, columns: usize, transposed| match transposed {
                true => (1, rows as isize),
                false => (columns as isize, 1),
            };
            let ((ar, ac), (br, bc)) = (steps(m, k, ta), steps(k, n, tb));
            let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
            let (zero, one) = (T::ZERO, T::ONE);
            // SAFETY: A, B and C have as many numbers as these sizes and steps reach.
            bencher.iter(|| unsafe {
                theirs(m, k, n, one, a, ar, ac, b, br, bc, zero, c, n as isize, 1);
            });
        });
    }
}

fn single(criterion: &mut Criterion<Rate>) {
    shapes::<f32>(criterion, matrixmultiply::sgemm);
}

fn double(criterion: &mut Criterion<Rate>) {
    shapes::<f64>(criterion, matrixmultiply::dgemm);
}

criterion_group! { name = gemms; config = rate::on_one_thread(); targets = single, double }
criterion_main!(gemms);
