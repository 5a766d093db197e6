//! Pooling over windows of the last two axes.

use std::sync::Arc;

use ndarray::ArrayD;

use super::resample::Resample;
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::axis::Axis;
use crate::kernels::pool::{gather, scatter};
use crate::kernels::resample::Taps;
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

/// Windows over an image: height first, width second. Names are PyTorch's.
///
/// ```
/// # use elbo_tensor::Pooling;
/// let halves = Pooling { ceil_mode: true, ..Pooling::new(2) };
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pooling {
    /// The size of a window.
    pub kernel: [usize; 2],
    /// Positions from one window to the next.
    pub stride: [usize; 2],
    /// How far windows may begin before the image, and end behind it; at most half a window.
    pub padding: [usize; 2],
    /// Whether a last window that ends behind the image and its padding counts.
    pub ceil_mode: bool,
}

impl Pooling {
    /// Square windows next to each other.
    pub fn new(size: usize) -> Pooling {
        Pooling { kernel: [size; 2], stride: [size; 2], padding: [0; 2], ceil_mode: false }
    }

    /// The windows over images of this shape.
    #[track_caller]
    fn windows(&self, what: &str, dilation: [usize; 2], x: &Shape) -> [Axis; 2] {
        assert!(x.rank() >= 2, "{what}: x {x}: expected [.., height, width]");
        [0, 1].map(|i| {
            let (input, kernel) = (x[x.rank() - 2 + i], self.kernel[i]);
            let (stride, padding, dilation) = (self.stride[i], self.padding[i], dilation[i]);
            assert!(
                kernel > 0 && stride > 0 && dilation > 0 && 2 * padding <= kernel,
                "{what}: {self:?}: sizes are at least 1 and padding at most half a window"
            );
            let span = dilation * (kernel - 1) + 1;
            let room = (input + 2 * padding).checked_sub(span).filter(|_| input > 0);
            let room = room.unwrap_or_else(|| panic!("{what}: x {x} is smaller than {self:?}"));
            let mut output = room / stride + 1;
            // A window that begins behind the image has nothing to pool.
            if self.ceil_mode && room % stride > 0 && output * stride < input + padding {
                output += 1;
            }
            let window = Axis { input, output, kernel, stride, padding, dilation };
            assert!(window.has_entries(), "{what}: x {x}: a window of {self:?} is all padding");
            window
        })
    }
}

fn sizes(x: &Shape, [rows, columns]: [usize; 2]) -> Shape {
    x.with(x.rank() - 2, rows).with(x.rank() - 1, columns)
}

impl<T: Real> Tensor<T> {
    /// The largest entry of each window: [.., height, width] → [.., windows down, windows across].
    ///
    /// Padding counts as -∞. Where several entries are equal the cotangent goes to the first, and a
    /// window with NaN is NaN, as in PyTorch.
    ///
    /// # Panics
    /// If the image is smaller than a window.
    #[track_caller]
    pub fn max_pool2d(&self, pooling: Pooling) -> Tensor<T> {
        self.max_pool2d_dilated(pooling, [1, 1])
    }

    /// As [`max_pool2d`](Tensor::max_pool2d), with `dilation` positions between a window's entries.
    ///
    /// # Panics
    /// If the image is smaller than a window.
    #[track_caller]
    pub fn max_pool2d_dilated(&self, pooling: Pooling, dilation: [usize; 2]) -> Tensor<T> {
        run(
            MaxPool2d { windows: pooling.windows("max_pool2d", dilation, &self.shape) },
            [self.clone()],
        )
    }

    /// The mean of each window: [.., height, width] → [.., windows down, windows across].
    ///
    /// Padding counts as zeros if `count_padding`, and not at all otherwise; what lies behind the
    /// padding never counts. PyTorch's `count_include_pad` is true by default.
    ///
    /// # Panics
    /// If the image is smaller than a window.
    #[track_caller]
    pub fn avg_pool2d(&self, pooling: Pooling, count_padding: bool) -> Tensor<T> {
        let windows = pooling.windows("avg_pool2d", [1, 1], &self.shape);
        run(Resample::new(windows.map(|window| mean_taps(window, count_padding))), [self.clone()])
    }
}

/// The means of windows along one axis.
pub(super) fn mean_taps(window: Axis, count_padding: bool) -> Arc<Taps> {
    let Axis { input, output, kernel, stride, padding, .. } = window;
    let terms = |i: usize| {
        let (start, end) = (i * stride, i * stride + kernel);
        let inside = start.max(padding) - padding..end.min(input + padding) - padding;
        let padded = end.min(input + 2 * padding) - start;
        let weight = 1.0 / if count_padding { padded } else { inside.len() } as f64;
        inside.map(|position| (position, weight)).collect()
    };
    Arc::new(Taps { input, sums: (0..output).map(terms).collect() })
}

/// y = max of each window of x
#[derive(Clone, Copy)]
pub(super) struct MaxPool2d {
    windows: [Axis; 2],
}

impl MaxPool2d {
    fn output(&self) -> [usize; 2] {
        self.windows.map(|window| window.output)
    }
}

impl<T: Real> Op<T> for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn rule(&self) -> &'static str {
        "x̄ = Σ ȳ of the windows in which x is the first maximum"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let x = &inputs[0];
        let shape = sizes(&x.shape, self.output());
        Tensor::write(shape, |y| gather(self.windows, x.data(), x.data(), y))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let op = MaxScatter { windows: self.windows };
        vec![values.wanted(0, || run(op, [values.input(0), gy]))]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 2 { Batch::Kept } else { Batch::Mixed }
    }
}

/// The cotangent of max pooling: z = each entry of g where x is the maximum of its window.
#[derive(Clone, Copy)]
pub(super) struct MaxScatter {
    windows: [Axis; 2],
}

impl<T: Real> Op<T> for MaxScatter {
    fn name(&self) -> &'static str {
        "max_scatter"
    }

    fn rule(&self) -> &'static str {
        "ḡ = z̄ where x is the maximum of the window"
    }

    fn needs(&self) -> Needs {
        Needs::input(0)
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (x, g) = (&inputs[0], &inputs[1]);
        Tensor::write(x.shape, |z| scatter(self.windows, x.data(), g.data(), z))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        // Where the maximum is does not change with x, except where it jumps.
        let op = MaxGather { windows: self.windows };
        vec![None, values.wanted(1, || run(op, [values.input(0).detach(), gz]))]
    }
}

/// The adjoint of [`MaxScatter`] in g: z = the entry of g where x is the maximum of the window.
#[derive(Clone, Copy)]
pub(super) struct MaxGather {
    windows: [Axis; 2],
}

impl<T: Real> Op<T> for MaxGather {
    fn name(&self) -> &'static str {
        "max_gather"
    }

    fn rule(&self) -> &'static str {
        "ḡ = Σ z̄ of the windows in which x is the first maximum"
    }

    fn needs(&self) -> Needs {
        Needs::input(0)
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (x, g) = (&inputs[0], &inputs[1]);
        let shape = sizes(&x.shape, self.windows.map(|window| window.output));
        Tensor::write(shape, |z| gather(self.windows, x.data(), g.data(), z))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let op = MaxScatter { windows: self.windows };
        vec![None, values.wanted(1, || run(op, [values.input(0).detach(), gz]))]
    }
}

/// Random windows over random images.
fn draw(any: &mut Sampler) -> (Shape, [Axis; 2]) {
    let mut pair =
        |range: std::ops::RangeInclusive<i64>| [0; 2].map(|_| any.integer(range.clone()) as usize);
    let (kernel, stride, extra, dilation) = (pair(1..=3), pair(1..=3), pair(0..=5), pair(1..=2));
    let planes = pair(1..=3);
    let padding = [0, 1].map(|i| (kernel[i] / 2).min(extra[i] % 2));
    let size = [0, 1].map(|i| (kernel[i] - 1) * dilation[i] + 1 + extra[i]);
    let shape = Shape::from([planes[0], planes[1], size[0], size[1]]);
    let pooling = Pooling { kernel, stride, padding, ceil_mode: any.flip() };
    (shape, pooling.windows("max_pool2d", dilation, &shape))
}

/// Different numbers in random order: no two are near each other.
fn distinct(any: &mut Sampler, shape: &Shape) -> ArrayD<f64> {
    let values = any.permutation(shape.count()).into_iter().map(|i| 0.1 * i as f64 - 2.0);
    ArrayD::from_shape_vec(&**shape, values.collect()).expect("as many as the shape holds")
}

/// Calls `visit(plane, window, position)` for the largest entry of each window.
fn for_each_maximum(
    [rows, columns]: [Axis; 2],
    x: &ArrayD<f64>,
    mut visit: impl FnMut(usize, usize, usize),
) {
    let positions = |w: Axis, i: usize| {
        (0..w.kernel)
            .map(move |k| (i * w.stride + k * w.dilation) as i64 - w.padding as i64)
            .filter(move |&at| (0..w.input as i64).contains(&at))
            .map(|at| at as usize)
    };
    let flat = x.to_shape((x.len() / rows.input / columns.input, rows.input * columns.input));
    for (plane, x) in flat.expect("planes").axis_iter(ndarray::Axis(0)).enumerate() {
        for i in 0..rows.output {
            for j in 0..columns.output {
                let entries = positions(rows, i)
                    .flat_map(|row| positions(columns, j).map(move |c| row * columns.input + c));
                let best = entries.max_by(|&a, &b| x[a].total_cmp(&x[b])).expect("an entry");
                visit(plane, i * columns.output + j, best);
            }
        }
    }
}

fn reference_gather(windows: [Axis; 2], x: &ArrayD<f64>, g: &ArrayD<f64>) -> ArrayD<f64> {
    let [input, output] = [windows.map(|w| w.input), windows.map(|w| w.output)];
    let mut y = ArrayD::zeros(&*sizes(&x.shape().into(), output));
    let (g, to) = (g.as_slice().expect("contiguous"), y.as_slice_mut().expect("contiguous"));
    for_each_maximum(windows, x, |plane, window, at| {
        to[plane * output[0] * output[1] + window] = g[plane * input[0] * input[1] + at];
    });
    y
}

impl Checked for MaxPool2d {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (shape, windows) = draw(any);
        vec![Case::new(MaxPool2d { windows }, [distinct(any, &shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        reference_gather(self.windows, &inputs[0], &inputs[0])
    }
}

impl Checked for MaxGather {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (shape, windows) = draw(any);
        let inputs = [distinct(any, &shape), any.normal(&shape)];
        vec![Case::new(MaxGather { windows }, inputs).constants(1)]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        reference_gather(self.windows, &inputs[0], &inputs[1])
    }
}

impl Checked for MaxScatter {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (shape, windows) = draw(any);
        let output = sizes(&shape, windows.map(|window| window.output));
        let inputs = [distinct(any, &shape), any.normal(&output)];
        vec![Case::new(MaxScatter { windows }, inputs).constants(1)]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let [input, output] = [self.windows.map(|w| w.input), self.windows.map(|w| w.output)];
        let mut z = ArrayD::zeros(inputs[0].raw_dim());
        let g = inputs[1].as_slice().expect("contiguous");
        let to = z.as_slice_mut().expect("contiguous");
        for_each_maximum(self.windows, &inputs[0], |plane, window, at| {
            to[plane * input[0] * input[1] + at] += g[plane * output[0] * output[1] + window];
        });
        z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    fn pooling() -> impl Strategy<Value = Pooling> {
        let axis = (1usize..5, 1usize..5, 0usize..3);
        ([axis.clone(), axis], any::<bool>()).prop_map(|([a, b], ceil_mode)| Pooling {
            kernel: [a.0, b.0],
            stride: [a.1, b.1],
            padding: [a.2.min(a.0 / 2), b.2.min(b.0 / 2)],
            ceil_mode,
        })
    }

    /// Along one axis, the positions of each window that lie in the image or its padding; of the image are 0..size.
    fn windows(pooling: Pooling, dilation: usize, axis: usize, size: i64) -> Vec<Vec<i64>> {
        let [kernel, stride, padding] =
            [pooling.kernel, pooling.stride, pooling.padding].map(|of| of[axis] as i64);
        let end = size + padding;
        let last = |start: i64| start + (kernel - 1) * dilation as i64;
        let starts = (0..).map(|i| i * stride - padding);
        // A window counts if all of it is there, or if it goes on where one before ended too early.
        let counts = |start: &i64| {
            let more = pooling.ceil_mode && last(start - stride) + 1 < end && *start < size;
            last(*start) < end || more
        };
        let entries = |start: i64| {
            let all = (0..kernel).map(|k| start + k * dilation as i64);
            all.filter(|&at| at < end).collect()
        };
        starts.take_while(counts).map(entries).collect()
    }

    /// The number at a place, or none in the padding.
    fn at(x: &Tensor<f64>, plane: usize, [row, column]: [i64; 2]) -> Option<f64> {
        let [height, width] = [x.shape[1] as i64, x.shape[2] as i64];
        let inside = (0..height).contains(&row) && (0..width).contains(&column);
        inside
            .then(|| x.data()[plane * (height * width) as usize + (row * width + column) as usize])
    }

    proptest! {
        #[test]
        fn means_and_maxima_are_those_of_the_entries_of_each_window(
            pooling in pooling(), more in [0usize..9, 0usize..9], dilation in [1usize..3, 1usize..3],
            seed in any::<u64>(),
        ) {
            // No smaller than a window.
            let size = [0, 1].map(|i| {
                let span = dilation[i] * (pooling.kernel[i] - 1) + 1;
                (span + more[i]).saturating_sub(2 * pooling.padding[i]).max(1)
            });
            let x = Stream::new(seed).normal::<f64>([3, size[0], size[1]]);
            let entries = |dilation: [usize; 2]| {
                [0, 1].map(|i| windows(pooling, dilation[i], i, size[i] as i64))
            };
            // Calls `value` with the places of each window.
            let expected = |[rows, columns]: &[Vec<Vec<i64>>; 2], value: &dyn Fn(Vec<Option<f64>>) -> f64| {
                let mut y = Vec::new();
                for plane in 0..3 {
                    for (rows, columns) in rows.iter().flat_map(|r| columns.iter().map(move |c| (r, c))) {
                        let places = rows.iter().flat_map(|&r| columns.iter().map(move |&c| [r, c]));
                        y.push(value(places.map(|place| at(&x, plane, place)).collect()));
                    }
                }
                (Shape::from([3, rows.len(), columns.len()]), y)
            };
            let plain = entries([1, 1]);
            for count_padding in [false, true] {
                let (shape, y) = expected(&plain, &|entries| {
                    let inside = entries.iter().flatten();
                    let count = if count_padding { entries.len() } else { inside.clone().count() };
                    inside.sum::<f64>() / count as f64
                });
                let means = x.avg_pool2d(pooling, count_padding);
                prop_assert_eq!(means.shape(), &shape);
                for (mean, y) in means.data().iter().zip(&y) {
                    prop_assert!((mean - y).abs() < 1e-13, "{} is not {}: {}", mean, y, count_padding);
                }
            }
            let dilated = entries(dilation);
            let in_image = |size: usize| move |window: &Vec<i64>| window.iter().any(|at| (0..size as i64).contains(at));
            prop_assume!((0..2).all(|i| dilated[i].iter().all(in_image(size[i]))));
            let (shape, y) = expected(&dilated, &|entries| {
                entries.into_iter().flatten().fold(f64::NEG_INFINITY, f64::max)
            });
            let maxima = x.max_pool2d_dilated(pooling, dilation);
            prop_assert_eq!((maxima.shape(), maxima.to_vec()), (&shape, y));
        }
    }

    #[test]
    fn ties_go_to_the_first_and_nan_wins() {
        let nan = f64::NAN;
        let x = Tensor::from([[1.0, 3.0, 3.0, 0.0], [3.0, 2.0, 1.0, nan]]).requires_grad();
        let y = x.max_pool2d(Pooling::new(2));
        assert_eq!(y.data()[0], 3.0);
        assert!(y.data()[1].is_nan());
        let gradient = &y.sum().backward()[&x];
        assert_eq!(gradient.to_vec(), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let low = Tensor::full([2, 2], f64::NEG_INFINITY).requires_grad();
        let y = low.max_pool2d(Pooling::new(2));
        assert_eq!(y.item(), f64::NEG_INFINITY);
        assert_eq!(y.sum().backward()[&low].to_vec(), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn padding_counts_in_a_mean_only_if_asked() {
        // The same numbers from torch.nn.functional.avg_pool2d of torch.ones(1, 1, 3, 3) with kernel
        // 3, stride 2, padding 1, and count_include_pad True and False.
        let x = Tensor::<f64>::ones([3, 3]);
        let pooling = Pooling { padding: [1, 1], stride: [2, 2], ..Pooling::new(3) };
        let corner = 4.0 / 9.0;
        for y in x.avg_pool2d(pooling, true).to_vec() {
            assert!((y - corner).abs() < 1e-15, "{y}");
        }
        for y in x.avg_pool2d(pooling, false).to_vec() {
            assert!((y - 1.0).abs() < 1e-15, "{y}");
        }
    }

    #[test]
    #[should_panic(expected = "max_pool2d: x [1, 4] is smaller than")]
    fn a_window_that_is_too_large_is_named() {
        Tensor::<f32>::zeros([1, 4]).max_pool2d(Pooling::new(2));
    }
}
