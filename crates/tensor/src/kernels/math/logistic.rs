//! tanh, the logistic function and what is made of it, each from one exponential of -|x| or |x|.

use super::exp::{exp_m1_within, parts, scale};
use super::ln::ln_1p_of_fraction;
use crate::Real;

/// tanh |x| = t / (t + 2) with t = e^(2|x|) - 1.
#[inline(always)]
pub(crate) fn tanh<T: Real>(x: T) -> T {
    // From here on it rounds to 1.
    let end = T::from_f64(20.0);
    let a = x.abs();
    let a = if a > end { end } else { a };
    let t = exp_m1_within(a + a);
    (t / (t + T::from_f64(2.0))).with_sign_of(x)
}

/// (p, n) with e^(-|x|) = p 2ⁿ.
#[inline(always)]
fn decay<T: Real>(x: T) -> (T, T) {
    let a = -x.abs();
    parts(if a < T::LOW { T::LOW } else { a })
}

/// 1 / (1 + e) for x ≥ 0, else e / (1 + e), with e = e^(-|x|).
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    let (p, n) = decay(x);
    let e = scale(p, n);
    let numerator = if x >= T::ZERO { T::ONE } else { e };
    numerator / (T::ONE + e)
}

/// max(x, 0) + ln(1 + e^(-|x|))
#[inline(always)]
pub(crate) fn softplus<T: Real>(x: T) -> T {
    let (p, n) = decay(x);
    let positive = if x > T::ZERO { x } else { T::ZERO };
    positive + ln_1p_of_fraction(scale(p, n))
}

/// x / (1 + e) for x ≥ 0, else x e / (1 + e), with e = e^(-|x|).
#[inline(always)]
pub(crate) fn silu<T: Real>(x: T) -> T {
    let (p, n) = decay(x);
    // Multiplied before it is scaled: e alone may be denormal, and 0 times -∞ is not a number.
    let bounded = if x < T::LOW { T::LOW } else { x };
    let numerator = if x >= T::ZERO { x } else { scale(bounded * p, n) };
    numerator / (T::ONE + scale(p, n))
}
