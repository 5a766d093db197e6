//! Problems drawn at random, with fixed seeds: the mean of every unbiased estimator is the gradient, which is known
//! in closed form or by enumeration, within five standard errors.

mod support;

use elbo_estimators::known::{Coin, LinearGaussian};
use elbo_estimators::study::{Moments, Study};
use elbo_estimators::{
    Antithetic, AugmentReinforceMerge, ConstantBaseline, DeltaMethod, Draws, Enumeration,
    Estimator, Expectation, LeaveOneOut, MeasureValuedDifference, MovingAverage, Pathwise, Rebar,
    Relax, ScoreFunction,
};
use elbo_layers::dist::{Distribution, Exponential, Independent, OneHotCategorical, Poisson};
use elbo_layers::{Bernoulli, Normal};
use elbo_tensor::{Stream, Tensor};
use support::near;

fn check<D: Distribution<f64>>(
    problem: &Expectation<f64, D>,
    estimators: &[&dyn Estimator<f64, D>],
    study: Study,
    truth: &[f64],
) {
    for estimator in estimators {
        let found = study.run(problem, *estimator, None, &|_| ());
        let elements: Vec<_> = found.parameters.into_iter().flat_map(|p| p.elements).collect();
        assert_eq!(elements.len(), truth.len());
        for (i, (m, truth)) in elements.iter().zip(truth).enumerate() {
            let what = format!("{}, {study:?}, element {i}", found.estimator);
            near(&what, m.mean(), m.mean_error(), *truth);
        }
    }
}

/// A number for each seed, place and purpose.
fn numbers(seed: u64, count: usize, low: f64, high: f64) -> Vec<f64> {
    Stream::new(seed).uniform([count], low, high).to_vec()
}

/// E (w·x + (w·x)²) with x ~ N(mu, sigma²) in 1 to 4 dimensions: by mu w (1 + 2 w·mu), by sigma 2 w² sigma.
#[test]
fn normal_vectors() {
    for seed in 0..6 {
        let d = 1 + seed as usize % 4;
        let (mu, sigma) = (numbers(seed, d, -2.0, 2.0), numbers(100 + seed, d, 0.2, 2.0));
        let w = numbers(200 + seed, d, -1.5, 1.5);
        let along: f64 = (0..d).map(|i| w[i] * mu[i]).sum();
        let by_mu = (0..d).map(|i| w[i] * (1.0 + 2.0 * along));
        let truth: Vec<f64> = by_mu.chain((0..d).map(|i| 2.0 * w[i] * w[i] * sigma[i])).collect();
        let weights = Tensor::from(w);
        let problem = Expectation::new(
            [("mu", Tensor::from(mu)), ("sigma", Tensor::from(sigma))],
            |[mu, sigma]| Independent::new(Normal::from_sigma(mu, sigma)),
            move |x: &Tensor<f64>| {
                let along = (x * &weights).sum_axes(-1, false);
                &along + along.square()
            },
        );
        let study = Study { repeats: 8000, samples: 2 + seed as usize % 3, seed };
        let noise = &mut study.pilot();
        let estimators: [&dyn Estimator<f64, _>; 11] = [
            &Pathwise,
            &Antithetic,
            &DeltaMethod::new("delta path", Pathwise, 0.6),
            &DeltaMethod::new("delta score", ScoreFunction, 0.6),
            &ScoreFunction,
            &ConstantBaseline::mean(&problem, 500, noise),
            &ConstantBaseline::optimal(&problem, 500, noise),
            &MovingAverage::default(),
            &LeaveOneOut,
            &MeasureValuedDifference::coupled(),
            &MeasureValuedDifference::independent(),
        ];
        check(&problem, &estimators, study, &truth);
    }
}

#[test]
fn coins_and_classes() {
    for seed in 0..6 {
        let d = 1 + seed as usize % 4;
        let (logits, w) = (numbers(seed, d, -2.0, 2.0), numbers(100 + seed, d, -1.5, 1.5));
        let study = Study { repeats: 8000, samples: 2 + seed as usize % 3, seed };
        let weights = Tensor::from(w);
        let cost = move |b: &Tensor<f64>| ((b * &weights).sum_axes(-1, false) - 0.4).powi(3).exp();
        let critic = |z: &Tensor<f64>| (z * 0.8).tanh().sum_axes(-1, false);
        let temperature = 0.3 + 0.2 * seed as f64;
        let noise = &mut study.pilot();
        let exact = |found: Vec<Tensor<f64>>| found[0].to_vec();

        let coins = Expectation::new(
            [("logits", Tensor::from(&logits[..]))],
            |[logits]| Independent::new(Bernoulli::new(logits)),
            cost.clone(),
        );
        let truth = exact(Enumeration.estimate(&coins, Draws::new(1, 1), noise));
        let estimators: [&dyn Estimator<f64, _>; 9] = [
            &ScoreFunction,
            &LeaveOneOut,
            &MovingAverage::default(),
            &ConstantBaseline::optimal(&coins, 500, noise),
            &MeasureValuedDifference::coupled(),
            &AugmentReinforceMerge,
            &Rebar::fit(&coins, temperature, Draws::new(500, 1), noise),
            &Rebar { temperature, scale: 1.5 },
            &Relax::new(critic),
        ];
        check(&coins, &estimators, study, &truth);

        if d == 1 {
            continue;
        }
        let class = Expectation::new(
            [("logits", Tensor::from(&logits[..]))],
            |[logits]| OneHotCategorical::new(logits),
            cost,
        );
        let truth = exact(Enumeration.estimate(&class, Draws::new(1, 1), noise));
        let estimators: [&dyn Estimator<f64, _>; 6] = [
            &ScoreFunction,
            &LeaveOneOut,
            &ConstantBaseline::mean(&class, 500, noise),
            &Rebar::fit(&class, temperature, Draws::new(500, 1), noise),
            &Rebar { temperature, scale: 1.5 },
            &Relax::new(critic),
        ];
        check(&class, &estimators, study, &truth);
    }
}

/// The formulas for one coin are those of its two outcomes, at any logit.
#[test]
fn the_coin_at_any_logit() {
    for seed in 0..5 {
        let [logit, t] = numbers(seed, 2, -2.0, 2.0)[..] else { panic!("two numbers") };
        let (coin, p) = (Coin { logit, t }, 1.0 / (1.0 + (-logit).exp()));
        let problem = coin.problem();
        let exact = Enumeration.estimate(&problem, Draws::new(1, 1), &mut Stream::new(0));
        near("gradient", coin.gradient(), 0.0, exact[0].data()[0]);
        let [one, zero] = [(1.0 - t).powi(2), t * t];
        for (name, baseline) in [
            ("score_function", 0.0),
            ("score_function_mean_baseline", p * one + (1.0 - p) * zero),
            ("score_function_optimal_baseline", (1.0 - p) * one + p * zero),
        ] {
            let squares = p * ((one - baseline) * (1.0 - p)).powi(2)
                + (1.0 - p) * ((zero - baseline) * p).powi(2);
            let variance = coin.variance(name).unwrap();
            near(name, variance, 0.0, squares - coin.gradient().powi(2));
            let estimator = ConstantBaseline::new(&problem, baseline);
            let study = Study { repeats: 20_000, samples: 1, seed };
            let m = study.run(&problem, &estimator, None, &|_| ()).parameters[0].elements[0];
            near(name, m.mean(), m.mean_error(), coin.gradient());
            near(name, m.variance(), m.variance_error(), variance);
        }
        assert_eq!(coin.variance("enumeration"), Some(0.0));
        assert_eq!(coin.variance("arm"), None);
    }
}

/// What is coupled has the variance of one variable, what is independent that of two. Of x² with rate λ: of
/// counts 4 λ, and Var (x + 1)² + Var x²; of waiting times 48 / λ⁶ and 104 / λ⁶.
#[test]
fn couplings_of_counts_and_waiting_times() {
    let rate = 1.6f64;
    let study = Study { repeats: 100_000, samples: 1, seed: 9 };
    let square = |x: &Tensor<f64>| x.square();
    let counts =
        Expectation::new([("rate", Tensor::scalar(rate))], |[rate]| Poisson::new(rate), square);
    let times =
        Expectation::new([("rate", Tensor::scalar(rate))], |[rate]| Exponential::new(rate), square);
    // E xⁿ of a Poisson variable, from factorial moments λⁿ.
    let (l, l2, l3, l4) = (rate, rate.powi(2), rate.powi(3), rate.powi(4));
    let [one, two, three, four] = [l, l2 + l, l3 + 3.0 * l2 + l, l4 + 6.0 * l3 + 7.0 * l2 + l];
    let of_square = four - two * two;
    let of_next =
        (four + 4.0 * three + 6.0 * two + 4.0 * one + 1.0) - (two + 2.0 * one + 1.0).powi(2);
    for (estimator, of_counts, of_times) in [
        (MeasureValuedDifference::coupled(), 4.0 * rate, 48.0 / rate.powi(6)),
        (MeasureValuedDifference::independent(), of_square + of_next, 104.0 / rate.powi(6)),
    ] {
        let moments = |found: elbo_estimators::study::Findings| found.parameters[0].elements[0];
        let m = moments(study.run(&counts, &estimator, None, &|_| ()));
        near("counts", m.variance(), m.variance_error(), of_counts);
        let m = moments(study.run(&times, &estimator, None, &|_| ()));
        near("waiting times", m.variance(), m.variance_error(), of_times);
    }
}

/// x and mu are drawn as is said: with offset o, x ~ N(0, 3), mu is the mean of 1024 points with variance 2
/// around a mean from N(0, 1), moved by o, and q's mean is A x + b.
#[test]
fn the_published_toy_is_set_up_as_said() {
    const D: usize = 64;
    let at = |offset, seed| LinearGaussian::published(D, offset, &mut Stream::new(seed));
    // At the optimum nothing is left to chance but the points.
    let exact = at(0.0, 1);
    assert_eq!(exact.variance, 2.0 / 3.0);
    for i in 0..D {
        near("mean", exact.mean[i], 0.0, 0.5 * (exact.x[i] + exact.mu[i]));
    }
    let offset = 0.1;
    let (mut x, mut mu, mut apart, mut moved, mut mean) = <[Vec<f64>; 5]>::default().into();
    for seed in 0..40 {
        let (exact, toy) = (at(0.0, seed), at(offset, seed));
        // The points are the same, whatever comes after them.
        assert_eq!(exact.x, toy.x);
        let norm = toy.x.iter().map(|x| x * x).sum::<f64>();
        for i in 0..D {
            x.push(toy.x[i]);
            mu.push(exact.mu[i]);
            apart.push(toy.x[i] - exact.mu[i]);
            moved.push((toy.mu[i] - exact.mu[i]) / offset);
            // A and b move by noise of their own: |x|² + 1 in all.
            mean.push((toy.mean[i] - exact.mean[i]) / offset / (norm + 1.0).sqrt());
        }
    }
    // Normal variables: the variance of a variance v is 2 v² / n.
    let n = x.len() as f64;
    for (what, values, variance) in [
        ("x", x, 3.0),
        ("mu", mu, 1.0 + 2.0 / 1024.0),
        ("x - mu", apart, 2.0 - 2.0 / 1024.0),
        ("moved mu", moved, 1.0),
        ("moved mean", mean, 1.0),
    ] {
        let m = Moments::of(&values);
        near(what, m.mean(), (variance / n).sqrt(), 0.0);
        near(what, m.variance(), variance * (2.0 / n).sqrt(), variance);
    }
}
