//! Binary cross-entropy from logits, fused with its sum.

use ndarray::{ArrayD, Axis};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::bce::{bce_gradient_row, bce_row};
use crate::kernels::threads::{chunks_mut, for_each_chunk};
use crate::kernels::{GRAIN, even};
use crate::{Batch, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// Binary cross-entropy between targets t in [0, 1] and logits l, in nats, summed over the last
    /// axis:
    ///
    /// ```text
    ///     y = Σ ( max(l, 0) - l t + ln(1 + e^(-|l|)) )   =   -Σ ( t ln p + (1 - t) ln(1 - p) ),
    ///     p = sigmoid(l)
    /// ```
    ///
    /// Shapes: logits and targets are [.., n], the result is [..]. With all logits 0 it is n ln 2.
    ///
    /// # Panics
    /// If the shapes differ or have no axis.
    #[track_caller]
    pub fn bce_with_logits(&self, targets: &Tensor<T>) -> Tensor<T> {
        run(BceWithLogits, [self.clone(), targets.clone()])
    }
}

/// Calls `visit` for rows of the last axis, in parallel pieces of whole rows.
fn for_each_row<T: Real>(
    shape: &Shape,
    out: &mut [T],
    width: usize,
    visit: impl Fn(usize, &mut [T]) + Sync,
) {
    let n = shape[shape.rank() - 1];
    if let Some(all) = out.len().checked_div(width) {
        let rows = even(all, GRAIN / n.max(1));
        for_each_chunk(chunks_mut(out, rows * width), |i, out| {
            out.chunks_mut(width).enumerate().for_each(|(j, out)| visit(i * rows + j, out));
        });
    }
}

#[track_caller]
fn same_shapes<T: Real>(inputs: &[Tensor<T>]) -> Shape {
    let (logits, targets) = (inputs[0].shape, inputs[1].shape);
    let fits = logits == targets && logits.rank() > 0;
    assert!(fits, "bce_with_logits: logits {logits} and targets {targets}: shapes must agree");
    logits
}

/// y = Σ ( max(l, 0) - l t + ln(1 + e^(-|l|)) )
#[derive(Clone, Copy)]
pub(super) struct BceWithLogits;

impl<T: Real> Op<T> for BceWithLogits {
    fn name(&self) -> &'static str {
        "bce_with_logits"
    }

    fn rule(&self) -> &'static str {
        "l̄ = (sigmoid(l) - t) ȳ, t̄ = -l ȳ"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = same_shapes(inputs);
        let n = shape[shape.rank() - 1];
        let (logits, targets) = (inputs[0].data(), inputs[1].data());
        Tensor::write(&shape[..shape.rank() - 1], |y| {
            for_each_row(&shape, y, 1, |row, y| {
                y[0] = bce_row(&logits[row * n..][..n], &targets[row * n..][..n]);
            });
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (logits, targets) = (values.input(0), values.input(1));
        let column = Shape::new(&[&*gy.shape, &[1]].concat());
        let to_targets = values.wanted(1, || -(&logits * gy.reshape(column)));
        vec![values.wanted(0, || run(BceGradient, [logits, targets, gy])), to_targets]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 0 { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for BceWithLogits {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let targets = any.normal(&shape).mapv(|x| 1.0 / (1.0 + (-x).exp()));
        vec![Case::new(BceWithLogits, [any.normal(&shape) * 3.0, targets])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let p = inputs[0].mapv(|l| 1.0 / (1.0 + (-l).exp()));
        let t = &inputs[1];
        let loss = -(t * p.mapv(f64::ln) + t.mapv(|t| 1.0 - t) * p.mapv(|p| (1.0 - p).ln()));
        loss.sum_axis(Axis(t.ndim() - 1))
    }
}

/// z = (sigmoid(l) - t) g: the gradient of [`BceWithLogits`] in one pass over memory.
#[derive(Clone, Copy)]
pub(super) struct BceGradient;

impl<T: Real> Op<T> for BceGradient {
    fn name(&self) -> &'static str {
        "bce_gradient"
    }

    fn rule(&self) -> &'static str {
        "l̄ = s (1 - s) g z̄, t̄ = -g z̄, ḡ = Σ (s - t) z̄, s = sigmoid(l)"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = same_shapes(inputs);
        let n = shape[shape.rank() - 1];
        let (logits, targets, g) = (inputs[0].data(), inputs[1].data(), inputs[2].data());
        Tensor::write(shape, |z| {
            for_each_row(&shape, z, n, |row, z| {
                let range = row * n..(row + 1) * n;
                bce_gradient_row(&logits[range.clone()], &targets[range], g[row], z);
            });
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (s, t, g) = (values.input(0).sigmoid(), values.input(1), values.input(2));
        let column = Shape::new(&[&*g.shape, &[1]].concat());
        let weighted = &gz * g.reshape(column);
        let slope = || &s * s.clone().subtracted_from(1.0);
        vec![
            values.wanted(0, || &weighted * slope()),
            values.wanted(1, || -&weighted),
            values.wanted(2, || ((&s - t) * gz).sum_axes(-1, false)),
        ]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 1 { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for BceGradient {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let targets = any.normal(&shape).mapv(|x| 1.0 / (1.0 + (-x).exp()));
        let g = any.normal(&Shape::new(&shape[..shape.rank() - 1]));
        vec![Case::new(BceGradient, [any.normal(&shape) * 3.0, targets, g])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let g = inputs[2].clone().insert_axis(Axis(inputs[2].ndim()));
        (inputs[0].mapv(|l| 1.0 / (1.0 + (-l).exp())) - &inputs[1]) * g
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_logits_cost_ln_2_per_pixel() {
        let (logits, targets) = (Tensor::<f32>::zeros([3, 784]), Tensor::full([3, 784], 0.3));
        for loss in logits.bce_with_logits(&targets).to_vec() {
            assert!((loss - 543.427_4).abs() < 1e-3, "{loss}");
        }
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let logits = Tensor::from([200.0f32, -200.0, 200.0, -200.0]);
        let targets = Tensor::from([1.0, 0.0, 0.0, 1.0]);
        assert_eq!(logits.bce_with_logits(&targets).item(), 400.0);
    }
}
