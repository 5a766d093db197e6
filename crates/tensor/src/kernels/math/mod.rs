//! Functions of one number that the compiler can turn into vector code: no branches, no tables.
//!
//! Each is written once for both formats; a format brings its constants and polynomials, which
//! `fit.py` in this folder computes. In `f32` an error is at most 2 units in the last place for
//! `exp` and `ln` and 4 for the others: the example `exhaustive` looks at every number, and a test
//! at every 4001st.
//!
//! All of them are inlined into kernels, closures of more than an operation excepted: such a closure is a function of its own, compiled for the portable
//! set, where a multiply-add is a call. With two polynomials in one, `normal_cdf` took 80 times as long.

mod erf;
mod exp;
mod format;
pub(crate) mod function;
mod ln;
mod logistic;
mod root;
mod trig;

pub use function::{Function, map, map_on};

pub(crate) use erf::{
    erf, erf_below_three, gelu, gelu_of_normal_density, has_normal_density, is_below_three,
    normal_cdf, normal_cdf_of_normal_density,
};
pub(crate) use exp::{exp, exp_m1, exp_of_bounded, is_bounded};
pub(crate) use ln::{is_normal, is_within_digits, ln, ln_1p, ln_1p_within_digits, ln_of_normal};
pub(crate) use logistic::{
    sigmoid, sigmoid_of_bounded, silu, silu_of_bounded, softplus, softplus_of_bounded, tanh,
};
pub(crate) use root::{is_central, roots_take_long, sqrt_of_central};
pub(crate) use trig::{cos, cos_moderate, is_moderate, sin, sin_cos, sin_moderate};

use crate::Real;

/// A format with all its constants.
pub trait Elementary:
    format::Format
    + exp::Exponential
    + ln::Logarithm
    + erf::ErrorFunction
    + root::SquareRoot
    + trig::Trigonometric
{
}

impl Elementary for f32 {}
impl Elementary for f64 {}

/// Σ c[i] xⁱ, at most 32 of them: by Horner's rule up to eleven, which takes the fewest operations and
/// roundings, and in halves (Estrin) beyond, which makes a shorter chain.
#[inline(always)]
fn polynomial<T: Real>(c: &[T], x: T) -> T {
    if c.len() <= 11 {
        return horner(c, x);
    }
    let x2 = x * x;
    let x4 = x2 * x2;
    let x8 = x4 * x4;
    let eight = |c: &[T]| halves(c, 4, x4, |c| horner(c, x));
    let sixteen = |c: &[T]| halves(c, 8, x8, eight);
    halves(c, 16, x8 * x8, sixteen)
}

#[inline(always)]
fn horner<T: Real>(c: &[T], x: T) -> T {
    let (last, rest) = c.split_last().expect("a polynomial has coefficients");
    rest.iter().rev().fold(*last, |y, c| y.mul_add(x, *c))
}

/// The first `half` coefficients, and the others times `power`.
#[inline(always)]
fn halves<T: Real>(c: &[T], half: usize, power: T, sum: impl Fn(&[T]) -> T) -> T {
    match c.split_at_checked(half) {
        Some((low, high)) if !high.is_empty() => sum(high).mul_add(power, sum(low)),
        _ => sum(c),
    }
}
