//! Every estimator for a normal variable, against what is known: the mean is the gradient, the variance is the
//! one that stands in `known`, each within five standard errors.

use elbo_estimators::known::{Cost, Gaussian};
use elbo_estimators::study::{Moments, Study};
use elbo_estimators::{
    Antithetic, ConstantBaseline, DeltaMethod, Draws, Estimator, Expectation, LeaveOneOut,
    MeasureValuedDifference, MovingAverage, Pathwise, RunningAverage, ScoreFunction,
};
use elbo_layers::Normal;
use elbo_layers::dist::{Exponential, Gamma, Independent, Poisson, Reparameterized};
use elbo_tensor::kernels::threads;
use elbo_tensor::{Stream, Tensor, special};

const PILOT: usize = 1 << 18;

fn all(
    problem: &Expectation<f64, Normal<f64>>,
    study: &Study,
) -> Vec<Box<dyn Estimator<f64, Normal<f64>>>> {
    let noise = &mut study.pilot();
    let delta = Draws::new(PILOT, 1);
    let mut all: Vec<Box<dyn Estimator<f64, Normal<f64>>>> = vec![
        Box::new(Pathwise),
        Box::new(Antithetic),
        Box::new(DeltaMethod::fit("pathwise_delta_method", Pathwise, problem, delta, noise)),
        Box::new(ScoreFunction),
        Box::new(ConstantBaseline::mean(problem, PILOT, noise)),
        Box::new(ConstantBaseline::optimal(problem, PILOT, noise)),
        Box::new(MovingAverage::default()),
        Box::new(MeasureValuedDifference::coupled()),
        Box::new(MeasureValuedDifference::independent()),
    ];
    if study.samples > 1 {
        all.push(Box::new(LeaveOneOut));
    }
    all
}

#[track_caller]
fn within_five_sigma(what: &str, value: f64, error: f64, truth: f64) {
    let room = 5.0 * error + 1e-12 * truth.abs().max(1.0);
    assert!((value - truth).abs() <= room, "{what}: {value} ± {error}, not {truth}");
}

fn hold_against_the_truth(known: Gaussian, study: Study) {
    let problem = known.problem();
    for estimator in all(&problem, &study) {
        let found = study.run(&problem, &*estimator, None, &|_| ());
        let name = found.estimator;
        let (variance, _) = known.variance(name, study.samples).unwrap();
        for (i, parameter) in found.parameters.iter().enumerate() {
            let [moments] = parameter.elements[..] else { panic!("one element") };
            let what = format!("{known:?}, {name}, {}", parameter.name);
            assert_eq!(moments.count(), study.repeats as f64);
            within_five_sigma(&what, moments.mean(), moments.mean_error(), known.gradient()[i]);
            within_five_sigma(&what, moments.variance(), moments.variance_error(), variance[i]);
        }
    }
}

#[test]
fn quadratic_cost() {
    for (k, samples, seed) in [(0.0, 1, 1), (-3.0, 1, 2), (0.0, 4, 3)] {
        let known = Gaussian { cost: Cost::Quadratic, mu: 1.0, sigma: 1.0, k };
        hold_against_the_truth(known, Study { repeats: 200_000, samples, seed });
    }
    let known = Gaussian { cost: Cost::Quadratic, mu: -0.3, sigma: 1.7, k: 0.5 };
    hold_against_the_truth(known, Study { repeats: 100_000, samples: 2, seed: 4 });
}

#[test]
fn exponential_cost() {
    for (k, seed) in [(0.1, 5), (1.0, 6), (10.0, 7)] {
        let known = Gaussian { cost: Cost::Exp, mu: 1.0, sigma: 1.0, k };
        hold_against_the_truth(known, Study { repeats: 200_000, samples: 1, seed });
    }
}

#[test]
fn oscillating_cost() {
    for (k, seed) in [(0.5, 8), (2.0, 9), (5.0, 10)] {
        let known = Gaussian { cost: Cost::Cos, mu: 1.0, sigma: 1.0, k };
        hold_against_the_truth(known, Study { repeats: 200_000, samples: 2, seed });
    }
}

/// Two draws: (8 + 10) / 2 + (8 + 2) / 2 = 14; four: 5.3333.
#[test]
fn leave_one_out_at_two_and_four_draws() {
    let known = Gaussian { cost: Cost::Quadratic, mu: 1.0, sigma: 1.0, k: 0.0 };
    for (samples, variance) in [(2, 14.0), (4, 16.0 / 3.0)] {
        let study = Study { repeats: 400_000, samples, seed: 20 + samples as u64 };
        let found = study.run(&known.problem(), &LeaveOneOut, None, &|_| ());
        let by_mu = found.parameters[0].elements[0];
        within_five_sigma("mean", by_mu.mean(), by_mu.mean_error(), 2.0);
        within_five_sigma("variance", by_mu.variance(), by_mu.variance_error(), variance);
    }
}

/// The settings at which the reference code of Mohamed et al. asserts unbiasedness.
#[test]
fn all_are_unbiased_where_the_reference_asserts_it() {
    for cost in [Cost::Quadratic, Cost::Exp, Cost::Cos] {
        for (k, seed) in [(0.1, 30), (1.0, 31), (10.0, 32)] {
            let known = Gaussian { cost, mu: 1.0, sigma: 1.5, k };
            hold_against_the_truth(known, Study { repeats: 50_000, samples: 1, seed });
        }
    }
}

/// A study cuts estimates of many draws into calls of a few: the average does not begin anew in each.
#[test]
fn a_moving_average_of_many_draws() {
    for (cost, samples, repeats) in [(Cost::Quadratic, 3000, 4000), (Cost::Exp, 300, 10_000)] {
        let known = Gaussian { cost, mu: 1.0, sigma: 1.0, k: 0.3 };
        let study = Study { repeats, samples, seed: 40 };
        let found = study.run(&known.problem(), &MovingAverage::default(), None, &|_| ());
        let (variance, _) = known.variance(found.estimator, samples).unwrap();
        for (i, parameter) in found.parameters.iter().enumerate() {
            let m = parameter.elements[0];
            within_five_sigma("mean", m.mean(), m.mean_error(), known.gradient()[i]);
            within_five_sigma("variance", m.variance(), m.variance_error(), variance[i]);
        }
    }
}

/// Where f hardly changes, second moments and squared means agree in nearly all digits.
#[test]
fn truths_keep_their_digits_where_f_hardly_changes() {
    for (cost, mu, sigma, k) in [
        (Cost::Exp, 0.0, 0.01, 0.001),
        (Cost::Exp, 0.0, 0.001, 0.001),
        (Cost::Exp, 1.0, 1e-6, 1e-6),
        (Cost::Cos, 1.0, 0.01, 0.01),
        (Cost::Cos, 0.3, 0.001, 0.5),
    ] {
        let known = Gaussian { cost, mu, sigma, k };
        let study = Study { repeats: 50_000, samples: 1, seed: 50 };
        let problem = known.problem();
        for estimator in all(&problem, &study) {
            let found = study.run(&problem, &*estimator, None, &|_| ());
            let name = found.estimator;
            let Some((variance, _)) = known.variance(name, 1) else { continue };
            for (i, parameter) in found.parameters.iter().enumerate() {
                let m = parameter.elements[0];
                let what = format!("{known:?}, {name}, {}", parameter.name);
                // What the estimate itself rounds, and what the pilot's baseline misses.
                let rounding = (1e-13 / sigma).powi(2) + 1e-4 * variance[i];
                let room = 5.0 * m.variance_error() + rounding;
                let off = (m.variance() - variance[i]).abs();
                assert!(off < room, "{what}: {} not {}", m.variance(), variance[i]);
            }
        }
    }
}

/// A baseline that goes on from call to call, against a loop.
#[test]
fn a_running_average_is_that_of_the_calls_before() {
    let known = Gaussian { cost: Cost::Quadratic, mu: 1.0, sigma: 1.0, k: 0.0 };
    let problem = known.problem();
    let (running, draws) = (RunningAverage::new(0.9), Draws::new(3, 2));
    let (mut sum, mut weight) = (0.0, 0.0);
    for seed in 0..5 {
        let noise = || Stream::new(seed);
        let found = running.estimate(&problem, draws, &mut noise());
        let baseline = if seed == 0 { 0.0 } else { sum / weight };
        let by_hand = ConstantBaseline::new(&problem, baseline);
        let expected = by_hand.estimate(&problem, draws, &mut noise());
        for (found, expected) in found.iter().zip(&expected) {
            for (a, b) in found.data().iter().zip(expected.data()) {
                within_five_sigma("estimate", *a, 0.0, *b);
            }
        }
        // f = x² of the same draws.
        let x: Tensor<f64> = noise().normal([6]);
        let mean = (x + 1.0).square().mean().item();
        (sum, weight) = (0.9 * sum + 0.1 * mean, 0.9 * weight + 0.1);
    }
}

/// The mean gradient of an estimator, element by element.
fn run<D: elbo_layers::Distribution<f64>>(
    problem: &Expectation<f64, D>,
    estimator: &dyn Estimator<f64, D>,
    seed: u64,
) -> Vec<Moments> {
    let study = Study { repeats: 100_000, samples: 2, seed };
    let found = study.run(problem, estimator, None, &|_| ());
    found.parameters.into_iter().flat_map(|p| p.elements).collect()
}

#[track_caller]
fn means_are(found: &[Moments], truth: &[f64], what: &str) {
    assert_eq!(found.len(), truth.len());
    for (i, (moments, truth)) in found.iter().zip(truth).enumerate() {
        within_five_sigma(
            &format!("{what}, element {i}"),
            moments.mean(),
            moments.mean_error(),
            *truth,
        );
    }
}

/// f = (w·x)² of a mean-field normal vector: ∂/∂mu = 2 w (w·mu), ∂/∂sigma = 2 w² sigma.
#[test]
fn vectors_have_a_gradient_for_each_number() {
    let (mu, sigma, w) = ([0.5, -1.0, 2.0], [1.0, 0.5, 1.5], [1.0, 2.0, -0.5]);
    let weights = Tensor::from(w);
    let problem = Expectation::new(
        [("mu", Tensor::from(mu)), ("sigma", Tensor::from(sigma))],
        |[mu, sigma]| Independent::new(Normal::from_sigma(mu, sigma)),
        move |x: &Tensor<f64>| (x * &weights).sum_axes(-1, false).square(),
    );
    let along: f64 = (0..3).map(|i| w[i] * mu[i]).sum();
    let truth: Vec<f64> = (0..3)
        .map(|i| 2.0 * w[i] * along)
        .chain((0..3).map(|i| 2.0 * w[i] * w[i] * sigma[i]))
        .collect();
    let noise = &mut Stream::new(1);
    let delta = DeltaMethod::fit("delta", Pathwise, &problem, Draws::new(1000, 1), noise);
    assert!((delta.coefficient() - 1.0).abs() < 1e-9, "the expansion is the function");
    let score = DeltaMethod::new("score", ScoreFunction, 1.0);
    let estimators: [&dyn Estimator<f64, _>; 9] = [
        &Pathwise,
        &Antithetic,
        &delta,
        &score,
        &ScoreFunction,
        &ConstantBaseline::optimal(&problem, 10_000, noise),
        &LeaveOneOut,
        &MeasureValuedDifference::coupled(),
        &MeasureValuedDifference::independent(),
    ];
    for (seed, estimator) in estimators.into_iter().enumerate() {
        let found = run(&problem, estimator, 20 + seed as u64);
        means_are(&found, &truth, estimator.name());
        if estimator.name() == "delta" {
            assert!(found.iter().all(|m| m.variance() < 1e-20), "nothing is left to chance");
        }
    }
    assert_eq!(MeasureValuedDifference::coupled().evaluations(&problem, 5), 5 * 2 * 2 * 3);
}

#[test]
fn constant_and_linear_costs() {
    let problem = |cost: fn(&Tensor<f64>) -> Tensor<f64>| {
        let parameters = [("mu", Tensor::from([0.4, 0.1])), ("logvar", Tensor::from([0.2, -1.0]))];
        Expectation::new(parameters, |[mu, logvar]| Independent::new(Normal::new(mu, logvar)), cost)
    };
    let constant = problem(|x| Tensor::full([x.shape()[0]], 2.5));
    let linear = problem(|x| x.sum_axes(-1, false));
    let (pathwise, measure) = (Pathwise, MeasureValuedDifference::coupled());
    for exact in [&pathwise as &dyn Estimator<f64, _>, &measure, &LeaveOneOut] {
        let found = run(&constant, exact, 31);
        assert!(found.iter().all(|m| m.mean() == 0.0 && m.variance() == 0.0), "{}", exact.name());
    }
    means_are(&run(&constant, &ScoreFunction, 32), &[0.0; 4], "score");
    let estimators: [&dyn Estimator<f64, _>; 4] =
        [&pathwise, &Antithetic, &ScoreFunction, &measure];
    for estimator in estimators {
        means_are(&run(&linear, estimator, 33), &[1.0, 1.0, 0.0, 0.0], estimator.name());
    }
}

/// E x² of counts is λ + λ², of waiting times 2/λ², of Gamma variables a (a + 1) / λ².
#[test]
fn other_families() {
    let square = |x: &Tensor<f64>| x.square();
    let rate = 2.5;
    let counts =
        Expectation::new([("rate", Tensor::scalar(rate))], |[rate]| Poisson::new(rate), square);
    let both = [MeasureValuedDifference::coupled(), MeasureValuedDifference::independent()];
    for estimator in &both {
        means_are(&run(&counts, estimator, 41), &[1.0 + 2.0 * rate], "Poisson");
    }
    means_are(&run(&counts, &LeaveOneOut, 42), &[1.0 + 2.0 * rate], "Poisson, score");
    let times =
        Expectation::new([("rate", Tensor::scalar(rate))], |[rate]| Exponential::new(rate), square);
    let truth = [-4.0 / rate.powi(3)];
    for estimator in &both {
        means_are(&run(&times, estimator, 43), &truth, "Exponential");
    }
    means_are(&run(&times, &Pathwise, 44), &truth, "Exponential, path");
    let gamma = |cost: fn(&Tensor<f64>) -> Tensor<f64>| {
        let family = |[a]: &[Tensor<f64>; 1]| Gamma::new(a, &Tensor::scalar(1.0));
        Expectation::new([("concentration", Tensor::scalar(1.7))], family, cost)
    };
    // Implicit paths: ∂E z = 1, ∂E z² = 2a + 1, ∂E ln z = trigamma(a).
    means_are(&run(&gamma(|x| x.clone()), &Pathwise, 45), &[1.0], "Gamma");
    means_are(&run(&gamma(square), &Pathwise, 46), &[4.4], "Gamma");
    let trigamma = special::polygamma(1, 1.7);
    means_are(&run(&gamma(|x| x.ln()), &Pathwise, 47), &[trigamma], "Gamma");
}

#[test]
fn threads_change_no_bit() {
    let known = Gaussian { cost: Cost::Cos, mu: 1.0, sigma: 1.0, k: 2.0 };
    let (problem, study) = (known.problem(), Study { repeats: 20_000, samples: 2, seed: 3 });
    for estimator in all(&problem, &study) {
        let run = |count| threads::with(count, || study.run(&problem, &*estimator, None, &|_| ()));
        let (one, three) = (run(1), run(3));
        assert_eq!(one, three);
    }
}

#[test]
fn the_cosine_is_that_of_the_whole_vector() {
    let known = Gaussian { cost: Cost::Quadratic, mu: 1.0, sigma: 1.0, k: 0.0 };
    let truth = known.gradient().map(Tensor::scalar);
    let study = Study { repeats: 1000, samples: 4, seed: 1 };
    let cosine = |estimator: &dyn Estimator<f64, Normal<f64>>| {
        study.run(&known.problem(), estimator, Some(&truth), &|_| ()).cosine.unwrap().mean()
    };
    let exact = DeltaMethod::new("exact", Pathwise, 1.0);
    assert!((cosine(&exact) - 1.0).abs() < 1e-12);
    let (path, score) = (cosine(&Pathwise), cosine(&ScoreFunction));
    assert!(1.0 > path && path > score && score > 0.0, "{path} {score}");
}

/// An estimator of one's own: the pathwise one, with the draw made by hand.
#[test]
fn an_estimator_from_outside_fits_in() {
    struct Own;
    impl<D: Reparameterized<f64>> Estimator<f64, D> for Own {
        fn name(&self) -> &'static str {
            "own"
        }
        fn evaluations(&self, _: &Expectation<f64, D>, samples: usize) -> usize {
            samples
        }
        fn estimate(
            &self,
            problem: &Expectation<f64, D>,
            draws: Draws,
            noise: &mut Stream,
        ) -> Vec<Tensor<f64>> {
            let leaves = problem.leaves(draws.count());
            let cost = problem.cost(&problem.family(&leaves).rsample(noise));
            let gradients = cost.sum().into_gradients();
            draws.means(leaves.iter().map(|leaf| gradients[leaf].clone()).collect())
        }
    }
    let known = Gaussian { cost: Cost::Exp, mu: 0.2, sigma: 0.9, k: 0.5 };
    let draws = Draws::new(7, 3);
    let own = Own.estimate(&known.problem(), draws, &mut Stream::new(9));
    let ours = Pathwise.estimate(&known.problem(), draws, &mut Stream::new(9));
    assert!(own.iter().zip(&ours).all(|(a, b)| a.to_vec() == b.to_vec()));
}

fn problem_with_cost(cost: fn(&Tensor<f64>) -> Tensor<f64>) -> Expectation<f64, Normal<f64>> {
    let parameters = [("mu", Tensor::scalar(0.0)), ("sigma", Tensor::scalar(1.0))];
    Expectation::new(parameters, |[mu, sigma]| Normal::from_sigma(mu, sigma), cost)
}

#[test]
#[should_panic(
    expected = "the cost maps draws of shape [6] to []; it must be [6], one number each"
)]
fn a_cost_of_another_shape_is_refused() {
    let problem = problem_with_cost(|x| x.sum());
    Pathwise.estimate(&problem, Draws::new(3, 2), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "is NaN; it must be finite")]
fn a_cost_that_is_not_a_number_is_refused() {
    let problem = problem_with_cost(|x| x.ln());
    ScoreFunction.estimate(&problem, Draws::new(100, 1), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "the family has batch [4, 2] for 4 draws; it must be [4]")]
fn a_vector_that_is_not_one_event_is_refused() {
    let problem: Expectation<f64, _> = Expectation::new(
        [("mu", Tensor::from([0.0, 1.0]))],
        |[mu]| Normal::new(mu, &Tensor::scalar(0.0)),
        |x| x.sum_axes(-1, false),
    );
    ScoreFunction.estimate(&problem, Draws::new(4, 1), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "LeaveOneOut: samples is 1; it must be at least 2")]
fn one_draw_cannot_be_left_out() {
    LeaveOneOut.estimate(&problem_with_cost(|x| x.clone()), Draws::new(4, 1), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Study: repeats is 1; it must be at least 2")]
fn one_repeat_has_no_variance() {
    let study = Study { repeats: 1, samples: 1, seed: 1 };
    study.run(&problem_with_cost(|x| x.clone()), &Pathwise, None, &|_| ());
}
