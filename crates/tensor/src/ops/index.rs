//! Picking entries along an axis by their index, and one-hot codes.

use std::sync::Arc;

use ndarray::{ArrayD, Axis};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// The entries `indices` along an axis, in that order, with repetitions; -1 is the last axis.
    ///
    /// # Panics
    /// If the axis or an index is out of range.
    #[track_caller]
    pub fn index_select(&self, axis: isize, indices: &[usize]) -> Tensor<T> {
        let axis = self.shape.axis(axis, "index_select");
        if let Some(index) = indices.iter().find(|&&index| index >= self.shape[axis]) {
            panic!("index_select: index {index} along axis {axis} of {}", self.shape);
        }
        run(IndexSelect { axis, indices: indices.into() }, [self.clone()])
    }

    /// Row i has 1 in column `classes[i]` and 0 elsewhere: shape [classes.len(), count].
    ///
    /// # Panics
    /// If a class is not below `count`.
    #[track_caller]
    pub fn one_hot(classes: &[usize], count: usize) -> Tensor<T> {
        Tensor::write([classes.len(), count], |out| {
            out.fill(T::ZERO);
            for (row, &class) in classes.iter().enumerate() {
                assert!(class < count, "one_hot: class {class} of {count}");
                out[row * count + class] = T::ONE;
            }
        })
    }
}

/// Copies or adds runs of `inner` numbers: entry `indices[j]` of the large side belongs to j.
fn for_each_run(
    large: &Shape,
    axis: usize,
    indices: &[usize],
    mut visit: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let size = |sizes: &[usize]| sizes.iter().product::<usize>();
    let (outer, inner) = (size(&large[..axis]), size(&large[axis + 1..]));
    for i in 0..outer {
        for (j, &index) in indices.iter().enumerate() {
            let from = (i * large[axis] + index) * inner;
            let to = (i * indices.len() + j) * inner;
            visit(from..from + inner, to..to + inner);
        }
    }
}

/// y[…, j, …] = x[…, indices[j], …]
#[derive(Clone)]
pub(super) struct IndexSelect {
    axis: usize,
    indices: Arc<[usize]>,
}

impl<T: Real> Op<T> for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }

    fn rule(&self) -> &'static str {
        "x̄[index] = Σ ȳ of its copies"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape;
        Tensor::write(shape.with(self.axis, self.indices.len()), |y| {
            for_each_run(&shape, self.axis, &self.indices, |from, to| {
                y[to].copy_from_slice(&inputs[0].data()[from]);
            });
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let size = values.shape(0)[self.axis];
        vec![Some(run(IndexAdd { axis: self.axis, indices: self.indices.clone(), size }, [gy]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axis == 0 { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for IndexSelect {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let axis = any.integer(0..=shape.rank() as i64 - 1) as usize;
        let last = shape[axis] as i64 - 1;
        let count = any.integer(0..=5);
        let indices = (0..count).map(|_| any.integer(0..=last) as usize).collect();
        vec![Case::new(IndexSelect { axis, indices }, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].select(Axis(self.axis), &self.indices)
    }
}

/// y[…, indices[j], …] += x[…, j, …], from 0: the adjoint of [`IndexSelect`].
#[derive(Clone)]
pub(super) struct IndexAdd {
    axis: usize,
    indices: Arc<[usize]>,
    size: usize,
}

impl<T: Real> Op<T> for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ[index]"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape.with(self.axis, self.size);
        Tensor::write(shape, |y| {
            y.fill(T::ZERO);
            for_each_run(&shape, self.axis, &self.indices, |to, from| {
                y[to].iter_mut().zip(&inputs[0].data()[from]).for_each(|(y, x)| *y += *x);
            });
        })
    }

    fn vjp(&self, _: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(run(IndexSelect { axis: self.axis, indices: self.indices.clone() }, [gy]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axis == 0 { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for IndexAdd {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let axis = any.integer(0..=shape.rank() as i64 - 1) as usize;
        let size = any.integer(1..=4);
        let indices = (0..shape[axis]).map(|_| any.integer(0..=size - 1) as usize).collect();
        vec![Case::new(IndexAdd { axis, indices, size: size as usize }, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let shape = Shape::new(inputs[0].shape()).with(self.axis, self.size);
        let mut y = ArrayD::zeros(&*shape);
        for (x, &index) in inputs[0].axis_iter(Axis(self.axis)).zip(&*self.indices) {
            let mut entry = y.index_axis_mut(Axis(self.axis), index);
            entry += &x;
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hot_by_hand() {
        assert_eq!(Tensor::<f32>::one_hot(&[2, 0], 3).to_vec(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "index_select: index 4 along axis 1 of [2, 4]")]
    fn an_index_out_of_range_names_the_shape() {
        Tensor::<f32>::zeros([2, 4]).index_select(1, &[0, 4]);
    }
}
