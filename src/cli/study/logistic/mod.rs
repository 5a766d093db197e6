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

use std::path::PathBuf;

use clap::Args;
use elbo_estimators::known::Truth;
use elbo_estimators::study::{Findings, Moments, Study};
use elbo_estimators::{
    Antithetic, Bias, ConstantBaseline, DeltaMethod, Draws, Estimator, Expectation, LeaveOneOut,
    MeasureValuedDifference, MovingAverage, Pathwise, ScoreFunction,
};
use elbo_layers::Normal;
use elbo_layers::dist::Independent;
use elbo_models::Result;
use elbo_models::pictures::{Line, Measured, Sweep};
use elbo_tensor::{Stream, Tensor, grad};
use serde_json::json;

use self::data::Table;
use super::estimators::LEAVE_ONE_OUT;
use super::folder::Folder;
use super::progress::Progress;
use super::row::short;
use super::sweep::{fits, refuse};
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

    /// Draws in one estimate; several numbers, separated by commas, are gone through
    #[arg(long, value_name = "N,N", default_value = "1", value_delimiter = ',', value_parser = up_to(1, 10_000), allow_negative_numbers = true)]
    samples: Vec<usize>,

    /// What training and noise follow from; several are gone through
    #[arg(
        long,
        value_name = "N,N",
        default_value = "1",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    seed: Vec<u64>,

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

/// The settings of Mohamed et al.: rows in a step, draws in a step, learning rate at the beginning.
const BATCH: usize = 32;
const TRAINING_DRAWS: usize = 50;
const LR: f64 = 1e-3;

/// Draws for coefficients and baselines.
const PILOT: usize = 1000;

/// Draws of the reference run.
const REFERENCE: usize = 20_000;

type Weights = Independent<Normal<f64>>;

pub(super) fn run(args: &LogisticArgs) -> Result<Done> {
    if let Some(reason) = refuse(&args.samples, &args.estimators) {
        return Ok(Done::Refused(reason));
    }
    let table = args.data.as_deref().map_or_else(|| Ok(Table::inside()), Table::read)?;
    let mut folder = Folder::make(args.out.as_deref())?;
    let names: Vec<&str> = match &args.estimators[..] {
        [] => ESTIMATORS.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    let stops: Vec<usize> = stops(args.steps, args.every);
    let studies = args.seed.len() * args.samples.len();
    let progress = Progress::new(stops.len() * names.len() * args.repeats * studies);
    if !args.json {
        let [n, d] = [table.x.shape()[0], table.x.shape()[1]];
        say!(
            "{n} rows, {d} weights; the truth is a {} of {REFERENCE} draws; over the numbers of a parameter: bias \
             is the root of the mean square of mean - truth, and in brackets what noise alone gives; ± 95 %\n",
            Truth::Reference.name()
        );
        say!("{}", Row::heads());
    }
    let mut all: Vec<(Study, usize, Findings)> = Vec::new();
    let mut cells = Vec::new();
    for &seed in &args.seed {
        let mut training = Training::new(&table, args.steps, seed);
        for &stop in &stops {
            training.go_to(stop);
            let problem = training.problem(&table.x, &table.y, 1.0);
            let loss = training.loss(&problem);
            let reference = Reference::of(&problem, Study { repeats: 2, samples: 1, seed });
            for &samples in &args.samples {
                let study = Study { repeats: args.repeats, samples, seed };
                for name in names.iter().filter(|name| fits(name, &study)) {
                    progress.at(&format!("step {stop}, {name}"));
                    let estimator = estimator(name, &problem, &mut study.pilot());
                    let advance = |estimates| progress.advance(estimates);
                    let found = study.run(&problem, &*estimator, Some(&reference.mean), &advance);
                    for row in rows(study, stop, loss, &found, estimator.bias(), &reference) {
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

/// The gradient from many pathwise draws, and the squares of its standard errors.
struct Reference {
    mean: Vec<Tensor<f64>>,
    error: Vec<Tensor<f64>>,
}

impl Reference {
    fn of(problem: &Expectation<f64, Weights>, study: Study) -> Reference {
        const BLOCKS: usize = 100;
        let draws = Draws::new(BLOCKS, REFERENCE / BLOCKS);
        let blocks = Pathwise.estimate(problem, draws, &mut study.pilot());
        let moments: Vec<Vec<Moments>> = blocks.iter().map(Moments::of_columns).collect();
        let each = |f: fn(&Moments) -> f64| {
            let of_parameter =
                |moments: &Vec<Moments>| Tensor::from(moments.iter().map(f).collect::<Vec<f64>>());
            moments.iter().map(of_parameter).collect()
        };
        Reference { mean: each(Moments::mean), error: each(|m| m.mean_error().powi(2)) }
    }
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

/// Gradient descent on the loss.
struct Training<'a> {
    table: &'a Table,
    mu: Tensor<f64>,
    log_sigma: Tensor<f64>,
    steps: usize,
    done: usize,
    noise: Stream,
}

impl<'a> Training<'a> {
    fn new(table: &'a Table, steps: usize, seed: u64) -> Training<'a> {
        let d = table.x.shape()[1];
        let (mu, log_sigma) = (Tensor::zeros([d]), Tensor::zeros([d]));
        // Blocks of a study have the streams from 1 on.
        let noise = Stream::new(seed).substream(u64::MAX);
        Training { table, mu, log_sigma, steps, done: 0, noise }
    }

    /// E f at the parameters of now, where f is summed over rows and multiplied by `scale`.
    fn problem(&self, x: &Tensor<f64>, y: &Tensor<f64>, scale: f64) -> Expectation<f64, Weights> {
        let (x, y) = (x.clone(), y.clone());
        Expectation::new(
            [("mu", self.mu.clone()), ("log_sigma", self.log_sigma.clone())],
            |[mu, log_sigma]| Independent::new(Normal::new(mu, &(log_sigma * 2.0))),
            move |w| {
                let logits = w.matmul_nt(&x);
                let targets = y.broadcast_to(*logits.shape());
                logits.bce_with_logits(&targets) * scale
            },
        )
    }

    fn go_to(&mut self, step: usize) {
        while self.done < step {
            let along = self.done as f64 / self.steps as f64;
            let lr = LR * (0.5 * std::f64::consts::PI * along).cos();
            let rows = self.table.y.count();
            let batch: Vec<usize> = self.noise.permutation(rows).into_iter().take(BATCH).collect();
            let (x, y) =
                (self.table.x.index_select(0, &batch), self.table.y.index_select(0, &batch));
            let problem = self.problem(&x, &y, rows as f64 / batch.len() as f64);
            let estimate =
                Pathwise.estimate(&problem, Draws::new(1, TRAINING_DRAWS), &mut self.noise);
            let [mu, log_sigma] = [&self.mu, &self.log_sigma].map(Tensor::requires_grad);
            let divergence = Tensor::gaussian_kl(&mu, &(&log_sigma * 2.0)).sum();
            let divergence = grad(&divergence, [&mu, &log_sigma]);
            let moved = |value: &Tensor<f64>, i: usize| {
                value - (estimate[i].reshape(*value.shape()) + divergence[i].detach()) * lr
            };
            (self.mu, self.log_sigma) = (moved(&self.mu, 0), moved(&self.log_sigma, 1));
            self.done += 1;
        }
    }

    /// The loss over all rows, in nats, with f from a thousand draws.
    fn loss(&self, problem: &Expectation<f64, Weights>) -> f64 {
        let leaves = problem.leaves(PILOT);
        let noise = &mut self.noise.substream(u64::MAX - 1);
        let w = elbo_layers::Distribution::sample(&problem.family(&leaves), noise).constant();
        let divergence = Tensor::gaussian_kl(&self.mu, &(&self.log_sigma * 2.0)).sum().item();
        problem.constant_cost(&w).mean().item() + divergence
    }
}

/// What an estimator does at one step, by one parameter. Variances are means over its numbers.
struct Row {
    study: Study,
    step: usize,
    loss: f64,
    estimator: &'static str,
    parameter: &'static str,
    is_biased: bool,
    /// The root of the mean square of mean - truth, and what it is from noise alone.
    bias: [f64; 2],
    mean_variance: f64,
    /// Half of the interval of 95 %.
    half: f64,
    max_variance: f64,
    snr: f64,
    cosine: f64,
    evaluations: usize,
}

fn rows(
    study: Study,
    step: usize,
    loss: f64,
    found: &Findings,
    bias: Bias,
    reference: &Reference,
) -> Vec<Row> {
    let cosine = found.cosine.map_or(f64::NAN, |cosine| cosine.mean());
    let row = |(i, p): (usize, &elbo_estimators::study::Parameter)| {
        let n = p.elements.len() as f64;
        let truth = reference.mean[i].data().iter().zip(reference.error[i].data());
        let (mut off, mut noise) = (0.0, 0.0);
        for (m, (truth, error)) in p.elements.iter().zip(truth) {
            off += (m.mean() - truth).powi(2);
            noise += m.mean_error().powi(2) + error;
        }
        Row {
            study,
            step,
            loss,
            estimator: found.estimator,
            parameter: p.name,
            is_biased: bias == Bias::Biased,
            bias: [off, noise].map(|sum| (sum / n).sqrt()),
            mean_variance: p.variance() / n,
            half: half(&p.elements),
            max_variance: p.elements.iter().map(Moments::variance).fold(0.0, f64::max),
            snr: p.snr().0,
            cosine,
            evaluations: found.evaluations,
        }
    };
    found.parameters.iter().enumerate().map(row).collect()
}

/// Half of the interval of 95 % of the mean variance: elements share their draws, and their errors are taken to go
/// together.
fn half(elements: &[Moments]) -> f64 {
    1.96 * elements.iter().map(Moments::variance_error).sum::<f64>() / elements.len() as f64
}

impl Row {
    const COLUMNS: [&'static str; 18] = [
        "step",
        "loss",
        "estimator",
        "parameter",
        "samples",
        "seed",
        "is_biased",
        "bias",
        "bias_of_noise",
        "mean_variance",
        "mean_variance_low",
        "mean_variance_high",
        "max_variance",
        "variance_in_training",
        "snr",
        "cosine",
        "evaluations",
        "evaluations_per_precision",
    ];

    /// With as many draws as a step of the training has.
    fn in_training(&self) -> f64 {
        self.mean_variance * self.study.samples as f64 / TRAINING_DRAWS as f64
    }

    fn per_precision(&self) -> f64 {
        self.evaluations as f64 * self.mean_variance
    }

    /// Where the mean variance is, with 95 % confidence; not below 0.
    fn mean_variance_ci(&self) -> [f64; 2] {
        [(self.mean_variance - self.half).max(0.0), self.mean_variance + self.half]
    }

    fn object(&self) -> serde_json::Value {
        json!({
            "step": self.step, "loss": self.loss, "estimator": self.estimator, "parameter": self.parameter,
            "samples": self.study.samples, "seed": self.study.seed, "repeats": self.study.repeats,
            "is_biased": self.is_biased, "bias": self.bias[0], "bias_of_noise": self.bias[1],
            "mean_variance": self.mean_variance,
            "mean_variance_ci": self.mean_variance_ci(),
            "max_variance": self.max_variance, "variance_in_training": self.in_training(), "snr": self.snr,
            "cosine": self.cosine, "truth_gradient_from": Truth::Reference.name(),
            "evaluations": self.evaluations, "evaluations_per_precision": self.per_precision(),
        })
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.step.to_string(), self.loss.to_string()];
        cells.extend([self.estimator, self.parameter].map(String::from));
        cells.extend([self.study.samples.to_string(), self.study.seed.to_string()]);
        cells.push(self.is_biased.to_string());
        let [low, high] = self.mean_variance_ci();
        let numbers = [
            self.bias[0],
            self.bias[1],
            self.mean_variance,
            low,
            high,
            self.max_variance,
            self.in_training(),
            self.snr,
            self.cosine,
        ];
        cells.extend(numbers.map(|x| x.to_string()));
        cells.extend([self.evaluations.to_string(), self.per_precision().to_string()]);
        cells
    }

    fn heads() -> String {
        format!(
            "{:>6} {:>9} {:<38} {:<9} {:>19} {:>19} {:>10} {:>9} {:>7} {:>6} {:>10}",
            "step",
            "loss",
            "estimator",
            "parameter",
            "bias",
            "mean var",
            "max var",
            "SNR",
            "cosine",
            "evals",
            "evals·var"
        )
    }

    fn line(&self) -> String {
        format!(
            "{:>6} {:>9} {:<38} {:<9} {:>19} {:>19} {:>10} {:>9} {:>7.4} {:>6} {:>10}",
            self.step,
            short(self.loss),
            self.estimator,
            self.parameter,
            format!("{} ({})", short(self.bias[0]), short(self.bias[1])),
            format!("{} ± {}", short(self.mean_variance), short(self.half)),
            short(self.max_variance),
            short(self.snr),
            self.cosine,
            self.evaluations,
            short(self.per_precision())
        )
    }
}

/// The mean variance over the elements of a parameter, while q is trained.
fn figure(all: &[(Study, usize, Findings)], names: &[&str], i: usize, parameter: &str) -> Sweep {
    let line = |name: &&str| {
        let of_name = all.iter().filter(|(.., found)| found.estimator == *name);
        let points = of_name.map(|(_, step, found)| {
            let elements = &found.parameters[i].elements;
            let (y, half) =
                (found.parameters[i].variance() / elements.len() as f64, half(elements));
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
    use elbo_estimators::study::Parameter;
    use serde_json::Value;

    use super::*;

    /// Equal, up to the last digits of a number.
    fn same(found: &Value, expected: &Value) -> bool {
        match (found, expected) {
            (Value::Number(_), Value::Number(_)) => {
                let [found, expected] = [found, expected].map(|x| x.as_f64().unwrap());
                (found - expected).abs() < 1e-12 * expected.abs()
            }
            (Value::Array(found), Value::Array(expected)) => {
                found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| same(a, b))
            }
            _ => found == expected,
        }
    }

    #[test]
    fn figures_stand_under_their_names() {
        // Means 1 and 3, variances 1 and 4; the variances of the variances are 2/9 and 16 times that.
        let elements = vec![Moments::of(&[0.0, 1.0, 2.0]), Moments::of(&[1.0, 3.0, 5.0])];
        let other = Parameter { name: "log_sigma", elements: elements[..1].to_vec() };
        let mu = Parameter { name: "mu", elements };
        let snr = mu.snr().0;
        let found = Findings {
            estimator: "pathwise",
            evaluations: 6,
            parameters: vec![mu, other],
            cosine: Some(Moments::of(&[0.25, 0.75])),
        };
        let tensors =
            |of_mu: [f64; 2], other: f64| vec![Tensor::from(of_mu), Tensor::from([other])];
        let reference =
            Reference { mean: tensors([0.0, 5.0], 4.0), error: tensors([0.5, 0.25], 0.0) };
        let study = Study { repeats: 3, samples: 4, seed: 11 };
        let rows = rows(study, 10, 7.5, &found, Bias::Biased, &reference);
        assert_eq!(rows.iter().map(|row| row.parameter).collect::<Vec<_>>(), ["mu", "log_sigma"]);
        // Off by 1 and 2; noise of 1/3 + 1/2 and 4/3 + 1/4.
        let (bias, noise) = (2.5f64.sqrt(), (29.0f64 / 24.0).sqrt());
        let half = 1.96 * 5.0 * 2f64.sqrt() / 6.0;
        let expected = json!({
            "step": 10, "loss": 7.5, "estimator": "pathwise", "parameter": "mu",
            "samples": 4, "seed": 11, "repeats": 3,
            "is_biased": true, "bias": bias, "bias_of_noise": noise,
            "mean_variance": 2.5, "mean_variance_ci": [2.5 - half, 2.5 + half], "max_variance": 4.0,
            "variance_in_training": 0.2, "snr": snr, "cosine": 0.5,
            "truth_gradient_from": "reference run", "evaluations": 6, "evaluations_per_precision": 15.0,
        });
        let object = rows[0].object();
        let keys = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&object), keys(&expected));
        for (key, value) in expected.as_object().unwrap() {
            assert!(same(&object[key], value), "{key}: {} instead of {value}", object[key]);
        }
        assert!(
            same(&json!(rows[1].bias), &json!([3.0, 3f64.sqrt().recip()])),
            "{:?}",
            rows[1].bias
        );

        let cells = rows[0].cells();
        assert_eq!(cells.len(), Row::COLUMNS.len());
        for (column, cell) in Row::COLUMNS.into_iter().zip(cells) {
            let figure = match column.rsplit_once('_') {
                Some((name, "low")) => &object[format!("{name}_ci")][0],
                Some((name, "high")) => &object[format!("{name}_ci")][1],
                _ => &object[column],
            };
            match figure {
                Value::String(text) => assert_eq!(cell, *text, "{column}"),
                Value::Number(_) => assert_eq!(cell.parse().ok(), figure.as_f64(), "{column}"),
                _ => assert_eq!(cell, figure.to_string(), "{column}"),
            }
        }

        let (heads, line) = (Row::heads(), rows[0].line());
        let shown = [
            ("step", "10".into()),
            ("loss", "7.5000".into()),
            ("estimator", "pathwise".into()),
            ("parameter", "mu".into()),
            ("bias", format!("{} ({})", short(bias), short(noise))),
            ("mean var", format!("2.5000 ± {}", short(half))),
            ("max var", "4.0000".into()),
            ("SNR", short(snr)),
            ("cosine", "0.5000".into()),
            ("evals", "6".into()),
            ("evals·var", "15.000".into()),
        ];
        let joined = |words: Vec<&str>| words.join(" ");
        let all = |text: &str| joined(text.split_whitespace().collect());
        assert_eq!(all(&heads), joined(shown.iter().map(|(head, _)| *head).collect()));
        assert_eq!(
            all(&line),
            joined(shown.iter().map(|(_, figure): &(_, String)| &figure[..]).collect())
        );
        assert_eq!(heads.chars().count(), line.chars().count());
        // No variance is below 0, however wide the interval.
        let [low, high] = Row { half: 3.0, ..rows.into_iter().next().unwrap() }.mean_variance_ci();
        assert_eq!([low, high], [0.0, 5.5]);
    }

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
