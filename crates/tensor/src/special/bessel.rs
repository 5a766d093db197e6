//! The modified Bessel function I₀.

use super::jet::Jet;
use crate::kernels::math::ln;

/// The highest derivative of ln I₀.
pub const LOG_I0_MAX_ORDER: usize = 4;

/// The n-th derivative of ln I₀(x), for x ≥ 0; NaN elsewhere. Order 1 is I₁(x) / I₀(x), the mean
/// resultant length of a von Mises distribution.
///
/// ```
/// # use elbo_tensor::special::log_i0;
/// assert!((log_i0(1, 1.0) - 0.446_389_965_896_534_4).abs() < 1e-15);
/// ```
///
/// # Panics
/// If n is above [`LOG_I0_MAX_ORDER`].
pub fn log_i0(n: usize, x: f64) -> f64 {
    match n {
        0 => compute::<1>(x),
        1 => compute::<2>(x),
        2 => compute::<3>(x),
        3 => compute::<4>(x),
        4 => compute::<5>(x),
        _ => panic!("log_i0: derivative {n}; up to {LOG_I0_MAX_ORDER} exist"),
    }
}

fn compute<const M: usize>(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    log_i0_jet::<M>(x).derivative(M - 1, 0)
}

/// ln I₀ as a series around x ≥ 0.
pub(super) fn log_i0_jet<const M: usize>(x: f64) -> Jet<M, 1> {
    if x < 25.0 { power_series(x) } else { asymptotic_series(x) }
}

/// ln Σ (x²/4)ᵏ / k!² (Abramowitz & Stegun 9.6.12)
fn power_series<const M: usize>(x: f64) -> Jet<M, 1> {
    let x = Jet::first(x);
    let quarter = x * x * 0.25;
    let mut term = quarter;
    let mut sum = term;
    for k in 2..100 {
        term = term * quarter * (1.0 / f64::from(k * k));
        sum = sum + term;
    }
    sum.ln_1p()
}

/// x - ½ ln 2πx + ln Σ ((2k - 1)!!)² / (k! (8x)ᵏ) (Abramowitz & Stegun 9.7.1)
fn asymptotic_series<const M: usize>(x: f64) -> Jet<M, 1> {
    let jet = Jet::<M, 1>::first(x);
    let inverse = jet.recip();
    let mut term = inverse * 0.125;
    let mut sum = term;
    for k in 2..30 {
        let odd = f64::from(2 * k - 1);
        term = term * inverse * (odd * odd / f64::from(8 * k));
        sum = sum + term;
    }
    let root = jet * (1.0 / x) + -1.0;
    let half_ln_2pi_x = root.ln_1p() * 0.5 + 0.5 * ln(std::f64::consts::TAU * x);
    jet - half_ln_2pi_x + sum.ln_1p()
}
