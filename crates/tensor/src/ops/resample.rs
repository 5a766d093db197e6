//! Images of another size: nearest and bilinear upsampling, and pixel shuffle.

use std::sync::Arc;

use ndarray::{Array2, ArrayD};

use super::pool::mean_taps;
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::axis::Axis;
use crate::kernels::resample::{Taps, resample};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// Each pixel `scale` times along each axis: [.., h, w] → [.., h · scale₀, w · scale₁].
    ///
    /// # Panics
    /// If there are fewer than two axes, or a scale is 0.
    #[track_caller]
    pub fn upsample_nearest2d(&self, scale: [usize; 2]) -> Tensor<T> {
        let sizes = upsampled("upsample_nearest2d", &self.shape, scale);
        let taps = |[input, output]: [usize; 2], scale: usize| {
            let sums = (0..output).map(|i| vec![(i / scale, 1.0)]).collect();
            Arc::new(Taps { input, sums })
        };
        let axes = [taps(sizes[0], scale[0]), taps(sizes[1], scale[1])];
        run(Resample::new(axes), [self.clone()])
    }

    /// Linear interpolation between pixels, `scale` times as many along each axis, as in PyTorch:
    /// with `align_corners` the corners keep their values, without it pixels are areas, and output i
    /// lies at (i + ½) / scale - ½, or at the image's edge.
    ///
    /// # Panics
    /// If there are fewer than two axes, or a scale is 0.
    #[track_caller]
    pub fn upsample_bilinear2d(&self, scale: [usize; 2], align_corners: bool) -> Tensor<T> {
        let sizes = upsampled("upsample_bilinear2d", &self.shape, scale);
        let axes = sizes.map(|[input, output]| linear_taps(input, output, align_corners));
        run(Resample::new(axes), [self.clone()])
    }

    /// Channels to pixels: [.., c r², h, w] → [.., c, h r, w r], with
    /// y[.., c, h r + i, w r + j] = x[.., c r² + i r + j, h, w] (Shi et al. 2016).
    ///
    /// # Panics
    /// If there are fewer than three axes, or the channels are no multiple of r².
    #[track_caller]
    pub fn pixel_shuffle(&self, r: usize) -> Tensor<T> {
        let fits = self.rank() >= 3 && r > 0 && self.shape[self.rank() - 3].is_multiple_of(r * r);
        assert!(fits, "pixel_shuffle: x {} by {r}: expected [.., c r², h, w]", self.shape);
        let (outer, inner) = self.shape.split_at(self.rank() - 3);
        let batch = outer.iter().product::<usize>();
        let [channels, h, w] = [inner[0] / (r * r), inner[1], inner[2]];
        let y = self.reshape([batch, channels, r, r, h, w]).permute(&[0, 1, 4, 2, 5, 3]);
        y.reshape(&*[outer, &[channels, h * r, w * r]].concat())
    }

    /// Pixels to channels: the inverse of [`pixel_shuffle`](Tensor::pixel_shuffle).
    ///
    /// # Panics
    /// If there are fewer than three axes, or height or width are no multiple of r.
    #[track_caller]
    pub fn pixel_unshuffle(&self, r: usize) -> Tensor<T> {
        let rank = self.rank();
        let fits = rank >= 3 && r > 0 && self.shape[rank - 2..].iter().all(|n| n.is_multiple_of(r));
        assert!(fits, "pixel_unshuffle: x {} by {r}: expected [.., c, h r, w r]", self.shape);
        let (outer, inner) = self.shape.split_at(rank - 3);
        let batch = outer.iter().product::<usize>();
        let [channels, h, w] = [inner[0], inner[1] / r, inner[2] / r];
        let y = self.reshape([batch, channels, h, r, w, r]).permute(&[0, 1, 3, 5, 2, 4]);
        y.reshape(&*[outer, &[channels * r * r, h, w]].concat())
    }
}

/// Old and new size of the last two axes.
#[track_caller]
fn upsampled(what: &str, x: &Shape, scale: [usize; 2]) -> [[usize; 2]; 2] {
    let fits = x.rank() >= 2 && scale.iter().all(|&scale| scale > 0);
    assert!(fits, "{what}: x {x} by {scale:?}: expected [.., height, width], and scales from 1");
    [0, 1].map(|i| [x[x.rank() - 2 + i], x[x.rank() - 2 + i] * scale[i]])
}

fn linear_taps(input: usize, output: usize, align_corners: bool) -> Arc<Taps> {
    let terms = |i: usize| {
        let at = if align_corners {
            i as f64 * (input - 1) as f64 / (output - 1).max(1) as f64
        } else {
            ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0)
        };
        let low = (at as usize).min(input - 1);
        let part = at - low as f64;
        if part == 0.0 || low + 1 == input {
            vec![(low, 1.0)]
        } else {
            vec![(low, 1.0 - part), (low + 1, part)]
        }
    };
    Arc::new(Taps { input, sums: (0..output).map(terms).collect() })
}

/// y = A x Bᵀ on the last two axes, with sparse A and B
#[derive(Clone)]
pub(super) struct Resample {
    axes: [Arc<Taps>; 2],
}

impl Resample {
    pub(super) fn new(axes: [Arc<Taps>; 2]) -> Resample {
        Resample { axes }
    }
}

impl<T: Real> Op<T> for Resample {
    fn name(&self) -> &'static str {
        "resample"
    }

    fn rule(&self) -> &'static str {
        "x̄ = Aᵀ ȳ B of y = A x Bᵀ"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let x = &inputs[0];
        let [rows, columns] = &self.axes;
        let rank = x.rank();
        let shape = x.shape.with(rank - 2, rows.sums.len()).with(rank - 1, columns.sums.len());
        Tensor::write(shape, |y| resample([rows, columns], x.data(), y))
    }

    fn vjp(&self, _: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let axes = [0, 1].map(|i| Arc::new(self.axes[i].adjoint()));
        vec![Some(run(Resample { axes }, [gy]))]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 2 { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for Resample {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let mut axis = || {
            let [input, scale] = [any.integer(1..=5), any.integer(1..=3)].map(|n| n as usize);
            let output = input * scale;
            match any.integer(0..=3) {
                0 => Arc::new(Taps {
                    input,
                    sums: (0..output).map(|i| vec![(i / scale, 1.0)]).collect(),
                }),
                1 => linear_taps(input, output, any.flip()),
                2 => Arc::new(linear_taps(input, output, any.flip()).adjoint()),
                _ => {
                    let window = Axis {
                        input: output,
                        output: input,
                        kernel: scale,
                        stride: scale,
                        padding: 0,
                        dilation: 1,
                    };
                    mean_taps(window, any.flip())
                }
            }
        };
        let axes = [axis(), axis()];
        let outer = any.shape(0..=2);
        let shape = Shape::new(&[&*outer, &[axes[0].input, axes[1].input]].concat());
        vec![Case::new(Resample { axes }, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let [a, b] = [0, 1].map(|i| {
            let mut matrix = Array2::<f64>::zeros((self.axes[i].sums.len(), self.axes[i].input));
            for (row, terms) in self.axes[i].sums.iter().enumerate() {
                terms.iter().for_each(|&(column, weight)| matrix[[row, column]] += weight);
            }
            matrix
        });
        let x = &inputs[0];
        let mut shape = x.shape().to_vec();
        let rank = shape.len();
        (shape[rank - 2], shape[rank - 1]) = (a.nrows(), b.nrows());
        let planes = x.to_shape((x.len() / a.ncols() / b.ncols(), a.ncols(), b.ncols()));
        let planes = planes.expect("planes");
        let values = planes.outer_iter().flat_map(|x| a.dot(&x).dot(&b.t()).into_iter());
        ArrayD::from_shape_vec(shape, values.collect()).expect("planes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// Planes enough for several threads.
    fn images() -> impl Strategy<Value = Tensor<f64>> {
        ([1usize..5, 1usize..40, 1usize..40], any::<u64>())
            .prop_map(|(shape, seed)| Stream::new(seed).normal(shape))
    }

    /// The definition of bilinear interpolation: pixels weigh 1 - distance along each axis.
    fn interpolated(x: &Tensor<f64>, plane: usize, place: [f64; 2]) -> f64 {
        let [height, width] = [x.shape[1], x.shape[2]];
        let weight = |pixel: usize, place: f64| (1.0 - (pixel as f64 - place).abs()).max(0.0);
        // All with a weight are among these.
        let near = |place: f64, size: usize| {
            let low = (place.floor() as usize).saturating_sub(1);
            low..(low + 4).min(size)
        };
        let mut sum = 0.0;
        for i in near(place[0], height) {
            for j in near(place[1], width) {
                let pixel = x.data()[(plane * height + i) * width + j];
                sum += weight(i, place[0]) * weight(j, place[1]) * pixel;
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn upsampled_pixels_are_by_definition(
            x in images(), scale in [1usize..4, 1usize..4], align_corners in any::<bool>(),
        ) {
            let [planes, height, width] = [0, 1, 2].map(|i| x.shape[i]);
            let output = [height * scale[0], width * scale[1]];
            let nearest = x.upsample_nearest2d(scale);
            let bilinear = x.upsample_bilinear2d(scale, align_corners);
            let shape = Shape::from([planes, output[0], output[1]]);
            prop_assert_eq!((nearest.shape(), bilinear.shape()), (&shape, &shape));
            let mut results = nearest.data().iter().zip(bilinear.data());
            for (plane, i, j) in ndarray::indices([planes, output[0], output[1]]) {
                let (nearest, bilinear) = results.next().unwrap();
                let pixel = (plane * height + i / scale[0]) * width + j / scale[1];
                prop_assert_eq!(*nearest, x.data()[pixel]);
                let place = [(i, 0), (j, 1)].map(|(i, axis)| {
                    let (last, scale) = ((x.shape[1 + axis] - 1) as f64, scale[axis] as f64);
                    if !align_corners {
                        return ((i as f64 + 0.5) / scale - 0.5).clamp(0.0, last);
                    }
                    // From corner to corner in equal steps.
                    if output[axis] == 1 { 0.0 } else { last * i as f64 / (output[axis] - 1) as f64 }
                });
                let y = interpolated(&x, plane, place);
                prop_assert!((bilinear - y).abs() < 1e-12, "{} is not {} at {:?}", bilinear, y, place);
            }
        }

        #[test]
        fn shuffled_pixels_are_by_definition(
            batch in 1usize..3, channels in 1usize..4, r in 1usize..5, size in [1usize..9, 1usize..9],
            seed in any::<u64>(),
        ) {
            let [height, width] = size;
            let x = Stream::new(seed).normal::<f64>([batch, channels * r * r, height, width]);
            let y = x.pixel_shuffle(r);
            prop_assert_eq!(y.shape(), &Shape::from([batch, channels, height * r, width * r]));
            let (from, to) = (x.view(), y.view());
            for (n, c, h, w) in ndarray::indices([batch, channels, height, width]) {
                for (i, j) in ndarray::indices([r, r]) {
                    prop_assert_eq!(to[[n, c, h * r + i, w * r + j]], from[[n, c * r * r + i * r + j, h, w]]);
                }
            }
            let back = y.pixel_unshuffle(r);
            prop_assert_eq!((back.shape(), back.data()), (x.shape(), x.data()));
        }
    }

    #[test]
    fn nearest_repeats_pixels() {
        let y = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).upsample_nearest2d([2, 3]);
        let rows = [[1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 4.0, 4.0, 4.0]];
        assert_eq!(y.to_vec(), [rows[0], rows[0], rows[1], rows[1]].concat());
    }

    #[test]
    fn bilinear_is_that_of_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[[1., 2.], [3., 5.]]]]), scale_factor=2,
        // mode="bilinear", align_corners=...), torch 2.15.
        let x = Tensor::from([[1.0f64, 2.0], [3.0, 5.0]]);
        let areas = x.upsample_bilinear2d([2, 2], false);
        let expected = [
            [1.0, 1.25, 1.75, 2.0],
            [1.5, 1.8125, 2.4375, 2.75],
            [2.5, 2.9375, 3.8125, 4.25],
            [3.0, 3.5, 4.5, 5.0],
        ];
        assert_eq!(areas.to_vec(), expected.concat());
        let corners = x.upsample_bilinear2d([2, 2], true).to_vec();
        let third = 1.0 / 3.0;
        let expected = [1.0, 1.0 + third, 1.0 + 2.0 * third, 2.0, 1.0 + 2.0 * third];
        for (y, expected) in corners.iter().zip(expected) {
            assert!((y - expected).abs() < 1e-12, "{corners:?}");
        }
    }

    #[test]
    fn shuffled_pixels_come_back() {
        // Channel 2 i + j of 2 × 2 pixels goes to offset (i, j) in its block, as in PyTorch.
        let values: Vec<f32> = (0..16u8).map(f32::from).collect();
        let x = Tensor::new(&values, [1, 4, 2, 2]);
        let y = x.pixel_shuffle(2);
        assert_eq!(*y.shape(), Shape::from([1, 1, 4, 4]));
        assert_eq!(y.to_vec()[..8], [0.0, 4.0, 1.0, 5.0, 8.0, 12.0, 9.0, 13.0]);
        assert_eq!(y.pixel_unshuffle(2).to_vec(), values);
    }
}
