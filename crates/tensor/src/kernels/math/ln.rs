//! The natural logarithm: ln x = k ln 2 + ln m with m in [√½, √2).

use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait Logarithm: Sized + 'static {
    /// Whether ln(1 + f) is 2 artanh(s) with s = f / (2 + f). Its series has a third of the terms that one in f has, which is worth a
    /// division in `f64`: there, a logarithm takes 0.9 ns instead of 1.3, and softplus 1.6 instead of 3.6.
    const BY_QUOTIENT: bool;
    /// P in ln(1 + f) = f - f²/2 + f³ P(f), or in 2 artanh(s) = 2s + s³ P(s²).
    const LN: &'static [Self];
}

impl Logarithm for f32 {
    const BY_QUOTIENT: bool = false;
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
    const BY_QUOTIENT: bool = true;
    const LN: &'static [f64] = &[
        0.666666666666667,
        0.39999999999899505,
        0.28571428625975487,
        0.2222221113479508,
        0.18182889125261723,
        0.15331721600556042,
        0.14616449685043406,
    ];
}

/// k ln 2 + ln(1 + f) for f in [√½ - 1, √2 - 1).
#[inline(always)]
pub(super) fn join<T: Real>(f: T, k: T) -> T {
    if T::BY_QUOTIENT {
        let s = f / (f + T::from_f64(2.0));
        let z = s * s;
        // 2s = f - s f, and f has no error.
        return k.mul_add(T::LN_2[0], s.mul_add(polynomial(T::LN, z).mul_add(z, -f), f));
    }
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

/// Whether x is neither denormal nor above half of the largest number. To compare with infinity instead would make the compiler ask for
/// the class of each number, without vector instructions: three times as long for a logarithm.
#[inline(always)]
pub(crate) fn is_normal<T: Real>(x: T) -> bool {
    (x >= T::MIN_POSITIVE) & (x < T::EXPONENT_MAX.power_of_two())
}

/// ln x for an x that [`is_normal`]: two thirds of the operations.
#[inline(always)]
pub(crate) fn ln_of_normal<T: Real>(x: T) -> T {
    let (m, k) = x.split();
    join(m - T::ONE, k)
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

/// Whether 1 + x is positive, and has all digits of 1.
#[inline(always)]
pub(crate) fn is_within_digits<T: Real>(x: T) -> bool {
    (x > -T::ONE) & (x < T::DIGITS.power_of_two())
}

/// ln(1 + x) for an x that [`is_within_digits`].
#[inline(always)]
pub(crate) fn ln_1p_within_digits<T: Real>(x: T) -> T {
    let (_, k) = (T::ONE + x).split();
    let power = (-k).power_of_two();
    join(x.mul_add(power, power - T::ONE), k).with_sign_of(x)
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
