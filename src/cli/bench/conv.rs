//! A convolutional autoencoder of 28 × 28 images (16-8-8 channels, 3 × 3 kernels, pooling, and back by
//! upsampling): each of its layers, forward and backward, and its whole training step; and other kinds of convolutions.

use elbo::bench::{Kind, Work, time};
use elbo::layers::{Conv2d, MaxPool2d, Upsample, loss};
use elbo::prelude::*;
use elbo::tensor::{Convolution, Pooling};

use super::Row;

const KERNEL: usize = 3;

/// A convolution of square images.
#[derive(Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    side: usize,
    padding: usize,
}

const fn layer(inputs: usize, outputs: usize, side: usize, padding: usize) -> Layer {
    Layer { inputs, outputs, side, padding }
}

/// Down from 28 × 28 with a pooling after each, then up with an upsampling after each but the last.
const DOWN: [Layer; 3] = [layer(1, 16, 28, 1), layer(16, 8, 14, 1), layer(8, 8, 7, 1)];
const UP: [Layer; 4] =
    [layer(8, 8, 4, 1), layer(8, 8, 8, 1), layer(8, 16, 16, 0), layer(16, 1, 28, 1)];

impl Layer {
    /// The side of its result.
    fn result(self) -> usize {
        self.side + 2 * self.padding + 1 - KERNEL
    }

    /// Operations for one image: those of the value, and of either gradient.
    fn flop(self) -> f64 {
        2.0 * (self.outputs * self.result().pow(2) * self.inputs * KERNEL.pow(2)) as f64
    }

    fn shape(self) -> String {
        format!("{}x{}x{} to {}", self.inputs, self.side, self.side, self.outputs)
    }
}

pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    const BATCH: usize = 128;
    let layers: &[Layer] = if quick { &[DOWN[1]] } else { &[DOWN, [UP[1], UP[2], UP[3]]].concat() };
    for &layer in layers {
        convolution(layer, BATCH, report);
    }
    others(BATCH, report);
    pooling([BATCH, 16, 28, 28], report);
    upsampling([BATCH, 16, 14, 14], report);
    let batches: &[usize] = if quick { &[BATCH] } else { &[32, BATCH, 512] };
    for &batch in batches {
        report(step(batch));
    }
}

/// The value, and the gradients of the input and of the weights, of a layer of the autoencoder.
fn convolution(layer: Layer, batch: usize, report: &mut dyn FnMut(Row)) {
    let mut noise = Stream::new(1);
    let x: Tensor = noise.normal([batch, layer.inputs, layer.side, layer.side]);
    let w = noise.normal([layer.outputs, layer.inputs, KERNEL, KERNEL]);
    let convolution = Convolution { padding: [layer.padding; 2], ..Convolution::default() };
    let works = ["conv forward", "conv input grad", "conv weight grad"];
    let conv = |x: &Tensor, w: &Tensor| x.conv2d(w, None, convolution);
    value_and_gradients(works, layer.shape(), layer.flop(), [&x, &w], &conv, report);
}

/// What the autoencoder has none of, 16 channels to 16: steps of two pixels, kernels with gaps, groups of channels, and
/// the way back from steps of two.
fn others(batch: usize, report: &mut dyn FnMut(Row)) {
    const CHANNELS: usize = 16;
    let plain = Convolution { padding: [1; 2], ..Convolution::default() };
    let mut noise = Stream::new(1);
    for (name, side, convolution) in [
        ("stride 2", 28, Convolution { stride: [2; 2], ..plain }),
        ("dilation 2", 14, Convolution { dilation: [2; 2], padding: [2; 2], ..plain }),
        ("4 groups", 14, Convolution { groups: 4, ..plain }),
    ] {
        let x: Tensor = noise.normal([batch, CHANNELS, side, side]);
        let seen = CHANNELS / convolution.groups;
        let w = noise.normal([CHANNELS, seen, KERNEL, KERNEL]);
        let works = ["conv forward", "conv input grad", "conv weight grad"];
        let pixels = (side / convolution.stride[0]).pow(2);
        let flop = 2.0 * (CHANNELS * pixels * seen * KERNEL.pow(2)) as f64;
        let shape = format!("{CHANNELS}x{side}x{side}, {name}");
        let conv = |x: &Tensor, w: &Tensor| x.conv2d(w, None, convolution);
        value_and_gradients(works, shape, flop, [&x, &w], &conv, report);
    }
    let x: Tensor = noise.normal([batch, CHANNELS, 14, 14]);
    let w = noise.normal([CHANNELS, CHANNELS, KERNEL, KERNEL]);
    let works = ["transposed forward", "transposed input", "transposed weight"];
    let flop = 2.0 * (CHANNELS * 14 * 14 * CHANNELS * KERNEL.pow(2)) as f64;
    let halved = Convolution { stride: [2; 2], ..plain };
    let conv = |x: &Tensor, w: &Tensor| x.conv_transpose2d(w, None, halved, [1; 2]);
    let shape = format!("{CHANNELS}x14x14, stride 2");
    value_and_gradients(works, shape, flop, [&x, &w], &conv, report);
}

/// `flop` is that of the value for one image, or of either gradient.
fn value_and_gradients(
    [value, input, weight]: [&'static str; 3],
    shape: String,
    flop: f64,
    [x, w]: [&Tensor; 2],
    conv: &dyn Fn(&Tensor, &Tensor) -> Tensor,
    report: &mut dyn FnMut(Row),
) {
    // What nobody asks for is not computed: each graph has one leaf.
    let (x_leaf, w_leaf) = (x.requires_grad(), w.requires_grad());
    let (for_x, for_w) = (conv(&x_leaf, w), conv(x, &w_leaf));
    let u = Tensor::ones(*for_x.shape());
    let batch = x.shape()[0];
    let numbers = x.count() + w.count() + u.count();
    let bytes = (size_of::<f32>() * numbers) as f64;
    let amount = Work { flop: batch as f64 * flop, bytes, kind: Kind::F32 };
    let mut row = |work, call: &mut dyn FnMut()| {
        let row = Row::new("conv", work, shape.clone(), amount, time(call));
        report(Row { images: Some(batch), ..row });
    };
    row(value, &mut || drop(conv(x, w)));
    row(input, &mut || drop(vjp(&for_x, &u, [&x_leaf])));
    row(weight, &mut || drop(vjp(&for_w, &u, [&w_leaf])));
}

/// The largest of 2 × 2, and where its cotangent goes.
fn pooling(shape: [usize; 4], report: &mut dyn FnMut(Row)) {
    let x: Tensor = Stream::new(1).normal(shape);
    let works = ["max pool", "max pool backward"];
    resampling(works, &x, &|x| x.max_pool2d(Pooling::new(2)), report);
}

/// Each pixel four times, and the sum of their cotangents.
fn upsampling(shape: [usize; 4], report: &mut dyn FnMut(Row)) {
    let x: Tensor = Stream::new(1).normal(shape);
    let works = ["upsample", "upsample backward"];
    resampling(works, &x, &|x| x.upsample_nearest2d([2, 2]), report);
}

/// A comparison, an addition or a copy for each number of the larger side, counted as one operation.
fn resampling(
    [forward, backward]: [&'static str; 2],
    x: &Tensor,
    f: &dyn Fn(&Tensor) -> Tensor,
    report: &mut dyn FnMut(Row),
) {
    let leaf = x.requires_grad();
    let y = f(&leaf);
    let u = Tensor::ones(*y.shape());
    let (larger, both) = (x.count().max(y.count()), x.count() + y.count());
    let bytes = (size_of::<f32>() * both) as f64;
    let amount = Work { flop: larger as f64, bytes, kind: Kind::F32 };
    let [batch, channels, height, width] = x.shape()[..] else { unreachable!("images") };
    let mut row = |work, call: &mut dyn FnMut()| {
        let shape = format!("{channels}x{height}x{width}");
        let row = Row::new("conv", work, shape, amount, time(call));
        report(Row { images: Some(batch), ..row });
    };
    row(forward, &mut || drop(f(x)));
    row(backward, &mut || drop(vjp(&y, &u, [&leaf])));
}

/// Forward, backward, Adam.
fn step(batch: usize) -> Row {
    let mut noise = Stream::new(1);
    let mut model = autoencoder(&mut noise);
    let mut adam = Adam::new(1e-3);
    let x: Tensor = noise.uniform([batch, 1, 28, 28], 0.0, 1.0);
    let target = x.reshape([batch, 784]);
    let timing = time(|| {
        let logits = model.forward(&x, &mut Pass::Eval).reshape([batch, 784]);
        let loss = loss::bce_with_logits(&logits, &target, Reduction::PerSample);
        adam.step(&mut model, &loss.into_gradients());
    });
    // The value and both gradients, but nobody asks for that of the images.
    let layers = DOWN.iter().chain(&UP);
    let flop = layers.map(|layer| 3.0 * layer.flop()).sum::<f64>() - DOWN[0].flop();
    // The result of each convolution, of what follows it, and their cotangents: written and read.
    let numbers: usize =
        DOWN.iter().chain(&UP).map(|layer| layer.outputs * layer.result().pow(2)).sum();
    let amount = Work {
        flop: batch as f64 * flop,
        bytes: (4 * size_of::<f32>() * batch * numbers) as f64,
        kind: Kind::F32,
    };
    let shape = format!("autoencoder, batch {batch}");
    Row { images: Some(batch), ..Row::new("conv", "step", shape, amount, timing) }
}

fn autoencoder(noise: &mut Stream) -> Sequential {
    let mut model = Sequential::new();
    let mut conv = |l: Layer| Conv2d::new(l.inputs, l.outputs, KERNEL, l.padding, noise);
    for layer in DOWN {
        let pool = MaxPool2d(Pooling { ceil_mode: true, ..Pooling::new(2) });
        model = model.then(conv(layer)).then(Activation::Relu).then(pool);
    }
    let [up @ .., last] = UP;
    for layer in up {
        model = model.then(conv(layer)).then(Activation::Relu).then(Upsample::Nearest(2));
    }
    model.then(conv(last))
}
