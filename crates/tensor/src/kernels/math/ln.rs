//! The natural logarithm: ln x = k ln 2 + ln m with m in [√½, √2).

use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait Logarithm: Sized + 'static {
    /// P in ln(1 + f) = f - f²/2 + f³ P(f).
    const LN: &'static [Self];
}

impl Logarithm for f32 {
    const LN: &'static [f32] = &[
        0.3333333,
        -0.25000307,
        0.20001045,
        -0.16641282,
        0.14214496,
        -0.12998183,
        0.12622319,
        -0.07902744,
    ];
}

impl Logarithm for f64 {
    const LN: &'static [f64] = &[
        0.3333333333333333,
        -0.2500000000000004,
        0.1999999999999946,
        -0.16666666666643223,
        0.14285714285850773,
        -0.12500000004323591,
        0.11111111099840468,
        -0.09999999634780717,
        0.09090909371649986,
        -0.08333350032953588,
        0.07692315890028749,
        -0.07142415039547202,
        0.0666601535643227,
        -0.06256781945741766,
        0.05898528368226226,
        -0.05500704572405743,
        0.0506540966648457,
        -0.051385304688066284,
        0.05918790722857223,
        -0.053961619312197895,
        0.023264220927877086,
    ];
}

/// k ln 2 + ln(1 + f) for f in [√½ - 1, √2 - 1).
#[inline(always)]
pub(super) fn join<T: Real>(f: T, k: T) -> T {
    let y = polynomial(T::LN, f).mul_add(f, T::from_f64(-0.5));
    k.mul_add(T::LN_2[0], y.mul_add(f * f, f))
}

/// ln x
#[inline(always)]
pub(crate) fn ln<T: Real>(x: T) -> T {
    let denormal = x < T::MIN_POSITIVE;
    let normal = if denormal { x * T::DIGITS.power_of_two() } else { x };
    let (m, k) = normal.split();
    let k = if denormal { k - T::DIGITS } else { k };
    let y = join(m - T::ONE, k);
    ends(x, y)
}

/// ln(1 + x)
#[inline(always)]
pub(crate) fn ln_1p<T: Real>(x: T) -> T {
    let sum = T::ONE + x;
    let (m, k) = sum.split();
    // f = (1 + x) 2⁻ᵏ - 1, rounded once; where 1 is lost in the sum, nothing is left to save.
    let power = (-k).power_of_two();
    let near = x.mul_add(power, power - T::ONE);
    let f = if k > T::DIGITS { m - T::ONE } else { near };
    ends(sum, join(f, k)).with_sign_of(x)
}

/// ln(1 + e) for e in [0, 1].
#[inline(always)]
pub(super) fn ln_1p_of_fraction<T: Real>(e: T) -> T {
    let half = T::from_f64(0.5);
    let small = e < T::from_f64(std::f64::consts::SQRT_2 - 1.0);
    let f = if small { e } else { e.mul_add(half, -half) };
    join(f, if small { T::ZERO } else { T::ONE })
}

/// y, but for the arguments where the logarithm has no finite value.
#[inline(always)]
fn ends<T: Real>(x: T, y: T) -> T {
    let y = if x == T::INFINITY { x } else { y };
    let none = if x == T::ZERO { T::NEG_INFINITY } else { T::NAN };
    if x > T::ZERO { y } else { none }
}
