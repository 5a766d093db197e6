//! The gamma function's family: ln Γ, its derivatives, and the incomplete gamma function.

use std::sync::LazyLock;

use super::jet::{Jet, factorial};
use crate::Real;
use crate::kernels::math::{exp, ln, ln_1p};

/// ln Γ(x) for x > 0; ∞ at 0, NaN below.
pub fn lgamma(x: f64) -> f64 {
    if x >= 0.0 { libm::lgamma(x) } else { f64::NAN }
}

/// B₂ⱼ, the Bernoulli numbers, for j = 1, 2, …
const BERNOULLI: [f64; 9] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
];

/// From here on the asymptotic series are good to the last digit.
const LARGE: f64 = 16.0;

/// ζ(s, q) = Σ (q + k)^(-s) over k ≥ 0, for an integer s ≥ 2 and q > 0 (Euler & Maclaurin).
fn hurwitz_zeta(s: usize, q: f64) -> f64 {
    let (mut sum, mut w) = (0.0, q);
    while w < LARGE {
        sum += Real::powi(w, -(s as i32));
        w += 1.0;
    }
    let power = Real::powi(w, -(s as i32));
    let mut tail = power * (w / (s - 1) as f64 + 0.5);
    // s (s + 1) … (s + 2j - 2) / (2j)! · w^(1 - s - 2j)
    let mut term = power * s as f64 / (2.0 * w);
    for (j, b) in BERNOULLI.iter().enumerate() {
        tail += b * term;
        let k = (s + 2 * j + 1) as f64;
        term *= k * (k + 1.0) / ((2 * j + 3) * (2 * j + 4)) as f64 / (w * w);
    }
    sum + tail
}

/// ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! ζ(n + 1, x), the n-th derivative of digamma, for x > 0; NaN elsewhere.
///
/// ```
/// # use elbo_tensor::special::polygamma;
/// let pi = std::f64::consts::PI;
/// assert!((polygamma(1, 1.0) - pi * pi / 6.0).abs() < 1e-14);
/// ```
pub fn polygamma(n: usize, x: f64) -> f64 {
    match n {
        _ if x.is_nan() || x <= 0.0 => f64::NAN,
        0 => digamma(x),
        _ => {
            let sign = if n % 2 == 1 { 1.0 } else { -1.0 };
            sign * factorial(n) * hurwitz_zeta(n + 1, x)
        }
    }
}

/// ψ⁽ⁿ⁾(x + h) - ψ⁽ⁿ⁾(x) for x, h > 0, by Taylor's series where the two would cancel.
pub(super) fn polygamma_step(n: usize, x: f64, h: f64) -> f64 {
    // Far beyond these x the powers of 1 / x overflow.
    if h > 0.125 * x || x < 1e-12 {
        return polygamma(n, x + h) - polygamma(n, x);
    }
    let (mut sum, mut power) = (0.0, 1.0);
    for k in 1..20 {
        power *= h / k as f64;
        let term = polygamma(n + k, x) * power;
        sum += term;
        if term.abs() <= 0.25 * f64::EPSILON * sum.abs() {
            break;
        }
    }
    sum
}

/// The zero of digamma, and what rounding it lost.
const ROOT: [f64; 2] = [1.461_632_144_968_362_2, 9.549_995_429_965_697e-17];

/// Digamma around its zero: the coefficients of (x - root)ᵏ, k = 1, 2, …
static AROUND_ROOT: LazyLock<[f64; 20]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let zeta = hurwitz_zeta(i + 2, ROOT[0]);
        if i % 2 == 0 { zeta } else { -zeta }
    })
});

/// ψ(x), the derivative of ln Γ(x), for x > 0; NaN elsewhere.
pub fn digamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let distance = (x - ROOT[0]) - ROOT[1];
    if distance.abs() < 0.2 {
        // The recurrence below would lose its digits to cancellation.
        return distance * AROUND_ROOT.iter().rev().fold(0.0, |y, c| y * distance + c);
    }
    let (mut sum, mut w) = (0.0, x);
    while w < LARGE {
        sum += 1.0 / w;
        w += 1.0;
    }
    digamma_minus_ln(w) + (ln(w) - sum)
}

/// ψ(w) - ln w for large w.
fn digamma_minus_ln(w: f64) -> f64 {
    let square = 1.0 / (w * w);
    let series = BERNOULLI.iter().enumerate().rev();
    let series = series.fold(0.0, |y, (j, b)| (y + b / (2 * j + 2) as f64) * square);
    -0.5 / w - series
}

/// ln Γ of a series.
pub(super) fn lgamma_jet<const M: usize, const N: usize>(x: Jet<M, N>) -> Jet<M, N> {
    let at = x.value();
    x.map(|k| if k == 0 { lgamma(at) } else { polygamma(k - 1, at) / factorial(k) })
}

/// ln Γ(a) - ((a - ½) ln a - a + ½ ln 2π): what Stirling's formula leaves.
pub(super) fn stirling_error(a: f64) -> f64 {
    const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;
    if a < LARGE {
        return lgamma(a) - ((a - 0.5) * ln(a) - a + HALF_LN_2PI);
    }
    let square = 1.0 / (a * a);
    let series = BERNOULLI.iter().enumerate().rev();
    series.fold(0.0, |y, (j, b)| y * square + b / ((2 * j + 1) * (2 * j + 2)) as f64) / a
}

/// ln(xᵃ e⁻ˣ / Γ(a + 1)), without the cancellation of large terms (after Loader 2000).
fn log_density(a: f64, x: f64, ln_x: f64) -> f64 {
    if a < LARGE {
        return a * ln_x - x - lgamma(a + 1.0);
    }
    let d = (x - a) / a;
    // x - a - a ln(x / a)
    let deviance = if d > -0.5 { a * (d - ln_1p(d)) } else { x - a - a * (ln_x - ln(a)) };
    -0.5 * ln(std::f64::consts::TAU * a) - deviance - stirling_error(a)
}

/// The highest derivative with respect to a of the incomplete gamma function.
pub const GAMMAINC_MAX_ORDER: usize = 4;

/// Whether the power series is the better of the two expansions.
fn is_lower(a: f64, x: f64) -> bool {
    x <= a + 1.0
}

/// P(a, x) / (xᵃ e⁻ˣ / Γ(a + 1)) = Σ xⁿ / ((a + 1) … (a + n)) as a series in a.
fn lower<const M: usize>(a: f64, x: f64) -> Jet<M, 1> {
    let a = Jet::first(a);
    let mut term = Jet::constant(1.0);
    let mut sum = term;
    for n in 1.. {
        let step = (a + f64::from(n)).recip() * x;
        term = term * step;
        sum = sum + term;
        // What is left is at most a geometric series.
        let rest = 1e-17 * (1.0 - step.value());
        let is_small = |(t, s): (&[f64; 1], &[f64; 1])| t[0].abs() <= rest * s[0].abs();
        if term.0.iter().zip(&sum.0).all(is_small) || !sum.value().is_finite() {
            break;
        }
    }
    sum
}

/// (1 - P(a, x)) / (xᵃ e⁻ˣ / Γ(a + 1)) as a series in a, by its continued fraction (Abramowitz & Stegun
/// 6.5.31, evaluated after Lentz).
fn upper<const M: usize>(a: f64, x: f64) -> Jet<M, 1> {
    let scale = [a.max(1.0), 1.0];
    let a = Jet::first(a);
    let mut b = a * -1.0 + (x + 1.0);
    let mut c = Jet::constant(f64::MAX.sqrt());
    let mut d = b.recip();
    let mut product = d;
    for i in 1..100_000 {
        let i = f64::from(i);
        let numerator = a * i + -i * i;
        b = b + 2.0;
        d = (numerator * d + b).recip();
        c = b + numerator * c.recip();
        let factor = c * d;
        product = product * factor;
        if factor.is_one(scale) || !factor.value().is_finite() {
            break;
        }
    }
    product * a
}

/// P(a, x) = ∫₀ˣ t^(a-1) e^(-t) dt / Γ(a), the distribution function of the gamma distribution, for
/// a > 0; NaN elsewhere, 0 for x ≤ 0.
///
/// ```
/// # use elbo_tensor::special::gammainc;
/// assert!((gammainc(1.0, 2.0) - (1.0 - (-2f64).exp())).abs() < 1e-15);
/// ```
pub fn gammainc(a: f64, x: f64) -> f64 {
    parts(a, x, |density, lower| if lower { density } else { 1.0 - density })
}

/// 1 - P(a, x), accurate where it is small.
pub fn gammaincc(a: f64, x: f64) -> f64 {
    parts(a, x, |density, lower| if lower { 1.0 - density } else { density })
}

/// `join(mass, whether it is that below x)` of the side that is the smaller.
fn parts(a: f64, x: f64, join: impl Fn(f64, bool) -> f64) -> f64 {
    if a.is_nan() || x.is_nan() || a <= 0.0 {
        f64::NAN
    } else if x <= 0.0 {
        join(0.0, true)
    } else if x == f64::INFINITY {
        join(0.0, false)
    } else {
        let density = exp(log_density(a, x, ln(x)));
        let is_lower = is_lower(a, x);
        let ratio = if is_lower { lower::<1>(a, x) } else { upper::<1>(a, x) };
        join(density * ratio.value(), is_lower)
    }
}

/// (∂ⁿP(a, x) / ∂aⁿ) / (x ∂P(a, x) / ∂x) for n ≥ 1 and a > 0, given ln x.
///
/// For n = 1 this is -∂(ln x)/∂a along a fixed P: how a quantile moves with a. It is finite also
/// where numerator and denominator underflow.
///
/// # Panics
/// If n is 0 or above [`GAMMAINC_MAX_ORDER`].
pub fn gammainc_ratio(n: usize, a: f64, ln_x: f64) -> f64 {
    match n {
        1 => ratio::<2>(a, ln_x),
        2 => ratio::<3>(a, ln_x),
        3 => ratio::<4>(a, ln_x),
        4 => ratio::<5>(a, ln_x),
        _ => panic!("gammainc: derivative {n} with respect to a; 1 to {GAMMAINC_MAX_ORDER} exist"),
    }
}

fn ratio<const M: usize>(a: f64, ln_x: f64) -> f64 {
    if a.is_nan() || ln_x.is_nan() || a <= 0.0 {
        return f64::NAN;
    }
    let x = exp(ln_x);
    // xᵃ e⁻ˣ / Γ(a + 1) as a series in a, but for its value, which cancels.
    let mut log_density = Jet::<M, 1>::first(a) * ln_x - lgamma_jet(Jet::first(a) + 1.0);
    let d = (x - a) / a;
    if a >= LARGE && d.abs() < 0.5 {
        // ln x - ψ(a + 1), of which only a small difference is left.
        log_density.0[1][0] = ln_1p(d) - (digamma_minus_ln(a) + 1.0 / a);
    }
    let density = log_density.without_value().exp();
    let mass = if is_lower(a, x) { lower(a, x) } else { upper(a, x) * -1.0 };
    (mass * density).derivative(M - 1, 0) / a
}
