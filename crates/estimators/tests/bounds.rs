//! Bounds on ln p(x) of a model whose posterior is known.

use elbo_estimators::bound::{
    Bound, BoundEstimator, DoublyReparameterized, Jackknife, ReweightedWakeSleep,
    ReweightedWakeSleepReparameterized, StickingTheLanding, TotalDerivative, Vimco,
};
use elbo_estimators::known::LinearGaussian;
use elbo_estimators::study::{Findings, Moments, Study};
use elbo_estimators::{Draws, Estimator, Expectation, Pathwise};
use elbo_layers::dist::{Distribution, Independent};
use elbo_layers::{Bernoulli, Normal};
use elbo_tensor::{Stream, Tensor};

type Vector = Independent<Normal<f64>>;
type Rule = dyn BoundEstimator<f64, Vector>;

fn toy() -> LinearGaussian {
    LinearGaussian {
        x: vec![1.5, -0.7],
        mu: vec![0.3, 0.4],
        mean: vec![0.8, -0.3],
        variance: 2.0 / 3.0,
    }
}

/// At the optimum: mean = (x + mu) / 2.
fn at_the_optimum(d: usize, variance: f64) -> LinearGaussian {
    let x: Vec<f64> = (0..d).map(|i| 0.3 * i as f64 - 1.0).collect();
    let mu = vec![0.25; d];
    let mean = x.iter().zip(&mu).map(|(x, mu)| 0.5 * (x + mu)).collect();
    LinearGaussian { x, mu, mean, variance }
}

fn run(bound: &Bound<f64, Vector>, rule: &Rule, repeats: usize, seed: u64) -> Findings {
    Study { repeats, samples: 1, seed }.run_bound(bound, rule, None, &|_| ())
}

#[track_caller]
fn near(what: &str, value: f64, error: f64, truth: f64) {
    assert!((value - truth).abs() <= 5.0 * error + 1e-12, "{what}: {value} ± {error}, not {truth}");
}

#[track_caller]
fn same_mean(what: &str, a: &[Moments], b: &[Moments]) {
    for (a, b) in a.iter().zip(b) {
        near(what, a.mean() - b.mean(), a.mean_error().hypot(b.mean_error()), 0.0);
    }
}

/// 8/3 with Monte-Carlo KL, 1/6 along the path alone; expectations x + mu - 2 mean and mean - mu.
#[test]
fn the_gradient_of_the_elbo_has_the_mean_and_variance_of_its_formulas() {
    let toy = toy();
    let [by_mu, by_mean] = toy.elbo_gradient();
    let rules: [(&Rule, f64); 3] = [
        (&TotalDerivative, 8.0 / 3.0),
        (&StickingTheLanding, 1.0 / 6.0),
        (&DoublyReparameterized, 1.0 / 6.0),
    ];
    for (seed, (rule, variance)) in rules.into_iter().enumerate() {
        let found = run(&toy.bound(1), rule, 200_000, seed as u64);
        assert!((toy.elbo_variance(found.estimator).unwrap() - variance).abs() < 1e-12);
        for i in 0..2 {
            let (mu, mean) = (found.parameters[0].elements[i], found.parameters[1].elements[i]);
            near("mu", mu.mean(), mu.mean_error(), by_mu[i]);
            near("mu, variance", mu.variance(), mu.variance_error(), 2.0 / 3.0);
            near("mean", mean.mean(), mean.mean_error(), by_mean[i]);
            near("mean, variance", mean.variance(), mean.variance_error(), variance);
        }
    }
}

/// A mean that is off by 0.01: 0.01225 for the total derivative, 0.04899 along the path alone, and between them
/// 0.02449 where the divergence is in closed form, whose variance is 2/3.
#[test]
fn signal_to_noise_of_a_mean_that_is_off_by_a_hundredth() {
    let toy = LinearGaussian { x: vec![1.4], mu: vec![0.6], mean: vec![1.01], variance: 2.0 / 3.0 };
    for (rule, ratio) in
        [(&TotalDerivative as &Rule, 0.012_247_449), (&StickingTheLanding, 0.048_989_795)]
    {
        assert!((toy.elbo_snr("mean", rule.name(), 1).unwrap() - ratio).abs() < 1e-8);
        let found = run(&toy.bound(1), rule, 400_000, 30);
        let (snr, error) = found.parameters[1].snr();
        near("ratio", snr, error, ratio);
    }
    assert!((0.02 / (2.0f64 / 3.0).sqrt() - 0.024_494_897).abs() < 1e-8);
    // Of four estimates it is twice as large, and by mu it is that of z - mu.
    assert!((toy.elbo_snr("mean", "total_derivative", 4).unwrap() - 0.024_494_897).abs() < 1e-8);
    let by_mu = toy.elbo_snr("mu", "vimco", 1).unwrap();
    assert!((by_mu - 0.41 / (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
}

/// With the divergence in closed form what is left to chance is ln p(x|z): variance 2/3, and the same mean.
#[test]
fn the_analytic_divergence_has_the_same_mean() {
    let toy = toy();
    let x = Tensor::from(&toy.x[..]);
    let logvar = Tensor::scalar(toy.variance.ln());
    let likelihood = Expectation::new(
        [("mean", Tensor::from(&toy.mean[..]))],
        move |[mean]| Independent::new(Normal::new(mean, &logvar)),
        move |z| Independent::new(Normal::new(z, &Tensor::scalar(0.0))).log_prob(&x),
    );
    let study = Study { repeats: 200_000, samples: 1, seed: 4 };
    let found = study.run(&likelihood, &Pathwise, None, &|_| ());
    assert_eq!(Pathwise.evaluations(&likelihood, 1), 1);
    for (i, moments) in found.parameters[0].elements.iter().enumerate() {
        let divergence = toy.mean[i] - toy.mu[i];
        near("mean", moments.mean() - divergence, moments.mean_error(), toy.elbo_gradient()[1][i]);
        near("variance", moments.variance(), moments.variance_error(), 2.0 / 3.0);
    }
}

#[test]
fn at_the_posterior_the_landing_sticks() {
    let exact = at_the_optimum(3, 0.5);
    for k in [1, 5] {
        let found = run(&exact.bound(k), &StickingTheLanding, 1000, 1);
        let exact = |m: &Moments| m.mean().abs() < 1e-12 && m.variance() < 1e-24;
        assert!(found.parameters[1].elements.iter().all(exact), "K = {k}");
    }
    // What the total derivative has besides is the score: variance 1/s².
    let found = run(&exact.bound(1), &TotalDerivative, 200_000, 2);
    for m in &found.parameters[1].elements {
        near("the score", m.variance(), m.variance_error(), 2.0);
    }
}

/// By a width s of q the score has variance 2/s², by ln s it has 2.
#[test]
fn the_score_of_the_width() {
    let problem = |s: f64, by_log: bool| {
        let width = if by_log { s.ln() } else { s };
        Bound::new(
            [],
            [("width", Tensor::scalar(width))],
            1,
            move |[width]| match by_log {
                true => Normal::from_sigma(&Tensor::scalar(0.0), &width.exp()),
                false => Normal::from_sigma(&Tensor::scalar(0.0), width),
            },
            // p is q: the bound is tight.
            move |[], z| Normal::from_sigma(&Tensor::scalar(0.0), &Tensor::scalar(s)).log_prob(z),
        )
    };
    for (by_log, truth) in [(false, 2.0 / 0.49), (true, 2.0)] {
        let study = Study { repeats: 200_000, samples: 1, seed: 5 };
        let found = study.run_bound(&problem(0.7, by_log), &TotalDerivative, None, &|_| ());
        let m = found.parameters[0].elements[0];
        near("mean", m.mean(), m.mean_error(), 0.0);
        near("variance", m.variance(), m.variance_error(), truth);
        let found = study.run_bound(&problem(0.7, by_log), &StickingTheLanding, None, &|_| ());
        assert!(found.parameters[0].variance() < 1e-24);
    }
}

#[test]
fn all_unbiased_rules_agree_for_several_samples() {
    let bound = toy().bound(4);
    let total = run(&bound, &TotalDerivative, 200_000, 6);
    let unbiased: [&Rule; 2] = [&DoublyReparameterized, &Vimco];
    for (seed, rule) in unbiased.into_iter().enumerate() {
        let found = run(&bound, rule, 200_000, 7 + seed as u64);
        for (a, b) in found.parameters.iter().zip(&total.parameters) {
            same_mean(rule.name(), &a.elements, &b.elements);
        }
    }
    let reweighted = run(&bound, &ReweightedWakeSleep, 200_000, 10);
    let path = run(&bound, &ReweightedWakeSleepReparameterized, 200_000, 11);
    same_mean("reweighted", &reweighted.parameters[1].elements, &path.parameters[1].elements);
    assert!(path.parameters[1].variance() < reweighted.parameters[1].variance());
    // Sticking the landing is biased here: the test can tell.
    let stuck = run(&bound, &StickingTheLanding, 200_000, 12);
    let (a, b) = (stuck.parameters[1].elements[0], total.parameters[1].elements[0]);
    let gap = (a.mean() - b.mean()).abs() / a.mean_error().hypot(b.mean_error());
    assert!(gap > 8.0, "{gap}");
}

/// The gradient of a mean of bounds is the mean of their gradients: K L_K - (K-1) mean L₋ᵢ has the expected
/// gradient K ∂L_K - (K-1) ∂L_{K-1}.
#[test]
fn the_jackknife_is_made_of_two_bounds() {
    let toy = toy();
    let at = |k, rule: &Rule, seed| {
        run(&toy.bound(k), rule, 200_000, seed).parameters[1].elements.clone()
    };
    let jackknife = at(3, &Jackknife, 13);
    let (three, two) = (at(3, &DoublyReparameterized, 14), at(2, &DoublyReparameterized, 15));
    for i in 0..2 {
        let expected = 3.0 * three[i].mean() - 2.0 * two[i].mean();
        let error =
            jackknife[i].mean_error() + 3.0 * three[i].mean_error() + 2.0 * two[i].mean_error();
        near("jackknife", jackknife[i].mean(), error, expected);
    }
}

/// Gap 0.4565126 nats at 20 dimensions, Var w/p(x) = 0.9067214, bounds that rise with K to ln p(x).
#[test]
fn bounds_rise_to_the_likelihood() {
    let toy = at_the_optimum(20, 2.0 / 3.0);
    let truth = toy.log_likelihood();
    let of = |x: &Tensor<f64>| Moments::of(x.data());
    // In blocks, so that the draws of many samples stay small.
    let moments = |k: usize, seed| {
        let noise = &mut Stream::new(seed);
        let block = |_| of(&toy.bound(k).values(6400 / k, noise));
        (0..30).map(block).reduce(Moments::merge).unwrap()
    };
    let elbo = moments(1, 20);
    near("gap", truth - elbo.mean(), elbo.mean_error(), 0.456_512_6);
    let ratios = toy.bound(1).log_weights(100_000, &mut Stream::new(21)) - truth;
    let ratios = of(&ratios.exp());
    near("mean weight", ratios.mean(), ratios.mean_error(), 1.0);
    near("variance of a weight", ratios.variance(), ratios.variance_error(), 0.906_721_4);
    let bounds = [1, 2, 4, 16].map(|k| moments(k, 22 + k as u64).mean());
    assert!(bounds.is_sorted() && bounds[3] < truth, "{bounds:?} {truth}");
    // The gap of many samples tends to half the variance, over K.
    let many = moments(64, 90);
    near("gap at K = 64", 64.0 * (truth - many.mean()), 64.0 * many.mean_error() + 0.005, 0.4534);
}

/// A coin in place of the normal variable: the rules without a path take it.
#[test]
fn discrete_latents_need_no_path() {
    let coin = Bound::new(
        [],
        [("logits", Tensor::scalar(0.4))],
        3,
        |[logits]| Bernoulli::new(logits),
        |[], z: &Tensor<f64>| z * 0.7 - 1.0,
    );
    // By enumeration: E L over the 8 outcomes, differentiated by hand-made differences.
    let value = |logits: f64| {
        let p = 1.0 / (1.0 + (-logits).exp());
        let mut sum = 0.0;
        for outcome in 0..8u32 {
            let ones = outcome.count_ones() as i32;
            let chance = p.powi(ones) * (1.0 - p).powi(3 - ones);
            let (one, zero) = ((-0.3f64).exp() / p, (-1.0f64).exp() / (1.0 - p));
            sum += chance * ((f64::from(ones) * one + f64::from(3 - ones) * zero) / 3.0).ln();
        }
        sum
    };
    let truth = (value(0.4 + 1e-5) - value(0.4 - 1e-5)) / 2e-5;
    let study = Study { repeats: 400_000, samples: 1, seed: 30 };
    let m = study.run_bound(&coin, &Vimco, None, &|_| ()).parameters[0].elements[0];
    near("vimco", m.mean(), m.mean_error() + 1e-9, truth);
}

#[test]
#[should_panic(expected = "vimco: K is 1; it must be at least 2")]
fn one_sample_cannot_be_left_out() {
    Vimco.estimate(&toy().bound(1), Draws::new(1, 1), &mut Stream::new(1));
}

#[test]
#[should_panic(expected = "Bound: K is 0; it must be at least 1")]
fn no_samples_are_refused() {
    toy().bound(0);
}
