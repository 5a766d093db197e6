//! What estimators say about themselves: their names, whether they are biased, and how often they evaluate f.

mod support;

use elbo_estimators::bound::{
    Bound, BoundEstimator, DoublyReparameterized, Jackknife, ReweightedWakeSleep,
    ReweightedWakeSleepReparameterized, StickingTheLanding, TotalDerivative, Vimco,
};
use elbo_estimators::study::Study;
use elbo_estimators::{
    Antithetic, AugmentReinforceMerge, Bias, ConstantBaseline, DeltaMethod, Draws, Enumeration,
    Estimator, Expectation, GumbelSoftmax, LeaveOneOut, MeasureValuedDifference, MovingAverage,
    Pathwise, Rebar, Relax, ScoreFunction, StraightThrough, StraightThroughGumbelSoftmax,
};
use elbo_layers::dist::{Distribution, Independent};
use elbo_layers::{Bernoulli, Normal};
use elbo_tensor::{Stream, Tensor};
use support::Seen;

use Bias::{Biased, Unbiased};

/// Compares names and biases, and the number of evaluations with how many draws the cost is asked about.
fn hold<D: Distribution<f64>>(
    problem: &Expectation<f64, D>,
    seen: &Seen,
    numbers: usize,
    estimators: &[(&dyn Estimator<f64, D>, &str, Bias)],
) {
    let (repeats, samples) = (4, 3);
    for (estimator, name, bias) in estimators {
        assert_eq!((estimator.name(), estimator.bias()), (*name, *bias));
        seen.take();
        estimator.estimate(problem, Draws::new(repeats, samples), &mut Stream::new(1));
        let mut asked = seen.take().iter().map(|x| x.len() / numbers).sum::<usize>();
        let said = estimator.evaluations(problem, samples);
        match *name {
            // Once for all repeats.
            "enumeration" => assert_eq!(said, asked),
            _ => {
                // The expansion is made once.
                asked -= usize::from(name.starts_with("delta"));
                // The average begins with a pilot of (1 + 0.9) / (1 - 0.9) estimates.
                asked -= if name.contains("moving") { 19 * samples } else { 0 };
                assert_eq!(said * repeats, asked, "{name}");
            }
        }
    }
}

#[test]
fn for_normal_variables() {
    let seen = Seen::default();
    let problem = Expectation::new(
        [("mu", Tensor::from([0.3, -0.5])), ("logvar", Tensor::from([0.2, 0.1]))],
        |[mu, logvar]| Independent::new(Normal::new(mu, logvar)),
        |x: &Tensor<f64>| x.sum_axes(-1, false),
    );
    let problem = seen.watch(&problem, |x| x.sum_axes(-1, false).powi(3));
    let noise = &mut Stream::new(1);
    hold(
        &problem,
        &seen,
        2,
        &[
            (&Pathwise, "pathwise", Unbiased),
            (&Antithetic, "pathwise_antithetic", Unbiased),
            (&DeltaMethod::new("delta_path", Pathwise, 0.7), "delta_path", Unbiased),
            (&DeltaMethod::new("delta_pair", Antithetic, 0.7), "delta_pair", Unbiased),
            (&ScoreFunction, "score_function", Unbiased),
            (&LeaveOneOut, "score_function_leave_one_out", Unbiased),
            (&MovingAverage::default(), "score_function_moving_average_baseline", Unbiased),
            (&ConstantBaseline::new(&problem, 0.4), "score_function_constant_baseline", Unbiased),
            (&ConstantBaseline::mean(&problem, 9, noise), "score_function_mean_baseline", Unbiased),
            (
                &ConstantBaseline::optimal(&problem, 9, noise),
                "score_function_optimal_baseline",
                Unbiased,
            ),
            (&MeasureValuedDifference::coupled(), "measure_valued", Unbiased),
            (&MeasureValuedDifference::independent(), "measure_valued_independent", Unbiased),
        ],
    );
    assert_eq!(MovingAverage::default().decay, 0.9);
}

#[test]
fn for_coins() {
    let seen = Seen::default();
    let problem = Expectation::new(
        [("logits", Tensor::from([0.3, -0.5, 1.0]))],
        |[logits]| Independent::new(Bernoulli::new(logits)),
        |b: &Tensor<f64>| b.sum_axes(-1, false),
    );
    let problem = seen.watch(&problem, |b| (b.sum_axes(-1, false) - 0.3).powi(3));
    let temperature = 0.5;
    let relaxed = GumbelSoftmax { temperature };
    let straight = StraightThroughGumbelSoftmax { temperature };
    let critic = Relax::new(|z: &Tensor<f64>| z.sum_axes(-1, false));
    hold(
        &problem,
        &seen,
        3,
        &[
            (&Enumeration, "enumeration", Unbiased),
            (&StraightThrough, "straight_through", Biased),
            (&relaxed, "gumbel_softmax", Biased),
            (&straight, "straight_through_gumbel_softmax", Biased),
            (&Rebar { temperature, scale: 0.7 }, "rebar", Unbiased),
            (&critic, "relax", Unbiased),
            (&AugmentReinforceMerge, "arm", Unbiased),
            (&MeasureValuedDifference::coupled(), "measure_valued", Unbiased),
            (&DeltaMethod::new("delta", StraightThrough, 0.7), "delta", Biased),
        ],
    );
}

type Rule = dyn BoundEstimator<f64, Normal<f64>>;

#[test]
fn for_bounds() {
    let seen = Seen::default();
    let (watch, unit) = (seen.clone(), Tensor::scalar(0.0));
    let bound = Bound::new(
        [("mu", Tensor::scalar(0.0))],
        [("mean", Tensor::scalar(0.4))],
        3,
        |[mean]| Normal::new(mean, &Tensor::scalar(0.0)),
        move |[mu], z| {
            watch.note(z);
            Normal::new(mu, &unit).log_prob(z)
        },
    );
    let rules: [(&Rule, &str, Bias, usize); 7] = [
        (&TotalDerivative, "total_derivative", Unbiased, 1),
        (&StickingTheLanding, "sticking_the_landing", Biased, 1),
        (&DoublyReparameterized, "doubly_reparameterized", Unbiased, 1),
        (&ReweightedWakeSleep, "reweighted_wake_sleep", Biased, 1),
        (&ReweightedWakeSleepReparameterized, "reweighted_wake_sleep_reparameterized", Biased, 1),
        (&Jackknife, "jackknife", Biased, 2),
        (&Vimco, "vimco", Unbiased, 2),
    ];
    for (rule, name, bias, least) in rules {
        assert_eq!((rule.name(), rule.bias(), rule.least_particles()), (name, bias, least));
        let study = Study { repeats: 5, samples: 2, seed: 1 };
        let found = study.run_bound(&bound, rule, None, &|_| ());
        assert_eq!((found.estimator, found.evaluations), (name, 2 * 3 * 2));
        // Once for φ and once for θ, at the same draws.
        let calls = seen.take();
        assert!(calls.len() == 2 && calls[0] == calls[1]);
        assert_eq!(2 * calls[0].len(), 5 * found.evaluations);
    }
}

fn coins_of_rows(rows: usize, other_rows: usize) -> Expectation<f64, Independent<Bernoulli<f64>>> {
    Expectation::of_rows(
        [("logits", Tensor::zeros([rows, 2])), ("shift", Tensor::zeros([other_rows, 2]))],
        |[logits, shift]| Independent::new(Bernoulli::new(&(logits + shift))),
        |b| b.sum_axes(-1, false),
    )
}

#[test]
#[should_panic(expected = "Expectation: parameters differ in their number of rows")]
fn rows_belong_together() {
    coins_of_rows(3, 2);
}

#[test]
#[should_panic(expected = "Expectation: 4 draws for 3 rows; repeats must be the number of rows")]
fn every_row_has_as_many_draws() {
    coins_of_rows(3, 3).leaves(4);
}

#[test]
#[should_panic(expected = "is inf; it must be finite")]
fn an_infinite_cost_is_refused() {
    let problem: Expectation<f64, _> = Expectation::new(
        [("logits", Tensor::scalar(0.0))],
        |[logits]| Bernoulli::new(logits),
        |b| b.powi(-1),
    );
    ScoreFunction.estimate(&problem, Draws::new(100, 1), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Draws: repeats is 0; it must be at least 1")]
fn no_repeats_are_refused() {
    Draws::new(0, 1);
}

#[test]
#[should_panic(expected = "Draws: samples is 0; it must be at least 1")]
fn no_draws_are_refused() {
    Draws::new(1, 0);
}

#[test]
#[should_panic(expected = "MovingAverage: decay 1 must be in [0, 1)")]
fn an_average_that_never_moves_is_refused() {
    let problem: Expectation<f64, _> = Expectation::new(
        [("logits", Tensor::scalar(0.0))],
        |[logits]| Bernoulli::new(logits),
        |b| b.clone(),
    );
    MovingAverage { decay: 1.0 }.estimate(&problem, Draws::new(2, 1), &mut Stream::new(1));
}

/// A bound whose posterior has a parameter of this shape, and whose ln p is what is given.
fn bound(mean: Tensor<f64>, log_joint: fn(&Tensor<f64>) -> Tensor<f64>) -> Bound<f64, Normal<f64>> {
    let posterior = |[mean]: &[Tensor<f64>; 1]| Normal::new(mean, &Tensor::scalar(0.0));
    Bound::new([], [("mean", mean)], 3, posterior, move |[], z| log_joint(z))
}

#[test]
#[should_panic(expected = "Bound: the posterior has batch [4, 1, 2]; it must be [4, 1]")]
fn a_posterior_of_several_events_is_refused() {
    bound(Tensor::zeros([2]), |z| z.sum_axes(-1, false)).values(4, &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Bound: ln p maps draws of shape [4, 3] to [4]; it must be [4, 3]")]
fn a_joint_density_of_another_shape_is_refused() {
    bound(Tensor::scalar(0.0), |z| z.sum_axes(-1, false)).values(4, &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Bound: ln p(x, z) is NaN; it must be a number")]
fn a_joint_density_that_is_no_number_is_refused() {
    bound(Tensor::scalar(0.0), |z| z.ln()).values(40, &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Bound: K is 0; it must be at least 1")]
fn no_samples_in_place_of_some_are_refused() {
    bound(Tensor::scalar(0.0), |z| z.clone()).with_particles(0);
}
