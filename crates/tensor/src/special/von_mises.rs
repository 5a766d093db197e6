//! The distribution function of the von Mises distribution.

use super::bessel::log_i0_jet;
use super::integrate;
use super::jet::{Jet, factorial};
use crate::Real;
use crate::kernels::math::{exp, sin};

/// The highest derivative with respect to the concentration.
pub const VON_MISES_MAX_ORDER: usize = 3;

/// ∂ⁿF(x; κ) / ∂κⁿ of the distribution function
/// F(x; κ) = ∫ e^(κ cos t) dt / (2π I₀(κ)) over t from -π to x, for κ > 0 (NaN elsewhere). Below -π it
/// is 0 and above π it is 1. Orders 0 is the value.
///
/// # Panics
/// If n is above [`VON_MISES_MAX_ORDER`].
pub fn von_mises_cdf(n: usize, x: f64, kappa: f64) -> f64 {
    match n {
        0 => compute::<1>(x, kappa),
        1 => compute::<2>(x, kappa),
        2 => compute::<3>(x, kappa),
        3 => compute::<4>(x, kappa),
        _ => panic!("von_mises_cdf: derivative {n}; up to {VON_MISES_MAX_ORDER} exist"),
    }
}

fn compute<const M: usize>(x: f64, kappa: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    if x.is_nan() || kappa.is_nan() || kappa <= 0.0 {
        return f64::NAN;
    }
    if x.abs() >= PI {
        return if M == 1 && x > 0.0 { 1.0 } else { 0.0 };
    }
    // The mass of the tail from -π to z ≤ 0; the density is symmetric.
    let z = -x.abs();
    // cos t - 1 = -2 sin²(t / 2), taken relative to that at z, so that nothing underflows.
    let shape = |t: f64| -2.0 * Real::powi(sin(0.5 * t), 2);
    let top = shape(z);
    // Where the density is e⁻⁵⁰ of that at z, nothing is left to add.
    let end = 25.0 / kappa - 0.5 * top;
    let from = if end < 1.0 { -2.0 * libm::asin(end.sqrt()) } else { -PI };
    let moment = |k: usize| {
        integrate(from, z, |t, _| Real::powi(shape(t), k as i32) * exp(kappa * (shape(t) - top)))
    };
    let mass = Jet::<M, 1>(std::array::from_fn(|k| [moment(k) / factorial(k)]));
    // ln of e^(κ (top + 1)) / I₀(κ), where the top is that of the value alone.
    let log_scale = Jet::first(kappa * (top + 1.0)) - log_i0_jet(kappa);
    let tail = (mass * log_scale.exp()).derivative(M - 1, 0) / TAU;
    match (x > 0.0, M) {
        (false, _) => tail,
        (true, 1) => 1.0 - tail,
        (true, _) => -tail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_concentration_it_is_nearly_uniform() {
        let f = von_mises_cdf(0, 1.0, 1e-12);
        assert!((f - (0.5 + 1.0 / std::f64::consts::TAU)).abs() < 1e-12, "{f}");
    }
}
