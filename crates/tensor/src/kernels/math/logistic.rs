//! tanh, the logistic function and what is made of it, each from one exponential of -|x| or |x|.

use super::exp::{exp_m1_moderate, lifted, lowered, parts};
use super::ln::ln_1p_of_fraction;
use crate::Real;

/// tanh |x| = t / (t + 2) with t = e^(2|x|) - 1.
#[inline(always)]
pub(crate) fn tanh<T: Real>(x: T) -> T {
    // From here on it rounds to 1.
    let end = T::from_f64(20.0);
    let a = x.abs();
    let a = if a > end { end } else { a };
    let t = exp_m1_moderate(a + a);
    (t / (t + T::from_f64(2.0))).with_sign_of(x)
}

/// e^(-|x|), perhaps lifted. A lifted one is still nothing beside 1.
#[inline(always)]
fn decay<T: Real>(x: T) -> (T, bool) {
    let a = -x.abs();
    let (p, rounded) = parts(if a < T::LOW { T::LOW } else { a });
    lifted(p, rounded)
}

/// 1 / (1 + e) for x ≥ 0, else e / (1 + e), with e = e^(-|x|).
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    let (e, low) = decay(x);
    let negative = x < T::ZERO;
    let y = if negative { e } else { T::ONE } / (T::ONE + e);
    let y = lowered(y, low & negative);
    if x.is_nan() { x } else { y }
}

/// max(x, 0) + ln(1 + e^(-|x|))
#[inline(always)]
pub(crate) fn softplus<T: Real>(x: T) -> T {
    let (e, low) = decay(x);
    let positive = if x < T::ZERO { T::ZERO } else { x };
    positive + lowered(ln_1p_of_fraction(e), low)
}

/// x / (1 + e) for x ≥ 0, else x e / (1 + e), with e = e^(-|x|).
#[inline(always)]
pub(crate) fn silu<T: Real>(x: T) -> T {
    let (e, low) = decay(x);
    let positive = x >= T::ZERO;
    // 0 times -∞ would not be a number.
    let bounded = if x < T::LOW { T::LOW } else { x };
    let y = if positive { x } else { bounded * e } / (T::ONE + e);
    lowered(y, low & !positive)
}
