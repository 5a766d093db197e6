//! Figures of variances over a setting.

use elbo_estimators::study::{Moments, Study};
use elbo_models::pictures::{Line, Measured, Sweep};

/// What a study found at one setting: the moments of an element of a gradient, and its true variance.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) moments: Moments,
    pub(super) truth: Option<f64>,
}

impl Point {
    /// For a table in a file.
    pub(super) fn cells(&self, estimator: &str, parameter: &str) -> Vec<String> {
        let [low, high] = self.moments.variance_ci();
        let numbers = [self.x, self.moments.mean(), self.moments.variance(), low, high];
        let truth = self.truth.map_or(String::new(), |truth| truth.to_string());
        let names = [estimator, parameter].map(String::from);
        names.into_iter().chain(numbers.map(|x| x.to_string())).chain([truth]).collect()
    }
}

/// A line of a figure, with a band where the variance is with 95 % confidence.
pub(super) fn variances(name: &str, points: &[Point]) -> Line {
    let measured = |p: &Point| {
        let [low, high] = p.moments.variance_ci();
        Measured { x: p.x, y: p.moments.variance(), low, high }
    };
    // A logarithmic axis has no place for a line of zeros.
    let is_exact = points.iter().all(|p| p.moments.variance() < 1e-20);
    Line {
        name: name.replace('_', " ") + if is_exact { ": 0" } else { "" },
        points: points.iter().map(measured).collect(),
        truth: points.iter().filter_map(|p| Some((p.x, p.truth?))).collect(),
    }
}

/// The axis of variances.
pub(super) fn variance_of(parameter: &str, study: &Study) -> String {
    match study.samples {
        1 => format!("variance of an estimate by {parameter}"),
        n => format!("variance of an estimate of {n} draws by {parameter}"),
    }
}

/// `count` numbers from `from` to `to`, evenly spaced, or so are their logarithms.
pub(super) fn spaced(from: f64, to: f64, count: usize, log: bool) -> Vec<f64> {
    let along = |i: usize| i as f64 / (count - 1) as f64;
    let at = |i: usize| match log {
        true => from * (to / from).powf(along(i)),
        false => from + (to - from) * along(i),
    };
    (0..count).map(at).collect()
}

/// A figure of variances on logarithmic axes.
pub(super) fn sweep(title: String, x: &str, log_x: bool, y: String, lines: Vec<Line>) -> Sweep {
    Sweep { title, x: x.into(), y, log_x, log_y: true, lines }
}
