//! What the tests have in common: costs that remember what they were asked, and comparisons.

#![allow(dead_code, reason = "every test file uses another part of it")]

use std::sync::{Arc, Mutex};

use elbo_estimators::Expectation;
use elbo_layers::Distribution;
use elbo_tensor::Tensor;

/// The draws that a cost was evaluated at, call after call.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Tensor<f64>>>>);

impl Seen {
    /// The same problem, with all draws remembered.
    pub(crate) fn watch<D: Distribution<f64>>(
        &self,
        problem: &Expectation<f64, D>,
        cost: impl Fn(&Tensor<f64>) -> Tensor<f64> + Send + Sync + 'static,
    ) -> Expectation<f64, D> {
        let seen = self.clone();
        problem.with_cost(move |x| {
            seen.note(x);
            cost(x)
        })
    }

    pub(crate) fn note(&self, x: &Tensor<f64>) {
        self.0.lock().unwrap().push(x.detach());
    }

    /// The draws of all calls since the last time.
    pub(crate) fn take(&self) -> Vec<Vec<f64>> {
        self.0.lock().unwrap().drain(..).map(|x| x.to_vec()).collect()
    }

    /// Those of calls for so many numbers.
    pub(crate) fn take_of(&self, count: usize) -> Vec<Vec<f64>> {
        self.take().into_iter().filter(|x| x.len() == count).collect()
    }
}

/// Equal up to rounding.
#[track_caller]
pub(crate) fn close(what: &str, found: &[f64], truth: &[f64]) {
    assert_eq!(found.len(), truth.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(truth).enumerate() {
        assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{what}, number {i}: {a} {b}");
    }
}

/// Within five standard errors, as a fixed seed stays.
#[track_caller]
pub(crate) fn near(what: &str, value: f64, error: f64, truth: f64) {
    let room = 5.0 * error + 1e-12 * truth.abs().max(1.0);
    assert!((value - truth).abs() <= room, "{what}: {value} ± {error}, not {truth}");
}

/// Means of so many numbers that follow each other.
pub(crate) fn means(each: &[f64], samples: usize) -> Vec<f64> {
    each.chunks(samples).map(|draws| draws.iter().sum::<f64>() / samples as f64).collect()
}
