//! Estimators for discrete variables, against sums over all values.

use elbo_estimators::known::Coin;
use elbo_estimators::study::{Moments, Study};
use elbo_estimators::{
    AugmentReinforceMerge, Bias, ConstantBaseline, CriticTraining, Draws, Enumeration, Estimator,
    Expectation, GumbelSoftmax, LearningRelax, LeaveOneOut, MeasureValuedDifference, Rebar, Relax,
    ScoreFunction, StraightThrough, StraightThroughGumbelSoftmax,
};
use elbo_layers::Bernoulli;
use elbo_layers::dist::{Categorical, Distribution, Independent, OneHotCategorical};
use elbo_tensor::{Stream, Tensor};

/// E (b - t)² at p = ½.
fn coin(t: f64) -> Expectation<f64, Bernoulli<f64>> {
    Coin { logit: 0.0, t }.problem()
}

/// A cost that is neither linear nor a sum over coins.
fn coins() -> Expectation<f64, Independent<Bernoulli<f64>>> {
    let weights = Tensor::from([1.0, -0.5, 0.8]);
    Expectation::new(
        [("logits", Tensor::from([0.3, -0.8, 1.1]))],
        |[logits]| Independent::new(Bernoulli::new(logits)),
        move |b| ((b * &weights).sum_axes(-1, false) - 0.3).square() + b.max_axes(-1, false) * 0.5,
    )
}

fn classes() -> Expectation<f64, OneHotCategorical<f64>> {
    let target = Tensor::from([0.1, 0.5, -0.7, 1.2]);
    Expectation::new(
        [("logits", Tensor::from([0.2, -0.4, 0.9, 0.0]))],
        |[logits]| OneHotCategorical::new(logits),
        move |x| (x - &target).powi(4).sum_axes(-1, false),
    )
}

fn exact<D>(problem: &Expectation<f64, D>) -> Vec<f64>
where
    D: Distribution<f64>,
    Enumeration: Estimator<f64, D>,
{
    let found = Enumeration.estimate(problem, Draws::new(2, 1), &mut Stream::new(1));
    let row = found[0].count() / 2;
    assert_eq!(found[0].data()[..row], found[0].data()[row..], "all repeats are the same");
    found[0].data()[..row].to_vec()
}

fn run<D: Distribution<f64>>(
    problem: &Expectation<f64, D>,
    estimator: &dyn Estimator<f64, D>,
    seed: u64,
) -> Vec<Moments> {
    let study = Study { repeats: 200_000, samples: 2, seed };
    study.run(problem, estimator, None, &|_| ()).parameters.remove(0).elements
}

#[track_caller]
fn near(what: &str, value: f64, error: f64, truth: f64) {
    assert!((value - truth).abs() <= 5.0 * error + 1e-12, "{what}: {value} ± {error}, not {truth}");
}

#[track_caller]
fn means_are(found: &[Moments], truth: &[f64], what: &str) {
    assert_eq!(found.len(), truth.len());
    for (m, truth) in found.iter().zip(truth) {
        near(what, m.mean(), m.mean_error(), *truth);
    }
}

fn total(found: &[Moments]) -> f64 {
    found.iter().map(Moments::variance).sum()
}

/// ∂/∂logit = (1 - 2t) p (1 - p): 0.025 and 0.0005; variances of the score function 0.0159390625 and 0.015625125.
#[test]
fn the_coin_of_rebar_and_relax() {
    for (t, gradient, variance) in [(0.45, 0.025, 0.015_939_062_5), (0.499, 0.0005, 0.015_625_125)]
    {
        let problem = coin(t);
        near("exact", exact(&problem)[0], 0.0, gradient);
        let known = Coin { logit: 0.0, t };
        near("formula", known.gradient(), 0.0, gradient);
        near("formula", known.variance("score_function").unwrap(), 0.0, variance);
        let study = Study { repeats: 400_000, samples: 1, seed: 1 };
        let found = study.run(&problem, &ScoreFunction, None, &|_| ());
        let m = found.parameters[0].elements[0];
        near("score", m.mean(), m.mean_error(), gradient);
        near("variance", m.variance(), m.variance_error(), variance);
    }
}

/// By the probability itself: 1 - 2t, 0.1 and 0.002; the variance of the score function is 0.255025 at t = 0.45.
#[test]
fn the_coin_by_its_probability() {
    for (t, gradient) in [(0.45, 0.1), (0.499, 0.002)] {
        let problem = Expectation::new(
            [("probs", Tensor::scalar(0.5))],
            |[probs]| Bernoulli::from_probs(probs),
            move |b: &Tensor<f64>| (b - t).square(),
        );
        near("exact", exact(&problem)[0], 0.0, gradient);
        let study = Study { repeats: 400_000, samples: 1, seed: 2 };
        let found = study.run(&problem, &ScoreFunction, None, &|_| ());
        let m = found.parameters[0].elements[0];
        near("score", m.mean(), m.mean_error(), gradient);
        let square = |b: f64| (b - t) * (b - t);
        let second = 0.5 * 4.0 * (square(1.0).powi(2) + square(0.0).powi(2));
        let variance = second - gradient * gradient;
        if t == 0.45 {
            near("formula", variance, 0.0, 0.255_025);
        }
        near("variance", m.variance(), m.variance_error(), variance);
    }
}

/// b* = (1 - p) f(1) + p f(0): nothing is left to chance.
#[test]
fn one_coin_has_a_baseline_without_variance() {
    let problem = coin(0.45).with_cost(|b| b.exp());
    let biased = Expectation::new(
        [("logits", Tensor::scalar(0.7))],
        |[logits]| Bernoulli::new(logits),
        |b: &Tensor<f64>| b.exp(),
    );
    for (problem, p) in [(problem, 0.5), (biased, 1.0 / (1.0 + (-0.7f64).exp()))] {
        let best = (1.0 - p) * 1f64.exp() + p;
        let m = run(&problem, &ConstantBaseline::new(&problem, best), 2)[0];
        assert!(m.variance() < 1e-26, "{}", m.variance());
        near("mean", m.mean(), 1e-12, (1f64.exp() - 1.0) * p * (1.0 - p));
        let fitted = ConstantBaseline::optimal(&problem, 10_000, &mut Stream::new(3));
        assert!((fitted.baselines()[0].item() - best).abs() < 0.05);
        // The measure-valued derivative is exact, too.
        let m = run(&problem, &MeasureValuedDifference::coupled(), 4)[0];
        assert!(m.variance() < 1e-26, "{}", m.variance());
    }
}

#[test]
fn unbiased_estimators_of_several_coins() {
    let problem = coins();
    let truth = exact(&problem);
    let noise = &mut Stream::new(5);
    let score = run(&problem, &ScoreFunction, 6);
    means_are(&score, &truth, "score");
    let rebar = Rebar::fit(&problem, 0.5, Draws::new(4000, 1), noise);
    let relax = Relax::fit(&problem, CriticTraining::default(), noise);
    let estimators: [&dyn Estimator<f64, _>; 6] = [
        &rebar,
        &Rebar { temperature: 0.3, scale: 0.7 },
        &relax,
        &AugmentReinforceMerge,
        &LeaveOneOut,
        &MeasureValuedDifference::independent(),
    ];
    for (seed, estimator) in estimators.into_iter().enumerate() {
        assert_eq!(estimator.bias(), Bias::Unbiased);
        let found = run(&problem, estimator, 10 + seed as u64);
        means_are(&found, &truth, estimator.name());
        // One other draw is a baseline that may do more harm than good.
        let is_better =
            total(&found) < total(&score) || estimator.name().ends_with("leave_one_out");
        assert!(is_better, "{} has more variance", estimator.name());
    }
    assert_eq!(Enumeration.evaluations(&problem, 7), 8);
    assert_eq!(rebar.evaluations(&problem, 7), 21);
}

/// What is learnt on the way costs no bias, and takes variance from what REBAR leaves.
#[test]
fn a_critic_that_learns_while_it_is_used() {
    let problem = coins();
    let noise = &mut Stream::new(15);
    let relax = LearningRelax::new(3, 0.5, CriticTraining::default(), noise);
    let mut blocks = (0..600).map(|_| {
        let each = relax.estimate(&problem, Draws::new(256, 1), noise);
        Moments::of_columns(&each[0])
    });
    let merge = |a: Vec<Moments>, b: Vec<Moments>| -> Vec<Moments> {
        a.into_iter().zip(b).map(|(a, b)| a.merge(b)).collect()
    };
    let learning = blocks.by_ref().take(300).reduce(merge).unwrap();
    let learnt = blocks.reduce(merge).unwrap();
    means_are(&learning, &exact(&problem), "while it learns");
    means_are(&learnt, &exact(&problem), "when it has learnt");
    let rebar = Rebar { temperature: 0.5, scale: 1.0 };
    let rebar = Moments::of_columns(&rebar.estimate(&problem, Draws::new(50_000, 1), noise)[0]);
    // 0.22 of 0.38 while it learns, and 0.20 then.
    assert!(total(&learning) < 0.7 * total(&rebar), "{} {}", total(&learning), total(&rebar));
    assert!(total(&learnt) < 0.95 * total(&learning), "{} {}", total(&learnt), total(&learning));
}

#[test]
fn unbiased_estimators_of_a_class() {
    let problem = classes();
    let truth = exact(&problem);
    let noise = &mut Stream::new(20);
    let score = run(&problem, &ScoreFunction, 21);
    means_are(&score, &truth, "score");
    let rebar = Rebar::fit(&problem, 0.5, Draws::new(4000, 1), noise);
    let relax = Relax::fit(&problem, CriticTraining::default(), noise);
    for (seed, estimator) in [&rebar as &dyn Estimator<f64, _>, &relax].into_iter().enumerate() {
        let found = run(&problem, estimator, 22 + seed as u64);
        means_are(&found, &truth, estimator.name());
        assert!(total(&found) < total(&score), "{} has more variance", estimator.name());
    }
    // The same classes as numbers, with the gradient p (f - E f) by hand.
    let costs = [1.3, -0.2, 0.6];
    let numbers = Expectation::new(
        [("logits", Tensor::from([0.0, 0.5, -0.3]))],
        |[logits]| Categorical::new(logits),
        move |x: &Tensor<f64>| {
            x.data().iter().map(|&class| costs[class as usize]).collect::<Vec<f64>>().into()
        },
    );
    let weights = [0.0, 0.5, -0.3].map(f64::exp);
    let sum: f64 = weights.iter().sum();
    let p = weights.map(|w| w / sum);
    let mean: f64 = (0..3).map(|i| p[i] * costs[i]).sum();
    let truth = [0, 1, 2].map(|i| p[i] * (costs[i] - mean));
    for (found, truth) in exact(&numbers).iter().zip(truth) {
        near("categorical", *found, 1e-15, truth);
    }
    means_are(&run(&numbers, &LeaveOneOut, 30), &truth, "categorical, score");
}

/// The bias of straight-through and of the relaxations: none for a linear cost with straight-through; for
/// (b - t)² straight-through has the mean p (1 - p) E f'(b) = ¼ (1 - 2t), which happens to be right at p = ½.
#[test]
fn biased_estimators_say_so() {
    let linear = coins().with_cost(|b| b.sum_axes(-1, false) * 2.0);
    means_are(&run(&linear, &StraightThrough, 40), &exact(&linear), "linear");
    let problem = coins().with_cost(|b| (b.sum_axes(-1, false) - 0.3).powi(3));
    let truth = exact(&problem);
    let (warm, cold) = (GumbelSoftmax { temperature: 1.0 }, GumbelSoftmax { temperature: 0.1 });
    let hard = StraightThroughGumbelSoftmax { temperature: 0.5 };
    let distance = |estimator: &dyn Estimator<f64, _>| {
        assert_eq!(estimator.bias(), Bias::Biased);
        let found = run(&problem, estimator, 41);
        let off = found.iter().zip(&truth).map(|(m, t)| (m.mean() - t).abs() / m.mean_error());
        (off.fold(0.0, f64::max), found)
    };
    for estimator in [&StraightThrough as &dyn Estimator<f64, _>, &warm, &hard] {
        let (off, _) = distance(estimator);
        assert!(off > 10.0, "{} is {off} standard errors off", estimator.name());
    }
    let ((_, warm), (_, cold)) = (distance(&warm), distance(&cold));
    let off = |found: &[Moments]| -> f64 {
        found.iter().zip(&truth).map(|(m, t)| (m.mean() - t).abs()).sum()
    };
    assert!(off(&cold) < off(&warm), "colder is less biased");
    assert!(total(&cold) > total(&warm), "and noisier");
}

/// At φ = 0 the gradient is (f(1) - f(0)) / 4.
#[test]
fn arm_of_a_fair_coin() {
    let m = run(&coin(0.2), &AugmentReinforceMerge, 50)[0];
    near("arm", m.mean(), m.mean_error(), (0.64 - 0.04) / 4.0);
}

#[test]
#[should_panic(expected = "Enumeration: 21 coins; it takes at most 20")]
fn too_many_outcomes_are_refused() {
    let problem: Expectation<f64, _> = Expectation::new(
        [("logits", Tensor::zeros([21]))],
        |[logits]| Independent::new(Bernoulli::new(logits)),
        |b| b.sum_axes(-1, false),
    );
    Enumeration.estimate(&problem, Draws::new(1, 1), &mut Stream::new(1));
}

/// A problem for each row: each row has the gradient that it has alone.
#[test]
fn rows_are_problems_of_their_own() {
    let logits = [[0.3, -0.8], [1.5, 0.0], [-2.0, 0.4]];
    let target = |row: usize| [0.2, -1.0, 0.7][row];
    const SAMPLES: usize = 100_000;
    let cost = |b: &Tensor<f64>, t: &Tensor<f64>| (b.sum_axes(-1, false) - t).square();
    let targets: Vec<f64> = (0..3).flat_map(|row| vec![target(row); SAMPLES]).collect();
    let targets = Tensor::from(targets);
    let problem = Expectation::of_rows(
        [("logits", Tensor::from(logits))],
        |[logits]| Independent::new(Bernoulli::new(logits)),
        move |b| cost(b, &targets),
    );
    let draws = Draws::new(3, SAMPLES);
    let arm = AugmentReinforceMerge.estimate(&problem, draws, &mut Stream::new(60));
    let score = LeaveOneOut.estimate(&problem, draws, &mut Stream::new(61));
    for row in 0..3 {
        let alone = Expectation::new(
            [("logits", Tensor::from(logits[row]))],
            |[logits]| Independent::new(Bernoulli::new(logits)),
            move |b| cost(b, &Tensor::scalar(target(row))),
        );
        for (i, truth) in exact(&alone).into_iter().enumerate() {
            // Single draws have a variance below 4.
            for found in [&arm, &score] {
                near("row", found[0].data()[2 * row + i], (4.0 / SAMPLES as f64).sqrt(), truth);
            }
        }
    }
}
