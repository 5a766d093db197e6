//! `elbo study snr`: tighter bounds are not better for the encoder (Rainforth et al. 2018, Tucker et al. 2019).

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use elbo_estimators::Bias;
use elbo_estimators::bound::{
    BoundEstimator, DoublyReparameterized, Jackknife, ReweightedWakeSleep,
    ReweightedWakeSleepReparameterized, StickingTheLanding, TotalDerivative, Vimco,
};
use elbo_estimators::known::LinearGaussian;
use elbo_estimators::study::{Moments, Parameter, Study};
use elbo_layers::Normal;
use elbo_layers::dist::Independent;
use elbo_models::Result;
use elbo_models::pictures::{Line, Measured, Sweep};
use elbo_tensor::{Stream, Tensor};
use serde_json::{Value, json};

use super::folder::Folder;
use super::numbers;
use super::progress::Progress;
use super::row::{finite, short};
use super::sweep::SeedArgs;
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

    #[command(flatten)]
    seeds: SeedArgs,

    /// Rules by name, separated by commas
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', value_parser = RULES, default_value = "doubly_reparameterized,sticking_the_landing,total_derivative")]
    estimators: Vec<String>,

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

/// The rules by name.
const RULES: [&str; 7] = [
    "doubly_reparameterized",
    "sticking_the_landing",
    "total_derivative",
    "reweighted_wake_sleep",
    "reweighted_wake_sleep_reparameterized",
    "vimco",
    "jackknife",
];

/// The rule of that name.
fn rule(name: &str) -> &'static Rule {
    match name {
        "doubly_reparameterized" => &DoublyReparameterized,
        "sticking_the_landing" => &StickingTheLanding,
        "total_derivative" => &TotalDerivative,
        "reweighted_wake_sleep" => &ReweightedWakeSleep,
        "reweighted_wake_sleep_reparameterized" => &ReweightedWakeSleepReparameterized,
        "vimco" => &Vimco,
        "jackknife" => &Jackknife,
        _ => unreachable!("{name} is one of the list"),
    }
}

/// A signal-to-noise ratio that was found.
struct Found {
    seed: u64,
    estimator: &'static str,
    parameter: &'static str,
    is_biased: bool,
    k: usize,
    m: usize,
    snr: f64,
    /// Its standard error.
    error: f64,
    /// The ratio in closed form.
    truth: Option<f64>,
    /// The root of the mean square of mean - truth over numbers, and what it is from independent noise alone.
    bias: Option<(f64, f64)>,
    /// The variance of an estimate, in the mean over numbers, and its standard error.
    variance: f64,
    variance_error: f64,
    /// With the truth, as the doubly reparameterized rule finds it.
    cosine: Option<f64>,
    evaluations: usize,
}

/// What is swept.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    K,
    M,
}

pub(super) fn run(args: &SnrArgs) -> Result<Done> {
    let mut folder = Folder::make(args.out.as_deref())?;
    let rules: Vec<&Rule> = args.estimators.iter().map(|name| rule(name)).collect();
    // M is gone through with as few importance samples as a rule takes.
    let least: BTreeSet<usize> = rules.iter().map(|rule| rule.least_particles()).collect();
    let settings: Vec<(Axis, usize, usize)> = args
        .k
        .iter()
        .map(|&k| (Axis::K, k, 1))
        .chain(args.m.iter().flat_map(|&m| least.iter().map(move |&k| (Axis::M, k, m))))
        .collect();
    let work: usize = settings.iter().map(|(_, k, m)| k * m).sum();
    let is_asked = args.estimators.iter().any(|name| name == RULES[0]);
    let runs = args.seeds.seed.len() * (rules.len() + usize::from(!is_asked));
    let progress = Progress::new(runs * args.repeats * work);
    if !args.json {
        say!(
            "± 95 %; evals: evaluations of ln p in one estimate, and for a variance of 1 in the mean over numbers\n\n\
             {:<38} {:<9} {:>5} {:>5} {:>5} {:>20} {:>8} {:>9} {:>10}",
            "estimator",
            "parameter",
            "seed",
            "K",
            "M",
            "SNR",
            "cosine",
            "evals",
            "evals·var"
        );
    }
    // All rules have the same gradient by the model: one of those that take the fewest samples shows it.
    let shown = rules.iter().min_by_key(|rule| rule.least_particles());
    let shown = shown.expect("a rule").name();
    let mut all: Vec<(Axis, Found)> = Vec::new();
    for &seed in &args.seeds.seed {
        let mut setup = Stream::new(seed).substream(SETUP);
        let model = LinearGaussian::published(args.dimensions, args.offset, &mut setup);
        for (axis, found) in measure(&model, &rules, &settings, args.repeats, seed, &progress) {
            // One bound of one sample is on both axes.
            let is_copy = axis == Axis::M && found.m == 1 && args.k.contains(&found.k)
                || found.parameter == "model" && found.estimator != shown;
            if args.json || !is_copy {
                progress.say(&if args.json { found.object().to_string() } else { found.line() });
            }
            all.push((axis, found));
        }
    }
    for slope in slopes(&all) {
        progress.say(&if args.json { slope.object().to_string() } else { slope.line() });
    }
    folder.table(
        "snr",
        &Found::COLUMNS,
        &all.iter().map(|(_, found)| found.cells()).collect::<Vec<_>>(),
    )?;
    for (axis, over, name) in [
        (Axis::K, "K, importance samples in a bound", "snr-k"),
        (Axis::M, "M, bounds in an estimate", "snr-m"),
    ] {
        folder.figure(name, &figure(&all, axis, over, args.seeds.seed[0], shown))?;
    }
    drop(progress);
    if !args.json {
        say!("\n{}", folder.summary());
    }
    Ok(Done::Completely)
}

/// What all rules do at all settings.
fn measure(
    model: &LinearGaussian,
    rules: &[&Rule],
    settings: &[(Axis, usize, usize)],
    repeats: usize,
    seed: u64,
    progress: &Progress,
) -> Vec<(Axis, Found)> {
    let mut all = Vec::new();
    for &(axis, k, m) in settings {
        let bound = model.bound(k);
        let study = Study { repeats, samples: m, seed };
        let advance = |estimates| progress.advance(estimates * k * m);
        let run = |rule: &Rule, truth: Option<&[Tensor<f64>]>| {
            progress.at(&format!("{}, K = {k}, M = {m}", rule.name()));
            study.run_bound(&bound, rule, truth, &advance)
        };
        // The mean of the least noisy rule without bias is that of all of them, and the truth for all.
        let reference = run(&DoublyReparameterized, None);
        let means = |p: &Parameter| p.elements.iter().map(Moments::mean).collect::<Vec<f64>>();
        let truth: Vec<Tensor<f64>> =
            reference.parameters.iter().map(|p| Tensor::from(means(p))).collect();
        let fits = |rule: &&Rule| match axis {
            Axis::K => k >= rule.least_particles(),
            Axis::M => k == rule.least_particles(),
        };
        for rule in rules.iter().copied().filter(fits) {
            let found = match rule.name() == reference.estimator {
                true => reference.clone(),
                false => run(rule, Some(&truth)),
            };
            let signal = if rule.bias() == Bias::Unbiased { &reference } else { &found };
            let pairs = signal.parameters.iter().zip(&reference.parameters);
            for (parameter, (signal, least_noisy)) in found.parameters.iter().zip(pairs) {
                let truth =
                    if k == 1 { model.elbo_snr(parameter.name, rule.name(), m) } else { None };
                let (snr, error) = parameter.snr_of_signal(signal);
                let (variance, variance_error) = parameter.mean_variance();
                all.push((
                    axis,
                    Found {
                        seed,
                        estimator: found.estimator,
                        // The gradient by mu is the model's, that by the mean of q the encoder's.
                        parameter: if parameter.name == "mu" { "model" } else { "encoder" },
                        is_biased: rule.bias() == Bias::Biased,
                        k,
                        m,
                        snr,
                        error,
                        truth,
                        bias: (found.estimator != reference.estimator)
                            .then(|| parameter.distance(&least_noisy.elements)),
                        variance,
                        variance_error,
                        cosine: found.cosine.map(|cosine| cosine.mean()),
                        evaluations: found.evaluations,
                    },
                ));
            }
        }
    }
    // Rule after rule, as they were asked for.
    let place = |found: &Found| rules.iter().position(|rule| rule.name() == found.estimator);
    all.sort_by_key(|(_, found)| place(found));
    all
}

impl Found {
    const COLUMNS: [&'static str; 16] = [
        "estimator",
        "parameter",
        "seed",
        "k",
        "m",
        "is_biased",
        "snr",
        "snr_standard_error",
        "truth_snr",
        "bias",
        "bias_of_noise",
        "mean_variance",
        "mean_variance_standard_error",
        "cosine",
        "evaluations",
        "evaluations_per_precision",
    ];

    fn per_precision(&self) -> f64 {
        self.evaluations as f64 * self.variance
    }

    fn object(&self) -> Value {
        json!({
            "estimator": self.estimator, "parameter": self.parameter, "seed": self.seed, "k": self.k, "m": self.m,
            "is_biased": self.is_biased, "snr": self.snr,
            "snr_standard_error": finite(self.error), "truth_snr": self.truth,
            "bias": self.bias.map(|bias| bias.0), "bias_of_noise": self.bias.map(|bias| bias.1),
            "mean_variance": self.variance, "mean_variance_standard_error": self.variance_error, "cosine": self.cosine, "evaluations": self.evaluations,
            "evaluations_per_precision": self.per_precision(),
        })
    }

    fn cells(&self) -> Vec<String> {
        let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        vec![
            self.estimator.into(),
            self.parameter.into(),
            self.seed.to_string(),
            self.k.to_string(),
            self.m.to_string(),
            self.is_biased.to_string(),
            number(finite(self.snr)),
            number(finite(self.error)),
            number(self.truth),
            number(self.bias.map(|bias| bias.0)),
            number(self.bias.map(|bias| bias.1)),
            self.variance.to_string(),
            self.variance_error.to_string(),
            number(self.cosine),
            self.evaluations.to_string(),
            self.per_precision().to_string(),
        ]
    }

    fn line(&self) -> String {
        let Found { estimator, parameter, seed, k, m, evaluations, .. } = *self;
        let ratio = format!("{} ± {}", short(self.snr), short(1.96 * self.error));
        let cosine = self.cosine.map_or("?".into(), |cosine| format!("{cosine:.4}"));
        let per_precision = short(self.per_precision());
        format!(
            "{estimator:<38} {parameter:<9} {seed:>5} {k:>5} {m:>5} {ratio:>20} {cosine:>8} {evaluations:>9} \
             {per_precision:>10}"
        )
    }
}

struct Slope {
    seed: u64,
    estimator: &'static str,
    parameter: &'static str,
    axis: Axis,
    slope: f64,
    error: f64,
}

impl Slope {
    fn over(&self) -> &'static str {
        if self.axis == Axis::K { "K" } else { "M" }
    }

    fn object(&self) -> Value {
        json!({"estimator": self.estimator, "parameter": self.parameter, "seed": self.seed, "over": self.over(),
            "slope": self.slope, "slope_standard_error": self.error})
    }

    fn line(&self) -> String {
        let Slope { estimator, parameter, seed, slope, error, .. } = self;
        let (over, half) = (self.over(), 1.96 * error);
        format!(
            "slope of ln SNR over ln {over}, {estimator}, {parameter}, seed {seed}: {slope:+.3} ± {half:.3}"
        )
    }
}

/// Fits of ln SNR over ln K or ln M, where there are two settings or more.
fn slopes(all: &[(Axis, Found)]) -> Vec<Slope> {
    let mut slopes: Vec<Slope> = Vec::new();
    for (axis, f) in all {
        let known = |s: &Slope| {
            (s.seed, s.estimator, s.parameter, s.axis) == (f.seed, f.estimator, f.parameter, *axis)
        };
        if slopes.iter().any(known) {
            continue;
        }
        let least = if *axis == Axis::K { ASYMPTOTIC } else { 1 };
        let points = line(all, *axis, f);
        let points = points.filter(|(x, f)| *x >= least as f64 && f.snr > 0.0);
        let logarithms = points.map(|(x, f)| (x.ln(), f.snr.ln(), (f.snr / f.error).powi(2)));
        if let Some((slope, error)) = slope(logarithms) {
            let Found { seed, estimator, parameter, .. } = *f;
            slopes.push(Slope { seed, estimator, parameter, axis: *axis, slope, error });
        }
    }
    slopes
}

/// What was found along one axis, with K or M, of the rule, parameter and seed of one.
fn line<'a>(
    all: &'a [(Axis, Found)],
    axis: Axis,
    like: &'a Found,
) -> impl Iterator<Item = (f64, &'a Found)> {
    let kind = |f: &Found| (f.seed, f.estimator, f.parameter);
    all.iter()
        .filter(move |(a, f)| *a == axis && kind(f) == kind(like))
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

/// The ratios along one axis; those of the model under one rule.
fn figure(all: &[(Axis, Found)], axis: Axis, over: &str, seed: u64, shown: &str) -> Sweep {
    let mut lines: Vec<Line> = Vec::new();
    for (_, f) in all.iter().filter(|(a, f)| *a == axis && f.seed == seed) {
        let name = format!("{}, {}", f.parameter, f.estimator.replace('_', " "));
        let is_copy = f.parameter == "model" && f.estimator != shown;
        if is_copy || lines.iter().any(|line| line.name == name) {
            continue;
        }
        let at = |(x, f): (f64, &Found)| {
            let half = 1.96 * f.error;
            Measured { x, y: f.snr, low: (f.snr - half).max(0.0), high: f.snr + half }
        };
        let points = line(all, axis, f).map(at).collect();
        let truth = match axis {
            Axis::K => Vec::new(),
            Axis::M => line(all, axis, f).filter_map(|(x, f)| Some((x, f.truth?))).collect(),
        };
        lines.push(Line { name, points, truth });
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
    use super::super::row::tests::assert_cells;
    use super::*;

    /// Every figure is another number.
    fn found() -> Found {
        Found {
            seed: 11,
            estimator: "jackknife",
            parameter: "encoder",
            is_biased: true,
            k: 4,
            m: 3,
            snr: 0.5,
            error: 0.25,
            truth: Some(0.75),
            bias: Some((0.0625, 0.03125)),
            variance: 1.5,
            variance_error: 2.5,
            cosine: Some(0.125),
            evaluations: 12,
        }
    }

    #[test]
    fn figures_stand_under_their_names() {
        let expected = json!({
            "estimator": "jackknife", "parameter": "encoder", "seed": 11, "k": 4, "m": 3, "is_biased": true,
            "snr": 0.5, "snr_standard_error": 0.25, "truth_snr": 0.75, "bias": 0.0625,
            "bias_of_noise": 0.03125, "mean_variance": 1.5, "mean_variance_standard_error": 2.5,
            "cosine": 0.125, "evaluations": 12, "evaluations_per_precision": 18.0,
        });
        assert_eq!(found().object(), expected);
        // A signal that drowns in its noise has a ratio of 0, whose error is not known.
        let unknown = Found {
            snr: 0.0,
            error: f64::INFINITY,
            truth: None,
            bias: None,
            cosine: None,
            ..found()
        };
        for found in [found(), unknown] {
            assert_cells(&Found::COLUMNS, &found.cells(), &found.object());
        }
        let words = [
            "jackknife",
            "encoder",
            "11",
            "4",
            "3",
            "0.50000",
            "±",
            "0.49000",
            "0.1250",
            "12",
            "18.000",
        ];
        assert_eq!(found().line().split_whitespace().collect::<Vec<_>>(), words);
    }

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
