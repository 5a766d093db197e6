//! [`Gaussian`]: three functions of a normal variable.

use elbo_layers::Normal;
use elbo_tensor::Tensor;

use super::Truth;
use super::quadrature::Rule;
use crate::{Expectation, MovingAverage};

/// A function of one number with a parameter k (Mohamed et al. 2020, section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// (x - k)²
    Quadratic,
    /// exp(-k x²), with positive k
    Exp,
    /// cos(k x)
    Cos,
}

/// E f(x) with x ~ N(mu, sigma²), as a function of mu and sigma.
///
/// Everything about it is known: the mean, the gradient, and the variance of estimators, by closed forms or by
/// quadrature.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gaussian {
    /// f
    pub cost: Cost,
    /// The mean of x.
    pub mu: f64,
    /// The standard deviation of x, positive.
    pub sigma: f64,
    /// The parameter of f.
    pub k: f64,
}

/// One number for mu and one for sigma.
type Pair = [f64; 2];

impl Gaussian {
    /// As a problem for estimators, with the parameters mu and sigma.
    pub fn problem(&self) -> Expectation<f64, Normal<f64>> {
        let Gaussian { cost, mu, sigma, k } = *self;
        Expectation::new(
            [("mu", Tensor::scalar(mu)), ("sigma", Tensor::scalar(sigma))],
            |[mu, sigma]| Normal::from_sigma(mu, sigma),
            move |x| match cost {
                Cost::Quadratic => (x - k).square(),
                Cost::Exp => (x.square() * -k).exp(),
                Cost::Cos => (x * k).cos(),
            },
        )
    }

    /// E f(x)
    pub fn mean(&self) -> f64 {
        let Gaussian { cost, mu, sigma, k } = *self;
        match cost {
            Cost::Quadratic => (mu - k).powi(2) + sigma * sigma,
            Cost::Exp => {
                let v = 1.0 + 2.0 * k * sigma * sigma;
                (-k * mu * mu / v).exp() / v.sqrt()
            }
            Cost::Cos => (-0.5 * (k * sigma).powi(2)).exp() * (k * mu).cos(),
        }
    }

    /// ∂/∂mu and ∂/∂sigma of E f(x)
    pub fn gradient(&self) -> Pair {
        let Gaussian { cost, mu, sigma, k } = *self;
        match cost {
            Cost::Quadratic => [2.0 * (mu - k), 2.0 * sigma],
            Cost::Exp => {
                let v = 1.0 + 2.0 * k * sigma * sigma;
                let by_mu = -2.0 * k * mu / v;
                let by_sigma = -2.0 * k * sigma / v + 4.0 * k * k * sigma * (mu / v).powi(2);
                [by_mu, by_sigma].map(|factor| factor * self.mean())
            }
            Cost::Cos => {
                let damped = (-0.5 * (k * sigma).powi(2)).exp();
                [-k * damped * (k * mu).sin(), -k * k * sigma * damped * (k * mu).cos()]
            }
        }
    }

    /// Var f(x)
    pub fn cost_variance(&self) -> f64 {
        let Gaussian { cost, mu, sigma, k } = *self;
        let square = match cost {
            Cost::Quadratic => return 4.0 * ((mu - k) * sigma).powi(2) + 2.0 * sigma.powi(4),
            // The square is the same function with another k.
            Cost::Exp => Gaussian { k: 2.0 * k, ..*self }.mean(),
            Cost::Cos => 0.5 * (1.0 + (-2.0 * (k * sigma).powi(2)).exp() * (2.0 * k * mu).cos()),
        };
        let variance = square - self.mean().powi(2);
        match self.rule() {
            // Too few digits are left.
            Some(rule) if variance < DIGITS * square => {
                rule.variance(|e| self.difference(e)).unwrap_or(variance.max(0.0))
            }
            _ => variance,
        }
    }

    /// The variance of an estimator's estimates by mu and by sigma, each from so many draws, and how it is
    /// known; `None` if it is not.
    pub fn variance(&self, estimator: &str, samples: usize) -> Option<(Pair, Truth)> {
        let n = samples as f64;
        let of_one = |estimator| {
            let closed = self.closed_form(estimator).map(|pair| (pair, Truth::ClosedForm));
            closed.or_else(|| Some((self.quadrature(estimator)?, Truth::Quadrature)))
        };
        let gradient = self.gradient();
        // Var f Var s, with Var s = 1/σ² for mu and 2/σ² for sigma.
        let product = [1.0, 2.0].map(|c| self.cost_variance() * c / (self.sigma * self.sigma));
        match estimator {
            // The sample covariance of f and s.
            "score_function_leave_one_out" => {
                let (single, truth) = of_one("score_function_mean_baseline")?;
                let rest = [0, 1].map(|i| (product[i] + gradient[i].powi(2)) / (n * (n - 1.0)));
                (samples > 1).then(|| ([0, 1].map(|i| single[i] / n + rest[i]), truth))
            }
            // The baseline has a variance of its own, once it has forgotten where it began.
            "score_function_moving_average_baseline" => {
                let (single, truth) = of_one("score_function_mean_baseline")?;
                let decay = MovingAverage::default().decay;
                let share = (1.0 - decay) / (1.0 + decay) / n;
                Some(([0, 1].map(|i| (single[i] + share * product[i]) / n), truth))
            }
            _ => of_one(estimator).map(|(pair, truth)| (pair.map(|one| one / n), truth)),
        }
    }

    /// The variance of an estimate from one draw, for estimators that have a formula.
    fn closed_form(&self, estimator: &str) -> Option<Pair> {
        match self.cost {
            Cost::Quadratic => self.quadratic(estimator),
            Cost::Exp => self.exponential(estimator),
            Cost::Cos => self.cosine(estimator),
        }
    }

    fn quadratic(&self, estimator: &str) -> Option<Pair> {
        use std::f64::consts::PI;
        let (d2, s2) = ((self.mu - self.k).powi(2), self.sigma * self.sigma);
        let d4 = d2 * d2;
        Some(match estimator {
            "pathwise" => [4.0 * s2, 4.0 * d2 + 8.0 * s2],
            "pathwise_antithetic" => [0.0, 8.0 * s2],
            "pathwise_delta_method" => [0.0, 0.0],
            "score_function" => {
                [d4 / s2 + 14.0 * d2 + 15.0 * s2, 2.0 * d4 / s2 + 60.0 * d2 + 74.0 * s2]
            }
            "score_function_mean_baseline" => [8.0 * d2 + 10.0 * s2, 40.0 * d2 + 56.0 * s2],
            "score_function_optimal_baseline" => [8.0 * d2 + 6.0 * s2, 40.0 * d2 + 24.0 * s2],
            "measure_valued" => [4.0 * d2 * (4.0 / PI - 1.0), 4.0 * d2 + 4.0 * s2],
            "measure_valued_independent" => {
                [d2 * (8.0 / PI - 2.0) + 4.0 * s2 / PI, 16.0 * d2 + 8.0 * s2]
            }
            _ => return None,
        })
    }

    /// exp(-2k x²) times the density of x is a normal density with mean m and variance s, times q.
    fn exponential(&self, estimator: &str) -> Option<Pair> {
        let Gaussian { mu, sigma, k, .. } = *self;
        let w = 1.0 + 4.0 * k * sigma * sigma;
        let q = (-2.0 * k * mu * mu / w).exp() / w.sqrt();
        let (m, s) = (mu / w, sigma * sigma / w);
        // The distance from mu under that density.
        let d = m - mu;
        let (d2, d4) = (d * d + s, d.powi(4) + 6.0 * d * d * s + 3.0 * s * s);
        let squares = match estimator {
            "pathwise" => {
                let x2d2 = (m * d).powi(2) + s * (m * m + 4.0 * m * d + d * d) + 3.0 * s * s;
                [m * m + s, x2d2 / (sigma * sigma)].map(|square| 4.0 * k * k * q * square)
            }
            "score_function" => {
                let s2 = sigma * sigma;
                [q * d2 / (s2 * s2), q * (d4 - 2.0 * s2 * d2 + s2 * s2) / s2.powi(3)]
            }
            _ => return None,
        };
        self.without_mean(squares, squares)
    }

    fn cosine(&self, estimator: &str) -> Option<Pair> {
        let Gaussian { mu, sigma, k, .. } = *self;
        let a2 = (2.0 * k * sigma).powi(2);
        let damped = (-0.5 * a2).exp() * (2.0 * k * mu).cos();
        let (parts, unit) = match estimator {
            "pathwise" => ([1.0 - damped, 1.0 - damped * (1.0 - a2)], 0.5 * k * k),
            "score_function" => {
                let parts = [1.0 + damped * (1.0 - a2), 2.0 + damped * (2.0 - 4.0 * a2 + a2 * a2)];
                (parts, 0.5 / (sigma * sigma))
            }
            _ => return None,
        };
        self.without_mean(parts.map(|part| part * unit), [unit; 2])
    }

    /// From second moments, which are sums of terms of such sizes, to variances; `None` if too few digits are left.
    fn without_mean(&self, squares: Pair, sizes: Pair) -> Option<Pair> {
        let gradient = self.gradient();
        let variances = [0, 1].map(|i| squares[i] - gradient[i].powi(2));
        (0..2).all(|i| variances[i] >= DIGITS * sizes[i]).then_some(variances)
    }

    /// A rule for this f; `None` if it bends too quickly.
    fn rule(&self) -> Option<Rule> {
        let Gaussian { cost, sigma, k, .. } = *self;
        Rule::new(match cost {
            Cost::Quadratic => 1.0,
            Cost::Exp => 1.0 / (2.0 * sigma * k.abs().sqrt()),
            Cost::Cos => 1.0 / (2.0 * sigma * k.abs()),
        })
    }

    /// The variance of an estimate from one draw, by integration.
    fn quadrature(&self, estimator: &str) -> Option<Pair> {
        let Gaussian { mu, sigma, .. } = *self;
        let rule = self.rule()?;
        // A constant in f has no say in differences, and would take their digits.
        let f = |e: f64| self.difference(e);
        let slope = |e: f64| self.derivatives(mu + sigma * e)[1];
        let score = [|e: f64| e, |e: f64| e * e - 1.0];
        let with_baselines = |b: Pair| {
            let of = |i: usize| rule.variance(|e| (f(e) - b[i]) * score[i](e) / sigma);
            Some([of(0)?, of(1)?])
        };
        match estimator {
            "pathwise" => Some([rule.variance(slope)?, rule.variance(|e| slope(e) * e)?]),
            "pathwise_antithetic" => Some([
                rule.variance(|e| 0.5 * (slope(e) + slope(-e)))?,
                rule.variance(|e| 0.5 * e * (slope(e) - slope(-e)))?,
            ]),
            "pathwise_delta_method" => self.delta_method(rule),
            "score_function" => with_baselines([-self.derivatives(mu)[0]; 2]),
            "score_function_mean_baseline" => with_baselines([rule.mean(f); 2]),
            "score_function_optimal_baseline" => with_baselines([0, 1].map(|i| {
                let weight = |e: f64| score[i](e).powi(2);
                rule.mean(|e| f(e) * weight(e)) / rule.mean(weight)
            })),
            "measure_valued" | "measure_valued_independent" => {
                let is_coupled = estimator == "measure_valued";
                let by_mu = match is_coupled {
                    true => rule.weibull_variance(|w| f(w) - f(-w))?,
                    false => rule.weibull_variance(f)? + rule.weibull_variance(|w| f(-w))?,
                };
                let [maxwell, normal] = [rule.maxwell_mean(f), rule.mean(f)];
                let apart = rule.maxwell_mean(|m| (f(m) - maxwell).powi(2)) + rule.variance(f)?;
                let together = match is_coupled {
                    true => 2.0 * (rule.maxwell_product(f) - maxwell * normal),
                    false => 0.0,
                };
                let by_sigma = (apart - together >= DIGITS * apart).then_some(apart - together)?;
                Some([by_mu / std::f64::consts::TAU, by_sigma].map(|v| v / (sigma * sigma)))
            }
            _ => None,
        }
    }

    /// f(mu + σ ε) - f(mu), with all its digits for small ε.
    fn difference(&self, e: f64) -> f64 {
        let Gaussian { cost, mu, sigma, k } = *self;
        let d = sigma * e;
        match cost {
            Cost::Quadratic => d * (2.0 * (mu - k) + d),
            Cost::Exp => (-k * mu * mu).exp() * (-k * d * (2.0 * mu + d)).exp_m1(),
            Cost::Cos => -2.0 * (k * (mu + 0.5 * d)).sin() * (0.5 * k * d).sin(),
        }
    }

    /// Of f - c h, with the second-order expansion h at mu and the best common c.
    fn delta_method(&self, rule: Rule) -> Option<Pair> {
        let [_, first, second] = self.derivatives(self.mu);
        let slope = |e: f64| self.derivatives(self.mu + self.sigma * e)[1];
        let expansion = |e: f64| first + second * self.sigma * e;
        let path = [|_: f64| 1.0, |e: f64| e];
        let over_both = |f: &dyn Fn(f64) -> f64, g: &dyn Fn(f64) -> f64| -> f64 {
            let covariance = |path: &fn(f64) -> f64| {
                let (f, g) = (|e: f64| f(e) * path(e), |e: f64| g(e) * path(e));
                let (mean_f, mean_g) = (rule.mean(f), rule.mean(g));
                rule.mean(|e| (f(e) - mean_f) * (g(e) - mean_g))
            };
            path.iter().map(|path| covariance(&(*path as fn(f64) -> f64))).sum()
        };
        let spread = over_both(&expansion, &expansion);
        let c = if spread > 0.0 { over_both(&slope, &expansion) / spread } else { 1.0 };
        // What is left may be rounding of these.
        let size = rule.mean(|e| slope(e).abs());
        let rest =
            |i: usize| rule.variance_of(|e| (slope(e) - c * expansion(e)) * path[i](e), size);
        Some([rest(0)?, rest(1)?])
    }

    /// f, f' and f'' at x.
    fn derivatives(&self, x: f64) -> [f64; 3] {
        let k = self.k;
        match self.cost {
            Cost::Quadratic => [(x - k).powi(2), 2.0 * (x - k), 2.0],
            Cost::Exp => {
                let f = (-k * x * x).exp();
                [f, -2.0 * k * x * f, (4.0 * k * k * x * x - 2.0 * k) * f]
            }
            Cost::Cos => {
                let (sin, cos) = (k * x).sin_cos();
                [cos, -k * sin, -k * k * cos]
            }
        }
    }
}

/// A difference that is a smaller part of its terms has lost too many digits.
const DIGITS: f64 = 1e-8;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 10] = [
        "pathwise",
        "pathwise_antithetic",
        "pathwise_delta_method",
        "score_function",
        "score_function_mean_baseline",
        "score_function_optimal_baseline",
        "score_function_leave_one_out",
        "score_function_moving_average_baseline",
        "measure_valued",
        "measure_valued_independent",
    ];

    fn close(a: Pair, b: Pair, what: &str) {
        for (a, b) in a.into_iter().zip(b) {
            assert!((a - b).abs() < 1e-8 * b.abs().max(1e-3), "{what}: {a} {b}");
        }
    }

    #[test]
    fn closed_forms_are_what_integration_gives() {
        for cost in [Cost::Quadratic, Cost::Exp, Cost::Cos] {
            for (mu, sigma, k) in [(1.0, 1.0, 0.7), (-0.4, 1.6, 2.0), (2.0, 0.3, 0.1)] {
                let known = Gaussian { cost, mu, sigma, k };
                for name in ALL {
                    if let Some(closed) = known.closed_form(name) {
                        close(known.quadrature(name).unwrap(), closed, name);
                    }
                }
                let rule = Rule::new(0.1).unwrap();
                let f = |e: f64| known.derivatives(mu + sigma * e)[0];
                let slope = |e: f64| known.derivatives(mu + sigma * e)[1];
                let gradient = [rule.mean(slope), rule.mean(|e| slope(e) * e)];
                close(known.gradient(), gradient, "gradient");
                let mean = rule.mean(f);
                let variance = rule.mean(|e| (f(e) - mean).powi(2));
                close([known.mean(), known.cost_variance()], [mean, variance], "cost");
                assert!(ALL.iter().all(|name| known.variance(name, 2).is_some()));
            }
        }
    }

    /// Worked out by hand, or taken from the figures of Mohamed et al. 2020, section 3.
    #[test]
    fn spot_values() {
        let at = |cost, k, name, samples| {
            let known = Gaussian { cost, mu: 1.0, sigma: 1.0, k };
            known.variance(name, samples).unwrap().0
        };
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        let quadratic = |name| at(Cost::Quadratic, 0.0, name, 1);
        assert_eq!(quadratic("score_function"), [30.0, 136.0]);
        assert_eq!(quadratic("score_function_mean_baseline"), [18.0, 96.0]);
        assert_eq!(quadratic("score_function_optimal_baseline"), [14.0, 64.0]);
        assert_eq!(quadratic("pathwise"), [4.0, 12.0]);
        near(quadratic("measure_valued")[0], 1.092_958_2);
        assert_eq!(quadratic("measure_valued")[1], 8.0);
        assert_eq!(at(Cost::Quadratic, 0.0, "score_function_leave_one_out", 2)[0], 14.0);
        near(at(Cost::Quadratic, 0.0, "score_function_leave_one_out", 4)[0], 16.0 / 3.0);
        let far = |name| at(Cost::Quadratic, -3.0, name, 1);
        assert_eq!(far("score_function"), [495.0, 1546.0]);
        assert_eq!(far("score_function_mean_baseline"), [138.0, 696.0]);
        assert_eq!(far("score_function_optimal_baseline"), [134.0, 664.0]);
        near(far("measure_valued")[0], 17.487_331);
        assert_eq!([far("pathwise")[1], far("measure_valued")[1]], [72.0, 68.0]);
        // Where the cost oscillates quickly, the path loses.
        let cos = |k, name| at(Cost::Cos, k, name, 1);
        near(cos(0.5, "pathwise")[0], 0.039_284_7);
        near(cos(0.5, "score_function")[0], 0.455_248_4);
        near(cos(0.5, "pathwise")[1], 0.087_512_8);
        near(cos(0.5, "score_function")[1], 0.798_657_9);
        near(cos(1.0, "pathwise")[0], 0.267_674_0);
        near(cos(1.0, "score_function")[0], 0.323_993_4);
        near(cos(2.0, "pathwise")[0], 1.939_863_5);
        near(cos(2.0, "score_function")[0], 0.441_069_5);
        for (name, expected) in [("pathwise", [12.5, 12.5]), ("score_function", [0.5, 1.0])] {
            let limit = cos(5.0, name);
            assert!((0..2).all(|i| (limit[i] / expected[i] - 1.0).abs() < 1e-3), "{limit:?}");
        }
        let exp = |k, name| at(Cost::Exp, k, name, 1)[0];
        near(exp(0.1, "pathwise"), 0.016_290_2);
        near(exp(0.1, "score_function"), 0.563_531_6);
        near(exp(1.0, "pathwise"), 0.211_723_4);
        near(exp(1.0, "score_function"), 0.175_750_2);
        near(exp(10.0, "pathwise"), 0.941_629_4);
        near(exp(10.0, "score_function"), 0.076_940_4);
        for (k, by_sigma) in [(0.1, -0.116_650_25), (1.0, -0.091_931_01), (10.0, -0.006_147_16)] {
            near(Gaussian { cost: Cost::Exp, mu: 1.0, sigma: 1.0, k }.gradient()[1], by_sigma);
        }
    }
}
