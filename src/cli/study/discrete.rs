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
use super::estimators::{self, DISCRETE, DiscreteSettings};
use super::figure::{self, Point};
use super::folder::Folder;
use super::numbers;
use super::progress::Progress;
use super::row::{Row, short};
use super::sweep::SweepArgs;
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

    #[command(flatten)]
    sweep: SweepArgs<1_000_000>,

    /// Estimates
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = up_to(2, 1_000_000_000))]
    repeats: usize,

    /// Epochs of training the VAE with each estimator; 0 to leave it out
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = up_to(0, 10_000))]
    epochs: usize,

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
    let (names, trained) = match &args.estimators[..] {
        [] => (DISCRETE.to_vec(), bernoulli_vae::ESTIMATORS.to_vec()),
        names => {
            if let Some(reason) = args.sweep.refuse(names) {
                return Ok(Done::Refused(reason));
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let trains = |name: &&str| bernoulli_vae::ESTIMATORS.contains(name);
            let trained = names.iter().copied().filter(trains).collect();
            (names, trained)
        }
    };
    let mut folder = Folder::make(args.out.as_deref())?;
    let studies = args.sweep.studies(args.repeats);
    let settings = DiscreteSettings { temperature: args.temperature };
    let coin = Coin { logit: args.logit, t: args.t };
    let class = class();
    let estimates = studies.len() * args.repeats + FIGURE_REPEATS;
    let progress = Progress::new(2 * names.len() * estimates);

    if !args.json {
        say!("{}\n\n{:<6} {}", Row::LEGEND, "of", Row::heads());
    }
    let mut rows: Vec<(&str, Row)> = Vec::new();
    for study in &studies {
        let first = rows.len();
        for name in &names {
            progress.at(name);
            if let Some(estimator) = coin_estimator(name, &coin.problem(), study, settings) {
                let found = measure(&coin.problem(), &*estimator, study, &progress);
                let variance =
                    coin.variance(name).map(|v| (v / study.samples as f64, Truth::Enumeration));
                rows.extend(found.into_iter().map(|row| ("coin", Row { variance, ..row })));
            }
            if let Some(estimator) = estimators::discrete(name, &class, study, settings) {
                let found = measure(&class, &*estimator, study, &progress);
                rows.extend(found.into_iter().map(|row| ("class", row)));
            }
        }
        // Coins first.
        rows[first..].sort_by_key(|(problem, _)| *problem != "coin");
        if studies.len() > 1 && !args.json {
            progress.say(&format!("samples {}, seed {}:", study.samples, study.seed));
        }
        for (problem, row) in &rows[first..] {
            let mut object = row.object();
            object["problem"] = json!(problem);
            progress.say(&match args.json {
                true => object.to_string(),
                false => format!("{problem:<6} {}", row.line()),
            });
        }
    }
    let columns = [&["problem"][..], &Row::COLUMNS].concat();
    let cells = |(problem, row): &(&str, Row)| [vec![problem.to_string()], row.cells()].concat();
    folder.table("study", &columns, &rows.iter().map(cells).collect::<Vec<_>>())?;
    folder.figure("variance", &over_logits(&coin, &names, &studies[0], settings, &progress))?;
    drop(progress);

    if args.epochs > 0 && !trained.is_empty() {
        train(args, &trained, &mut folder)?;
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
        bias: estimator.bias(),
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
    for name in names {
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
        if !points.is_empty() {
            lines.push(figure::variances(name, &points));
        }
    }
    let title = format!("Gradients of E (b − {})² with a coin b", coin.t);
    let y = figure::variance_of("the logit", &study);
    figure::sweep(title, "logit of the coin", false, y, lines)
}

/// Trains the VAE with each estimator from each seed, and draws the test loss: its mean over seeds, from the
/// lowest to the highest.
fn train(args: &DiscreteArgs, names: &[&str], folder: &mut Folder) -> Result<()> {
    let images = bernoulli_vae::Pictures::load()?;
    let seeds = &args.sweep.seeds.seed;
    let progress = Progress::new(names.len() * seeds.len() * args.epochs);
    if !args.json {
        say!(
            "\na VAE with {} coins as its code: test loss in nats per image",
            bernoulli_vae::LATENT
        );
        say!(
            "{:<38} {:>6} {:>12} {:>12} {:>10}",
            "estimator",
            "seed",
            "first epoch",
            "last epoch",
            "seconds"
        );
    }
    let (mut lines, mut cells) = (Vec::new(), Vec::new());
    for name in names {
        let mut losses = vec![Vec::new(); args.epochs];
        for &seed in seeds {
            progress.at(&format!("VAE, {name}"));
            let began = Instant::now();
            bernoulli_vae::train(
                &images,
                name,
                args.temperature,
                args.epochs,
                seed,
                |epoch, loss| {
                    if args.json {
                        let object = json!({"problem": "vae", "estimator": name, "seed": seed,
                            "epoch": epoch, "test_loss": loss});
                        progress.say(&object.to_string());
                    }
                    let numbers = [seed.to_string(), epoch.to_string(), loss.to_string()];
                    cells.push([vec![name.to_string()], numbers.to_vec()].concat());
                    losses[epoch - 1].push(loss);
                    progress.advance(1);
                },
            );
            if !args.json {
                let last = |losses: &Vec<f64>| short(losses[losses.len() - 1]);
                let [first, last] = [last(&losses[0]), last(&losses[args.epochs - 1])];
                let seconds = began.elapsed().as_secs_f64();
                progress
                    .say(&format!("{name:<38} {seed:>6} {first:>12} {last:>12} {seconds:>10.2}"));
            }
        }
        let point = |(i, losses): (usize, &Vec<f64>)| Measured {
            x: (i + 1) as f64,
            y: losses.iter().sum::<f64>() / losses.len() as f64,
            low: losses.iter().copied().fold(f64::INFINITY, f64::min),
            high: losses.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        };
        let points = losses.iter().enumerate().map(point).collect();
        lines.push(Line { name: name.replace('_', " "), points, truth: Vec::new() });
    }
    folder.table("vae", &["estimator", "seed", "epoch", "test_loss"], &cells)?;
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
