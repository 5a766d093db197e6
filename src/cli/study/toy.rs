//! `elbo study quadratic|exp|cos`: three functions of a normal variable (Mohamed et al. 2020, section 3).

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use elbo_estimators::known::{Cost, Gaussian, Truth};
use elbo_estimators::study::Study;
use elbo_models::Result;
use elbo_tensor::Tensor;

use super::estimators::{self, NORMAL};
use super::figure::{self, Point};
use super::folder::Folder;
use super::numbers;
use super::progress::Progress;
use super::row::Row;
use super::sweep::{SweepArgs, fits};
use crate::cli::Done;
use crate::cli::run_args::up_to;
use crate::cli::say::say;

/// Where, how often, and by what the gradient is estimated.
#[derive(Args)]
pub(crate) struct ToyArgs {
    /// The mean of x
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::finite, allow_negative_numbers = true)]
    mu: f64,

    /// The standard deviation of x
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, allow_negative_numbers = true)]
    sigma: f64,

    /// The parameter of the function [default: 0 for quadratic, else 1]
    #[arg(long, value_name = "X", value_parser = numbers::finite, allow_negative_numbers = true)]
    k: Option<f64>,

    #[command(flatten)]
    sweep: SweepArgs<1_000_000>,

    /// Estimates
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = up_to(2, 1_000_000_000))]
    repeats: usize,

    /// Estimators by name, separated by commas [default: all that fit]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', value_parser = estimators::normal_name)]
    estimators: Vec<String>,

    /// The folder for figures and tables [default: the next free runs/study-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Leave out figures and tables: no folder is made
    #[arg(long, conflicts_with = "out")]
    no_files: bool,

    /// Add the seconds that one estimate took, pilot runs included, to each JSON object
    #[arg(long, requires = "json")]
    time: bool,

    /// Print one JSON object for each estimator and parameter
    #[arg(long)]
    json: bool,
}

/// Pilot draws for baselines and coefficients: their errors change a variance by far less than its own error.
const PILOT: usize = 1 << 18;

/// For each point of the figure: estimates at most, and pilot draws.
const FIGURE_REPEATS: usize = 20_000;
const FIGURE_PILOT: usize = 1 << 14;

/// The parameters of the distribution.
const PARAMETERS: [&str; 2] = ["mu", "sigma"];

/// Points of the figure: the settings of Mohamed et al.
const POINTS: usize = 100;

pub(super) fn run(cost: Cost, args: &ToyArgs) -> Result<Done> {
    if let Some(reason) = args.sweep.refuse(&args.estimators) {
        return Ok(Done::Refused(reason));
    }
    let names: Vec<&str> = match &args.estimators[..] {
        [] => NORMAL.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    let k = args.k.unwrap_or(if cost == Cost::Quadratic { 0.0 } else { 1.0 });
    if cost == Cost::Exp && k <= 0.0 {
        return Ok(Done::Refused(format!("--k {k}: exp(-k x²) takes a positive k")));
    }
    let known = Gaussian { cost, mu: args.mu, sigma: args.sigma, k };
    let studies = args.sweep.studies(args.repeats);
    // Before anything is computed, not after.
    let folder = if args.no_files { None } else { Some(Folder::make(args.out.as_deref())?) };
    let rows = table(&known, &names, &studies, args);
    let Some(mut folder) = folder else { return Ok(Done::Completely) };
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    folder.table("study", &Row::COLUMNS, &cells)?;
    draw(&known, &names, &studies[0], &mut folder)?;
    if !args.json {
        say!("\n{}", folder.summary());
    }
    Ok(Done::Completely)
}

/// Measures at the k that was asked for, and prints what is found.
fn table(known: &Gaussian, names: &[&str], studies: &[Study], args: &ToyArgs) -> Vec<Row> {
    if !args.json {
        let Gaussian { cost, mu, sigma, k } = *known;
        let [by_mu, by_sigma] = known.gradient();
        say!("E {} at mu {mu}, sigma {sigma}, k {k}: {}", formula(cost), known.mean());
        say!("by mu {by_mu}, by sigma {by_sigma}, in closed form\n");
        say!("{}\n\n{}", Row::LEGEND, Row::heads());
    }
    let progress = Progress::new(names.len() * args.repeats * studies.len());
    let mut rows = Vec::new();
    for study in studies {
        if studies.len() > 1 && !args.json {
            progress.say(&format!("samples {}, seed {}:", study.samples, study.seed));
        }
        for name in names.iter().filter(|name| fits(name, study)) {
            progress.at(name);
            for row in measure(known, name, study, &progress) {
                let mut object = row.object();
                if args.time {
                    object["seconds"] = row.seconds.into();
                }
                progress.say(&if args.json { object.to_string() } else { row.line() });
                rows.push(row);
            }
        }
    }
    rows
}

/// Draws the variances over k, for mu and for sigma, with the first number of samples and the first seed.
fn draw(known: &Gaussian, names: &[&str], study: &Study, folder: &mut Folder) -> Result<()> {
    let study = Study { repeats: study.repeats.min(FIGURE_REPEATS), ..*study };
    let range = Range::of(known.cost);
    let progress = Progress::new(names.len() * POINTS * study.repeats);
    let (mut lines, mut cells) = ([Vec::new(), Vec::new()], Vec::new());
    for name in names.iter().filter(|name| fits(name, &study)) {
        progress.at(&format!("{name} over k"));
        let both = range.sweep(known, name, &study, &progress);
        for ((parameter, lines), points) in PARAMETERS.iter().zip(&mut lines).zip(&both) {
            lines.push(figure::variances(name, points));
            cells.extend(points.iter().map(|point| point.cells(name, parameter)));
        }
    }
    for (parameter, lines) in PARAMETERS.iter().zip(lines) {
        let title = format!("Gradients of E {} by {parameter}", formula(known.cost));
        let y = figure::variance_of(parameter, &study);
        let sweep = figure::sweep(title, "k", range.log, y, lines);
        folder.figure(&format!("variance-{parameter}"), &sweep)?;
    }
    let columns = ["estimator", "parameter", "k", "mean", "variance", "low", "high", "truth"];
    folder.table("sweep", &columns, &cells)
}

fn formula(cost: Cost) -> &'static str {
    match cost {
        Cost::Quadratic => "(x − k)²",
        Cost::Exp => "exp(−k x²)",
        Cost::Cos => "cos(k x)",
    }
}

/// What one estimator does at one setting: a row for each parameter.
fn measure(known: &Gaussian, name: &str, study: &Study, progress: &Progress) -> Vec<Row> {
    let problem = known.problem();
    let truth = known.gradient();
    let began = Instant::now();
    let estimator = estimators::normal(name, &problem, study, PILOT);
    let advance = |estimates| progress.advance(estimates);
    let found = study.run(&problem, &*estimator, Some(&truth.map(Tensor::scalar)), &advance);
    let seconds = began.elapsed().as_secs_f64() / study.repeats as f64;
    let variance = known.variance(name, study.samples);
    let cosine = found.cosine.map(|cosine| cosine.mean());
    let row = |(i, parameter): (usize, &elbo_estimators::study::Parameter)| Row {
        estimator: found.estimator,
        parameter: parameter.name.into(),
        study: *study,
        moments: parameter.elements[0],
        bias: estimator.bias(),
        evaluations: found.evaluations,
        gradient: Some((truth[i], Truth::ClosedForm)),
        variance: variance.map(|(pair, from)| (pair[i], from)),
        cosine,
        seconds,
    };
    found.parameters.iter().enumerate().map(row).collect()
}

/// Where k goes in the figure: the settings of Mohamed et al.
struct Range {
    from: f64,
    to: f64,
    log: bool,
}

impl Range {
    fn of(cost: Cost) -> Range {
        match cost {
            Cost::Quadratic => Range { from: -3.0, to: 3.0, log: false },
            Cost::Exp => Range { from: 0.1, to: 10.0, log: true },
            Cost::Cos => Range { from: 0.5, to: 5.0, log: true },
        }
    }

    /// What one estimator does at each k, by mu and by sigma.
    fn sweep(
        &self,
        known: &Gaussian,
        name: &str,
        study: &Study,
        progress: &Progress,
    ) -> [Vec<Point>; 2] {
        let mut points = [Vec::new(), Vec::new()];
        for k in figure::spaced(self.from, self.to, POINTS, self.log) {
            let known = Gaussian { k, ..*known };
            let problem = known.problem();
            let estimator = estimators::normal(name, &problem, study, FIGURE_PILOT);
            let found = study.run(&problem, &*estimator, None, &|n| progress.advance(n));
            let truth = known.variance(name, study.samples);
            for (i, points) in points.iter_mut().enumerate() {
                let moments = found.parameters[i].elements[0];
                points.push(Point { x: k, moments, truth: truth.map(|(pair, _)| pair[i]) });
            }
        }
        points
    }
}
