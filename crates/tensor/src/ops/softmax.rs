//! log-sum-exp and its derivatives. The largest element is subtracted first, so nothing overflows.

use ndarray::ArrayD;

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::softmax as kernels;
use crate::shape::{Axes, IntoAxes};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// ln Σ eˣ over axes, which disappear, or keep size 1 if `keepdim`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn log_sum_exp(&self, axes: impl IntoAxes, keepdim: bool) -> Tensor<T> {
        run(LogSumExp { axes: axes.into_axes(&self.shape, "log_sum_exp"), keepdim }, [self.clone()])
    }

    /// eˣ / Σ eˣ over axes.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn softmax(&self, axes: impl IntoAxes) -> Tensor<T> {
        run(Softmax(axes.into_axes(&self.shape, "softmax")), [self.clone()])
    }

    /// x - ln Σ eˣ over axes.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn log_softmax(&self, axes: impl IntoAxes) -> Tensor<T> {
        run(LogSoftmax(axes.into_axes(&self.shape, "log_softmax")), [self.clone()])
    }
}

/// The numbers of a row, if axes are the last ones and one pass over each row will do.
fn row<T: Real>(x: &Tensor<T>, axes: Axes) -> Option<usize> {
    let first = (0..x.rank()).find(|&axis| axes.contains(axis))?;
    let is_last = (first..x.rank()).all(|axis| axes.contains(axis));
    let n = x.shape[first..].iter().product();
    (is_last && n <= kernels::LONGEST).then_some(n)
}

/// The largest element over axes, and 0 where that is infinite: what is subtracted first.
fn shift<T: Real>(x: &Tensor<T>, axes: Axes) -> Tensor<T> {
    if x.count() == 0 {
        return Tensor::zeros(x.shape.reduced(axes, true));
    }
    let mut largest = x.max_axes(axes, true);
    for x in largest.data_mut() {
        if !x.is_finite() {
            *x = T::ZERO;
        }
    }
    largest
}

/// y = ln Σ eˣ
#[derive(Clone, Copy)]
pub(super) struct LogSumExp {
    axes: Axes,
    keepdim: bool,
}

impl<T: Real> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }

    fn rule(&self) -> &'static str {
        "x̄ = exp(x - y) ȳ"
    }

    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let x = &inputs[0];
        if let Some(n) = row(x, self.axes) {
            let shape = x.shape.reduced(self.axes, self.keepdim);
            return Tensor::write(shape, |y| kernels::log_sum_exp(n, x.data(), y));
        }
        let shift = shift(x, self.axes);
        let y = (x - &shift).exp().sum_axes(self.axes, true).ln() + shift;
        y.reshape(x.shape.reduced(self.axes, self.keepdim))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let x = values.input(0);
        let kept = x.shape.reduced(self.axes, true);
        vec![Some((x - values.output().reshape(kept)).exp() * gy.reshape(kept))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.axes.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for LogSumExp {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let op = LogSumExp { axes: any.axes(&shape), keepdim: any.flip() };
        vec![Case::new(op, [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let sum = naive_sum(&inputs[0].mapv(f64::exp), self.axes).mapv(f64::ln);
        let shape = crate::Shape::new(inputs[0].shape()).reduced(self.axes, self.keepdim);
        sum.to_shape(&*shape).expect("the same elements").into_owned()
    }
}

/// y = eˣ / Σ eˣ
#[derive(Clone, Copy)]
pub(super) struct Softmax(Axes);

impl<T: Real> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn rule(&self) -> &'static str {
        "x̄ = y (ȳ - Σ y ȳ)"
    }

    fn needs(&self) -> Needs {
        Needs::OUTPUT
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        if let Some(n) = row(&inputs[0], self.0) {
            return Tensor::write(inputs[0].shape, |y| kernels::softmax(n, inputs[0].data(), y));
        }
        let e = (&inputs[0] - shift(&inputs[0], self.0)).exp();
        let sum = e.sum_axes(self.0, true);
        e / sum
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(run(SoftmaxGradient(self.0), [values.output(), gy]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for Softmax {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        vec![Case::new(Softmax(any.axes(&shape)), [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let e = inputs[0].mapv(f64::exp);
        &e / naive_sum(&e, self.0)
    }
}

/// y = x - ln Σ eˣ
#[derive(Clone, Copy)]
pub(super) struct LogSoftmax(Axes);

impl<T: Real> Op<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ - exp(y) Σ ȳ"
    }

    fn needs(&self) -> Needs {
        Needs::OUTPUT
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        if let Some(n) = row(&inputs[0], self.0) {
            return Tensor::write(inputs[0].shape, |y| {
                kernels::log_softmax(n, inputs[0].data(), y)
            });
        }
        let x = &inputs[0] - shift(&inputs[0], self.0);
        let log_sum = x.exp().sum_axes(self.0, true).ln();
        x - log_sum
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(run(LogSoftmaxGradient(self.0), [values.output(), gy]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for LogSoftmax {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        vec![Case::new(LogSoftmax(any.axes(&shape)), [any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let e = inputs[0].mapv(f64::exp);
        (&e / naive_sum(&e, self.0)).mapv(f64::ln)
    }
}

/// z = y (g - Σ y g): the gradient of [`Softmax`], in one pass over each row.
#[derive(Clone, Copy)]
pub(super) struct SoftmaxGradient(Axes);

impl<T: Real> Op<T> for SoftmaxGradient {
    fn name(&self) -> &'static str {
        "softmax_gradient"
    }

    fn rule(&self) -> &'static str {
        "ȳ = z̄ (g - Σ y g) - g Σ y z̄, ḡ = y (z̄ - Σ y z̄)"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (y, g) = (&inputs[0], &inputs[1]);
        if let Some(n) = row(y, self.0) {
            return Tensor::write(y.shape, |z| kernels::softmax_gradient(n, y.data(), g.data(), z));
        }
        let sum = (g * y).sum_axes(self.0, true);
        (g - sum) * y
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (y, g) = (values.input(0), values.input(1));
        let sum = |a: &Tensor<T>, b: &Tensor<T>| (a * b).sum_axes(self.0, true);
        let to_y = values.wanted(0, || &gz * (&g - sum(&y, &g)) - &g * sum(&y, &gz));
        vec![to_y, values.wanted(1, || run(SoftmaxGradient(self.0), [y, gz]))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for SoftmaxGradient {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let op = SoftmaxGradient(any.axes(&shape));
        vec![Case::new(op, [any.normal(&shape), any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let (y, g) = (&inputs[0], &inputs[1]);
        y * (g - naive_sum(&(y * g), self.0))
    }
}

/// z = g - e^y Σ g: the gradient of [`LogSoftmax`], in one pass over each row.
#[derive(Clone, Copy)]
pub(super) struct LogSoftmaxGradient(Axes);

impl<T: Real> Op<T> for LogSoftmaxGradient {
    fn name(&self) -> &'static str {
        "log_softmax_gradient"
    }

    fn rule(&self) -> &'static str {
        "ȳ = -exp(y) z̄ Σ g, ḡ = z̄ - Σ exp(y) z̄"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (y, g) = (&inputs[0], &inputs[1]);
        if let Some(n) = row(y, self.0) {
            return Tensor::write(y.shape, |z| {
                kernels::log_softmax_gradient(n, y.data(), g.data(), z)
            });
        }
        g - y.exp() * g.sum_axes(self.0, true)
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let weighted = values.input(0).exp() * &gz;
        let to_y = values.wanted(0, || -(&weighted * values.input(1).sum_axes(self.0, true)));
        vec![to_y, values.wanted(1, || gz - weighted.sum_axes(self.0, true))]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        if self.0.contains(0) { Batch::Mixed } else { Batch::Kept }
    }
}

impl Checked for LogSoftmaxGradient {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let op = LogSoftmaxGradient(any.axes(&shape));
        vec![Case::new(op, [any.normal(&shape), any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let (y, g) = (&inputs[0], &inputs[1]);
        g - y.mapv(f64::exp) * naive_sum(g, self.0)
    }
}

/// Σ x over axes, which keep size 1.
fn naive_sum(x: &ArrayD<f64>, axes: Axes) -> ArrayD<f64> {
    let mut y = x.clone();
    for axis in (0..x.ndim()).filter(|&axis| axes.contains(axis)) {
        y = y.sum_axis(ndarray::Axis(axis)).insert_axis(ndarray::Axis(axis));
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_do_not_overflow() {
        let x = Tensor::from([1000.0, 1000.0]);
        assert!((x.log_sum_exp(0, false).item() - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert_eq!(x.softmax(0).to_vec(), [0.5, 0.5]);
        let none = Tensor::from([f64::NEG_INFINITY; 2]);
        assert_eq!(none.log_sum_exp(0, false).item(), f64::NEG_INFINITY);
    }
}
