//! The same numbers in another shape: reshape, permute, transpose, broadcast.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::elementwise::{Function2, zip};
use crate::kernels::permute::permute;
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// The same elements, in the same order, in another shape. Copies nothing.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor<T> {
        run(Reshape(shape.into()), [self.clone()])
    }

    /// All axes from `axis` on as one.
    ///
    /// # Panics
    /// If the axis is out of range.
    #[track_caller]
    pub fn flatten_from(&self, axis: isize) -> Tensor<T> {
        let axis = self.shape.axis(axis, "flatten_from");
        let tail: usize = self.shape[axis..].iter().product();
        self.reshape(Shape::new(&[&self.shape[..axis], &[tail]].concat()))
    }

    /// The axes in another order: axis i of the result is axis `axes[i]` of this.
    ///
    /// # Panics
    /// If `axes` does not name each axis once.
    #[track_caller]
    pub fn permute(&self, axes: &[usize]) -> Tensor<T> {
        run(Permute::new(axes, &self.shape), [self.clone()])
    }

    /// Two axes in each other's place; -1 is the last.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor<T> {
        let (a, b) = (self.shape.axis(a, "transpose"), self.shape.axis(b, "transpose"));
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        axes.swap(a, b);
        self.permute(&axes)
    }

    /// This, stretched along axes of size 1 and new leading axes.
    ///
    /// # Panics
    /// If `shape` cannot be reached so.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor<T> {
        run(BroadcastTo(shape.into()), [self.clone()])
    }
}

/// The same elements in another shape.
#[derive(Clone, Copy)]
pub(super) struct Reshape(Shape);

impl<T: Real> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ, reshaped back"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (from, to) = (inputs[0].shape, self.0);
        let (have, want) = (from.count(), to.count());
        assert_eq!(have, want, "reshape: {from} has {have} elements, {to} has {want}");
        let data = match inputs[0].take_buffer() {
            Some(buffer) => Arc::new(buffer),
            None => inputs[0].data.clone(),
        };
        Tensor { data, shape: to, node: None }
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(run(Reshape(*values.shape(0)), [gy]))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        let (x, y) = (values.shape(input), values.output_shape());
        let kept = x.first() == y.first() || x.count() == 1;
        if kept { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for Reshape {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=4);
        let split = any.integer(0..=shape.rank() as i64) as usize;
        let size = |sizes: &[usize]| sizes.iter().product::<usize>();
        let to = [size(&shape[..split]), 1, size(&shape[split..])];
        vec![Case::new(Reshape(Shape::new(&to)), [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].to_shape(&*self.0).expect("the same elements").into_owned()
    }
}

/// Axes in another order.
#[derive(Clone)]
pub(super) struct Permute(Vec<usize>);

impl Permute {
    #[track_caller]
    fn new(axes: &[usize], shape: &Shape) -> Permute {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let each_once = sorted.iter().copied().eq(0..shape.rank());
        assert!(each_once, "permute: {axes:?} does not name each axis of {shape} once");
        Permute(axes.to_vec())
    }

    fn inverse(&self) -> Permute {
        let mut axes = vec![0; self.0.len()];
        for (to, &from) in self.0.iter().enumerate() {
            axes[from] = to;
        }
        Permute(axes)
    }
}

impl<T: Real> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ, axes back in order"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape;
        let sizes: Vec<usize> = self.0.iter().map(|&axis| shape[axis]).collect();
        Tensor::write(Shape::new(&sizes), |y| permute(inputs[0].data(), &shape, &self.0, y))
    }

    fn vjp(&self, _: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(run(self.inverse(), [gy]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0.first() == Some(&0) { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for Permute {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=4);
        vec![Case::new(Permute(any.permutation(shape.rank())), [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].clone().permuted_axes(IxDyn(&self.0)).as_standard_layout().into_owned()
    }
}

/// Stretched to a larger shape.
#[derive(Clone, Copy)]
pub(super) struct BroadcastTo(Shape);

#[derive(Clone, Copy)]
struct First;

impl Function2 for First {
    #[inline(always)]
    fn call<T: Real>(self, a: T, _: T) -> T {
        a
    }
}

impl<T: Real> Op<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn rule(&self) -> &'static str {
        "x̄ = Σ ȳ over the stretched axes"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (from, to) = (inputs[0].shape, self.0);
        if from == to {
            return inputs[0].clone();
        }
        let fits = from.broadcast(&to) == Some(to);
        assert!(fits, "broadcast_to: {from} does not stretch to {to}");
        let (none, scalar) = ([T::ZERO], Shape::new(&[]));
        let x = inputs[0].data();
        Tensor::write(to, |y| zip(First, (x, &from), (&none, &scalar), (y, &to)))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(gy.into_sum_to(values.shape(0)))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for BroadcastTo {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (a, b) = any.broadcastable();
        let common = a.broadcast(&b).expect("broadcastable");
        vec![Case::new(BroadcastTo(common), [any.normal(&a)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].broadcast(&*self.0).expect("broadcastable").to_owned()
    }
}
