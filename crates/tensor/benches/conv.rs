//! Convolution, pooling, upsampling and pixel shuffle of batches of 128 images: values and gradients.
//!
//! `cargo bench -p elbo-tensor --bench conv` runs all of them in a minute; a part of a name after `--` picks some, such
//! as `weight`. The layers are those of a small autoencoder of 28 × 28 images, and one each with a stride, a dilation,
//! groups, and transposed. On one thread, unless `ELBO_THREADS` says otherwise.

mod rate;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use elbo_tensor::{Convolution, Pooling, Stream, Tensor, vjp};
use rate::Rate;

const BATCH: usize = 128;
const KERNEL: usize = 3;

/// Input channels, output channels, side of the image, and how the kernel meets it.
type Layer = (usize, usize, usize, Convolution);

fn layers() -> [(&'static str, Layer); 9] {
    let plain = Convolution::default();
    let padded = Convolution { padding: [1; 2], ..plain };
    [
        ("1x28x28 to 16", (1, 16, 28, padded)),
        ("16x14x14 to 8", (16, 8, 14, padded)),
        ("8x7x7 to 8", (8, 8, 7, padded)),
        ("8x8x8 to 8", (8, 8, 8, padded)),
        ("8x16x16 to 16", (8, 16, 16, plain)),
        ("16x28x28 to 1", (16, 1, 28, padded)),
        ("16x28x28 to 32, stride 2", (16, 32, 28, Convolution { stride: [2; 2], ..padded })),
        ("16x14x14 to 16, dilation 2", (16, 16, 14, Convolution { dilation: [2; 2], ..plain })),
        ("16x14x14 to 16, 4 groups", (16, 16, 14, Convolution { groups: 4, ..padded })),
    ]
}

fn convolution(criterion: &mut Criterion<Rate>) {
    for (name, (inputs, outputs, side, convolution)) in layers() {
        let mut noise = Stream::new(1);
        let x: Tensor = noise.normal([BATCH, inputs, side, side]);
        let seen = inputs / convolution.groups;
        let w = noise.normal([outputs, seen, KERNEL, KERNEL]);
        let conv = |x: &Tensor, w: &Tensor| x.conv2d(w, None, convolution);
        let multiply_adds = conv(&x, &w).count() * seen * KERNEL * KERNEL;
        value_and_gradients(criterion, name, multiply_adds, &x, &w, conv);
    }
}

/// Back from what a stride of 2 makes of 28 × 28.
fn transposed(criterion: &mut Criterion<Rate>) {
    let mut noise = Stream::new(1);
    let x: Tensor = noise.normal([BATCH, 32, 14, 14]);
    let w = noise.normal([32, 16, KERNEL, KERNEL]);
    let halved = Convolution { stride: [2; 2], padding: [1; 2], ..Convolution::default() };
    let conv = |x: &Tensor, w: &Tensor| x.conv_transpose2d(w, None, halved, [1; 2]);
    let multiply_adds = x.count() * 16 * KERNEL * KERNEL;
    value_and_gradients(criterion, "32x14x14 to 16, transposed", multiply_adds, &x, &w, conv);
}

fn value_and_gradients(
    criterion: &mut Criterion<Rate>,
    name: &str,
    multiply_adds: usize,
    x: &Tensor,
    w: &Tensor,
    conv: impl Fn(&Tensor, &Tensor) -> Tensor,
) {
    let mut group = criterion.benchmark_group(format!("f32/{name}"));
    group.throughput(rate::flop(2 * multiply_adds));
    group.bench_function("forward", |bencher| bencher.iter(|| black_box(conv(x, w))));
    // Each graph has one leaf: what nobody asks for is not computed.
    let (x_leaf, w_leaf) = (x.requires_grad(), w.requires_grad());
    let (for_x, for_w) = (conv(&x_leaf, w), conv(x, &w_leaf));
    let u = Tensor::ones(*for_x.shape());
    group.bench_function("input", |bencher| bencher.iter(|| vjp(&for_x, &u, [&x_leaf])));
    group.bench_function("weight", |bencher| bencher.iter(|| vjp(&for_w, &u, [&w_leaf])));
}

/// These compute next to nothing.
fn resampling(criterion: &mut Criterion<Rate>) {
    type Resample = fn(&Tensor) -> Tensor;
    let works: [(&str, usize, Resample); 5] = [
        ("max pool", 28, |x| x.max_pool2d(Pooling::new(2))),
        ("average pool", 28, |x| x.avg_pool2d(Pooling::new(2), true)),
        ("upsample nearest", 14, |x| x.upsample_nearest2d([2, 2])),
        ("upsample bilinear", 14, |x| x.upsample_bilinear2d([2, 2], false)),
        ("pixel shuffle", 14, |x| x.pixel_shuffle(2)),
    ];
    for (name, side, f) in works {
        let x: Tensor = Stream::new(1).normal([BATCH, 16, side, side]);
        let leaf = x.requires_grad();
        let y = f(&leaf);
        let u = Tensor::ones(*y.shape());
        let mut group = criterion.benchmark_group(format!("f32/{name}"));
        group.throughput(rate::bytes::<f32>(x.count() + y.count()));
        group.bench_function("forward", |bencher| bencher.iter(|| black_box(f(&x))));
        group.bench_function("backward", |bencher| bencher.iter(|| vjp(&y, &u, [&leaf])));
    }
}

criterion_group! {
    name = conv;
    config = rate::on_one_thread();
    targets = convolution, transposed, resampling
}
criterion_main!(conv);
