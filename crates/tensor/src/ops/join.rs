//! Putting together and cutting out along one axis: concat, stack, slice.

use std::ops::Range;

use ndarray::{ArrayD, Axis, Slice as NdSlice};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// Tensors one after the other along an axis that exists; -1 is the last.
    ///
    /// # Panics
    /// If there is none, or sizes of other axes differ.
    #[track_caller]
    pub fn concat(tensors: &[Tensor<T>], axis: isize) -> Tensor<T> {
        assert!(!tensors.is_empty(), "concat: no tensors");
        let axis = tensors[0].shape.axis(axis, "concat");
        run(Concat(axis), tensors.to_vec())
    }

    /// Tensors of one shape one after the other along a new axis.
    ///
    /// # Panics
    /// If there is none, or shapes differ.
    #[track_caller]
    pub fn stack(tensors: &[Tensor<T>], axis: usize) -> Tensor<T> {
        assert!(!tensors.is_empty(), "stack: no tensors");
        let shape = tensors[0].shape;
        assert!(axis <= shape.rank(), "stack: axis {axis} for tensors of {shape}");
        let with_axis = Shape::new(&[&shape[..axis], &[1], &shape[axis..]].concat());
        let one = |tensor: &Tensor<T>| {
            assert_eq!(tensor.shape, shape, "stack: shapes differ");
            tensor.reshape(with_axis)
        };
        Tensor::concat(&tensors.iter().map(one).collect::<Vec<_>>(), axis as isize)
    }

    /// The elements with an index in `range` along an axis; -1 is the last axis.
    ///
    /// # Panics
    /// If the axis or the range is out of bounds.
    #[track_caller]
    pub fn slice(&self, axis: isize, range: Range<usize>) -> Tensor<T> {
        let axis = self.shape.axis(axis, "slice");
        let fits = range.start <= range.end && range.end <= self.shape[axis];
        assert!(fits, "slice: {range:?} of axis {axis} of {}", self.shape);
        run(Slice { axis, start: range.start, end: range.end }, [self.clone()])
    }

    /// This as a part, beginning at `start`, of a tensor that is 0 elsewhere and has `size` along the
    /// axis: the adjoint of [`slice`](Tensor::slice).
    fn embed(&self, axis: usize, start: usize, size: usize) -> Tensor<T> {
        run(Embed { axis, start, size }, [self.clone()])
    }
}

/// The sizes before, along and after an axis.
fn around(shape: &Shape, axis: usize) -> [usize; 3] {
    let size = |sizes: &[usize]| sizes.iter().product();
    [size(&shape[..axis]), shape[axis], size(&shape[axis + 1..])]
}

/// One after the other along an axis.
#[derive(Clone, Copy)]
pub(super) struct Concat(usize);

impl<T: Real> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn rule(&self) -> &'static str {
        "x̄ᵢ = the part of ȳ that came from xᵢ"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let axis = self.0;
        let first = inputs[0].shape;
        let mut total = 0;
        for input in &*inputs {
            let shape = input.shape;
            let fits = shape.rank() == first.rank() && shape.with(axis, first[axis]) == first;
            assert!(fits, "concat: {first} and {shape} differ beside axis {axis}");
            total += shape[axis];
        }
        let [outer, _, inner] = around(&first, axis);
        Tensor::write(first.with(axis, total), |y| {
            let mut start = 0;
            for input in &*inputs {
                let run = input.shape[axis] * inner;
                for i in 0..outer {
                    y[i * total * inner + start..][..run]
                        .copy_from_slice(&input.data()[i * run..][..run]);
                }
                start += run;
            }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let mut start = 0;
        let part = |input| {
            let range = start..start + values.shape(input)[self.0];
            start = range.end;
            values.wanted(input, || gy.slice(self.0 as isize, range))
        };
        (0..values.count()).map(part).collect()
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0 == 0 { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for Concat {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let axis = any.integer(0..=shape.rank() as i64 - 1) as usize;
        let other = shape.with(axis, any.integer(0..=3) as usize);
        vec![Case::new(Concat(axis), [any.normal(&shape), any.normal(&other), any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let views: Vec<_> = inputs.iter().map(|x| x.view()).collect();
        ndarray::concatenate(Axis(self.0), &views).expect("sizes agree")
    }
}

/// A part along an axis.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    axis: usize,
    start: usize,
    end: usize,
}

impl<T: Real> Op<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ, 0 elsewhere"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [_, size, inner] = around(&inputs[0].shape, self.axis);
        let run = (self.end - self.start) * inner;
        let x = inputs[0].data();
        Tensor::write(inputs[0].shape.with(self.axis, self.end - self.start), |y| {
            if run > 0 {
                for (i, y) in y.chunks_mut(run).enumerate() {
                    y.copy_from_slice(&x[(i * size + self.start) * inner..][..run]);
                }
            }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(gy.embed(self.axis, self.start, values.shape(0)[self.axis]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axis == 0 { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for Slice {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let axis = any.integer(0..=shape.rank() as i64 - 1) as usize;
        let start = any.integer(0..=shape[axis] as i64) as usize;
        let end = any.integer(start as i64..=shape[axis] as i64) as usize;
        vec![Case::new(Slice { axis, start, end }, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].slice_axis(Axis(self.axis), NdSlice::from(self.start..self.end)).to_owned()
    }
}

/// A part of a tensor that is 0 elsewhere.
#[derive(Clone, Copy)]
pub(super) struct Embed {
    axis: usize,
    start: usize,
    size: usize,
}

impl<T: Real> Op<T> for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn rule(&self) -> &'static str {
        "x̄ = that part of ȳ"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [outer, part, inner] = around(&inputs[0].shape, self.axis);
        let x = inputs[0].data();
        let run = part * inner;
        Tensor::write(inputs[0].shape.with(self.axis, self.size), |y| {
            y.fill(T::ZERO);
            for i in 0..outer {
                let at = (i * self.size + self.start) * inner;
                y[at..][..run].copy_from_slice(&x[i * run..][..run]);
            }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let end = self.start + values.shape(0)[self.axis];
        vec![Some(gy.slice(self.axis as isize, self.start..end))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axis == 0 { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for Embed {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let axis = any.integer(0..=shape.rank() as i64 - 1) as usize;
        let start = any.integer(0..=2) as usize;
        let size = start + shape[axis] + any.integer(0..=2) as usize;
        vec![Case::new(Embed { axis, start, size }, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let part = self.start..self.start + inputs[0].shape()[self.axis];
        let shape = Shape::new(inputs[0].shape()).with(self.axis, self.size);
        let mut y = ArrayD::zeros(&*shape);
        y.slice_axis_mut(Axis(self.axis), NdSlice::from(part)).assign(&inputs[0]);
        y
    }
}
