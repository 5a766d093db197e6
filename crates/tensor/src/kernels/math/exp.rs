//! The exponential function: eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2.

use super::horner;
use crate::Real;

/// What belongs to a format.
pub trait Exponential: Sized + 'static {
    /// ln 2, and what rounding it lost.
    const LN_2: [Self; 2];
    /// Above this, eˣ is infinite.
    const HIGH: Self;
    /// Below this, x eˣ is 0.
    const LOW: Self;
    /// Below this, eˣ - 1 is -1.
    const LOW_M1: Self;
    /// Q in eʳ = 1 + r + r² Q(r).
    const EXP: &'static [Self];
}

impl Exponential for f32 {
    const LN_2: [f32; 2] = [std::f32::consts::LN_2, -1.9046542e-9];
    const HIGH: f32 = 89.0;
    const LOW: f32 = -113.0;
    const LOW_M1: f32 = -18.0;
    const EXP: &'static [f32] = &[0.5, 0.16666573, 0.04166655, 8.363774e-3, 1.3926927e-3];
}

impl Exponential for f64 {
    const LN_2: [f64; 2] = [std::f64::consts::LN_2, 2.3190468138462996e-17];
    const HIGH: f64 = 710.0;
    const LOW: f64 = -761.0;
    const LOW_M1: f64 = -38.0;
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

/// (r, n) with x = n ln 2 + r.
#[inline(always)]
fn reduce<T: Real>(x: T) -> (T, T) {
    let n = x.mul_add(T::from_f64(std::f64::consts::LOG2_E), T::ROUND) - T::ROUND;
    let r = n.mul_add(-T::LN_2[0], x);
    (n.mul_add(-T::LN_2[1], r), n)
}

/// (p, n) with eˣ = p 2ⁿ, for x between `LOW` and `HIGH`.
#[inline(always)]
pub(super) fn parts<T: Real>(x: T) -> (T, T) {
    let (r, n) = reduce(x);
    let p = horner(T::EXP, r).mul_add(r, T::ONE);
    (p.mul_add(r, T::ONE), n)
}

/// p 2ⁿ in two steps, since n reaches beyond the exponents on both sides.
#[inline(always)]
pub(super) fn scale<T: Real>(p: T, n: T) -> T {
    let half = n.mul_add(T::from_f64(0.5), T::ROUND) - T::ROUND;
    p * half.power_of_two() * (n - half).power_of_two()
}

/// eˣ
#[inline(always)]
pub(crate) fn exp<T: Real>(x: T) -> T {
    // NaN fails both comparisons and passes through.
    let x = if x > T::HIGH { T::HIGH } else { x };
    let x = if x < T::LOW { T::LOW } else { x };
    let (p, n) = parts(x);
    scale(p, n)
}

/// eˣ - 1 = 2ⁿ (eʳ - 1) + (2ⁿ - 1), where the second term is exact wherever it counts. For x
/// between `LOW_M1` and `HIGH`.
#[inline(always)]
pub(super) fn exp_m1_within<T: Real>(x: T) -> T {
    let (r, n) = reduce(x);
    let p = horner(T::EXP, r).mul_add(r * r, r);
    // 2ⁿ may be one doubling too large for the format, though eˣ is not.
    let top = n > T::EXPONENT_MAX;
    let power = (if top { T::EXPONENT_MAX } else { n }).power_of_two();
    let y = power.mul_add(p, power - T::ONE);
    if top { y + y } else { y }
}

/// eˣ - 1
#[inline(always)]
pub(crate) fn exp_m1<T: Real>(x: T) -> T {
    let within = if x > T::HIGH { T::HIGH } else { x };
    let within = if within < T::LOW_M1 { T::LOW_M1 } else { within };
    exp_m1_within(within).with_sign_of(x)
}
