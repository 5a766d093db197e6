//! The two element types, and the functions of one number that kernels are made of.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::kernels::math::{self, Elementary};
use crate::kernels::noise::Fraction;
use crate::kernels::once::Once;
use crate::kernels::vector::Vectors;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// An element of a tensor: `f32`, or `f64` when gradients are put under the microscope.
///
/// The functions are those of [`kernels::math`](crate::kernels::math): vector instructions, and the
/// same bits on every machine.
pub trait Real:
    sealed::Sealed
    + Vectors
    + Once
    + Elementary
    + Fraction
    + bytemuck::Pod
    + Default
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// ∞
    const INFINITY: Self;
    /// -∞
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The smallest positive number that is not denormal.
    const MIN_POSITIVE: Self;
    /// `"f32"` or `"f64"`
    const NAME: &'static str;

    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The value in double precision: exact.
    fn to_f64(self) -> f64;
    /// self · a + b, rounded once on every instruction set.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// xᵖ
    fn powf(self, p: Self) -> Self;
    /// The next number below.
    fn next_down(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;

    /// eˣ.
    #[inline(always)]
    fn exp(self) -> Self {
        math::exp(self)
    }

    /// eˣ - 1, accurate near 0.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        math::exp_m1(self)
    }

    /// ln x.
    #[inline(always)]
    fn ln(self) -> Self {
        math::ln(self)
    }

    /// ln(1 + x), accurate near 0.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        math::ln_1p(self)
    }

    /// sin x.
    #[inline(always)]
    fn sin(self) -> Self {
        math::sin(self)
    }

    /// cos x.
    #[inline(always)]
    fn cos(self) -> Self {
        math::cos(self)
    }

    /// tanh x.
    #[inline(always)]
    fn tanh(self) -> Self {
        math::tanh(self)
    }

    /// 1 / (1 + e^(-x)), without overflow on either side.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        math::sigmoid(self)
    }

    /// ln(1 + eˣ), without overflow on either side.
    #[inline(always)]
    fn softplus(self) -> Self {
        math::softplus(self)
    }

    /// x / (1 + e^(-x)), 0 at -∞.
    #[inline(always)]
    fn silu(self) -> Self {
        math::silu(self)
    }

    /// The error function (2/√π) ∫₀ˣ e^(-t²) dt.
    #[inline(always)]
    fn erf(self) -> Self {
        math::erf(self)
    }

    /// x Φ(x) with Φ the normal distribution function, 0 at -∞.
    #[inline(always)]
    fn gelu(self) -> Self {
        math::gelu(self)
    }

    /// Φ(x), the standard normal distribution function.
    #[inline(always)]
    fn normal_cdf(self) -> Self {
        math::normal_cdf(self)
    }

    /// xⁿ by repeated squaring: the same bits on every machine.
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let (mut base, mut power, mut left) = (self, Self::ONE, n.unsigned_abs());
        while left > 0 {
            if left & 1 == 1 {
                power = power * base;
            }
            base = base * base;
            left >>= 1;
        }
        if n < 0 { Self::ONE / power } else { power }
    }

    /// The larger of the two; NaN if either is.
    #[inline(always)]
    fn max_with(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }

    /// The smaller of the two; NaN if either is.
    #[inline(always)]
    fn min_with(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    const INFINITY: f32 = f32::INFINITY;
    const NEG_INFINITY: f32 = f32::NEG_INFINITY;
    const NAN: f32 = f32::NAN;
    const MIN_POSITIVE: f32 = f32::MIN_POSITIVE;
    const NAME: &'static str = "f32";

    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn mul_add(self, a: f32, b: f32) -> f32 {
        f32::mul_add(self, a, b)
    }
    #[inline(always)]
    fn abs(self) -> f32 {
        f32::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn powf(self, p: f32) -> f32 {
        libm::pow(f64::from(self), f64::from(p)) as f32
    }
    #[inline(always)]
    fn next_down(self) -> f32 {
        f32::next_down(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f32::is_nan(self)
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const INFINITY: f64 = f64::INFINITY;
    const NEG_INFINITY: f64 = f64::NEG_INFINITY;
    const NAN: f64 = f64::NAN;
    const MIN_POSITIVE: f64 = f64::MIN_POSITIVE;
    const NAME: &'static str = "f64";

    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn mul_add(self, a: f64, b: f64) -> f64 {
        f64::mul_add(self, a, b)
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn powf(self, p: f64) -> f64 {
        libm::pow(self, p)
    }
    #[inline(always)]
    fn next_down(self) -> f64 {
        f64::next_down(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
}
