//! [`Coin`]: the smallest discrete problem.

use elbo_layers::Bernoulli;
use elbo_tensor::Tensor;

use crate::Expectation;

/// E (b - t)² with a coin b, P(b = 1) = p, by its logit (Tucker et al. 2017; Grathwohl et al. 2018).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coin {
    /// ln(p / (1 - p))
    pub logit: f64,
    /// What b is compared with.
    pub t: f64,
}

impl Coin {
    /// As a problem for estimators, with the parameter `logits`.
    pub fn problem(&self) -> Expectation<f64, Bernoulli<f64>> {
        let t = self.t;
        Expectation::new(
            [("logits", Tensor::scalar(self.logit))],
            |[logits]| Bernoulli::new(logits),
            move |b| (b - t).square(),
        )
    }

    fn p(&self) -> f64 {
        1.0 / (1.0 + (-self.logit).exp())
    }

    /// f(0) and f(1)
    fn costs(&self) -> [f64; 2] {
        [self.t * self.t, (1.0 - self.t).powi(2)]
    }

    /// ∂/∂logit: p (1 - p) (f(1) - f(0))
    pub fn gradient(&self) -> f64 {
        let (p, [zero, one]) = (self.p(), self.costs());
        p * (1.0 - p) * (one - zero)
    }

    /// The variance of an estimate from one draw, by enumeration of what it can be; `None` if it is not one of
    /// few values.
    pub fn variance(&self, estimator: &str) -> Option<f64> {
        let (p, [zero, one]) = (self.p(), self.costs());
        let baseline = match estimator {
            "enumeration" | "measure_valued" => return Some(0.0),
            "score_function" => 0.0,
            "score_function_mean_baseline" => p * one + (1.0 - p) * zero,
            "score_function_optimal_baseline" => (1.0 - p) * one + p * zero,
            _ => return None,
        };
        // The score is 1 - p for b = 1, and -p for b = 0.
        let (of_one, of_zero) = ((one - baseline) * (1.0 - p), -(zero - baseline) * p);
        Some(p * (1.0 - p) * (of_one - of_zero).powi(2))
    }
}
