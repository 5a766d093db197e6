//! Sums, means and maxima over axes.

use ndarray::{ArrayD, Axis, IxDyn};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::reduce::{self, Fold, reduce};
use crate::shape::{Axes, IntoAxes};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// The sum of all elements, as a tensor without axes.
    pub fn sum(&self) -> Tensor<T> {
        self.sum_axes(Axes::all(&self.shape), false)
    }

    /// The sum over axes, which disappear, or keep size 1 if `keepdim`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn sum_axes(&self, axes: impl IntoAxes, keepdim: bool) -> Tensor<T> {
        run(Sum { axes: axes.into_axes(&self.shape, "sum"), keepdim }, [self.clone()])
    }

    /// The mean of all elements. NaN if there are none.
    pub fn mean(&self) -> Tensor<T> {
        self.mean_axes(Axes::all(&self.shape), false)
    }

    /// The mean over axes, which disappear, or keep size 1 if `keepdim`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_axes(&self, axes: impl IntoAxes, keepdim: bool) -> Tensor<T> {
        let axes = axes.into_axes(&self.shape, "mean");
        let sum = self.sum_axes(axes, keepdim);
        let count = self.count() as f64 / sum.count().max(1) as f64;
        sum / T::from_f64(count)
    }

    /// The largest of all elements; NaN if any is.
    pub fn max(&self) -> Tensor<T> {
        self.max_axes(Axes::all(&self.shape), false)
    }

    /// The largest element over axes. Where several are equal, they share the cotangent evenly.
    ///
    /// # Panics
    /// If an axis is out of range or named twice, or there is nothing to take the largest of.
    #[track_caller]
    pub fn max_axes(&self, axes: impl IntoAxes, keepdim: bool) -> Tensor<T> {
        run(Max { axes: axes.into_axes(&self.shape, "max"), keepdim }, [self.clone()])
    }

    /// The sum over those axes along which `shape` was stretched to become this shape: the adjoint of
    /// [`broadcast_to`](Tensor::broadcast_to).
    ///
    /// # Panics
    /// If `shape` cannot be stretched to this shape.
    #[track_caller]
    pub fn sum_to(&self, shape: &Shape) -> Tensor<T> {
        let own = self.shape;
        if own == *shape {
            return self.clone();
        }
        let fits = shape.broadcast(&own) == Some(own);
        assert!(fits, "sum_to: {shape} does not stretch to {own}");
        let mut axes = Axes::none();
        let extra = own.rank() - shape.rank();
        for axis in 0..own.rank() {
            if axis < extra || (shape[axis - extra] == 1 && own[axis] != 1) {
                axes.insert(axis);
            }
        }
        self.sum_axes(axes, true).reshape(*shape)
    }

    /// As [`sum_to`](Tensor::sum_to), leaving a tensor of that shape to its only holder.
    pub(crate) fn into_sum_to(self, shape: &Shape) -> Tensor<T> {
        if self.shape == *shape { self } else { self.sum_to(shape) }
    }
}

/// Folds `x` over axes. Axes that are neighbours are one; the rest is brought to the end first.
fn fold<T: Real>(fold: impl Fold, x: &Tensor<T>, axes: Axes, keepdim: bool) -> Tensor<T> {
    let shape = x.shape;
    let result = shape.reduced(axes, keepdim);
    let named: Vec<usize> = (0..shape.rank()).filter(|&axis| axes.contains(axis)).collect();
    let (first, last) = match (named.first(), named.last()) {
        (Some(&first), Some(&last)) => (first, last),
        _ => return Tensor::new(x.data(), result),
    };
    let size = |axes: std::ops::Range<usize>| shape[axes].iter().product::<usize>();
    if last - first + 1 == named.len() {
        let sizes = [size(0..first), size(first..last + 1), size(last + 1..shape.rank())];
        return Tensor::write(result, |y| reduce(fold, x.data(), sizes, y));
    }
    let kept = (0..shape.rank()).filter(|&axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(named.iter().copied()).collect();
    let moved = x.detach().permute(&order);
    let sizes = [result.count(), moved.count() / result.count().max(1), 1];
    Tensor::write(result, |y| reduce(fold, moved.data(), sizes, y))
}

/// y = Σ x over axes
#[derive(Clone, Copy)]
pub(super) struct Sum {
    axes: Axes,
    keepdim: bool,
}

impl<T: Real> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ, stretched"
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        fold(reduce::Sum, &inputs[0], self.axes, self.keepdim)
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let shape = values.shape(0);
        vec![Some(gy.reshape(shape.reduced(self.axes, true)).broadcast_to(*shape))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axes.contains(0) { Batch::Summed } else { Batch::Kept }
    }
}

impl Checked for Sum {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=4);
        let op = Sum { axes: any.axes(&shape), keepdim: any.flip() };
        vec![Case::new(op, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        naive_fold(&inputs[0], self.axes, self.keepdim, 0.0, |a, b| a + b)
    }
}

/// y = max x over axes
#[derive(Clone, Copy)]
pub(super) struct Max {
    axes: Axes,
    keepdim: bool,
}

impl<T: Real> Op<T> for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ where x = y, shared evenly"
    }

    fn needs(&self) -> Needs {
        Needs::ALL
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let y = fold(reduce::Max, &inputs[0], self.axes, self.keepdim);
        let shape = inputs[0].shape;
        assert!(inputs[0].count() > 0 || y.count() == 0, "max: no elements in {shape}");
        y
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (x, y) = (values.input(0).detach(), values.output().detach());
        let kept = x.shape.reduced(self.axes, true);
        let ties = x.equal(&y.reshape(kept));
        let share = &ties / ties.sum_axes(self.axes, true);
        vec![Some(gy.reshape(kept) * share)]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axes.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for Max {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=4);
        let op = Max { axes: any.axes(&shape), keepdim: any.flip() };
        // Multiples of 0.1 in random order: the largest is clearly the largest.
        let x = any.permutation(shape.count()).into_iter().map(|i| i as f64 * 0.1).collect();
        let x = ArrayD::from_shape_vec(IxDyn(&shape), x).expect("as many as the shape holds");
        vec![Case::new(op, [x])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        naive_fold(&inputs[0], self.axes, self.keepdim, f64::NEG_INFINITY, f64::max)
    }
}

/// The definition, one axis after the other.
fn naive_fold(
    x: &ArrayD<f64>,
    axes: Axes,
    keepdim: bool,
    start: f64,
    join: fn(f64, f64) -> f64,
) -> ArrayD<f64> {
    let mut y = x.clone();
    for axis in (0..x.ndim()).rev().filter(|&axis| axes.contains(axis)) {
        y = y.fold_axis(Axis(axis), start, |a, b| join(*a, *b));
        if keepdim {
            y.insert_axis_inplace(Axis(axis));
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_elements_share_the_cotangent() {
        let x = Tensor::from([[1.0, 3.0, 3.0], [5.0, 2.0, 1.0]]).requires_grad();
        let y = x.max_axes(-1, false);
        assert_eq!(y.to_vec(), [3.0, 5.0]);
        assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.5, 0.5, 1.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "max: no elements in [0, 3]")]
    fn the_maximum_of_nothing_is_an_error() {
        Tensor::<f32>::zeros([0, 3]).max();
    }

    #[test]
    fn the_mean_divides_by_what_was_summed() {
        let x = Tensor::from([[1.0, 2.0, 3.0], [5.0, 6.0, 10.0]]);
        assert_eq!(x.mean().item(), 4.5);
        assert_eq!(x.mean_axes(0, false).to_vec(), [3.0, 4.0, 6.5]);
        assert_eq!(x.mean_axes(1, true).shape(), &Shape::new(&[2, 1]));
    }
}
