//! `elbo study snr`: tighter bounds are not better for the encoder (Rainforth et al. 2018, Tucker et al. 2019).

use std::path::PathBuf;

use clap::Args;
use elbo_estimators::Bias;
use elbo_estimators::bound::{
    BoundEstimator, DoublyReparameterized, StickingTheLanding, TotalDerivative,
};
use elbo_estimators::known::LinearGaussian;
use elbo_estimators::study::{Findings, Study};
use elbo_layers::Normal;
use elbo_layers::dist::Independent;
use elbo_models::Result;
use elbo_models::pictures::{Line, Measured, Sweep};
use elbo_tensor::Stream;
use serde_json::json;

use super::folder::Folder;
use super::numbers;
use super::progress::Progress;
use super::row::short;
use crate::cli::Done;
use crate::cli::run_args::up_to;
use crate::cli::say::say;

/// How large the model is, and how far from the optimum.
#[derive(Args)]
pub(crate) struct SnrArgs {
    /// Dimensions of x and z
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = up_to(1, 100))]
    dimensions: usize,

    /// Standard deviation of the parameters around their optimum
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = numbers::positive, allow_negative_numbers = true)]
    offset: f64,

    /// Importance samples K, separated by commas
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128,256", value_parser = up_to(1, 4096))]
    k: Vec<usize>,

    /// Bounds M in one estimate, separated by commas
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128,256", value_parser = up_to(1, 4096))]
    m: Vec<usize>,

    /// Estimates
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = up_to(2, 100_000_000))]
    repeats: usize,

    /// What all noise follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The folder for figures and tables [default: the next free runs/study-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object for each rule, parameter, K and M, and one for each fitted slope
    #[arg(long)]
    json: bool,
}

type Rule = dyn BoundEstimator<f64, Independent<Normal<f64>>>;

/// The stream that sets up the model; blocks of repeats have those from 1 on.
const SETUP: u64 = u64::MAX;

/// Slopes are fitted from here on: the rules are those of large K.
const ASYMPTOTIC: usize = 16;

/// A signal-to-noise ratio that was found.
struct Found {
    estimator: &'static str,
    parameter: &'static str,
    k: usize,
    m: usize,
    snr: f64,
    error: f64,
}

/// What is swept.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    K,
    M,
}

pub(super) fn run(args: &SnrArgs) -> Result<Done> {
    let mut folder = Folder::make(args.out.as_deref())?;
    let mut setup = Stream::new(args.seed).substream(SETUP);
    let model = LinearGaussian::published(args.dimensions, args.offset, &mut setup);
    let rules: [&Rule; 3] = [&DoublyReparameterized, &StickingTheLanding, &TotalDerivative];
    let settings: Vec<(Axis, usize, usize)> = args
        .k
        .iter()
        .map(|&k| (Axis::K, k, 1))
        .chain(args.m.iter().map(|&m| (Axis::M, 1, m)))
        .collect();
    let work: usize = settings.iter().map(|(_, k, m)| k * m).sum();
    let progress = Progress::new(rules.len() * args.repeats * work);
    if !args.json {
        say!("{:<24} {:<9} {:>5} {:>5} {:>22}", "estimator", "parameter", "K", "M", "SNR");
    }
    let mut all: Vec<(Axis, Found)> = Vec::new();
    // What the first rule finds at each setting: all rules without bias have its mean, and it is the least noisy.
    let mut signals: Vec<Findings> = Vec::new();
    for rule in rules {
        for (i, &(axis, k, m)) in settings.iter().enumerate() {
            progress.at(&format!("{}, K = {k}, M = {m}", rule.name()));
            let study = Study { repeats: args.repeats, samples: m, seed: args.seed };
            let advance = |estimates| progress.advance(estimates * k * m);
            let findings = study.run_bound(&model.bound(k), rule, None, &advance);
            if signals.len() == i {
                signals.push(findings.clone());
            }
            let signal = if rule.bias() == Bias::Unbiased { &signals[i] } else { &findings };
            for found in ratios(&findings, signal, k, m) {
                // All rules have the same gradient by the model's parameters.
                if args.json
                    || found.parameter == "encoder"
                    || findings.estimator == rules[0].name()
                {
                    report(&found, args.json);
                }
                all.push((axis, found));
            }
        }
    }
    let slopes = slopes(&all);
    for Slope { estimator, parameter, axis, slope, error } in &slopes {
        let over = if *axis == Axis::K { "K" } else { "M" };
        if args.json {
            let object = json!({"estimator": estimator, "parameter": parameter, "over": over,
                "slope": slope, "slope_standard_error": error});
            say!("{object}");
        } else {
            say!(
                "slope of ln SNR over ln {over}, {estimator}, {parameter}: {slope:+.3} ± {error:.3}"
            );
        }
    }
    let cells = |(_, f): &(Axis, Found)| {
        let numbers = [f.k.to_string(), f.m.to_string(), f.snr.to_string(), f.error.to_string()];
        [f.estimator.into(), f.parameter.into()].into_iter().chain(numbers).collect()
    };
    let columns = ["estimator", "parameter", "k", "m", "snr", "standard_error"];
    folder.table("snr", &columns, &all.iter().map(cells).collect::<Vec<_>>())?;
    for (axis, over, name) in [
        (Axis::K, "K, importance samples in a bound", "snr-k"),
        (Axis::M, "M, bounds in an estimate", "snr-m"),
    ] {
        folder.figure(name, &figure(&all, axis, over))?;
    }
    drop(progress);
    if !args.json {
        say!("\n{}", folder.summary());
    }
    Ok(Done::Completely)
}

/// The gradient by mu is the model's, that by the mean of q the encoder's.
fn ratios(
    findings: &Findings,
    signal: &Findings,
    k: usize,
    m: usize,
) -> impl Iterator<Item = Found> {
    findings.parameters.iter().zip(&signal.parameters).map(move |(parameter, signal)| {
        let (snr, error) = parameter.snr_of_signal(signal);
        let parameter = if parameter.name == "mu" { "model" } else { "encoder" };
        Found { estimator: findings.estimator, parameter, k, m, snr, error }
    })
}

fn report(found: &Found, as_json: bool) {
    let Found { estimator, parameter, k, m, snr, error } = *found;
    if as_json {
        say!(
            "{}",
            json!({
                "estimator": estimator, "parameter": parameter, "k": k, "m": m, "snr": snr,
                "snr_standard_error": error.is_finite().then_some(error),
            })
        );
    } else {
        let ratio = format!("{} ± {}", short(snr), short(error));
        say!("{estimator:<24} {parameter:<9} {k:>5} {m:>5} {ratio:>22}");
    }
}

struct Slope {
    estimator: &'static str,
    parameter: &'static str,
    axis: Axis,
    slope: f64,
    error: f64,
}

/// Fits of ln SNR over ln K or ln M, where there are two settings or more.
fn slopes(all: &[(Axis, Found)]) -> Vec<Slope> {
    let mut slopes: Vec<Slope> = Vec::new();
    for (axis, f) in all {
        let known =
            |s: &Slope| (s.estimator, s.parameter, s.axis) == (f.estimator, f.parameter, *axis);
        if slopes.iter().any(known) {
            continue;
        }
        let least = if *axis == Axis::K { ASYMPTOTIC } else { 1 };
        let points = line(all, *axis, f.estimator, f.parameter);
        let points = points.filter(|(x, f)| *x >= least as f64 && f.snr > 0.0);
        let logarithms = points.map(|(x, f)| (x.ln(), f.snr.ln(), (f.snr / f.error).powi(2)));
        if let Some((slope, error)) = slope(logarithms) {
            let Found { estimator, parameter, .. } = *f;
            slopes.push(Slope { estimator, parameter, axis: *axis, slope, error });
        }
    }
    slopes
}

/// What was found along one axis, with K or M.
fn line<'a>(
    all: &'a [(Axis, Found)],
    axis: Axis,
    estimator: &'a str,
    parameter: &'a str,
) -> impl Iterator<Item = (f64, &'a Found)> {
    all.iter()
        .filter(move |(a, f)| *a == axis && f.estimator == estimator && f.parameter == parameter)
        .map(move |(_, f)| (if axis == Axis::K { f.k } else { f.m } as f64, f))
}

/// The slope of the line of least weighted squares through (x, y, weight), with its standard error if weights are
/// reciprocal variances; `None` if all x are the same.
fn slope(points: impl Iterator<Item = (f64, f64, f64)>) -> Option<(f64, f64)> {
    let points: Vec<_> = points.collect();
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y, w)| w * f(*x, *y)).sum::<f64>();
    let (n, x, y) = (sum(&|_, _| 1.0), sum(&|x, _| x), sum(&|_, y| y));
    let spread = n * sum(&|x, _| x * x) - x * x;
    let slope = (n * sum(&|x, y| x * y) - x * y) / spread;
    (spread > 1e-12 * n * n).then(|| (slope, (n / spread).sqrt()))
}

fn figure(all: &[(Axis, Found)], axis: Axis, over: &str) -> Sweep {
    let mut lines: Vec<Line> = Vec::new();
    for (_, f) in all.iter().filter(|(a, _)| *a == axis) {
        let name = format!("{}, {}", f.parameter, f.estimator.replace('_', " "));
        // All rules have the same gradient by the model's parameters.
        let is_copy = f.parameter == "model" && f.estimator != all[0].1.estimator;
        if is_copy || lines.iter().any(|line| line.name == name) {
            continue;
        }
        let at = |(x, f): (f64, &Found)| {
            let half = 1.96 * f.error;
            Measured { x, y: f.snr, low: (f.snr - half).max(0.0), high: f.snr + half }
        };
        let points = line(all, axis, f.estimator, f.parameter).map(at).collect();
        lines.push(Line { name, points, truth: Vec::new() });
    }
    Sweep {
        title: "Signal-to-noise ratio of a gradient".into(),
        x: over.into(),
        y: "SNR".into(),
        log_x: true,
        log_y: true,
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_slope_of_a_line_is_found_and_a_point_of_no_weight_is_not_seen() {
        let points = [(0.0, 1.0, 1.0), (1.0, 1.5, 2.0), (3.0, 2.5, 0.5), (2.0, 99.0, 0.0)];
        let (slope_found, error) = slope(points.into_iter()).unwrap();
        assert!((slope_found - 0.5).abs() < 1e-12);
        // x̄ = 1, Σ w (x - x̄)² = 1 + 0 + 2.
        assert!((error - 1.0 / 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(slope([(1.0, 1.0, 1.0), (1.0, 2.0, 1.0)].into_iter()), None);
    }
}
