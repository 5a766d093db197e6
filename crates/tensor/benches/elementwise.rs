//! What moves a million numbers and computes little: arithmetic, broadcasting, rectifiers, transposed copies.
//!
//! `cargo bench -p elbo-tensor --bench elementwise` runs all of them in some seconds; a part of a name after `--` picks
//! some, such as `add`. On one thread, unless `ELBO_THREADS` says otherwise.

mod rate;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::{Real, Stream, Tensor};
use rate::Rate;

const ROWS: usize = 1000;
const COLUMNS: usize = 1000;
const N: usize = ROWS * COLUMNS;

fn elementwise<T: Real>(criterion: &mut Criterion<Rate>) {
    let mut noise = Stream::new(1);
    let x: Tensor<T> = noise.normal([ROWS, COLUMNS]);
    let y: Tensor<T> = noise.normal([ROWS, COLUMNS]);
    let (row, column): (Tensor<T>, Tensor<T>) = (noise.normal([COLUMNS]), noise.normal([ROWS, 1]));
    let mut bench = |name: &str, numbers: usize, work: &dyn Fn() -> Tensor<T>| {
        let mut group = criterion.benchmark_group(T::NAME);
        group.throughput(rate::bytes::<T>(numbers));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
    };
    bench("add", 3 * N, &|| &x + &y);
    bench("add a row", 2 * N, &|| &x + &row);
    bench("add a column", 2 * N, &|| &x + &column);
    bench("divide", 3 * N, &|| &x / &y);
    bench("relu", 2 * N, &|| x.relu());
    bench("transpose", 2 * N, &|| x.transpose(0, 1));
}

criterion_group! {
    name = all;
    config = rate::on_one_thread();
    targets = elementwise<f32>, elementwise<f64>
}
criterion_main!(all);
