//! A convolutional autoencoder of 28 × 28 images (16-8-8 channels, 3 × 3 kernels, pooling, and back by
//! upsampling): each of its layers, forward and backward, and its whole training step.

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
    pooling([BATCH, 16, 28, 28], report);
    upsampling([BATCH, 16, 14, 14], report);
    let batches: &[usize] = if quick { &[BATCH] } else { &[32, BATCH, 512] };
    for &batch in batches {
        report(step(batch));
    }
}

/// The value, and the gradients of the input and of the weights.
fn convolution(layer: Layer, batch: usize, report: &mut dyn FnMut(Row)) {
    let mut noise = Stream::new(1);
    let x: Tensor = noise.normal([batch, layer.inputs, layer.side, layer.side]);
    let w = noise.normal([layer.outputs, layer.inputs, KERNEL, KERNEL]);
    let convolution = Convolution { padding: [layer.padding; 2], ..Convolution::default() };
    let numbers = [&x, &w].map(|t| t.count()).iter().sum::<usize>()
        + batch * layer.outputs * layer.result().pow(2);
    let amount = Work {
        flop: batch as f64 * layer.flop(),
        bytes: (size_of::<f32>() * numbers) as f64,
        kind: Kind::F32,
    };
    let mut row = |work, call: &mut dyn FnMut()| {
        let (timing, shape) = (time(call), layer.shape());
        report(Row {
            family: "conv",
            work,
            shape,
            amount,
            timing,
            images: Some(batch),
            alone: None,
        });
    };
    row("conv forward", &mut || drop(x.conv2d(&w, None, convolution)));
    // What nobody asks for is not computed: each graph has one leaf.
    for (work, x, w) in
        [("conv input grad", &x.requires_grad(), &w), ("conv weight grad", &x, &w.requires_grad())]
    {
        let y = x.conv2d(w, None, convolution);
        let u = Tensor::ones(*y.shape());
        let leaf = if work == "conv input grad" { x } else { w };
        row(work, &mut || drop(vjp(&y, &u, [leaf])));
    }
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

/// One operation for each number of the larger side.
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
        let (timing, shape) = (time(call), format!("{channels}x{height}x{width}"));
        report(Row {
            family: "conv",
            work,
            shape,
            amount,
            timing,
            images: Some(batch),
            alone: None,
        });
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
    Row {
        family: "conv",
        work: "step",
        shape: format!("autoencoder, batch {batch}"),
        amount,
        timing,
        images: Some(batch),
        alone: None,
    }
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
