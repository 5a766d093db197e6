//! The error function, and the normal distribution function in `gelu`.
//!
//! Both stand on the tail of the normal distribution, 1 - Φ(a) = ½ erfc(a / √2) for a ≥ 0, as
//! e^(-a²/2) / (a + c) times a function that is nearly flat in t = (a - c) / (a + c) (after Shepherd &
//! Laframboise 1981).

use super::exp::{lifted, lowered, parts_of_sum};
use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait ErrorFunction: Sized + 'static {
    /// Beyond this, a (1 - Φ(a)) is 0.
    const TAIL_END: Self;
    /// P in (a + c) (1 - Φ(a)) = e^(-a²/2) P(t).
    const TAIL: &'static [Self];
    /// P in erf x = x P(x²) for |x| < 1.
    const ERF: &'static [Self];
}

impl ErrorFunction for f32 {
    const TAIL_END: f32 = 15.0;
    const TAIL: &'static [f32] = &[
        0.7410803,
        -0.5529922,
        0.29537585,
        -0.09838436,
        8.7199835e-3,
        7.824983e-3,
        -2.2540544e-3,
        -8.50799e-4,
        3.1270043e-4,
        1.371659e-4,
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
        0.7410802807756973,
        -0.5529922235932244,
        0.29537579838195865,
        -0.0983840664762048,
        8.72159836845834e-3,
        7.821960718829854e-3,
        -2.2673860178734975e-3,
        -8.436456860896432e-4,
        3.557610791593172e-4,
        1.4572825803775194e-4,
        -4.940091739217294e-5,
        -3.2840018090056766e-5,
        4.0005283971148006e-6,
        7.4621022194522984e-6,
        9.632487491787863e-7,
        -1.3715707892864212e-6,
        -6.378227104171055e-7,
        1.1089468175429983e-7,
        1.9352754756381015e-7,
        4.296785244671888e-8,
        -3.17695640818054e-8,
        -2.0809031982080927e-8,
        -5.56558491701601e-11,
        3.413980008218589e-9,
        8.753995884820892e-10,
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

/// c: the polynomial is shortest near here, and sums with it are exact for more numbers than with others.
const CENTRE: f64 = 3.375;

/// -a²/2, and what its rounding has lost.
#[inline(always)]
fn minus_half_square<T: Real>(a: T) -> (T, T) {
    let minus_half = a * T::from_f64(-0.5);
    let exponent = minus_half * a;
    (exponent, minus_half.mul_add(a, -exponent))
}

/// (p, n + `ROUND`) with 1 - Φ(a) = p 2ⁿ, for a from 0 to `TAIL_END`.
#[inline(always)]
fn tail<T: Real>(a: T) -> (T, T) {
    let (c, minus_two_c) = (T::from_f64(CENTRE), T::from_f64(-2.0 * CENTRE));
    let sum = a + c;
    let r = T::ONE / sum;
    // 1 - r (a + c): what is missing in r, relative to it. Near 0 the tail would be off by 2.7 times as much.
    let lost = a - (sum - c);
    let missing = (-r).mul_add(lost, (-r).mul_add(sum, T::ONE));
    let t = (r * minus_two_c).mul_add(missing, r.mul_add(minus_two_c, T::ONE));
    // As a part of the exponent, a factor of 1 + `missing` costs no rounding.
    let (exponent, low) = minus_half_square(a);
    let (p, rounded) = parts_of_sum(exponent, low + missing);
    (polynomial(T::TAIL, t) * r * p, rounded)
}

/// (p, n + `ROUND`) with a (1 - Φ(a)) = p 2ⁿ, for a from 0 to `TAIL_END`.
#[inline(always)]
fn a_times_tail<T: Real>(a: T) -> (T, T) {
    // t is made of the quotient here, whose error is a part of it that vanishes where the tail is steep.
    let u = a / (a + T::from_f64(CENTRE));
    let t = (u + u) - T::ONE;
    let (exponent, low) = minus_half_square(a);
    let (p, rounded) = parts_of_sum(exponent, low);
    (polynomial(T::TAIL, t) * u * p, rounded)
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
    let far = T::ONE - (p + p).times_power_of_two(rounded);
    (if a >= T::ONE { far } else { near }).with_sign_of(x)
}

/// x Φ(x) = max(x, 0) - |x| (1 - Φ(|x|))
#[inline(always)]
pub(crate) fn gelu<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::TAIL_END { T::TAIL_END } else { a };
    let (p, rounded) = a_times_tail(bounded);
    let (y, low) = lifted(p, rounded);
    let positive = if x < T::ZERO { T::ZERO } else { x };
    (positive - lowered(y, low)).with_sign_of(x)
}

/// Φ(x): 1 - Φ(|x|), or what it leaves of 1.
#[inline(always)]
pub(crate) fn normal_cdf<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::TAIL_END { T::TAIL_END } else { a };
    let (p, rounded) = tail(bounded);
    let (y, low) = lifted(p, rounded);
    let tail = lowered(y, low);
    let y = if x < T::ZERO { tail } else { T::ONE - tail };
    // What the bits of a NaN became by now is not one.
    if x.is_nan() { x } else { y }
}
