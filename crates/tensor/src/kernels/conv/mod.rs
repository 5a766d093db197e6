//! Convolution of images [batch, channels, height, width]: the value, and its two gradients.
//!
//! Nothing is lowered to a matrix that has to be written out first. A *band* of rows of one image is
//! copied with its padding into *planes* (`planes.rs`), where entry (ky, kx) of the kernel reads at a
//! constant offset from the place of the output; strides are taken apart into one plane for each
//! remainder (`walk.rs`). Then an output is a product of weights and shifted runs of the planes, with
//! tiles of 8 channels and some vectors of positions in registers (`correlate.rs`). The gradient of
//! the input is the same product, walked backwards. The gradient of the weights multiplies runs of
//! the planes with runs of the cotangent (`weight.rs`).
//!
//! **The same bits.** An output is one chain of fused multiply-adds in order of channel and kernel,
//! from 0, plus the bias; then the rectifier. An entry of the weights' gradient is summed in 16 lanes over the images of
//! a part; lanes are folded as a tree, and parts, which are cut by size, are added in order.

mod correlate;
mod planes;
mod walk;
mod weight;

#[cfg(test)]
mod tests;

pub(super) use self::correlate::{Filter, correlate};
pub(super) use self::weight::gradient as weight_gradient;
use super::axis::Axis;
use super::isa::{self, Isa};
use crate::Real;

/// The sizes of a convolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) groups: usize,
    /// Input channels of one group.
    pub(crate) inputs: usize,
    /// Output channels of one group.
    pub(crate) outputs: usize,
    /// Height and width.
    pub(crate) axes: [Axis; 2],
}

impl Sizes {
    fn input(&self) -> [usize; 2] {
        self.axes.map(|axis| axis.input)
    }

    fn output(&self) -> [usize; 2] {
        self.axes.map(|axis| axis.output)
    }

    /// Entries of the kernel.
    fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    pub(crate) fn input_length(&self) -> usize {
        self.batch * self.groups * self.inputs * area(self.input())
    }

    pub(crate) fn output_length(&self) -> usize {
        self.batch * self.groups * self.outputs * area(self.output())
    }

    pub(crate) fn weight_length(&self) -> usize {
        self.groups * self.outputs * self.inputs * self.taps()
    }
}

fn area([height, width]: [usize; 2]) -> usize {
    height * width
}

/// What is done to the sums of a convolution, from left to right.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a, T> {
    /// One number for each output channel.
    pub(crate) bias: Option<&'a [T]>,
    /// Whether negative numbers become 0.
    pub(crate) relu: bool,
}

/// y = x ⋆ w, finished, with w [groups · outputs, inputs, kernel height, kernel width].
pub(crate) fn conv2d<T: Real>(sizes: &Sizes, x: &[T], w: &[T], finish: Finish<'_, T>, y: &mut [T]) {
    conv2d_on(isa::current(), sizes, x, w, finish, y);
}

fn conv2d_on<T: Real>(
    isa: Isa,
    sizes: &Sizes,
    x: &[T],
    w: &[T],
    finish: Finish<'_, T>,
    y: &mut [T],
) {
    assert_eq!((x.len(), y.len()), (sizes.input_length(), sizes.output_length()));
    let [rows, columns] = sizes.axes.map(|axis| axis.forward());
    let taps = sizes.taps();
    let filter = Filter {
        batch: sizes.batch,
        groups: sizes.groups,
        sources: sizes.inputs,
        targets: sizes.outputs,
        source: sizes.input(),
        target: sizes.output(),
        walks: [&rows, &columns],
        weights: w,
        steps: [sizes.inputs * taps, taps],
        kernel_width: sizes.axes[1].kernel,
        finish,
    };
    T::correlate(isa, &filter, x, y);
}

/// The gradient of the input: x̄ = ȳ ⋆ᵀ w. This is transposed convolution.
pub(crate) fn conv2d_input<T: Real>(sizes: &Sizes, gy: &[T], w: &[T], gx: &mut [T]) {
    conv2d_input_on(isa::current(), sizes, gy, w, gx);
}

fn conv2d_input_on<T: Real>(isa: Isa, sizes: &Sizes, gy: &[T], w: &[T], gx: &mut [T]) {
    assert_eq!((gx.len(), gy.len()), (sizes.input_length(), sizes.output_length()));
    let [rows, columns] = sizes.axes.map(|axis| axis.backward());
    let taps = sizes.taps();
    let filter = Filter {
        batch: sizes.batch,
        groups: sizes.groups,
        sources: sizes.outputs,
        targets: sizes.inputs,
        source: sizes.output(),
        target: sizes.input(),
        walks: [&rows, &columns],
        weights: w,
        steps: [taps, sizes.inputs * taps],
        kernel_width: sizes.axes[1].kernel,
        finish: Finish { bias: None, relu: false },
    };
    T::correlate(isa, &filter, gy, gx);
}

/// The gradient of the weights: w̄ = Σ over images and positions of ȳ and what w met in x.
pub(crate) fn conv2d_weight<T: Real>(sizes: &Sizes, x: &[T], gy: &[T], gw: &mut [T]) {
    T::weight_gradient(isa::current(), sizes, x, gy, gw);
}
