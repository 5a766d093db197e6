//! The error function, and the normal distribution function in `gelu`.
//!
//! Both stand on the tail of the normal distribution, 1 - Φ(a) = ½ erfc(a / √2) for a ≥ 0, as
//! e^(-a²/2) times a function that is flat in t = (a - 4) / (a + 4) once it is multiplied with a + 1
//! (after Shepherd & Laframboise 1981).

use super::exp::{lifted, lowered, parts};
use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait ErrorFunction: Sized + 'static {
    /// Beyond this, a (1 - Φ(a)) is 0.
    const TAIL_END: Self;
    /// P in 1 - Φ(a) = e^(-a²/2) P(t) / (a + 1).
    const TAIL: &'static [Self];
    /// P in erf x = x P(x²) for |x| < 1.
    const ERF: &'static [Self];
}

impl ErrorFunction for f32 {
    const TAIL_END: f32 = 15.0;
    const TAIL: &'static [f32] = &[
        0.4720532,
        -0.09670347,
        0.013999636,
        0.028600033,
        -0.032197814,
        0.01793945,
        -5.002141e-3,
        -2.9991876e-4,
        6.9084484e-4,
        -6.6737186e-5,
        -7.437455e-5,
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
        0.47205320650984467,
        -0.09670347732652575,
        0.013999634724424621,
        0.02860036405354347,
        -0.0321978374280405,
        0.017936097479933355,
        -5.002378592040056e-3,
        -2.856231022781962e-4,
        6.948971155873954e-4,
        -9.443021364875517e-5,
        -8.785325318899536e-5,
        2.124981611130674e-5,
        1.3627133311758832e-5,
        -3.4313191734891866e-6,
        -2.613509693720123e-6,
        4.022837197703709e-7,
        5.527491293283135e-7,
        5.087457767203614e-9,
        -1.1125477022750613e-7,
        -2.3675621152375114e-8,
        1.709633148627709e-8,
        8.489743412344891e-9,
        -8.227128586340645e-10,
        -1.3741209048467073e-9,
        -2.6904207830448746e-10,
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

/// (p, n + `ROUND`) with 1 - Φ(a) = p 2ⁿ, for a in [0, `TAIL_END`].
#[inline(always)]
fn tail<T: Real>(a: T) -> (T, T) {
    let minus_half = a * T::from_f64(-0.5);
    let exponent = minus_half * a;
    // What rounding the exponent lost, times e^exponent, is what it cost.
    let lost = minus_half.mul_add(a, -exponent);
    let (p, rounded) = parts(exponent);
    let p = p.mul_add(lost, p);
    let four = T::from_f64(4.0);
    let t = (a - four) / (a + four);
    (polynomial(T::TAIL, t) / (a + T::ONE) * p, rounded)
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

/// x Φ(x): x (1 + erf(x / √2)) / 2 for |x| < 1, else max(x, 0) - |x| (1 - Φ(|x|)).
///
/// In `f32` the roundings of the tail add up to 6 units in the last place: its `gelu` goes through `f64`.
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
    let far = positive - lowered(bounded * y, low);
    (if a >= T::ONE { far } else { near }).with_sign_of(x)
}

/// Φ(x): ½ (1 + erf(x / √2)) for |x| < 1, else 1 - Φ(|x|) or what is left of 1.
///
/// In `f32` it goes through `f64`, as [`gelu`].
#[inline(always)]
pub(crate) fn normal_cdf<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::TAIL_END { T::TAIL_END } else { a };
    let half = T::from_f64(0.5);
    let ratio = polynomial(T::ERF, bounded * bounded * half);
    let near = (x * T::from_f64(0.5 * std::f64::consts::FRAC_1_SQRT_2)).mul_add(ratio, half);
    let (p, rounded) = tail(bounded);
    let (y, low) = lifted(p, rounded);
    let tail = lowered(y, low);
    let far = if x < T::ZERO { tail } else { T::ONE - tail };
    let y = if a >= T::ONE { far } else { near };
    if x.is_nan() { x } else { y }
}
