//! The gamma function's family and the Bessel function I₀; what they compute is in
//! [`special`](crate::special).

use super::map::{Domain, Map, Unary};
use super::math::unary;
use super::run;
use crate::check::Sampler;
use crate::kernels::elementwise::Function1;
pub(super) use crate::kernels::math::function::NormalCdf;
use crate::special::{self, integrate};
use crate::{Needs, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// ln Γ(x), element by element, for x > 0; NaN below 0.
    pub fn lgamma(&self) -> Tensor<T> {
        run(Map(Lgamma), [self.clone()])
    }

    /// ψ(x) = d ln Γ(x) / dx, element by element, for x > 0; NaN elsewhere.
    pub fn digamma(&self) -> Tensor<T> {
        self.polygamma(0)
    }

    /// ψ⁽ⁿ⁾(x), the n-th derivative of digamma, element by element, for x > 0; NaN elsewhere.
    pub fn polygamma(&self, n: usize) -> Tensor<T> {
        run(Map(Polygamma(n)), [self.clone()])
    }

    /// ln I₀(x) with the modified Bessel function I₀, element by element, for x ≥ 0; NaN below.
    pub fn log_i0(&self) -> Tensor<T> {
        self.log_i0_derivative(0)
    }

    /// The n-th derivative of ln I₀, element by element, for x ≥ 0; NaN below. Order 1 is
    /// I₁(x) / I₀(x).
    ///
    /// # Panics
    /// If n is above [`LOG_I0_MAX_ORDER`](special::LOG_I0_MAX_ORDER).
    #[track_caller]
    pub fn log_i0_derivative(&self, n: usize) -> Tensor<T> {
        run(Map(LogI0(n)), [self.clone()])
    }

    /// Φ(x) = ½ erfc(-x / √2), the standard normal distribution function, element by element, accurate
    /// also where it is small.
    pub fn normal_cdf(&self) -> Tensor<T> {
        run(Map(NormalCdf), [self.clone()])
    }
}

unary! {
    Lgamma, "lgamma", "x̄ = ψ(x) ȳ", Needs::INPUTS,
    value: |x| T::from_f64(special::lgamma(x.to_f64())),
    vjp: |v, gy| gy * v.input(0).digamma(),
    // Stirling's series beyond 30, by the recurrence.
    reference: |x| {
        let product: f64 = (0..30).map(|k| x + f64::from(k)).product();
        let w = x + 30.0;
        let series = 1.0 / (12.0 * w) - 1.0 / (360.0 * w.powi(3)) + 1.0 / (1260.0 * w.powi(5));
        (w - 0.5) * w.ln() - w + 0.5 * std::f64::consts::TAU.ln() + series - product.ln()
    },
    samples: |_any| vec![(Lgamma, Domain::new(0.2, 10.0)), (Lgamma, Domain::new(20.0, 60.0))],
}

unary! {
    Polygamma(n: usize), "polygamma", "x̄ = ψ⁽ⁿ⁺¹⁾(x) ȳ", Needs::INPUTS,
    value: |x| T::from_f64(special::polygamma(n, x.to_f64())),
    vjp: |v, gy| gy * v.input(0).polygamma(n + 1),
    // ψ(x) = ∫ (e⁻ᵗ / t - e⁻ˣᵗ / (1 - e⁻ᵗ)) dt, Abramowitz & Stegun 6.3.21, and its derivatives.
    reference: |x| integrate(0.0, 60.0 / x.min(1.0), |t, _| {
        let kernel = t.powi(n as i32) * (-x * t).exp() / -(-t).exp_m1();
        match n {
            0 => (-t).exp() / t - kernel,
            n if n % 2 == 1 => kernel,
            _ => -kernel,
        }
    }),
    samples: |any| {
        let n = any.integer(1..=3) as usize;
        vec![(Polygamma(0), Domain::new(0.3, 6.0)), (Polygamma(n), Domain::new(0.7, 20.0))]
    },
}

unary! {
    LogI0(n: usize), "log_i0", "x̄ = (ln I₀)⁽ⁿ⁺¹⁾(x) ȳ", Needs::INPUTS,
    value: |x| T::from_f64(special::log_i0(n, x.to_f64())),
    vjp: |v, gy| gy * v.input(0).log_i0_derivative(n + 1),
    // The cumulants of cos t under e^(x cos t).
    reference: |x| {
        let moment = |k: i32, centre: f64| {
            let density = |t: f64, _| (t.cos() - centre).powi(k) * (x * (t.cos() - 1.0)).exp();
            integrate(0.0, std::f64::consts::PI, density)
        };
        let mass = moment(0, 0.0);
        let mean = moment(1, 0.0) / mass;
        match n {
            0 => x + (mass / std::f64::consts::PI).ln(),
            1 => mean,
            _ => moment(n as i32, mean) / mass,
        }
    },
    samples: |any| {
        let n = any.integer(0..=2) as usize;
        vec![(LogI0(n), Domain::new(0.1, 24.0)), (LogI0(n), Domain::new(26.0, 60.0))]
    },
}

unary! {
    NormalCdf, "normal_cdf", "x̄ = φ(x) ȳ", Needs::INPUTS,
    vjp: |v, gy| {
        let root = T::from_f64(std::f64::consts::TAU.sqrt().recip());
        gy * (v.input(0).square() * T::from_f64(-0.5)).exp() * root
    },
    reference: |x| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
    samples: |_any| vec![(NormalCdf, Domain::new(-4.0, 4.0))],
}
