//! The error function, and the normal distribution function in `gelu`.
//!
//! Both stand on the tail of the normal distribution, 1 - Φ(a) = ½ erfc(a / √2) for a ≥ 0.7, as
//! e^(-a²/2) / a times a function that is nearly flat in t = (a - 4) / (a + 4) (after Shepherd &
//! Laframboise 1981).

use super::exp::{lifted, lowered, parts_of_sum};
use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait ErrorFunction: Sized + 'static {
    /// Beyond this, a (1 - Φ(a)) is 0.
    const TAIL_END: Self;
    /// P in a (1 - Φ(a)) = e^(-a²/2) P(t).
    const TAIL: &'static [Self];
    /// P in erf x = x P(x²) for |x| < 1.
    const ERF: &'static [Self];
}

impl ErrorFunction for f32 {
    const TAIL_END: f32 = 15.0;
    const TAIL: &'static [f32] = &[
        0.37764257,
        0.073694274,
        -0.11037945,
        0.10030653,
        -0.0630662,
        0.026441513,
        -5.4823193e-3,
        -9.780922e-4,
        7.900004e-4,
        2.838184e-5,
    ];
    const ERF: &'static [f32] = &[
        std::f32::consts::FRAC_2_SQRT_PI,
        -0.37612626,
        0.11283594,
        -0.026854211,
        5.1890872e-3,
        -8.0168643e-4,
        7.875875e-5,
    ];
}

impl ErrorFunction for f64 {
    const TAIL_END: f64 = 39.0;
    const TAIL: &'static [f64] = &[
        0.37764256520787576,
        0.07369424422192958,
        -0.11037962061483894,
        0.10030777139129458,
        -0.06306264153434654,
        0.02642819296143817,
        -5.509940667461552e-3,
        -9.244369420772953e-4,
        8.820813904251387e-4,
        -4.887544776251401e-5,
        -1.1650163525931888e-4,
        1.6619093411927405e-5,
        1.793082016600095e-5,
        -2.605356779457475e-6,
        -3.2751667955088855e-6,
        2.054391068342224e-7,
        6.465308416404661e-7,
        4.2494468400256545e-8,
        -1.190529302215717e-7,
        -2.0059020340588637e-8,
        1.5016536383510038e-8,
        2.319648960539744e-9,
    ];
    const ERF: &'static [f64] = &[
        std::f64::consts::FRAC_2_SQRT_PI,
        -0.37612638903183754,
        0.1128379167095512,
        -0.02686617064512984,
        5.2239776254232985e-3,
        -8.54832702193483e-4,
        1.2055332902888736e-4,
        -1.4925647567519332e-5,
        1.6462045441468418e-6,
        -1.6364642158167616e-7,
        1.4792401209404813e-8,
        -1.216456005728345e-9,
        8.709045129053106e-11,
        -4.230945824295338e-12,
    ];
}

/// Below this, Φ is ½ and a part that is small enough to be added.
const NEAR: f64 = 0.75;

/// (p, n + `ROUND`) with a (1 - Φ(a)) = p 2ⁿ, for a from 0.7 to `TAIL_END`.
#[inline(always)]
fn tail<T: Real>(a: T) -> (T, T) {
    let minus_half = a * T::from_f64(-0.5);
    let exponent = minus_half * a;
    let lost = minus_half.mul_add(a, -exponent);
    let (p, rounded) = parts_of_sum(exponent, lost);
    (polynomial(T::TAIL, bounded_variable(a)) * p, rounded)
}

/// t = 1 - 8 / (a + 4), as good as rounding allows: with an error of the quotient, which comes back
/// eightfold, `gelu` would be off by 6 units in the last place.
#[inline(always)]
fn bounded_variable<T: Real>(a: T) -> T {
    let (four, minus_eight) = (T::from_f64(4.0), T::from_f64(-8.0));
    let sum = a + four;
    let lost = a - (sum - four);
    let r = T::ONE / sum;
    // 1 - r (a + 4): what is missing in r, relative to it.
    let missing = (-r).mul_add(lost, (-r).mul_add(sum, T::ONE));
    (r * minus_eight).mul_add(missing, r.mul_add(minus_eight, T::ONE))
}

/// x P(x²) for |x| < 1, else 1 - 2 (1 - Φ(√2 |x|)) with the sign of x.
#[inline(always)]
pub(crate) fn erf<T: Real>(x: T) -> T {
    // From here on it rounds to 1.
    let end = T::from_f64(6.0);
    let a = x.abs();
    let bounded = if a > end { end } else { a };
    let near = polynomial(T::ERF, bounded * bounded) * a;
    let (p, rounded) = tail(bounded * T::from_f64(std::f64::consts::SQRT_2));
    let twice = p * T::from_f64(std::f64::consts::SQRT_2) / bounded;
    let far = T::ONE - twice.times_power_of_two(rounded);
    (if a >= T::ONE { far } else { near }).with_sign_of(x)
}

/// x Φ(x): x (1 + erf(x / √2)) / 2 near 0, else max(x, 0) - |x| (1 - Φ(|x|)).
#[inline(always)]
pub(crate) fn gelu<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::TAIL_END { T::TAIL_END } else { a };
    let half = x * T::from_f64(0.5);
    let ratio = polynomial(T::ERF, bounded * bounded * T::from_f64(0.5));
    let near = (half * (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2))).mul_add(ratio, half);
    let (p, rounded) = tail(bounded);
    let (y, low) = lifted(p, rounded);
    let positive = if x < T::ZERO { T::ZERO } else { x };
    let far = positive - lowered(y, low);
    (if a >= T::from_f64(NEAR) { far } else { near }).with_sign_of(x)
}

/// Φ(x): ½ (1 + erf(x / √2)) near 0, else 1 - Φ(|x|) or what is left of 1.
///
/// In `f32`, where roundings would add up to 4.3 units in the last place, it goes through `f64`.
#[inline(always)]
pub(crate) fn normal_cdf<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::TAIL_END { T::TAIL_END } else { a };
    let half = T::from_f64(0.5);
    let ratio = polynomial(T::ERF, bounded * bounded * half);
    let near = (x * T::from_f64(0.5 * std::f64::consts::FRAC_1_SQRT_2)).mul_add(ratio, half);
    let (p, rounded) = tail(bounded);
    let (y, low) = lifted(p / bounded, rounded);
    let tail = lowered(y, low);
    let far = if x < T::ZERO { tail } else { T::ONE - tail };
    let y = if a >= T::from_f64(NEAR) { far } else { near };
    if x.is_nan() { x } else { y }
}
