//! Estimators by name.

use elbo_estimators::study::Study;
use elbo_estimators::{
    Antithetic, ConstantBaseline, CriticTraining, DeltaMethod, Draws, Enumeration, Estimator,
    Expectation, FiniteSupport, GumbelSoftmax, LeaveOneOut, MeasureValuedDifference, MovingAverage,
    Pathwise, Rebar, Relax, Relaxable, ScoreFunction, StraightThrough,
    StraightThroughGumbelSoftmax,
};
use elbo_layers::Normal;

/// Those that fit a normal variable.
pub(super) const NORMAL: [&str; 10] = [
    "pathwise",
    "pathwise_antithetic",
    "pathwise_delta_method",
    "score_function",
    "score_function_mean_baseline",
    "score_function_optimal_baseline",
    "score_function_moving_average_baseline",
    "score_function_leave_one_out",
    "measure_valued",
    "measure_valued_independent",
];

/// Those that fit a discrete variable; the last two fit coins only.
pub(super) const DISCRETE: [&str; 13] = [
    "enumeration",
    "score_function",
    "score_function_mean_baseline",
    "score_function_optimal_baseline",
    "score_function_moving_average_baseline",
    "score_function_leave_one_out",
    "straight_through",
    "gumbel_softmax",
    "straight_through_gumbel_softmax",
    "rebar",
    "relax",
    "arm",
    "measure_valued",
];

/// The one that takes more than one draw.
pub(super) const LEAVE_ONE_OUT: &str = "score_function_leave_one_out";

/// A name of an estimator for a normal variable.
pub(super) fn normal_name(name: &str) -> Result<String, String> {
    one_of(&NORMAL, &DISCRETE, name, "it needs a discrete variable, and this one is normal")
}

/// A name of an estimator for a discrete variable.
pub(super) fn discrete_name(name: &str) -> Result<String, String> {
    one_of(&DISCRETE, &NORMAL, name, "it needs a path, and none leads through a discrete variable")
}

fn one_of(fit: &[&str], known: &[&str], name: &str, reason: &str) -> Result<String, String> {
    let all = fit.join(", ");
    match name {
        _ if fit.contains(&name) => Ok(name.into()),
        _ if known.contains(&name) => Err(format!("{reason}; choose from {all}")),
        _ => Err(format!("choose from {all}")),
    }
}

/// The estimator of that name, fitted on so many pilot draws where it has to be.
pub(super) fn normal(
    name: &str,
    problem: &Expectation<f64, Normal<f64>>,
    study: &Study,
    pilot: usize,
) -> Box<dyn Estimator<f64, Normal<f64>>> {
    let noise = &mut study.pilot();
    match name {
        "pathwise" => Box::new(Pathwise),
        "pathwise_antithetic" => Box::new(Antithetic),
        "pathwise_delta_method" => Box::new(DeltaMethod::fit(
            "pathwise_delta_method",
            Pathwise,
            problem,
            Draws::new(pilot, 1),
            noise,
        )),
        "score_function" => Box::new(ScoreFunction),
        "score_function_mean_baseline" => Box::new(ConstantBaseline::mean(problem, pilot, noise)),
        "score_function_optimal_baseline" => {
            Box::new(ConstantBaseline::optimal(problem, pilot, noise))
        }
        "score_function_moving_average_baseline" => Box::new(MovingAverage::default()),
        "score_function_leave_one_out" => Box::new(LeaveOneOut),
        "measure_valued" => Box::new(MeasureValuedDifference::coupled()),
        "measure_valued_independent" => Box::new(MeasureValuedDifference::independent()),
        _ => unreachable!("{name} has been checked"),
    }
}

/// What relaxations are made with.
#[derive(Clone, Copy)]
pub(super) struct DiscreteSettings {
    pub(super) temperature: f64,
}

/// Pilot draws for a discrete variable.
const DISCRETE_PILOT: usize = 1 << 16;

/// The estimator of that name for any discrete variable; `None` if it fits coins only, or takes more draws.
pub(super) fn discrete<D: Relaxable<f64> + FiniteSupport<f64>>(
    name: &str,
    problem: &Expectation<f64, D>,
    study: &Study,
    DiscreteSettings { temperature }: DiscreteSettings,
) -> Option<Box<dyn Estimator<f64, D>>> {
    let (noise, pilot) = (&mut study.pilot(), DISCRETE_PILOT);
    Some(match name {
        "enumeration" => Box::new(Enumeration),
        "score_function" => Box::new(ScoreFunction),
        "score_function_mean_baseline" => Box::new(ConstantBaseline::mean(problem, pilot, noise)),
        "score_function_optimal_baseline" => {
            Box::new(ConstantBaseline::optimal(problem, pilot, noise))
        }
        "score_function_moving_average_baseline" => Box::new(MovingAverage::default()),
        "score_function_leave_one_out" if study.samples > 1 => Box::new(LeaveOneOut),
        "straight_through" => Box::new(StraightThrough),
        "gumbel_softmax" => Box::new(GumbelSoftmax { temperature }),
        "straight_through_gumbel_softmax" => Box::new(StraightThroughGumbelSoftmax { temperature }),
        "rebar" => Box::new(Rebar::fit(problem, temperature, Draws::new(pilot, 1), noise)),
        "relax" => Box::new(Relax::fit(problem, CriticTraining::default(), noise)),
        _ => return None,
    })
}
