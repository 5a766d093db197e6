//! Sums, maxima, logarithms of sums of exponentials and softmax of a thousand rows of a thousand numbers, and of a hundred thousand rows of ten.
//!
//! `cargo bench -p elbo-tensor --bench reduce` runs all of them in some seconds; a part of a name after `--` picks some,
//! such as `columns`. On one thread, unless `ELBO_THREADS` says otherwise.

mod rate;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::{Real, Stream, Tensor};
use rate::Rate;

const ROWS: usize = 1000;
const COLUMNS: usize = 1000;

fn reductions<T: Real>(criterion: &mut Criterion<Rate>) {
    let x: Tensor<T> = Stream::new(1).normal([ROWS, COLUMNS]);
    let mut bench = |name: &str, work: &dyn Fn() -> Tensor<T>| {
        let mut group = criterion.benchmark_group(T::NAME);
        group.throughput(rate::bytes::<T>(x.count()));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
    };
    bench("sum", &|| x.sum());
    bench("sum of rows", &|| x.sum_axes(1, false));
    bench("sum of columns", &|| x.sum_axes(0, false));
    bench("max", &|| x.max());
    bench("max of rows", &|| x.max_axes(1, false));
    bench("log_sum_exp of rows", &|| x.log_sum_exp(1, false));
    bench("softmax of rows", &|| x.softmax(1));
    let short = x.reshape([100 * ROWS, COLUMNS / 100]);
    bench("sum of rows of ten", &|| short.sum_axes(1, false));
    bench("log_sum_exp of rows of ten", &|| short.log_sum_exp(1, false));
    bench("softmax of rows of ten", &|| short.softmax(1));
}

criterion_group! {
    name = all;
    config = rate::on_one_thread();
    targets = reductions<f32>, reductions<f64>
}
criterion_main!(all);
