//! Convolution, pooling and upsampling of batches of 128 images, in multiply-adds counted twice: read
//! "Gelem/s" as GFLOP/s. Pooling and upsampling only move numbers: their throughput is that of memory.
//!
//! `cargo bench -p elbo-tensor --bench conv` runs all of them in half a minute; a part of a name after
//! `--` picks some, such as `weight`. The layers are those of a small autoencoder of 28 × 28 images. On one
//! thread, unless `ELBO_THREADS` says otherwise.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use elbo_tensor::kernels::threads;
use elbo_tensor::{Convolution, Pooling, Stream, Tensor, vjp};

const BATCH: usize = 128;
const KERNEL: usize = 3;

/// Input channels, output channels, side of the image, padding.
const LAYERS: [(usize, usize, usize, usize); 6] =
    [(1, 16, 28, 1), (16, 8, 14, 1), (8, 8, 7, 1), (8, 8, 8, 1), (8, 16, 16, 0), (16, 1, 28, 1)];

fn convolution(criterion: &mut Criterion) {
    for (inputs, outputs, side, padding) in LAYERS {
        let mut noise = Stream::new(1);
        let x: Tensor = noise.normal([BATCH, inputs, side, side]);
        let w = noise.normal([outputs, inputs, KERNEL, KERNEL]);
        let convolution = Convolution { padding: [padding; 2], ..Convolution::default() };
        let conv = |x: &Tensor, w: &Tensor| x.conv2d(w, None, convolution);
        let u = conv(&x, &w);
        let multiply_adds = u.count() * inputs * KERNEL * KERNEL;

        let name = format!("f32/{inputs}x{side}x{side} to {outputs}");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(2 * multiply_adds as u64));
        group.bench_function("forward", |bencher| bencher.iter(|| black_box(conv(&x, &w))));
        // Each graph has one leaf: what nobody asks for is not computed.
        let (x_leaf, w_leaf) = (x.requires_grad(), w.requires_grad());
        let (for_x, for_w) = (conv(&x_leaf, &w), conv(&x, &w_leaf));
        group.bench_function("input", |bencher| bencher.iter(|| vjp(&for_x, &u, [&x_leaf])));
        group.bench_function("weight", |bencher| bencher.iter(|| vjp(&for_w, &u, [&w_leaf])));
    }
}

fn resampling(criterion: &mut Criterion) {
    type Resample = fn(&Tensor) -> Tensor;
    let works: [(&str, usize, Resample); 3] = [
        ("max pool", 28, |x| x.max_pool2d(Pooling::new(2))),
        ("average pool", 28, |x| x.avg_pool2d(Pooling::new(2), true)),
        ("upsample", 14, |x| x.upsample_nearest2d([2, 2])),
    ];
    for (name, side, f) in works {
        let x: Tensor = Stream::new(1).normal([BATCH, 16, side, side]);
        let leaf = x.requires_grad();
        let y = f(&leaf);
        let u = Tensor::ones(*y.shape());
        let mut group = criterion.benchmark_group(format!("f32/{name}"));
        let bytes = (x.count() + y.count()) * size_of::<f32>();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("forward", |bencher| bencher.iter(|| black_box(f(&x))));
        group.bench_function("backward", |bencher| bencher.iter(|| vjp(&y, &u, [&leaf])));
    }
}

fn short() -> Criterion {
    if std::env::var_os("ELBO_THREADS").is_none() {
        threads::set(1);
    }
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group! { name = conv; config = short(); targets = convolution, resampling }
criterion_main!(conv);
