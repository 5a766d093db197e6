//! The incomplete beta function.

use super::gamma::{lgamma_jet, polygamma_step, stirling_error};
use super::jet::{Jet, factorial};
use crate::kernels::math::{exp, ln, ln_1p};

/// The highest derivative with respect to a and b together of the incomplete beta function.
pub const BETAINC_MAX_ORDER: usize = 3;

/// ln(xᵃ (1 - x)ᵇ / B(a, b)), without the cancellation of large terms (after Loader 2000).
fn log_density(a: f64, b: f64, x: f64) -> f64 {
    let y = 1.0 - x;
    let excess = x * b - y * a;
    let (over, under) = (excess / a, -excess / b);
    let part = |n: f64, over: f64, x: f64| {
        // n ln(x (a + b) / n)
        if over > -0.5 { n * ln_1p(over) } else { n * ln(x / n * (a + b)) }
    };
    let deviance = part(a, over, x) + part(b, under, y);
    let errors = stirling_error(a + b) - stirling_error(a) - stirling_error(b);
    deviance + errors + 0.5 * ln(a / (a + b) * b / std::f64::consts::TAU)
}

/// a Iₓ(a, b) / (xᵃ (1 - x)ᵇ / B(a, b)) as a series in a and b, by its continued fraction (Abramowitz
/// & Stegun 26.5.8, evaluated after Lentz).
fn fraction<const M: usize, const N: usize>(a: Jet<M, N>, b: Jet<M, N>, x: f64) -> Jet<M, N> {
    let scale = [a.value().min(b.value()); 2];
    let sum = a + b;
    let mut c = Jet::constant(1.0);
    let mut d = (sum * (a + 1.0).recip() * -x + 1.0).recip();
    let mut product = d;
    let mut step = |numerator: Jet<M, N>| {
        d = (numerator * d + 1.0).recip();
        c = numerator * c.recip() + 1.0;
        let factor = c * d;
        product = product * factor;
        factor.is_one(scale) || !factor.value().is_finite()
    };
    for m in 1..100_000 {
        let m = f64::from(m);
        let twice = a + 2.0 * m;
        let even = (b + -m) * (twice + -1.0).recip() * twice.recip() * (m * x);
        let odd = (a + m) * (sum + m) * twice.recip() * (twice + 1.0).recip() * -x;
        // Both, so that the loop does not end on one that happens to be small.
        if step(even) & step(odd) {
            break;
        }
    }
    product
}

/// xᵃ (1 - x)ᵇ / (a B(a, b)) = xᵃ (1 - x)ᵇ Γ(a + b) / (Γ(a + 1) Γ(b)) as a series in a and b, given the
/// logarithms of x and 1 - x, and that of a times the result's value.
fn density_ratio<const M: usize, const N: usize>(
    a: Jet<M, N>,
    b: Jet<M, N>,
    [ln_x, ln_rest]: [f64; 2],
    log_density: f64,
) -> Jet<M, N> {
    // The value from large terms that cancel would be less accurate.
    let value = exp(log_density) / a.value();
    if Jet::<M, N>::DEGREE == 0 {
        return Jet::constant(value);
    }
    // So would ln Γ(a + b) - ln Γ(b) for a small a: first what b changes, then what a does.
    let by_b = b.map(|k| match k {
        0 => 0.0,
        k => polygamma_step(k - 1, b.value(), a.value()) / factorial(k),
    });
    let by_a = lgamma_jet(a + b) - lgamma_jet(b + a.value());
    let log = a * ln_x + b * ln_rest + by_b + by_a - lgamma_jet(a + 1.0);
    log.without_value().exp() * value
}

/// ∂ⁱ⁺ʲ Iₓ(a, b) / ∂aⁱ ∂bʲ of the regularized incomplete beta function
/// Iₓ(a, b) = ∫₀ˣ t^(a-1) (1 - t)^(b-1) dt / B(a, b), the distribution function of the beta
/// distribution, for a, b > 0; NaN elsewhere. Orders (0, 0) are the value.
///
/// ```
/// # use elbo_tensor::special::betainc;
/// assert!((betainc([0, 0], 2.0, 1.0, 0.3) - 0.09).abs() < 1e-15);
/// ```
///
/// # Panics
/// If i + j is above [`BETAINC_MAX_ORDER`].
pub fn betainc(orders: [usize; 2], a: f64, b: f64, x: f64) -> f64 {
    match orders {
        [0, 0] => compute::<1, 1>(a, b, x),
        [1, 0] => compute::<2, 1>(a, b, x),
        [0, 1] => compute::<1, 2>(a, b, x),
        [2, 0] => compute::<3, 1>(a, b, x),
        [1, 1] => compute::<2, 2>(a, b, x),
        [0, 2] => compute::<1, 3>(a, b, x),
        [3, 0] => compute::<4, 1>(a, b, x),
        [2, 1] => compute::<3, 2>(a, b, x),
        [1, 2] => compute::<2, 3>(a, b, x),
        [0, 3] => compute::<1, 4>(a, b, x),
        _ => panic!("betainc: derivative {orders:?}; up to {BETAINC_MAX_ORDER} in all exist"),
    }
}

fn compute<const M: usize, const N: usize>(a: f64, b: f64, x: f64) -> f64 {
    if a.is_nan() || b.is_nan() || x.is_nan() || a <= 0.0 || b <= 0.0 {
        return f64::NAN;
    }
    let is_value = M == 1 && N == 1;
    if x <= 0.0 || x >= 1.0 {
        return if is_value && x > 0.0 { 1.0 } else { 0.0 };
    }
    let (first, second) = (Jet::<M, N>::first(a), Jet::<M, N>::second(b));
    let (ln_x, ln_rest, log_density) = (ln(x), ln_1p(-x), log_density(a, b, x));
    if x <= (a + 1.0) / (a + b + 2.0) {
        let density = density_ratio(first, second, [ln_x, ln_rest], log_density);
        return (density * fraction(first, second, x)).derivative(M - 1, N - 1);
    }
    let density = density_ratio(second, first, [ln_rest, ln_x], log_density);
    let rest = (density * fraction(second, first, 1.0 - x)).derivative(M - 1, N - 1);
    if is_value { 1.0 - rest } else { -rest }
}
