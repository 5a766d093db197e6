//! Elementary functions.

use super::map::{Domain, Map, Unary};
use super::run;
use crate::check::Sampler;
use crate::kernels::elementwise::Function1;
pub(super) use crate::kernels::math::function::{Cos, Erf, Exp, ExpM1, Ln, Ln1p, Sin, Sqrt};
use crate::{Needs, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// eˣ, element by element.
    pub fn exp(&self) -> Tensor<T> {
        run(Map(Exp), [self.clone()])
    }

    /// eˣ - 1, element by element, accurate near 0.
    pub fn exp_m1(&self) -> Tensor<T> {
        run(Map(ExpM1), [self.clone()])
    }

    /// ln x, element by element. -∞ at 0, NaN below.
    pub fn ln(&self) -> Tensor<T> {
        run(Map(Ln), [self.clone()])
    }

    /// ln(1 + x), element by element, accurate near 0.
    pub fn ln_1p(&self) -> Tensor<T> {
        run(Map(Ln1p), [self.clone()])
    }

    /// √x, element by element.
    pub fn sqrt(&self) -> Tensor<T> {
        run(Map(Sqrt), [self.clone()])
    }

    /// x², element by element.
    pub fn square(&self) -> Tensor<T> {
        run(Map(Square), [self.clone()])
    }

    /// xⁿ for an integer n, element by element.
    pub fn powi(&self, n: i32) -> Tensor<T> {
        run(Map(Powi(n)), [self.clone()])
    }

    /// xᵖ, element by element. NaN for negative x unless p is an integer.
    pub fn powf(&self, p: f64) -> Tensor<T> {
        run(Map(Powf(p)), [self.clone()])
    }

    /// |x|, element by element; the derivative at 0 is 0.
    pub fn abs(&self) -> Tensor<T> {
        run(Map(Abs), [self.clone()])
    }

    /// sin x, element by element.
    pub fn sin(&self) -> Tensor<T> {
        run(Map(Sin), [self.clone()])
    }

    /// cos x, element by element.
    pub fn cos(&self) -> Tensor<T> {
        run(Map(Cos), [self.clone()])
    }

    /// The error function (2/√π) ∫₀ˣ e^(-t²) dt, element by element.
    pub fn erf(&self) -> Tensor<T> {
        run(Map(Erf), [self.clone()])
    }
}

/// A function with its rule in one place; the closures are the value, unless the function is one of `kernels::math`, the derivative and the
/// definition.
macro_rules! unary {
    (
        $(#[$doc:meta])* $op:ident $(($field:ident: $type:ty))?, $name:literal, $rule:literal,
        $needs:expr,
        $(light: $light:literal,)?
        value: |$x:ident| $value:expr,
        $($rules:tt)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $op $((pub(super) $type))?;

        impl Function1 for $op {
            #[inline(always)]
            fn call<T: Real>(self, $x: T) -> T {
                $(let $op($field) = self;)?
                $value
            }

            $(const LIGHT: bool = $light;)?
        }

        unary! { $op $(($field: $type))?, $name, $rule, $needs, $($rules)* }
    };
    (
        $op:ident $(($field:ident: $type:ty))?, $name:literal, $rule:literal,
        $needs:expr,
        vjp: |$values:ident, $gy:ident| $vjp:expr,
        reference: |$r:ident| $reference:expr,
        samples: |$any:ident| $samples:expr $(,)?
    ) => {
        impl Unary for $op {
            const NAME: &'static str = $name;
            const RULE: &'static str = $rule;
            const NEEDS: Needs = $needs;

            fn vjp<T: Real>(self, $values: &Values<'_, T>, $gy: Tensor<T>) -> Tensor<T> {
                $(let $op($field) = self;)?
                $vjp
            }

            #[inline]
            fn reference(self, $r: f64) -> f64 {
                $(let $op($field) = self;)?
                $reference
            }

            #[inline]
            fn samples($any: &mut Sampler) -> Vec<(Self, Domain)> {
                $samples
            }
        }
    };
}
pub(super) use unary;

unary! {
    Exp, "exp", "x̄ = y ȳ", Needs::OUTPUT,
    vjp: |v, gy| gy * v.output(),
    reference: |x| x.exp(),
    samples: |_any| vec![(Exp, Domain::new(-5.0, 5.0))],
}

unary! {
    ExpM1, "exp_m1", "x̄ = (y + 1) ȳ", Needs::OUTPUT,
    vjp: |v, gy| gy * (v.output() + T::ONE),
    reference: |x| x.exp_m1(),
    samples: |_any| vec![(ExpM1, Domain::new(-5.0, 5.0)), (ExpM1, Domain::new(-1e-3, 1e-3))],
}

unary! {
    Ln, "ln", "x̄ = ȳ / x", Needs::INPUTS,
    vjp: |v, gy| gy / v.input(0),
    reference: |x| x.ln(),
    samples: |_any| vec![(Ln, Domain::new(0.1, 10.0))],
}

unary! {
    Ln1p, "ln_1p", "x̄ = ȳ / (1 + x)", Needs::INPUTS,
    vjp: |v, gy| gy / (v.input(0) + T::ONE),
    reference: |x| x.ln_1p(),
    samples: |_any| vec![(Ln1p, Domain::new(-0.9, 10.0)), (Ln1p, Domain::new(-1e-3, 1e-3))],
}

unary! {
    Sqrt, "sqrt", "x̄ = ȳ / (2 y)", Needs::OUTPUT,
    vjp: |v, gy| gy / (v.output() * T::from_f64(2.0)),
    reference: |x| x.sqrt(),
    samples: |_any| vec![(Sqrt, Domain::new(0.1, 10.0))],
}

unary! {
    Square, "square", "x̄ = 2 x ȳ", Needs::INPUTS,
    light: true,
    value: |x| x * x,
    vjp: |v, gy| gy * v.input(0) * T::from_f64(2.0),
    reference: |x| x * x,
    samples: |_any| vec![(Square, Domain::new(-3.0, 3.0))],
}

unary! {
    Powi(n: i32), "powi", "x̄ = n xⁿ⁻¹ ȳ", Needs::INPUTS,
    value: |x| x.powi(n),
    vjp: |v, gy| if n == 0 {
        gy * T::ZERO
    } else {
        gy * v.input(0).powi(n - 1) * T::from_f64(f64::from(n))
    },
    reference: |x| (0..n.abs()).fold(1.0, |y, _| if n > 0 { y * x } else { y / x }),
    samples: |any| {
        let n = any.integer(-4..=6) as i32;
        vec![(Powi(n), Domain::new(0.3, 2.0)), (Powi(n.abs()), Domain::new(-2.0, 2.0))]
    },
}

unary! {
    Powf(p: f64), "powf", "x̄ = p xᵖ⁻¹ ȳ", Needs::INPUTS,
    value: |x| x.powf(T::from_f64(p)),
    vjp: |v, gy| if p == 0.0 {
        gy * T::ZERO
    } else {
        gy * v.input(0).powf(p - 1.0) * T::from_f64(p)
    },
    reference: |x| (p * x.ln()).exp(),
    samples: |any| vec![(Powf(any.between(-3.0, 3.0)), Domain::new(0.3, 3.0))],
}

unary! {
    Abs, "abs", "x̄ = sign(x) ȳ", Needs::INPUTS,
    light: true,
    value: |x| x.abs(),
    vjp: |v, gy| gy * v.input(0).sign(),
    reference: |x| if x < 0.0 { -x } else { x },
    samples: |_any| vec![(Abs, Domain::new(-3.0, 3.0).without(0.0))],
}

unary! {
    Sin, "sin", "x̄ = cos(x) ȳ", Needs::INPUTS,
    vjp: |v, gy| gy * v.input(0).cos(),
    reference: |x| x.sin(),
    samples: |_any| vec![(Sin, Domain::new(-7.0, 7.0))],
}

unary! {
    Cos, "cos", "x̄ = -sin(x) ȳ", Needs::INPUTS,
    vjp: |v, gy| -(gy * v.input(0).sin()),
    reference: |x| x.cos(),
    samples: |_any| vec![(Cos, Domain::new(-7.0, 7.0))],
}

unary! {
    Erf, "erf", "x̄ = (2/√π) exp(-x²) ȳ", Needs::INPUTS,
    vjp: |v, gy| {
        gy * (-v.input(0).square()).exp() * T::from_f64(std::f64::consts::FRAC_2_SQRT_PI)
    },
    // The series 7.1.6 of Abramowitz & Stegun, whose terms are all of one sign.
    reference: |x| {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    },
    samples: |_any| vec![(Erf, Domain::new(-3.0, 3.0))],
}
