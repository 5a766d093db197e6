//! `elbo study logistic`: Bayesian logistic regression (Mohamed et al. 2020, section 8.2).
//!
//! ```text
//!     w ~ N(0, 1),   P(y = 1 | x, w) = sigmoid(w·x),   q(w) = N(mu, exp(log_sigma)²), each weight on its own
//!     loss = E f(w) + KL(q ‖ N(0, 1)),   f(w) = -Σ ln p(yᵢ | xᵢ, w)
//! ```
//!
//! q is trained by the pathwise estimator on small batches; on the way, all estimators of the gradient of E f over
//! all rows are compared.

mod data;
mod row;
mod training;

use std::path::PathBuf;

use clap::Args;
use elbo_estimators::known::Truth;
use elbo_estimators::study::{Findings, Study};
use elbo_estimators::{
    Antithetic, ConstantBaseline, DeltaMethod, Draws, Estimator, Expectation, LeaveOneOut,
    MeasureValuedDifference, MovingAverage, Pathwise, ScoreFunction,
};
use elbo_models::Result;
use elbo_models::pictures::{Line, Measured, Sweep};
use elbo_tensor::Stream;

use self::data::Table;
use self::row::{Reference, Row};
use self::training::{Training, Weights};
use super::estimators::LEAVE_ONE_OUT;
use super::folder::Folder;
use super::progress::Progress;
use super::sweep::{SweepArgs, fits};
use crate::cli::Done;
use crate::cli::run_args::up_to;
use crate::cli::say::say;

/// The data, and how long to train.
#[derive(Args)]
pub(crate) struct LogisticArgs {
    /// A file of numbers separated by commas, one row a line, the label 0 or 1 last [default: breast cancer,
    /// inside this program]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Steps of gradient descent
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = up_to(0, 1_000_000))]
    steps: usize,

    /// Estimates of each estimator at each point of the training
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = up_to(2, 1_000_000))]
    repeats: usize,

    /// Compare estimators every so many steps [default: after 0, 10, 20, 50, 100, … steps]
    #[arg(long, value_name = "N", value_parser = up_to(1, 1_000_000))]
    every: Option<usize>,

    // A draw takes memory for each row of the data.
    #[command(flatten)]
    sweep: SweepArgs<10_000>,

    /// Estimators by name, separated by commas [default: all]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', value_parser = ESTIMATORS)]
    estimators: Vec<String>,

    /// The folder for figures and tables [default: the next free runs/study-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object for each step, estimator and parameter
    #[arg(long)]
    json: bool,
}

const ESTIMATORS: [&str; 11] = [
    "pathwise",
    "pathwise_antithetic",
    "pathwise_delta_method",
    "score_function",
    "score_function_mean_baseline",
    "score_function_optimal_baseline",
    "score_function_moving_average_baseline",
    LEAVE_ONE_OUT,
    "score_function_delta_method",
    "measure_valued",
    "measure_valued_independent",
];

/// Draws for coefficients and baselines.
const PILOT: usize = 1000;

pub(super) fn run(args: &LogisticArgs) -> Result<Done> {
    if let Some(reason) = args.sweep.refuse(&args.estimators) {
        return Ok(Done::Refused(reason));
    }
    let table = args.data.as_deref().map_or_else(|| Ok(Table::inside()), Table::read)?;
    let mut folder = Folder::make(args.out.as_deref())?;
    let names: Vec<&str> = match &args.estimators[..] {
        [] => ESTIMATORS.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    let stops: Vec<usize> = stops(args.steps, args.every);
    let studies = args.sweep.studies(args.repeats).len();
    let progress = Progress::new(stops.len() * names.len() * args.repeats * studies);
    if !args.json {
        let [n, d] = [table.x.shape()[0], table.x.shape()[1]];
        say!(
            "{n} rows, {d} weights; the truth is a {} of {} draws; over the numbers of a parameter: bias \
             is the root of the mean square of mean - truth, and in brackets what noise alone gives; ± 95 %\n",
            Truth::Reference.name(),
            Reference::DRAWS
        );
        say!("{}", Row::heads());
    }
    let mut all: Vec<(Study, usize, Findings)> = Vec::new();
    let mut cells = Vec::new();
    for &seed in &args.sweep.seeds.seed {
        let mut training = Training::new(&table, args.steps, seed);
        for &stop in &stops {
            training.go_to(stop);
            let problem = training.problem(&table.x, &table.y, 1.0);
            let loss = training.loss(&problem);
            let reference = Reference::of(&problem, Study { repeats: 2, samples: 1, seed });
            for &samples in &args.sweep.samples {
                let study = Study { repeats: args.repeats, samples, seed };
                for name in names.iter().filter(|name| fits(name, &study)) {
                    progress.at(&format!("step {stop}, {name}"));
                    let estimator = estimator(name, &problem, &mut study.pilot());
                    let advance = |estimates| progress.advance(estimates);
                    let found = study.run(&problem, &*estimator, Some(&reference.mean), &advance);
                    for row in Row::all(study, stop, loss, &found, estimator.bias(), &reference) {
                        progress.say(&if args.json {
                            row.object().to_string()
                        } else {
                            row.line()
                        });
                        cells.push(row.cells());
                    }
                    all.push((study, stop, found));
                }
            }
        }
    }
    folder.table("study", &Row::COLUMNS, &cells)?;
    // A figure shows the first seed and number of samples.
    let first = all[0].0;
    all.retain(|(study, ..)| *study == first);
    for (i, parameter) in ["mu", "log_sigma"].iter().enumerate() {
        folder.figure(&format!("variance-{parameter}"), &figure(&all, &names, i, parameter))?;
    }
    drop(progress);
    if !args.json {
        say!("\n{}", folder.summary());
    }
    Ok(Done::Completely)
}

/// 0, 10, 20, 50, 100, … or every so many, up to the last step.
fn stops(steps: usize, every: Option<usize>) -> Vec<usize> {
    if let Some(every) = every {
        let even = (0..steps).step_by(every);
        return even.chain([steps]).collect();
    }
    let decades = (1..).map(|power| 10usize.pow(power)).take_while(|decade| *decade <= steps);
    let all = decades.flat_map(|decade| [1, 2, 5].map(|mantissa| mantissa * decade));
    let mut stops: Vec<usize> = [0].into_iter().chain(all.filter(|stop| *stop <= steps)).collect();
    if stops.last() != Some(&steps) {
        stops.push(steps);
    }
    stops
}

fn estimator(
    name: &str,
    problem: &Expectation<f64, Weights>,
    noise: &mut Stream,
) -> Box<dyn Estimator<f64, Weights>> {
    let pilot = Draws::new(PILOT, 1);
    match name {
        "pathwise" => Box::new(Pathwise),
        "pathwise_antithetic" => Box::new(Antithetic),
        "pathwise_delta_method" => {
            Box::new(DeltaMethod::fit("pathwise_delta_method", Pathwise, problem, pilot, noise))
        }
        "score_function" => Box::new(ScoreFunction),
        "score_function_mean_baseline" => Box::new(ConstantBaseline::mean(problem, PILOT, noise)),
        LEAVE_ONE_OUT => Box::new(LeaveOneOut),
        "score_function_optimal_baseline" => {
            Box::new(ConstantBaseline::optimal(problem, PILOT, noise))
        }
        "score_function_moving_average_baseline" => Box::new(MovingAverage::default()),
        "score_function_delta_method" => Box::new(DeltaMethod::fit(
            "score_function_delta_method",
            ScoreFunction,
            problem,
            pilot,
            noise,
        )),
        "measure_valued" => Box::new(MeasureValuedDifference::coupled()),
        "measure_valued_independent" => Box::new(MeasureValuedDifference::independent()),
        _ => unreachable!("{name} is one of the list"),
    }
}

/// The mean variance over the elements of a parameter, while q is trained.
fn figure(all: &[(Study, usize, Findings)], names: &[&str], i: usize, parameter: &str) -> Sweep {
    let line = |name: &&str| {
        let of_name = all.iter().filter(|(.., found)| found.estimator == *name);
        let points = of_name.map(|(_, step, found)| {
            let (y, error) = found.parameters[i].mean_variance();
            let half = 1.96 * error;
            // The beginning has a place on a logarithmic axis, too.
            Measured { x: (*step).max(1) as f64, y, low: (y - half).max(0.0), high: y + half }
        });
        Line { name: name.replace('_', " "), points: points.collect(), truth: Vec::new() }
    };
    Sweep {
        title: format!("Bayesian logistic regression: gradients by {parameter}"),
        x: "step of training (the beginning at 1)".into(),
        y: "variance of an estimate, mean over weights".into(),
        log_x: true,
        log_y: true,
        lines: names.iter().map(line).filter(|line| !line.points.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_at_one_two_and_five_of_each_decade_or_every_so_many() {
        assert_eq!(stops(0, None), [0]);
        assert_eq!(stops(7, None), [0, 7]);
        assert_eq!(stops(50, None), [0, 10, 20, 50]);
        assert_eq!(stops(300, None), [0, 10, 20, 50, 100, 200, 300]);
        assert_eq!(stops(0, Some(3)), [0]);
        assert_eq!(stops(80, Some(40)), [0, 40, 80]);
        assert_eq!(stops(100, Some(40)), [0, 40, 80, 100]);
    }
}
