//! tanh, the logistic function and what is made of it, each from one exponential of -|x| or |x|.

use super::exp::{exp_m1_moderate, exp_of_bounded, lifted, lowered, parts};
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
    let y = lowered(share(x, e), low & (x < T::ZERO));
    if x.is_nan() { x } else { y }
}

/// The same for an x that [is bounded](super::is_bounded).
#[inline(always)]
pub(crate) fn sigmoid_of_bounded<T: Real>(x: T) -> T {
    share(x, exp_of_bounded(-x.abs()))
}

#[inline(always)]
fn share<T: Real>(x: T, e: T) -> T {
    let part = if x < T::ZERO { e } else { T::ONE };
    part / (T::ONE + e)
}

/// max(x, 0) + ln(1 + e^(-|x|))
#[inline(always)]
pub(crate) fn softplus<T: Real>(x: T) -> T {
    let (e, low) = decay(x);
    positive(x) + lowered(ln_1p_of_fraction(e), low)
}

/// The same for an x that [is bounded](super::is_bounded).
#[inline(always)]
pub(crate) fn softplus_of_bounded<T: Real>(x: T) -> T {
    positive(x) + ln_1p_of_fraction(exp_of_bounded(-x.abs()))
}

#[inline(always)]
fn positive<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

/// x / (1 + e) for x ≥ 0, else x e / (1 + e), with e = e^(-|x|).
#[inline(always)]
pub(crate) fn silu<T: Real>(x: T) -> T {
    let (e, low) = decay(x);
    // 0 times -∞ would not be a number.
    let y = weighted(if x < T::LOW { T::LOW } else { x }, e);
    lowered(y, low & (x < T::ZERO))
}

/// The same for an x that [is bounded](super::is_bounded).
#[inline(always)]
pub(crate) fn silu_of_bounded<T: Real>(x: T) -> T {
    weighted(x, exp_of_bounded(-x.abs()))
}

#[inline(always)]
fn weighted<T: Real>(x: T, e: T) -> T {
    let part = if x >= T::ZERO { x } else { x * e };
    part / (T::ONE + e)
}
