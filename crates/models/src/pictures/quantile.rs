//! The quantiles of the standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The number below which a standard normal variable falls with probability `p`.
///
/// ```text
/// x = Φ⁻¹(p),  Φ(x) = ½ erfc(−x / √2)
/// ```
///
/// The relative error stays below 10⁻¹²: a rational start (P. J. Acklam's, good to 10⁻⁹) and
/// two of Halley's steps. The ends are infinite: Φ⁻¹(0) = −∞, Φ⁻¹(1) = ∞. Outside of [0, 1], and
/// for NaN, the result is NaN.
///
/// ```
/// use elbo_models::pictures::normal_quantile;
///
/// assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-12);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    // The lower half only: there p keeps all its digits, and 1 − p is exact in the upper half.
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let mut x = start(p);
    for _ in 0..2 {
        let error = 0.5 * libm::erfc(-x * FRAC_1_SQRT_2) - p;
        // The density is divided by in two halves, since exp(x²/2) alone overflows in the far tail.
        let half = (x * x / 4.0).exp();
        let u = error * half * half * (2.0 * PI).sqrt();
        x -= u / (1.0 + x * u / 2.0);
    }
    x
}

/// Acklam's rational approximation for 0 < p ≤ ½.
fn start(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.38357751867269e+02,
        -3.066479806614716e+01,
        2.506628277459239e+00,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e+00,
        -2.549732539343734e+00,
        4.374664141464968e+00,
        2.938163982698783e+00,
    ];
    const D: [f64; 5] = [
        7.784695709041462e-03,
        3.224671290700398e-01,
        2.445134137142996e+00,
        3.754408661907416e+00,
        1.0,
    ];
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    if p < 0.02425 {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / horner(&D, q)
    } else {
        let q = p - 0.5;
        q * horner(&A, q * q) / horner(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles() {
        // mpmath, 40 digits: the root of log(erfc(-x / sqrt(2)) / 2) - log(p).
        let known = [
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (0.001, -3.090232306167814),
            (0.01, -2.326347874040841),
            (0.1, -1.2815515655446004),
            (0.25, -0.6744897501960817),
            (0.95, 1.6448536269514722),
            (1e-10, -6.361340902404056),
            (1e-100, -21.273453560965324),
        ];
        for (p, x) in known {
            let found = normal_quantile(p);
            assert!((found - x).abs() <= 1e-12 * x.abs(), "{p}: {found:.16} {x:.16}");
        }
    }

    #[test]
    fn symmetric_and_increasing() {
        let mut last = f64::NEG_INFINITY;
        for i in 1..4096 {
            // Dyadic, so that 1 − p is exact.
            let p = f64::from(i) / 4096.0;
            let x = normal_quantile(p);
            assert_eq!(x, -normal_quantile(1.0 - p));
            assert!(x > last, "{p}");
            last = x;
        }
    }

    #[test]
    fn the_distribution_function_takes_it_back() {
        for exponent in [-300, -200, -50, -10, -3, -1] {
            let p = 10_f64.powi(exponent);
            let x = normal_quantile(p);
            let back = 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
            // dp/p = −x dx, so the tail magnifies a last bit of x.
            assert!((back / p - 1.0).abs() < 1e-15 * (4.0 + x * x), "{p:e} {back:e}");
        }
    }

    #[test]
    fn the_ends_are_infinite_and_outside_is_nothing() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(5e-324) < -38.0);
        assert!([-0.1, 1.1, f64::NAN].iter().all(|&p| normal_quantile(p).is_nan()));
    }
}
