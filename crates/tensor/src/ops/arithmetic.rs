//! Sum, difference, product and quotient, with broadcasting, and the operators.

use std::ops;

use ndarray::ArrayD;

use super::map::{Domain, Map, Unary};
use super::math::unary;
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::elementwise::{Function1, Function2, zip, zip_assign};
use crate::{Batch, Needs, Op, Real, Shape, Tensor, Values};

unary! {
    /// y = a x + b: what scalars and signs come down to.
    Affine(parts: (f64, f64)), "affine", "x̄ = a ȳ", Needs::NOTHING,
    light: true,
    value: |x| x * T::from_f64(parts.0) + T::from_f64(parts.1),
    vjp: |_v, gy| run(Map(Affine((parts.0, 0.0))), [gy]),
    reference: |x| parts.0 * x + parts.1,
    samples: |any| {
        let parts = (any.between(-2.0, 2.0), any.between(-2.0, 2.0));
        vec![(Affine(parts), Domain::new(-3.0, 3.0))]
    },
}

/// The common shape of two operands.
///
/// # Panics
/// If there is none: the message names the operation and both shapes.
#[track_caller]
pub(super) fn common(name: &str, a: &Shape, b: &Shape) -> Shape {
    match a.broadcast(b) {
        Some(shape) => shape,
        None => panic!("{name}: shapes {a} and {b} do not broadcast: each axis must agree or be 1"),
    }
}

/// The value of an operation of two operands, in the place of the first if that is free.
#[track_caller]
pub(super) fn binary<T: Real>(
    name: &str,
    f: impl Function2,
    inputs: &mut [Tensor<T>],
) -> Tensor<T> {
    let (a_shape, b_shape) = (inputs[0].shape, inputs[1].shape);
    let shape = common(name, &a_shape, &b_shape);
    if shape == a_shape
        && let Some(mut a) = inputs[0].take_buffer()
    {
        zip_assign(f, (&mut a, &shape), (inputs[1].data(), &b_shape));
        return Tensor::from_buffer(a, shape);
    }
    let (a, b) = (inputs[0].data(), inputs[1].data());
    Tensor::write(shape, |y| zip(f, (a, &a_shape), (b, &b_shape), (y, &shape)))
}

macro_rules! binary {
    (
        $op:ident, $name:literal, $rule:literal, $needs:expr, $operator:tt,
        |$v:ident, $gy:ident| $vjp:expr
    ) => {
        #[derive(Clone, Copy)]
        pub(super) struct $op;

        impl Function2 for $op {
            const LIGHT: bool = true;
            #[inline(always)]
            fn call<T: Real>(self, a: T, b: T) -> T {
                a $operator b
            }
        }

        impl<T: Real> Op<T> for $op {
            fn name(&self) -> &'static str {
                $name
            }

            fn rule(&self) -> &'static str {
                $rule
            }

            fn needs(&self) -> Needs {
                $needs
            }

            #[track_caller]
            fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
                binary($name, *self, inputs)
            }

            fn vjp(&self, $v: &Values<'_, T>, $gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
                $vjp
            }

            fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
                values.elementwise(input)
            }
        }

        impl Checked for $op {
            #[inline]
            fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
                let (a, b) = any.broadcastable();
                // Away from 0, for the quotient's sake.
                let away = |x: f64| x + x.signum();
                vec![Case::new($op, [any.normal(&a), any.normal(&b).mapv(away)])]
            }

            #[inline]
            fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
                &inputs[0] $operator &inputs[1]
            }
        }
    };
}

binary!(Add, "add", "ā = ȳ, b̄ = ȳ", Needs::NOTHING, +, |v, gy| {
    let b = v.wanted(1, || gy.sum_to(v.shape(1)));
    vec![v.wants(0).then(|| gy.into_sum_to(v.shape(0))), b]
});

binary!(Sub, "sub", "ā = ȳ, b̄ = -ȳ", Needs::NOTHING, -, |v, gy| {
    let b = v.wanted(1, || -gy.sum_to(v.shape(1)));
    vec![v.wants(0).then(|| gy.into_sum_to(v.shape(0))), b]
});

binary!(Mul, "mul", "ā = b ȳ, b̄ = a ȳ", Needs::INPUTS, *, |v, gy| {
    let b = v.wanted(1, || (&gy * v.input(0)).into_sum_to(v.shape(1)));
    vec![v.wants(0).then(|| (gy * v.input(1)).into_sum_to(v.shape(0))), b]
});

binary!(Div, "div", "ā = ȳ / b, b̄ = -a ȳ / b²", Needs::INPUTS, /, |v, gy| {
    let gy = gy / v.input(1);
    let b = v.wanted(1, || (-(&gy * v.input(0)) / v.input(1)).into_sum_to(v.shape(1)));
    vec![v.wants(0).then(|| gy.into_sum_to(v.shape(0))), b]
});

macro_rules! operator {
    ($trait:ident, $method:ident, $op:expr) => {
        impl<T: Real> ops::$trait<Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                run($op, [self, other])
            }
        }

        impl<T: Real> ops::$trait<&Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                run($op, [self, other.clone()])
            }
        }

        impl<T: Real> ops::$trait<Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                run($op, [self.clone(), other])
            }
        }

        impl<T: Real> ops::$trait<&Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                run($op, [self.clone(), other.clone()])
            }
        }
    };
}

operator!(Add, add, Add);
operator!(Sub, sub, Sub);
operator!(Mul, mul, Mul);
operator!(Div, div, Div);

macro_rules! scalar_operator {
    ($trait:ident, $method:ident, |$c:ident| $affine:expr) => {
        impl<T: Real> ops::$trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, scalar: T) -> Tensor<T> {
                let $c = scalar.to_f64();
                run(Map(Affine($affine)), [self])
            }
        }

        impl<T: Real> ops::$trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, scalar: T) -> Tensor<T> {
                self.clone().$method(scalar)
            }
        }
    };
}

scalar_operator!(Add, add, |c| (1.0, c));
scalar_operator!(Sub, sub, |c| (1.0, -c));
scalar_operator!(Mul, mul, |c| (c, 0.0));

// A quotient of its own, since x · (1/c) is not rounded as x / c is.
impl<T: Real> ops::Div<T> for Tensor<T> {
    type Output = Tensor<T>;
    fn div(self, scalar: T) -> Tensor<T> {
        self / Tensor::scalar(scalar)
    }
}

impl<T: Real> ops::Div<T> for &Tensor<T> {
    type Output = Tensor<T>;
    fn div(self, scalar: T) -> Tensor<T> {
        self / Tensor::scalar(scalar)
    }
}

macro_rules! scalar_on_the_left {
    ($type:ty) => {
        impl ops::Add<Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn add(self, tensor: Tensor<$type>) -> Tensor<$type> {
                tensor + self
            }
        }

        impl ops::Sub<Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn sub(self, tensor: Tensor<$type>) -> Tensor<$type> {
                tensor.subtracted_from(f64::from(self))
            }
        }

        impl ops::Mul<Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn mul(self, tensor: Tensor<$type>) -> Tensor<$type> {
                tensor * self
            }
        }

        impl ops::Add<&Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn add(self, tensor: &Tensor<$type>) -> Tensor<$type> {
                tensor + self
            }
        }

        impl ops::Sub<&Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn sub(self, tensor: &Tensor<$type>) -> Tensor<$type> {
                self - tensor.clone()
            }
        }

        impl ops::Mul<&Tensor<$type>> for $type {
            type Output = Tensor<$type>;
            fn mul(self, tensor: &Tensor<$type>) -> Tensor<$type> {
                tensor * self
            }
        }
    };
}

scalar_on_the_left!(f32);
scalar_on_the_left!(f64);

impl<T: Real> Tensor<T> {
    /// c - x, for code that is generic over the element.
    pub(crate) fn subtracted_from(self, c: f64) -> Tensor<T> {
        run(Map(Affine((-1.0, c))), [self])
    }
}

impl<T: Real> ops::Neg for Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        run(Map(Affine((-1.0, 0.0))), [self])
    }
}

impl<T: Real> ops::Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        -self.clone()
    }
}
