//! `elbo study discrete`: a coin, a class, and a VAE whose latent variables are coins.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use elbo_estimators::known::{Coin, Truth};
use elbo_estimators::study::Study;
use elbo_estimators::{
    AugmentReinforceMerge, Draws, Enumeration, Estimator, Expectation, MeasureValuedDifference,
};
use elbo_layers::dist::{Distribution, OneHotCategorical};
use elbo_models::Result;
use elbo_models::pictures::{Line, Measured, Sweep};
use elbo_tensor::{Stream, Tensor};
use serde_json::json;

use super::bernoulli_vae;
use super::estimators::{self, DISCRETE, DiscreteSettings, LEAVE_ONE_OUT};
use super::figure::{self, Point};
use super::folder::Folder;
use super::numbers;
use super::progress::Progress;
use super::row::{Row, short};
use crate::cli::Done;
use crate::cli::run_args::up_to;
use crate::cli::say::say;

/// The problems, and how often they are tried.
#[derive(Args)]
pub(crate) struct DiscreteArgs {
    /// The coin's cost is (b - t)²
    #[arg(long, value_name = "X", default_value_t = 0.45, value_parser = numbers::finite, allow_negative_numbers = true)]
    t: f64,

    /// The coin's logit ln(p / (1 - p))
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::logit, allow_negative_numbers = true)]
    logit: f64,

    /// Temperature of relaxations
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = numbers::positive, allow_negative_numbers = true)]
    temperature: f64,

    /// Draws in one estimate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = up_to(1, 1_000_000))]
    samples: usize,

    /// Estimates
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = up_to(2, 1_000_000_000))]
    repeats: usize,

    /// Epochs of training the VAE with each estimator; 0 to leave it out
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = up_to(0, 10_000))]
    epochs: usize,

    /// What all noise follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Estimators by name, separated by commas [default: all that fit]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', value_parser = estimators::discrete_name)]
    estimators: Vec<String>,

    /// The folder for figures and tables [default: the next free runs/study-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object for each problem, estimator and element of the parameter, and for each epoch
    #[arg(long)]
    json: bool,
}

/// What the class is compared with: f = Σ (x - target)⁴, at these logits.
const TARGET: [f64; 4] = [0.1, 0.5, -0.7, 1.2];
const LOGITS: [f64; 4] = [0.2, -0.4, 0.9, 0.0];

/// Points of the figure, and estimates at each.
const POINTS: usize = 25;
const FIGURE_REPEATS: usize = 20_000;

pub(super) fn run(args: &DiscreteArgs) -> Result<Done> {
    let names: Vec<&str> = match &args.estimators[..] {
        [] => {
            DISCRETE.into_iter().filter(|name| args.samples > 1 || *name != LEAVE_ONE_OUT).collect()
        }
        names => names.iter().map(String::as_str).collect(),
    };
    if args.samples == 1 && args.epochs == 0 && names.contains(&LEAVE_ONE_OUT) {
        return Ok(Done::Refused(format!("{LEAVE_ONE_OUT} with --samples 1; it needs at least 2")));
    }
    let mut folder = Folder::make(args.out.as_deref())?;
    let study = Study { repeats: args.repeats, samples: args.samples, seed: args.seed };
    let settings = DiscreteSettings { temperature: args.temperature };
    let coin = Coin { logit: args.logit, t: args.t };
    let class = class();
    let progress = Progress::new(2 * names.len() * (args.repeats + FIGURE_REPEATS));

    if !args.json {
        say!("{:<6} {}", "of", Row::heads());
    }
    let mut rows: Vec<(&str, Row)> = Vec::new();
    for name in &names {
        progress.at(name);
        if let Some(estimator) = coin_estimator(name, &coin.problem(), &study, settings) {
            let found = measure(&coin.problem(), &*estimator, &study, &progress);
            let variance =
                coin.variance(name).map(|v| (v / args.samples as f64, Truth::Enumeration));
            rows.extend(found.into_iter().map(|row| ("coin", Row { variance, ..row })));
        }
        if let Some(estimator) = estimators::discrete(name, &class, &study, settings) {
            let found = measure(&class, &*estimator, &study, &progress);
            rows.extend(found.into_iter().map(|row| ("class", row)));
        }
    }
    // Coins first.
    rows.sort_by_key(|(problem, _)| *problem != "coin");
    for (problem, row) in &rows {
        if args.json {
            let mut object = row.object();
            object["problem"] = json!(problem);
            say!("{object}");
        } else {
            say!("{problem:<6} {}", row.line());
        }
    }
    let columns = [&["problem"][..], &Row::COLUMNS].concat();
    let cells = |(problem, row): &(&str, Row)| [vec![problem.to_string()], row.cells()].concat();
    folder.table("study", &columns, &rows.iter().map(cells).collect::<Vec<_>>())?;
    folder.figure("variance", &over_logits(&coin, &names, &study, settings, &progress))?;
    drop(progress);

    if args.epochs > 0 {
        let names =
            if args.estimators.is_empty() { &bernoulli_vae::ESTIMATORS[..] } else { &names };
        train(args, names, &mut folder)?;
    }
    if !args.json {
        say!("\n{}", folder.summary());
    }
    Ok(Done::Completely)
}

fn class() -> Expectation<f64, OneHotCategorical<f64>> {
    Expectation::new(
        [("logits", Tensor::from(LOGITS))],
        |[logits]| OneHotCategorical::new(logits),
        |x| (x - Tensor::from(TARGET)).powi(4).sum_axes(-1, false),
    )
}

/// The estimator of that name, if it fits a coin and so many draws.
fn coin_estimator(
    name: &str,
    problem: &Expectation<f64, elbo_layers::Bernoulli<f64>>,
    study: &Study,
    settings: DiscreteSettings,
) -> Option<Box<dyn Estimator<f64, elbo_layers::Bernoulli<f64>>>> {
    match name {
        "arm" => Some(Box::new(AugmentReinforceMerge)),
        "measure_valued" => Some(Box::new(MeasureValuedDifference::coupled())),
        _ => estimators::discrete(name, problem, study, settings),
    }
}

/// What one estimator does: a row for each element of the parameter.
fn measure<D: Distribution<f64>>(
    problem: &Expectation<f64, D>,
    estimator: &dyn Estimator<f64, D>,
    study: &Study,
    progress: &Progress,
) -> Vec<Row>
where
    Enumeration: Estimator<f64, D>,
{
    let truth = Enumeration.estimate(problem, Draws::new(1, 1), &mut Stream::new(0));
    let began = Instant::now();
    let found = study.run(problem, estimator, Some(&truth), &|n| progress.advance(n));
    let seconds = began.elapsed().as_secs_f64() / study.repeats as f64;
    let cosine = found.cosine.map(|cosine| cosine.mean());
    let elements = &found.parameters[0].elements;
    let name = |i: usize| match elements.len() {
        1 => "logits".to_owned(),
        _ => format!("logits[{i}]"),
    };
    let row = |(i, moments): (usize, &_)| Row {
        estimator: found.estimator,
        parameter: name(i),
        study: *study,
        moments: *moments,
        evaluations: found.evaluations,
        gradient: Some((truth[0].data()[i], Truth::Enumeration)),
        variance: None,
        cosine,
        seconds,
    };
    elements.iter().enumerate().map(row).collect()
}

/// The coin's variances over its logit.
fn over_logits(
    coin: &Coin,
    names: &[&str],
    study: &Study,
    settings: DiscreteSettings,
    progress: &Progress,
) -> Sweep {
    let study = Study { repeats: study.repeats.min(FIGURE_REPEATS / 4), ..*study };
    let mut lines = Vec::new();
    for name in names.iter().filter(|name| **name != "relax" && **name != "enumeration") {
        progress.at(&format!("{name} over the logit"));
        let at = |logit: f64| {
            let coin = Coin { logit, ..*coin };
            let estimator = coin_estimator(name, &coin.problem(), &study, settings)?;
            let found = study.run(&coin.problem(), &*estimator, None, &|_| ());
            let truth = coin.variance(name).map(|v| v / study.samples as f64);
            Some(Point { x: logit, moments: found.parameters[0].elements[0], truth })
        };
        let points: Vec<Point> =
            figure::spaced(-4.0, 4.0, POINTS, false).into_iter().filter_map(at).collect();
        lines.push(figure::variances(name, &points));
    }
    let title = format!("Gradients of E (b − {})² with a coin b", coin.t);
    figure::sweep(title, "logit of the coin", false, "variance of an estimate".into(), lines)
}

/// Trains the VAE with each estimator, and draws the test loss.
fn train(args: &DiscreteArgs, names: &[&str], folder: &mut Folder) -> Result<()> {
    let images = bernoulli_vae::Pictures::load()?;
    let names: Vec<&str> =
        names.iter().copied().filter(|name| bernoulli_vae::ESTIMATORS.contains(name)).collect();
    let progress = Progress::new(names.len() * args.epochs);
    if !args.json && !names.is_empty() {
        say!(
            "\na VAE with {} coins as its code: test loss in nats per image",
            bernoulli_vae::LATENT
        );
        say!("{:<38} {:>12} {:>12} {:>10}", "estimator", "first epoch", "last epoch", "seconds");
    }
    let (mut lines, mut cells) = (Vec::new(), Vec::new());
    for name in names {
        progress.at(&format!("VAE, {name}"));
        let began = Instant::now();
        let mut losses = Vec::new();
        bernoulli_vae::train(
            &images,
            name,
            args.temperature,
            args.epochs,
            args.seed,
            |epoch, loss| {
                if args.json {
                    say!(
                        "{}",
                        json!({"problem": "vae", "estimator": name, "epoch": epoch, "test_loss": loss})
                    );
                }
                cells.push(vec![name.to_owned(), epoch.to_string(), loss.to_string()]);
                losses.push(Measured { x: epoch as f64, y: loss, low: loss, high: loss });
                progress.advance(1);
            },
        );
        if let (false, Some(first), Some(last)) = (args.json, losses.first(), losses.last()) {
            let seconds = began.elapsed().as_secs_f64();
            say!("{name:<38} {:>12} {:>12} {seconds:>10.2}", short(first.y), short(last.y));
        }
        lines.push(Line { name: name.replace('_', " "), points: losses, truth: Vec::new() });
    }
    folder.table("vae", &["estimator", "epoch", "test_loss"], &cells)?;
    folder.figure(
        "vae",
        &Sweep {
            title: format!("A VAE with {} coins as its code", bernoulli_vae::LATENT),
            x: "epoch".into(),
            y: "test loss, nats per image".into(),
            lines,
            ..Sweep::default()
        },
    )
}
