//! Functions of one number that the compiler can turn into vector code: no branches, no tables.
//!
//! Each is written once for both formats; a format brings its constants and polynomials, which
//! `fit.py` in this folder computes. Over all inputs an error is at most 2 units in the last place
//! for `exp` and `ln` and 4 for the others; the example `exhaustive` looks at every `f32`.

mod erf;
mod exp;
mod format;
mod function;
mod ln;
mod logistic;
mod trig;

pub use function::{Function, map, map_on};

pub(crate) use erf::{erf, gelu};
pub(crate) use exp::{exp, exp_m1};
pub(crate) use ln::{ln, ln_1p};
pub(crate) use logistic::{sigmoid, silu, softplus, tanh};
pub(crate) use trig::{cos, cos_moderate, is_huge, sin, sin_moderate};

use crate::Real;

/// A format with all its constants.
pub trait Elementary:
    format::Format + exp::Exponential + ln::Logarithm + erf::ErrorFunction + trig::Trigonometric
{
}

impl Elementary for f32 {}
impl Elementary for f64 {}

/// Σ c[i] xⁱ
#[inline(always)]
fn horner<T: Real>(c: &[T], x: T) -> T {
    let (last, rest) = c.split_last().expect("a polynomial has coefficients");
    rest.iter().rev().fold(*last, |y, c| y.mul_add(x, *c))
}
