//! The exponential function: eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2.

use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait Exponential: Sized + 'static {
    /// ln 2, and what rounding it lost.
    const LN_2: [Self; 2];
    /// The largest x with a finite eˣ.
    const HIGH: Self;
    /// Below this, x eˣ is 0.
    const LOW: Self;
    /// Below this, eˣ and e⁻ˣ are normal.
    const BOUND: Self;
    /// Below this, eˣ - 1 is -1.
    const LOW_M1: Self;
    /// Exponents below -2 `LIFT` are raised by it, and lowered again in the last multiplication: that
    /// rounds denormal results.
    const LIFT: Self;
    /// Q in eʳ = 1 + r + r² Q(r).
    const EXP: &'static [Self];
}

impl Exponential for f32 {
    const LN_2: [f32; 2] = [std::f32::consts::LN_2, -1.9046542e-9];
    const HIGH: f32 = 88.72283;
    const LOW: f32 = -113.0;
    const BOUND: f32 = 87.0;
    const LOW_M1: f32 = -18.0;
    const LIFT: f32 = 48.0;
    const EXP: &'static [f32] = &[0.5, 0.16666573, 0.04166655, 8.363774e-3, 1.3926927e-3];
}

impl Exponential for f64 {
    const LN_2: [f64; 2] = [std::f64::consts::LN_2, 2.3190468138462996e-17];
    const HIGH: f64 = 709.782712893384;
    const LOW: f64 = -761.0;
    const BOUND: f64 = 708.0;
    const LOW_M1: f64 = -38.0;
    const LIFT: f64 = 128.0;
    const EXP: &'static [f64] = &[
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        8.333333333325544e-3,
        1.3888888888883327e-3,
        1.9841269876864356e-4,
        2.4801587327007187e-5,
        2.755725283351691e-6,
        2.75572718102198e-7,
        2.5106274733573296e-8,
        2.0915442297780116e-9,
    ];
}

/// (r, n + `ROUND`) with x = n ln 2 + r.
#[inline(always)]
fn reduce<T: Real>(x: T) -> (T, T) {
    let rounded = x.mul_add(T::from_f64(std::f64::consts::LOG2_E), T::ROUND);
    let n = rounded - T::ROUND;
    let r = n.mul_add(-T::LN_2[0], x);
    (n.mul_add(-T::LN_2[1], r), rounded)
}

/// (p, n + `ROUND`) with eˣ = p 2ⁿ, for x from `LOW` to `HIGH`.
#[inline(always)]
pub(super) fn parts<T: Real>(x: T) -> (T, T) {
    let (r, rounded) = reduce(x);
    let p = polynomial(T::EXP, r).mul_add(r, T::ONE);
    (p.mul_add(r, T::ONE), rounded)
}

/// p 2ⁿ times 2^`LIFT` if it is lifted, and whether it is.
#[inline(always)]
pub(super) fn lifted<T: Real>(p: T, rounded: T) -> (T, bool) {
    let low = rounded < T::ROUND - (T::LIFT + T::LIFT);
    (p.times_power_of_two(if low { rounded + T::LIFT } else { rounded }), low)
}

/// y, lowered again if it is lifted.
#[inline(always)]
pub(super) fn lowered<T: Real>(y: T, low: bool) -> T {
    if low { y * (-T::LIFT).power_of_two() } else { y }
}

/// eˣ
#[inline(always)]
pub(crate) fn exp<T: Real>(x: T) -> T {
    // NaN fails both comparisons and passes through.
    let (p, rounded) = parts(if x < T::LOW { T::LOW } else { x });
    let (y, low) = lifted(p, rounded);
    let y = lowered(y, low);
    // What the bits of a NaN became by now is not one.
    if x <= T::HIGH { y } else { x * T::INFINITY }
}

/// Whether |x| is so small that eˣ and e⁻ˣ are normal.
#[inline(always)]
pub(crate) fn is_bounded<T: Real>(x: T) -> bool {
    x.abs() < T::BOUND
}

/// eˣ for an x that [`is_bounded`]: two thirds of the operations.
#[inline(always)]
pub(crate) fn exp_of_bounded<T: Real>(x: T) -> T {
    let (p, rounded) = parts(x);
    p.times_power_of_two(rounded)
}

/// eˣ - 1 = 2ⁿ (eʳ - 1) + (2ⁿ - 1), where the second term is exact wherever it counts. For n from
/// -DIGITS to `EXPONENT_MAX`.
#[inline(always)]
fn join_m1<T: Real>(r: T, rounded: T) -> T {
    let p = polynomial(T::EXP, r).mul_add(r * r, r);
    let power = T::ONE.times_power_of_two(rounded);
    power.mul_add(p, power - T::ONE)
}

/// eˣ - 1 for x from `LOW_M1` to far below `HIGH`.
#[inline(always)]
pub(super) fn exp_m1_moderate<T: Real>(x: T) -> T {
    let (r, rounded) = reduce(x);
    join_m1(r, rounded)
}

/// eˣ - 1
#[inline(always)]
pub(crate) fn exp_m1<T: Real>(x: T) -> T {
    let within = if x < T::LOW_M1 { T::LOW_M1 } else { x };
    let (r, rounded) = reduce(within);
    // 2ⁿ may be one doubling too large for the format though eˣ is not.
    let top = rounded > T::ROUND + T::EXPONENT_MAX;
    let y = join_m1(r, if top { rounded - T::ONE } else { rounded });
    let y = if top { y + y } else { y };
    let y = if x > T::HIGH { T::INFINITY } else { y };
    y.with_sign_of(x)
}
