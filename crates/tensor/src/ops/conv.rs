//! Convolution of images: three operations whose rules are made of each other.
//!
//! With y = x ⋆ w, the gradients x̄ = ȳ ⋆ᵀ w and w̄ = x ⋆ ȳ are linear in each of their two operands,
//! just as y is. So the derivatives of each of the three are the other two.

use ndarray::{ArrayD, Ix4};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::axis::Axis;
use crate::kernels::conv::{Finish, Sizes, conv2d, conv2d_input, conv2d_weight};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

/// How a kernel walks over an image: height first, width second. Names are PyTorch's.
///
/// ```
/// # use elbo_tensor::Convolution;
/// let same = Convolution { padding: [1, 1], ..Convolution::default() };
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Convolution {
    /// Positions from one output to the next.
    pub stride: [usize; 2],
    /// Zeros on both sides.
    pub padding: [usize; 2],
    /// Positions from one entry of the kernel to the next.
    pub dilation: [usize; 2],
    /// Channels are cut into so many groups, and outputs see the inputs of their own group only.
    pub groups: usize,
}

impl Default for Convolution {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Convolution {
        Convolution { stride: [1; 2], padding: [0; 2], dilation: [1; 2], groups: 1 }
    }
}

impl<T: Real> Tensor<T> {
    /// Cross-correlation of images with kernels, as in PyTorch:
    ///
    /// ```text
    ///     y[n, o, i, j] = b[o] + Σ x[n, c, i s + k d - p, j s + l d - p] w[o, c, k, l]
    /// ```
    ///
    /// over c, k, l, with stride s, padding p and dilation d, and 0 outside the image. Shapes: `self`
    /// is [batch, in, height, width], `weight` [out, in / groups, kernel height, kernel width],
    /// `bias` `[out]`, and the result [batch, out, ..] with
    /// ⌊(size + 2 p - d (kernel - 1) - 1) / s⌋ + 1 along each axis.
    ///
    /// # Panics
    /// If the shapes do not fit, or the padded image is smaller than the kernel.
    #[track_caller]
    pub fn conv2d(
        &self,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        convolution: Convolution,
    ) -> Tensor<T> {
        let op = plain(convolution);
        match bias {
            Some(bias) => run(op, [self.clone(), weight.clone(), bias.clone()]),
            None => run(op, [self.clone(), weight.clone()]),
        }
    }

    /// max(x ⋆ w + b, 0), in one pass over memory: [`conv2d`](Tensor::conv2d) and
    /// [`relu`](Tensor::relu).
    ///
    /// # Panics
    /// As `conv2d`.
    #[track_caller]
    pub fn conv2d_relu(
        &self,
        weight: &Tensor<T>,
        bias: &Tensor<T>,
        convolution: Convolution,
    ) -> Tensor<T> {
        let op = Conv2d { convolution, relu: true };
        run(op, [self.clone(), weight.clone(), bias.clone()])
    }

    /// Transposed convolution, as in PyTorch: the gradient of [`conv2d`](Tensor::conv2d) with respect
    /// to its input, plus a bias.
    ///
    /// Shapes: `self` is [batch, in, height, width], `weight` [in, out / groups, kernel height,
    /// kernel width], `bias` `[out]`, and the result [batch, out, ..] with
    /// (size - 1) s - 2 p + d (kernel - 1) + `output_padding` + 1 along each axis.
    ///
    /// # Panics
    /// If the shapes do not fit, or the output padding is not below the stride or the dilation.
    #[track_caller]
    pub fn conv_transpose2d(
        &self,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        convolution: Convolution,
        output_padding: [usize; 2],
    ) -> Tensor<T> {
        let Convolution { stride, padding, dilation, .. } = convolution;
        let fits = self.rank() == 4 && weight.rank() == 4;
        assert!(fits, "conv_transpose2d: x {} and weight {}: four axes", self.shape, weight.shape);
        let size = [0, 1].map(|i| {
            let extra = output_padding[i];
            assert!(
                extra < stride[i].max(dilation[i]),
                "conv_transpose2d: output padding {extra} is not below stride {} or dilation {}",
                stride[i],
                dilation[i]
            );
            let (input, kernel) = (self.shape[2 + i], weight.shape[2 + i]);
            let span = input.saturating_sub(1) * stride[i] + dilation[i] * kernel.saturating_sub(1);
            let size = (span + extra + 1).checked_sub(2 * padding[i]).filter(|&size| size > 0);
            size.unwrap_or_else(|| {
                panic!("conv_transpose2d: x {}: nothing is left within the padding", self.shape)
            })
        });
        // From the stride on, output padding is what zeros behind the input lead to.
        let padded = [0, 1].into_iter().fold(self.clone(), |x, i| {
            match output_padding[i].checked_div(stride[i]) {
                None | Some(0) => x,
                Some(zeros) => {
                    let zeros = Tensor::zeros(x.shape.with(2 + i, zeros));
                    Tensor::concat(&[x, zeros], 2 + i as isize)
                }
            }
        });
        let y = run(Conv2dInput { convolution, size }, [padded, weight.clone()]);
        match bias {
            Some(bias) => {
                let channels = y.shape[1];
                let fits = *bias.shape == [channels];
                assert!(fits, "conv_transpose2d: bias {} of {channels} channels", bias.shape);
                y + bias.reshape([channels, 1, 1])
            }
            None => y,
        }
    }
}

impl Convolution {
    /// The sizes of a convolution of x with w. `size` is x's height and width.
    #[track_caller]
    fn sizes(&self, x: &[usize; 4], w: &[usize; 4]) -> Sizes {
        let Convolution { stride, padding, dilation, groups } = *self;
        let positive = groups > 0 && [stride, dilation].as_flattened().iter().all(|&n| n > 0);
        assert!(positive, "conv2d: {self:?}: stride, dilation and groups are at least 1");
        assert!(
            x[1] == w[1] * groups && w[0].is_multiple_of(groups),
            "conv2d: x {x:?} ⋆ weight {w:?} in {groups} groups: expected [batch, in, ..] ⋆ \
             [out, in / groups, ..], out in groups as well"
        );
        let axis = |i: usize| {
            let (input, kernel) = (x[2 + i], w[2 + i]);
            let span = dilation[i] * kernel.saturating_sub(1) + 1;
            let room = (input + 2 * padding[i]).checked_sub(span);
            let room = room.filter(|_| kernel > 0 && input > 0).unwrap_or_else(|| {
                panic!(
                    "conv2d: x {x:?} with padding {padding:?} is empty or smaller than weight {w:?}"
                )
            });
            Axis {
                input,
                output: room / stride[i] + 1,
                kernel,
                stride: stride[i],
                padding: padding[i],
                dilation: dilation[i],
            }
        };
        Sizes {
            batch: x[0],
            groups,
            inputs: w[1],
            outputs: w[0] / groups,
            axes: [axis(0), axis(1)],
        }
    }
}

/// The four sizes of a tensor of images or kernels.
#[track_caller]
fn four<T: Real>(what: &str, x: &Tensor<T>) -> [usize; 4] {
    (*x.shape).try_into().unwrap_or_else(|_| panic!("conv2d: {what} {}: four axes", x.shape))
}

fn output(sizes: &Sizes) -> [usize; 4] {
    let [height, width] = sizes.axes.map(|axis| axis.output);
    [sizes.batch, sizes.groups * sizes.outputs, height, width]
}

/// y = x ⋆ w, or x ⋆ w + b, or max(x ⋆ w + b, 0)
#[derive(Clone, Copy)]
pub(super) struct Conv2d {
    convolution: Convolution,
    relu: bool,
}

fn plain(convolution: Convolution) -> Conv2d {
    Conv2d { convolution, relu: false }
}

impl<T: Real> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        if self.relu { "conv2d_relu" } else { "conv2d" }
    }

    fn rule(&self) -> &'static str {
        match self.relu {
            false => "x̄ = ȳ ⋆ᵀ w, w̄ = x ⋆ ȳ, b̄ = Σ ȳ over images and positions",
            true => "x̄ = ȳ ⋆ᵀ w, w̄ = x ⋆ ȳ, b̄ = Σ ȳ over images and positions; ȳ only where y > 0",
        }
    }

    fn needs(&self) -> Needs {
        let factors = Needs::input(0).and(Needs::input(1));
        if self.relu { factors.and(Needs::OUTPUT) } else { factors }
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (x, w) = (&inputs[0], &inputs[1]);
        let sizes = self.convolution.sizes(&four("x", x), &four("weight", w));
        let bias = inputs.get(2).map(|bias| {
            let fits = *bias.shape == w.shape[..1];
            assert!(fits, "conv2d: bias {} of weight {}: expected [out]", bias.shape, w.shape);
            bias.data()
        });
        let finish = Finish { bias, relu: self.relu };
        Tensor::write(output(&sizes), |y| conv2d(&sizes, x.data(), w.data(), finish, y))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let gy = if self.relu { gy.gate(&values.output(), 0.0) } else { gy };
        let convolution = self.convolution;
        let [x, w] = [0, 1].map(|i| *values.shape(i));
        let input = Conv2dInput { convolution, size: [x[2], x[3]] };
        let weight = Conv2dWeight { convolution, kernel: [w[2], w[3]] };
        let mut cotangents = vec![
            values.wanted(0, || run(input, [gy.clone(), values.input(1)])),
            values.wanted(1, || run(weight, [values.input(0), gy.clone()])),
        ];
        if values.count() == 3 {
            cotangents.push(values.wanted(2, || gy.sum_axes([2, 3], false).sum_axes(0, false)));
        }
        cotangents
    }

    fn batch(&self, _: &Values<'_, T>, input: usize) -> Batch {
        if input == 0 { Batch::Kept } else { Batch::Shared }
    }
}

/// x̄ = ȳ ⋆ᵀ w: transposed convolution.
#[derive(Clone, Copy)]
pub(super) struct Conv2dInput {
    convolution: Convolution,
    /// Height and width of x: several lead to the same ȳ when the stride is not 1.
    size: [usize; 2],
}

impl<T: Real> Op<T> for Conv2dInput {
    fn name(&self) -> &'static str {
        "conv2d_input"
    }

    fn rule(&self) -> &'static str {
        "of z = g ⋆ᵀ w: ḡ = z̄ ⋆ w, w̄ = z̄ ⋆ g"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (gy, w) = (four("x", &inputs[0]), four("weight", &inputs[1]));
        let x = [gy[0], w[1] * self.convolution.groups, self.size[0], self.size[1]];
        let sizes = self.convolution.sizes(&x, &w);
        assert_eq!(output(&sizes), gy, "conv_transpose2d: x {gy:?} does not fit weight {w:?}");
        Tensor::write(x, |gx| conv2d_input(&sizes, inputs[0].data(), inputs[1].data(), gx))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let Conv2dInput { convolution, .. } = *self;
        let w = values.shape(1);
        let weight = Conv2dWeight { convolution, kernel: [w[2], w[3]] };
        vec![
            values.wanted(0, || run(plain(convolution), [gz.clone(), values.input(1)])),
            values.wanted(1, || run(weight, [gz.clone(), values.input(0)])),
        ]
    }

    fn batch(&self, _: &Values<'_, T>, input: usize) -> Batch {
        if input == 0 { Batch::Kept } else { Batch::Shared }
    }
}

/// w̄ = x ⋆ ȳ: what each entry of the kernel met.
#[derive(Clone, Copy)]
pub(super) struct Conv2dWeight {
    convolution: Convolution,
    /// Height and width of w.
    kernel: [usize; 2],
}

impl<T: Real> Op<T> for Conv2dWeight {
    fn name(&self) -> &'static str {
        "conv2d_weight"
    }

    fn rule(&self) -> &'static str {
        "of z = x ⋆ g: x̄ = g ⋆ᵀ z̄, ḡ = x ⋆ z̄"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (x, gy) = (four("x", &inputs[0]), four("cotangent", &inputs[1]));
        let w = [gy[1], x[1] / self.convolution.groups.max(1), self.kernel[0], self.kernel[1]];
        let sizes = self.convolution.sizes(&x, &w);
        assert_eq!(output(&sizes), gy, "conv2d_weight: x {x:?} and cotangent {gy:?}");
        Tensor::write(w, |gw| conv2d_weight(&sizes, inputs[0].data(), inputs[1].data(), gw))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let Conv2dWeight { convolution, .. } = *self;
        let x = values.shape(0);
        let input = Conv2dInput { convolution, size: [x[2], x[3]] };
        vec![
            values.wanted(0, || run(input, [values.input(1), gz.clone()])),
            values.wanted(1, || run(plain(convolution), [values.input(0), gz.clone()])),
        ]
    }
}

/// A random convolution with the shapes of x, w and y.
fn draw(any: &mut Sampler) -> (Convolution, [Shape; 3]) {
    let mut number = |range| any.integer(range) as usize;
    let groups = number(1..=2);
    let mut pair = |range: std::ops::RangeInclusive<i64>| [number(range.clone()), number(range)];
    let (stride, dilation, padding) = (pair(1..=3), pair(1..=2), pair(0..=2));
    let (kernel, extra) = (pair(1..=3), pair(0..=6));
    let [inputs, outputs] = pair(1..=3).map(|n| n * groups);
    let convolution = Convolution { stride, padding, dilation, groups };
    let size = [0, 1].map(|i| {
        (dilation[i] * (kernel[i] - 1) + 1 + extra[i]).saturating_sub(2 * padding[i]).max(1)
    });
    let x = [any.integer(1..=3) as usize, inputs, size[0], size[1]];
    let w = [outputs, inputs / groups, kernel[0], kernel[1]];
    let y = output(&convolution.sizes(&x, &w));
    (convolution, [x.into(), w.into(), y.into()])
}

/// Calls `visit` with the indices of x, w and y that meet.
fn for_each_product(
    Convolution { stride, padding, dilation, groups }: Convolution,
    x: [usize; 4],
    w: [usize; 4],
    y: [usize; 4],
    mut visit: impl FnMut([usize; 4], [usize; 4], [usize; 4]),
) {
    let at = |i: usize, out: usize, k: usize| {
        let at = (out * stride[i] + k * dilation[i]).checked_sub(padding[i])?;
        (at < x[2 + i]).then_some(at)
    };
    for (n, o, i, j) in ndarray::indices(y).into_iter() {
        for (c, k, l) in ndarray::indices([w[1], w[2], w[3]]).into_iter() {
            let channel = o / (w[0] / groups) * w[1] + c;
            if let (Some(row), Some(column)) = (at(0, i, k), at(1, j, l)) {
                visit([n, channel, row, column], [o, c, k, l], [n, o, i, j]);
            }
        }
    }
}

fn view(x: &ArrayD<f64>) -> (ndarray::ArrayView4<'_, f64>, [usize; 4]) {
    let x = x.view().into_dimensionality::<Ix4>().expect("four axes");
    (x, x.dim().into())
}

impl Checked for Conv2d {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (convolution, [x, w, _]) = draw(any);
        let mut inputs = vec![any.normal(&x), any.normal(&w)];
        if any.flip() {
            inputs.push(any.normal(&w[0].into()));
        }
        let bias = Case::new(plain(convolution), inputs.clone());
        // A bias far from 0 keeps every element away from the kink, on either side.
        inputs.truncate(2);
        inputs.push(any.normal(&w[0].into()).mapv_into(|b| b + 100.0 * b.signum()));
        vec![bias, Case::new(Conv2d { convolution, relu: true }, inputs)]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let ((x, x_size), (w, w_size)) = (view(&inputs[0]), view(&inputs[1]));
        let size = output(&self.convolution.sizes(&x_size, &w_size));
        let mut y = ArrayD::zeros(&size[..]);
        if let Some(bias) = inputs.get(2) {
            y += &bias.to_shape((bias.len(), 1, 1)).expect("channels");
        }
        for_each_product(self.convolution, x_size, w_size, size, |i, j, k| y[k] += x[i] * w[j]);
        if self.relu { y.mapv_into(|y| y.max(0.0)) } else { y }
    }
}

impl Checked for Conv2dInput {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (convolution, [x, w, y]) = draw(any);
        let op = Conv2dInput { convolution, size: [x[2], x[3]] };
        vec![Case::new(op, [any.normal(&y), any.normal(&w)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let ((gy, y_size), (w, w_size)) = (view(&inputs[0]), view(&inputs[1]));
        let channels = w_size[1] * self.convolution.groups;
        let size = [y_size[0], channels, self.size[0], self.size[1]];
        let mut gx = ArrayD::zeros(&size[..]);
        for_each_product(self.convolution, size, w_size, y_size, |i, j, k| {
            gx[i] += gy[k] * w[j];
        });
        gx
    }
}

impl Checked for Conv2dWeight {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (convolution, [x, w, y]) = draw(any);
        let op = Conv2dWeight { convolution, kernel: [w[2], w[3]] };
        vec![Case::new(op, [any.normal(&x), any.normal(&y)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let ((x, x_size), (gy, y_size)) = (view(&inputs[0]), view(&inputs[1]));
        let inputs = x_size[1] / self.convolution.groups;
        let size = [y_size[1], inputs, self.kernel[0], self.kernel[1]];
        let mut gw = ArrayD::zeros(&size[..]);
        for_each_product(self.convolution, x_size, size, y_size, |i, j, k| {
            gw[j] += x[i] * gy[k];
        });
        gw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// Stride, padding, dilation, output padding, kernel, and the size of the result: at least 1.
    fn axis() -> impl Strategy<Value = ([usize; 5], usize, usize)> {
        let sizes = (1usize..5, 1usize..5, 0usize..4, 1usize..4, 0usize..4, 1usize..4);
        sizes.prop_filter_map("a result", |(input, s, p, d, extra, kernel)| {
            let extra = extra.min(s.max(d) - 1);
            let size = (input - 1) * s + d * (kernel - 1) + extra + 1;
            (size > 2 * p).then(|| ([s, p, d, extra, kernel], input, size - 2 * p))
        })
    }

    /// With padding it is as large as the kernel, but there is nothing to copy into planes.
    #[test]
    #[should_panic(
        expected = "conv2d: x [1, 1, 0, 5] with padding [1, 0] is empty or smaller than weight [1, 1, 1, 1]"
    )]
    fn an_empty_image_has_no_convolution() {
        let (x, w) = (Tensor::<f32>::zeros([1, 1, 0, 5]), Tensor::zeros([1, 1, 1, 1]));
        let padding = [1, 0];
        x.conv2d(&w, None, Convolution { padding, ..Convolution::default() });
    }

    proptest! {
        #[test]
        fn a_transposed_convolution_scatters_its_input(
            (rows, height, down) in axis(), (columns, width, across) in axis(), batch in 0usize..3,
            groups in 1usize..3, channels in [1usize..4, 1usize..4], seed in any::<u64>(),
        ) {
            let [stride, padding, dilation, extra, kernel] = [0, 1, 2, 3, 4].map(|i| [rows[i], columns[i]]);
            let [inputs, outputs] = channels;
            let mut noise = Stream::new(seed);
            let x = noise.normal::<f64>([batch, groups * inputs, height, width]);
            let w = noise.normal::<f64>([groups * inputs, outputs, kernel[0], kernel[1]]);
            let bias = noise.normal::<f64>([groups * outputs]);
            let mut expected = ArrayD::zeros(vec![batch, groups * outputs, down, across]);
            expected += &bias.view().to_shape((groups * outputs, 1, 1)).unwrap();
            for (index, x) in x.view().indexed_iter() {
                for (o, k, l) in ndarray::indices([outputs, kernel[0], kernel[1]]) {
                    let to = |i: usize, k: usize, axis: usize| {
                        (i * stride[axis] + k * dilation[axis]).wrapping_sub(padding[axis])
                    };
                    let channel = index[1] / inputs * outputs + o;
                    let place = [index[0], channel, to(index[2], k, 0), to(index[3], l, 1)];
                    if let Some(y) = expected.get_mut(&place[..]) {
                        *y += x * w.view()[[index[1], o, k, l]];
                    }
                }
            }
            let convolution = Convolution { stride, padding, dilation, groups };
            let y = x.conv_transpose2d(&w, Some(&bias), convolution, extra);
            prop_assert_eq!(&y.shape()[..], expected.shape());
            for (y, expected) in y.data().iter().zip(&expected) {
                prop_assert!((y - expected).abs() < 1e-12, "{} is not {}", y, expected);
            }
        }
    }
}
