//! What all operations of one input, element by element, share.

use ndarray::ArrayD;

use crate::check::{Case, Checked, Sampler};
use crate::kernels::elementwise::{Function1, map, map_assign};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

/// A function of one number with its derivative.
pub(super) trait Unary: Function1 + 'static {
    const NAME: &'static str;
    const RULE: &'static str;
    const NEEDS: Needs;

    /// The cotangent of x; x and y only as far as `NEEDS` names them.
    fn vjp<T: Real>(self, values: &Values<'_, T>, gy: Tensor<T>) -> Tensor<T>;

    /// The definition, for one `f64`.
    fn reference(self, x: f64) -> f64;

    /// Functions of this kind, each with where it is checked.
    fn samples(any: &mut Sampler) -> Vec<(Self, Domain)>;
}

/// Where a function is checked.
#[derive(Clone, Copy)]
pub(super) struct Domain {
    low: f64,
    high: f64,
    /// No input lies within 0.05 of this: the derivative jumps there.
    kink: Option<f64>,
}

impl Domain {
    pub(super) fn new(low: f64, high: f64) -> Domain {
        Domain { low, high, kink: None }
    }

    pub(super) fn without(self, kink: f64) -> Domain {
        Domain { kink: Some(kink), ..self }
    }

    fn draw(self, any: &mut Sampler) -> f64 {
        loop {
            let x = any.between(self.low, self.high);
            if self.kink.is_none_or(|kink| (x - kink).abs() > 0.05) {
                return x;
            }
        }
    }
}

/// y = f(x), element by element.
#[derive(Clone, Copy)]
pub(super) struct Map<F>(pub(super) F);

impl<T: Real, F: Unary> Op<T> for Map<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn rule(&self) -> &'static str {
        F::RULE
    }

    fn needs(&self) -> Needs {
        F::NEEDS
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape;
        match inputs[0].take_buffer() {
            Some(mut buffer) => {
                map_assign(self.0, &mut buffer);
                Tensor::from_buffer(buffer, shape)
            }
            None => Tensor::write(shape, |y| map(self.0, inputs[0].data(), y)),
        }
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(self.0.vjp(values, gy))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl<F: Unary> Checked for Map<F> {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let samples = F::samples(any);
        let case = |(f, domain): (F, Domain)| {
            let shape = any.shape(0..=3);
            let x = ArrayD::from_shape_simple_fn(&*shape, || domain.draw(any));
            Case::new(Map(f), [x])
        };
        samples.into_iter().map(case).collect()
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].mapv(|x| self.0.reference(x))
    }
}
