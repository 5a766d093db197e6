//! The error function, and the normal distribution function, also in `gelu`.
//!
//! Up to 3, erf x is x times a polynomial: nearly all arguments of networks are there, and a chunk of them needs nothing else. What
//! erf lacks to 1 beyond counts only as far as its sum with 1 has digits, and is the exponential of another one. The normal
//! distribution function has a tail of its own, 1 - Φ(a) = ½ erfc(a / √2) for a ≥ 0, as the density
//! φ(a) times Mills' ratio. That is P(a) / (a P(a) + Q(a)) with polynomials of positive coefficients: no sum
//! loses digits, and where a is large an error of P is nearly the same above and below the line.

use super::exp::parts;
use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait ErrorFunction: Sized + 'static {
    /// Beyond this, a (1 - Φ(a)) is 0.
    const TAIL_END: Self;
    /// Up to here φ is a normal number.
    const DENSITY_END: Self;
    /// ln 2 to so few digits that an integer up to `TAIL_END`² / 2 ln 2 times it is exact, and the rest.
    const LN_2_SHORT: [Self; 2];
    /// P in e^(r/2) / √(2π) = P(r) for |r| ≤ ln 2.
    const DENSITY: &'static [Self];
    /// P and Q in Mills' ratio; P(0) = 1.
    const MILLS: [&'static [Self]; 2];
    /// P in erf x = x P(x² - 4) for |x| < 3.
    const ERF: &'static [Self];
    /// P in erf x = 1 - e^(P(x)) for x from 3 to `ERF_END`.
    const LN_ERFC: &'static [Self];
    /// From here on erf x rounds to 1.
    const ERF_END: Self;
}

impl ErrorFunction for f32 {
    const TAIL_END: f32 = 15.0;
    const DENSITY_END: f32 = 13.0;
    const LN_2_SHORT: [f32; 2] = [0.69314575, 1.4286068e-6];
    const DENSITY: &'static [f32] =
        &[0.3989423, 0.19947115, 0.049867786, 8.311167e-3, 1.0389041e-3, 1.0442275e-4, 8.690808e-6];
    const MILLS: [&'static [f32]; 2] = [
        &[1.0, 0.91719246, 0.3968796, 0.09158992, 9.774792e-3],
        &[0.7978846, 0.3684338, 0.092376314, 9.7356e-3, 8.2953676e-7],
    ];
    const ERF: &'static [f32] = &[
        0.49766114,
        -0.059624262,
        9.887863e-3,
        -1.6294173e-3,
        2.487936e-4,
        -3.444662e-5,
        4.3063615e-6,
        -4.8794004e-7,
        5.0231385e-8,
        -4.6488458e-9,
        3.959634e-10,
        -3.538851e-11,
        3.0369821e-12,
        -1.411881e-13,
    ];
    const LN_ERFC: &'static [f32] = &[-0.4615484, -0.5358892, -0.96123916];
    const ERF_END: f32 = 4.0;
}

impl ErrorFunction for f64 {
    const TAIL_END: f64 = 39.0;
    const DENSITY_END: f64 = 37.0;
    const LN_2_SHORT: [f64; 2] = [0.6931471805598903, 5.497923018708371e-14];
    const DENSITY: &'static [f64] = &[
        0.3989422804014327,
        0.19947114020071635,
        0.04986778505017909,
        8.311297508363201e-3,
        1.0389121885453984e-3,
        1.0389121885421837e-4,
        8.65760157120017e-6,
        6.184001144775004e-7,
        3.865000709460957e-8,
        2.1472149684117488e-9,
        1.0736085766613973e-10,
        4.8925230344064075e-12,
        2.0378082548097603e-13,
    ];
    const MILLS: [&'static [f64]; 2] = [
        &[
            1.0,
            1.696992993862561,
            1.4239251779870656,
            0.7649577763659144,
            0.28890095375452324,
            0.07982869753455933,
            0.01632971503702375,
            2.4460510737586184e-3,
            2.579151240222754e-4,
            1.7424744572643393e-5,
            5.808883091163929e-7,
        ],
        &[
            0.7978845608028654,
            0.9906242819611506,
            0.6284810219264461,
            0.2587770849963781,
            0.07511087261491019,
            0.015819692561402258,
            2.411201614597375e-3,
            2.567533468566351e-4,
            1.742474457862917e-5,
            5.808883090871976e-7,
        ],
    ];
    const ERF: &'static [f64] = &[
        0.49766113250947636,
        -0.05962426839442302,
        9.887863739323538e-3,
        -1.6294094174822298e-3,
        2.487927613550596e-4,
        -3.44502615609383e-5,
        4.306833317032739e-6,
        -4.872265499985855e-7,
        5.012196748386518e-8,
        -4.715269501393372e-9,
        4.0796811072649324e-10,
        -3.263708648350516e-11,
        2.4260574608381376e-12,
        -1.6832122421463652e-13,
        1.0944112007948368e-14,
        -6.693356236262943e-16,
        3.864248112080458e-17,
        -2.110212632399202e-18,
        1.0883776970301152e-19,
        -5.369898105201659e-21,
        2.6823771888397654e-22,
        -1.2805947231903202e-23,
        3.6975048736208996e-25,
    ];
    const LN_ERFC: &'static [f64] = &[
        -0.0193814181246486,
        -1.082085473116136,
        -0.6834717379381784,
        -0.0783160368878599,
        0.014168543131936355,
        -1.7244901288156885e-3,
        1.2542472913170763e-4,
        -4.107035672430875e-6,
    ];
    const ERF_END: f64 = 6.0;
}

/// (p, n + `zero`) with φ(a) = p 2ⁿ, for a from 0 to `TAIL_END` and a `zero` beside which numbers are integers.
#[inline(always)]
fn density_parts<T: Real>(a: T, zero: T) -> (T, T) {
    // e^(-a²/2) = 2ⁿ e^(r/2) with r = -a² - 2 n ln 2, where nothing is rounded before the difference is small.
    let rounded = (a * a).mul_add(T::from_f64(-0.5 * std::f64::consts::LOG2_E), zero);
    let n = rounded - zero;
    let [two_ln_2, rest] = T::LN_2_SHORT.map(|part| part + part);
    let r = n.mul_add(-rest, (-a).mul_add(a, n * -two_ln_2));
    (polynomial(T::DENSITY, r), rounded)
}

/// φ(a) for a from 0 to `TAIL_END`.
#[inline(always)]
fn density<T: Real>(a: T) -> T {
    // 2ⁿ is lifted, lest it is denormal; the last multiplication rounds.
    let (p, rounded) = density_parts(a, T::ROUND + T::LIFT);
    p.times_power_of_two(rounded) * (-T::LIFT).power_of_two()
}

/// φ(a) for a from 0 to `DENSITY_END`: the same bits.
#[inline(always)]
fn normal_density<T: Real>(a: T) -> T {
    let (p, rounded) = density_parts(a, T::ROUND);
    p.times_power_of_two(rounded)
}

/// Whether |x| < 3.
#[inline(always)]
pub(crate) fn is_below_three<T: Real>(x: T) -> bool {
    x.abs() < T::from_f64(3.0)
}

/// erf x for |x| < 3. Around 4, where x is small, what is lost of x² - 4 costs less than a unit in the last place, and where x² is near 9,
/// the terms are four times as large as their sum; of a series around 0 they would be thousands of times as large.
#[inline(always)]
pub(crate) fn erf_below_three<T: Real>(x: T) -> T {
    polynomial(T::ERF, x.mul_add(x, T::from_f64(-4.0))) * x
}

/// x P(x² - 4) for |x| < 3, else 1 - e^(Q(|x|)) with the sign of x.
#[inline(always)]
pub(crate) fn erf<T: Real>(x: T) -> T {
    let a = x.abs();
    let bounded = if a > T::ERF_END { T::ERF_END } else { a };
    let (p, rounded) = parts(polynomial(T::LN_ERFC, bounded));
    let far = (T::ONE - p.times_power_of_two(rounded)).with_sign_of(x);
    if a >= T::from_f64(3.0) { far } else { erf_below_three(x) }
}

/// a, but at most `TAIL_END`.
#[inline(always)]
fn within_tail<T: Real>(a: T) -> T {
    if a > T::TAIL_END { T::TAIL_END } else { a }
}

/// Whether |x| < `DENSITY_END`.
#[inline(always)]
pub(crate) fn has_normal_density<T: Real>(x: T) -> bool {
    x.abs() < T::DENSITY_END
}

/// x Φ(x) = max(x, 0) - |x| (1 - Φ(|x|))
#[inline(always)]
pub(crate) fn gelu<T: Real>(x: T) -> T {
    let a = within_tail(x.abs());
    // The zero of a negative number is negative.
    gelu_by(x, a, density(a)).with_sign_of(x)
}

/// x Φ(x) for an x that [`has_normal_density`].
#[inline(always)]
pub(crate) fn gelu_of_normal_density<T: Real>(x: T) -> T {
    gelu_by(x, x.abs(), normal_density(x.abs()))
}

/// x Φ(x) by |x| and its density.
#[inline(always)]
fn gelu_by<T: Real>(x: T, a: T, density: T) -> T {
    // a times Mills' ratio. As P(0) = 1, there is one rounding less near 0 than in a times P.
    let [[_, p @ ..], q] = T::MILLS else { unreachable!() };
    let ap = (a * a).mul_add(polynomial(p, a), a);
    let ratio = ap / (ap + polynomial(q, a));
    let positive = if x < T::ZERO { T::ZERO } else { x };
    (-ratio).mul_add(density, positive)
}

/// Φ(x): 1 - Φ(|x|), or what it leaves of 1.
#[inline(always)]
pub(crate) fn normal_cdf<T: Real>(x: T) -> T {
    let a = within_tail(x.abs());
    let y = normal_cdf_by(x, a, density(a));
    // What the bits of a NaN became by now is not one.
    if x.is_nan() { x } else { y }
}

/// Φ(x) for an x that [`has_normal_density`].
#[inline(always)]
pub(crate) fn normal_cdf_of_normal_density<T: Real>(x: T) -> T {
    normal_cdf_by(x, x.abs(), normal_density(x.abs()))
}

/// Φ(x) by |x| and its density.
#[inline(always)]
fn normal_cdf_by<T: Real>(x: T, a: T, density: T) -> T {
    let p = polynomial(T::MILLS[0], a);
    let mills = p / a.mul_add(p, polynomial(T::MILLS[1], a));
    if x < T::ZERO { mills * density } else { (-mills).mul_add(density, T::ONE) }
}
