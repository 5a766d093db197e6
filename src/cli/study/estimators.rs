//! Estimators by name.

use elbo_estimators::study::Study;
use elbo_estimators::{
    Antithetic, ConstantBaseline, DeltaMethod, Draws, Estimator, Expectation, LeaveOneOut,
    MeasureValuedDifference, MovingAverage, Pathwise, ScoreFunction,
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

/// Those that fit only discrete variables.
pub(super) const DISCRETE: [&str; 7] = [
    "enumeration",
    "straight_through",
    "gumbel_softmax",
    "straight_through_gumbel_softmax",
    "rebar",
    "relax",
    "arm",
];

/// The one that takes more than one draw.
pub(super) const LEAVE_ONE_OUT: &str = "score_function_leave_one_out";

/// A name of an estimator for a normal variable.
pub(super) fn normal_name(name: &str) -> Result<String, String> {
    let all = NORMAL.join(", ");
    match name {
        _ if NORMAL.contains(&name) => Ok(name.into()),
        _ if DISCRETE.contains(&name) => {
            Err(format!("it needs a discrete variable, and this one is normal; choose from {all}"))
        }
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
