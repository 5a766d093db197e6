//! Choosing between values: clamp, maximum, minimum, select.

use ndarray::{ArrayD, Zip};

use super::arithmetic::{binary, common};
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::elementwise::{Function1, Function2, map};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// min(max(x, low), high); the derivative is 1 within the bounds and on them.
    ///
    /// # Panics
    /// If low > high.
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Tensor<T> {
        assert!(low <= high, "clamp: bounds {low} and {high}");
        run(Clamp(low, high), [self.clone()])
    }

    /// The larger of the two; where they are equal, each gets half of the cotangent. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: &Tensor<T>) -> Tensor<T> {
        run(Maximum, [self.clone(), other.clone()])
    }

    /// The smaller of the two; where they are equal, each gets half of the cotangent. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: &Tensor<T>) -> Tensor<T> {
        run(Minimum, [self.clone(), other.clone()])
    }

    /// a where the mask is not 0, else b. All three broadcast; no gradient flows to the mask.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn select(mask: &Tensor<T>, a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
        run(Select, [mask.clone(), a.clone(), b.clone()])
    }
}

/// y = min(max(x, low), high)
#[derive(Clone, Copy)]
pub(super) struct Clamp(f64, f64);

impl Function1 for Clamp {
    const LIGHT: bool = true;

    #[inline(always)]
    fn call<T: Real>(self, x: T) -> T {
        let (low, high) = (T::from_f64(self.0), T::from_f64(self.1));
        let x = if x < low { low } else { x };
        if x > high { high } else { x }
    }
}

/// 1 where the bounds of a [`Clamp`] let x pass.
#[derive(Clone, Copy)]
struct Within(Clamp);

impl Function1 for Within {
    const LIGHT: bool = true;

    #[inline(always)]
    fn call<T: Real>(self, x: T) -> T {
        let (low, high) = (T::from_f64(self.0.0), T::from_f64(self.0.1));
        if x < low || x > high { T::ZERO } else { T::ONE }
    }
}

impl<T: Real> Op<T> for Clamp {
    fn name(&self) -> &'static str {
        "clamp"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ where low ≤ x ≤ high, else 0"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        Tensor::write(inputs[0].shape, |y| map(*self, inputs[0].data(), y))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let x = values.input(0);
        let within = Tensor::write(x.shape, |y| map(Within(*self), x.data(), y));
        vec![Some(gy * within)]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for Clamp {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=3);
        let x = any.normal(&shape).mapv(|x| if (x.abs() - 0.7).abs() < 0.05 { 0.0 } else { x });
        vec![
            Case::new(Clamp(-0.7, 0.7), [x.clone()]),
            Case::new(Clamp(f64::NEG_INFINITY, 0.7), [x]),
        ]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].mapv(|x| x.max(self.0).min(self.1))
    }
}

macro_rules! extremum {
    ($op:ident, $name:literal, $rule:literal, $function:ident, $wins:expr, $reference:expr) => {
        #[derive(Clone, Copy)]
        pub(super) struct $op;

        impl Function2 for $op {
            #[inline(always)]
            fn call<T: Real>(self, a: T, b: T) -> T {
                a.$function(b)
            }
        }

        impl<T: Real> Op<T> for $op {
            fn name(&self) -> &'static str {
                $name
            }

            fn rule(&self) -> &'static str {
                $rule
            }

            #[track_caller]
            fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
                binary($name, *self, inputs)
            }

            fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
                let (a, b) = (values.input(0).detach(), values.input(1).detach());
                let wins: fn(&Tensor<T>, &Tensor<T>) -> Tensor<T> = $wins;
                let share = wins(&a, &b) + a.equal(&b) * T::from_f64(0.5);
                let rest = share.clone().subtracted_from(1.0);
                let other = values.wanted(1, || (&gy * rest).into_sum_to(values.shape(1)));
                vec![values.wanted(0, || (gy * share).into_sum_to(values.shape(0))), other]
            }

            fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
                values.elementwise(input)
            }
        }

        impl Checked for $op {
            #[inline]
            fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
                let (a, b) = any.broadcastable();
                // Even tenths against odd twentieths: no two are closer than 0.05.
                let a = any.normal(&a).mapv(|x| (x * 10.0).round() / 10.0);
                let b = any.normal(&b).mapv(|x| (x * 10.0).round() / 10.0 + 0.05);
                vec![Case::new($op, [a, b])]
            }

            #[inline]
            fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
                let larger: fn(f64, f64) -> f64 = $reference;
                let (a, b) = (&inputs[0], &inputs[1]);
                // `a + 0·b` has the common shape.
                let a = a + &(b * 0.0);
                let b = &a * 0.0 + b;
                Zip::from(&a).and(&b).map_collect(|a, b| larger(*a, *b))
            }
        }
    };
}

extremum!(
    Maximum,
    "maximum",
    "ā = ȳ where a > b, b̄ = the rest",
    max_with,
    |a, b| a.greater(b),
    f64::max
);
extremum!(
    Minimum,
    "minimum",
    "ā = ȳ where a < b, b̄ = the rest",
    min_with,
    |a, b| b.greater(a),
    f64::min
);

/// y = a where the mask is not 0, else b.
#[derive(Clone, Copy)]
pub(super) struct Select;

impl<T: Real> Op<T> for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn rule(&self) -> &'static str {
        "ā = ȳ where mask, else 0; b̄ = the rest"
    }

    fn needs(&self) -> Needs {
        Needs::input(0)
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [mask, a, b] = inputs else { panic!("select: three inputs") };
        let shape = common("select", &common("select", &a.shape, &b.shape), &mask.shape);
        let [mask, a, b] = [mask, a, b].map(|x| x.broadcast_to(shape));
        Tensor::write(shape, |y| {
            let values = a.data().iter().zip(b.data());
            for ((y, mask), (a, b)) in y.iter_mut().zip(mask.data()).zip(values) {
                *y = if *mask != T::ZERO { *a } else { *b };
            }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        // Not a product: 0 · ∞ of the branch that was not taken is NaN.
        let (mask, zero) = (values.input(0).detach(), Tensor::scalar(T::ZERO));
        let part = |a: &Tensor<T>, b: &Tensor<T>, input| {
            Tensor::select(&mask, a, b).into_sum_to(values.shape(input))
        };
        let a = values.wanted(1, || part(&gy, &zero, 1));
        vec![None, a, values.wanted(2, || part(&zero, &gy, 2))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for Select {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (a, b) = any.broadcastable();
        let mask = any.normal(&a).mapv(|x| if x > 0.0 { 1.0 } else { 0.0 });
        vec![Case::new(Select, [mask, any.normal(&a), any.normal(&b)]).constants(1)]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        &inputs[0] * &inputs[1] + inputs[0].mapv(|mask| 1.0 - mask) * &inputs[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_bounds_follow_the_stated_convention() {
        let a = Tensor::from([1.0, 2.0]).requires_grad();
        let b = Tensor::from([1.0, 1.0]).requires_grad();
        let gradients = a.maximum(&b).sum().backward();
        assert_eq!(gradients[&a].to_vec(), [0.5, 1.0]);
        assert_eq!(gradients[&b].to_vec(), [0.5, 0.0]);
        let x = Tensor::from([-1.0, 0.0, 1.0, 2.0]).requires_grad();
        assert_eq!(x.clamp(-1.0, 1.0).sum().backward()[&x].to_vec(), [1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn the_branch_not_taken_does_not_spoil_the_gradient() {
        // d/dx of (x > 0 ? ln x : x) at -1: the logarithm's NaN stays where it is.
        let x = Tensor::from([-1.0, 2.0]).requires_grad();
        let mask = x.greater(&Tensor::scalar(0.0));
        let safe = Tensor::select(&mask, &x, &Tensor::scalar(1.0));
        let y = Tensor::select(&mask, &safe.ln(), &x).sum();
        assert_eq!(y.backward()[&x].to_vec(), [1.0, 0.5]);
    }
}
