//! Means over a normal variable and its relatives, by integration.

use elbo_tensor::special::integrate;

/// Beyond so many standard deviations nothing is left.
const TAIL: f64 = 13.0;

/// The most points of a rule; a finer one is refused.
const MOST: f64 = 1e6;

/// A variance of numbers of that size: 0 if it is no more than their rounding, `None` if rounding is a part of it.
fn digits(variance: f64, size: f64) -> Option<f64> {
    match variance.sqrt() / (f64::EPSILON * size) {
        parts if parts > 1e5 => Some(variance),
        parts if parts > 1e2 => None,
        _ => Some(0.0),
    }
}

/// Rules for functions that bend within a length `scale`, in standard deviations.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    step: f64,
}

impl Rule {
    /// `None` for functions that bend so quickly that a rule would take too many points.
    pub(super) fn new(scale: f64) -> Option<Rule> {
        let step = (scale / 8.0).min(1.0 / 64.0);
        (2.0 * TAIL / step < MOST).then_some(Rule { step })
    }

    /// Points and weights that integrate against the normal density: the trapezoidal rule, whose error falls
    /// exponentially for what is smooth and dies out at both ends.
    fn normal(self) -> impl Iterator<Item = (f64, f64)> {
        let half = (TAIL / self.step).ceil() as i64;
        let weight = self.step / std::f64::consts::TAU.sqrt();
        (-half..=half).map(move |i| {
            let e = i as f64 * self.step;
            (e, weight * (-0.5 * e * e).exp())
        })
    }

    /// E g(ε), ε ~ N(0, 1)
    pub(super) fn mean(self, g: impl Fn(f64) -> f64) -> f64 {
        self.normal().map(|(e, weight)| weight * g(e)).sum()
    }

    /// Var g(ε), ε ~ N(0, 1); `None` if the rounding of g is a part of it.
    pub(super) fn variance(self, g: impl Fn(f64) -> f64) -> Option<f64> {
        self.variance_of(&g, self.mean(|e| g(e).abs()))
    }

    /// [`variance`](Rule::variance) of a g that is a difference of numbers of that size.
    pub(super) fn variance_of(self, g: impl Fn(f64) -> f64, size: f64) -> Option<f64> {
        let mean = self.mean(&g);
        digits(self.mean(|e| (g(e) - mean).powi(2)), size)
    }

    /// Var g(w) where w > 0 has the density w exp(-w²/2).
    pub(super) fn weibull_variance(self, g: impl Fn(f64) -> f64) -> Option<f64> {
        let mean = self.weibull_mean(&g);
        digits(self.weibull_mean(|w| (g(w) - mean).powi(2)), self.weibull_mean(|w| g(w).abs()))
    }

    /// E g(w) where w > 0 has the density w exp(-w²/2).
    pub(super) fn weibull_mean(self, g: impl Fn(f64) -> f64) -> f64 {
        // The double exponential rule puts most points near the ends: panels of 32 steps make up for it.
        let panel = 32.0 * self.step;
        let density = |w: f64, _| w * (-0.5 * w * w).exp() * g(w);
        let panels = (TAIL / panel).ceil() as usize;
        (0..panels).map(|i| integrate(i as f64 * panel, (i + 1) as f64 * panel, density)).sum()
    }

    /// E g(m), where m has the density m² exp(-m²/2) / √2π.
    pub(super) fn maxwell_mean(self, g: impl Fn(f64) -> f64) -> f64 {
        self.mean(|m| m * m * g(m))
    }

    /// E g(m) g(m u) with that m and uniform u in (0, 1): the integral over u is G(m) / m, with
    /// G(m) = ∫ g from 0 to m by Simpson's rule.
    pub(super) fn maxwell_product(self, g: impl Fn(f64) -> f64) -> f64 {
        let side = |sign: f64| {
            let (mut integral, mut sum, mut last) = (0.0, 0.0, g(0.0));
            for (m, weight) in self.normal().filter(|(m, _)| *m > 0.0) {
                let here = g(sign * m);
                integral += self.step / 6.0 * (last + 4.0 * g(sign * (m - 0.5 * self.step)) + here);
                sum += weight * m * here * integral;
                last = here;
            }
            sum
        };
        side(1.0) + side(-1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_powers_are_those_of_the_distributions() {
        let rule = Rule::new(1.0).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a} {b}");
        close(rule.mean(|e| e.powi(4)), 3.0);
        close(rule.weibull_mean(|w| w * w), 2.0);
        close(rule.weibull_mean(|w| w), (std::f64::consts::PI / 2.0).sqrt());
        close(rule.maxwell_mean(|m| m * m), 3.0);
        // E m² (m u)² = E m⁴ E u² = 15 / 3
        close(rule.maxwell_product(|m| m * m), 5.0);
        close(rule.maxwell_product(|m| m), 1.5);
        assert!(Rule::new(1e-9).is_none());
    }
}
