//! Draws have the distribution that they should: every sampler against its own distribution function
//! (Kolmogorov & Smirnov) or probabilities (Pearson's chi-square), with fixed seeds.

use elbo_layers::dist::*;
use elbo_tensor::{Stream, Tensor};

const N: usize = 50_000;

/// Draws with the same parameters.
fn draws<D: Distribution<f64>>(d: &D, seed: u64) -> Tensor<f64> {
    d.expand([N]).sample(&mut Stream::new(seed)).constant()
}

/// √n times the largest distance between the empirical distribution and the true one: above 2.2 with
/// probability 1.3e-4.
fn kolmogorov_smirnov<D: Cdf<f64>>(d: &D, seed: u64) -> f64 {
    let x = draws(d, seed);
    let mut u = d.expand([N]).cdf(&x).to_vec();
    u.sort_by(f64::total_cmp);
    let gap = |(i, u): (usize, &f64)| (u - i as f64 / N as f64).max((i + 1) as f64 / N as f64 - u);
    u.iter().enumerate().map(gap).fold(0.0, f64::max) * (N as f64).sqrt()
}

fn number(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

macro_rules! assert_continuous {
    ($($d:expr),* $(,)?) => {
        $(
            let statistic = kolmogorov_smirnov(&$d, 5);
            assert!(statistic < 2.2, "{}: {statistic}", stringify!($d));
        )*
    };
}

#[test]
fn continuous_draws_have_their_distribution_function() {
    let two = |a, b| (number(a), number(b));
    assert_continuous!(
        Normal::new(&number(0.5), &number(1.3)),
        LogNormal::new(&number(0.5), &number(-0.3)),
        Laplace::new(&number(0.5), &number(1.3)),
        Logistic::new(&number(0.5), &number(1.3)),
        Gumbel::new(&number(0.5), &number(1.3)),
        Uniform::new(&number(0.5), &number(1.3)),
        Exponential::new(&number(0.5)),
        RelaxedBernoulli::new(&number(0.5), &number(-0.8)),
    );
    for (a, b) in [(0.02, 1.0), (0.3, 2.0), (1.0, 1.0), (2.5, 0.5), (800.0, 3.0)] {
        let (a, b) = two(a, b);
        assert_continuous!(Gamma::new(&a, &b), Beta::new(&a, &b), StudentT::new(&a, &b, &b));
    }
    for kappa in [1e-7, 0.1, 2.0, 40.0, 1e5] {
        assert_continuous!(VonMises::new(&number(0.0), &number(kappa)));
    }
    let components = Gamma::new(&Tensor::from([0.7, 5.0, 40.0]), &Tensor::from([1.0, 2.0, 3.0]));
    assert_continuous!(
        Mixture::new(&Tensor::from([0.0, 1.0, -0.5]), &components),
        Transformed::new(
            Transformed::new(Logistic::new(&number(0.1), &number(0.4)), Tanh),
            Affine::new(&number(-2.0), &number(3.0))
        ),
    );
}

/// Pearson's statistic of counts from 0 to `last`, those above in one class, minus its mean, in units
/// of its standard deviation. Classes of fewer than 10 expected draws join their neighbours.
fn chi_square<D: Distribution<f64>>(d: &D, last: usize, seed: u64) -> f64 {
    let mut observed = vec![0.0; last + 2];
    for x in draws(d, seed).data() {
        assert!(x.fract() == 0.0 && *x >= 0.0, "{x}");
        observed[(*x as usize).min(last + 1)] += 1.0;
    }
    let counts: Vec<f64> = (0..=last).map(|x| x as f64).collect();
    let counts = Tensor::from(counts);
    let probs = d.expand([last + 1]).log_prob(&counts).exp().to_vec();
    let rest = (1.0 - probs.iter().sum::<f64>()).max(0.0);
    let (mut statistic, mut classes) = (0.0, -1.0);
    let (mut seen, mut expected) = (0.0, 0.0);
    for (i, (o, p)) in observed.iter().zip(probs.iter().chain([&rest])).enumerate() {
        seen += o;
        expected += p * N as f64;
        if expected >= 10.0 || i == last + 1 {
            statistic += (seen - expected) * (seen - expected) / f64::max(expected, 1.0);
            classes += 1.0;
            (seen, expected) = (0.0, 0.0);
        }
    }
    (statistic - classes) / (2.0 * classes).sqrt()
}

#[test]
fn discrete_draws_have_their_probabilities() {
    macro_rules! assert_discrete {
        ($($d:expr, $last:expr);* $(;)?) => {
            $(
                let statistic = chi_square(&$d, $last, 6);
                assert!(statistic.abs() < 5.0, "{}: {statistic}", stringify!($d));
            )*
        };
    }
    for p in [0.02, 0.3, 0.9] {
        assert_discrete!(
            Bernoulli::from_probs(&number(p)), 1;
            Geometric::from_probs(&number(p)), 400;
            Binomial::from_probs(&number(7.0), &number(p)), 7;
            Binomial::from_probs(&number(300.0), &number(p)), 300;
            Binomial::from_probs(&number(20_000.0), &number(p)), 20_000;
        );
    }
    for rate in [0.1, 3.0, 9.9, 10.1, 60.0, 3000.0] {
        assert_discrete!(Poisson::new(&number(rate)), 4000);
    }
    let logits = Tensor::from([0.3, -1.0, f64::NEG_INFINITY, 0.5, 2.0]);
    assert_discrete!(Categorical::new(&logits), 4);
    let sure = Binomial::from_probs(&Tensor::from([3.0, 3.0]), &Tensor::from([0.0, 1.0]));
    let x = sure.sample(&mut Stream::new(1)).constant();
    assert_eq!((x.to_vec(), sure.log_prob(&x).to_vec()), (vec![0.0, 3.0], vec![0.0; 2]));
}

/// The means over draws, each with its standard error.
fn assert_means(x: &Tensor<f64>, truth: &Tensor<f64>, what: &str) {
    let mean = x.mean_axes(0, false);
    let error = ((x - &mean).square().mean_axes(0, false) / N as f64).sqrt();
    for ((mean, truth), error) in mean.data().iter().zip(truth.data()).zip(error.data()) {
        assert!((mean - truth).abs() < 5.0 * error, "{what}: {mean} {truth} ± {error}");
    }
}

#[test]
fn draws_of_vectors_have_their_moments() {
    let covariance = Tensor::from([[2.0, 0.5], [0.5, 1.0]]);
    let normal = MultivariateNormal::from_covariance(&Tensor::from([1.0, -2.0]), &covariance);
    let x = draws(&normal, 7);
    assert_means(&x, &normal.mean(), "mean");
    let away = &x - normal.mean();
    let product = away.slice(-1, 0..1) * away.slice(-1, 1..2);
    assert_means(&product, &Tensor::from([0.5]), "covariance");
    assert_means(&away.square(), &normal.variance(), "variance");

    let dirichlet = Dirichlet::new(&Tensor::from([0.2, 1.0, 3.5]));
    let x = draws(&dirichlet, 8);
    assert_means(&x, &dirichlet.mean(), "mean");
    assert_means(&(&x - dirichlet.mean()).square(), &dirichlet.variance(), "variance");

    // The largest part of a relaxed draw is a categorical one, at any temperature.
    let logits = Tensor::from([0.3, -1.0, 0.5]);
    let hot = OneHotCategorical::new(&logits);
    assert_means(&draws(&hot, 9), &hot.mean(), "one-hot");
    for temperature in [0.1, 2.0] {
        let y = draws(&RelaxedCategorical::new(&number(temperature), &logits), 10);
        let largest = y.max_axes(-1, true).equal(&y);
        assert_means(&largest, &hot.mean(), "relaxed");
    }
    let base = Independent::new(Normal::new(&Tensor::from([0.3, -1.0]), &Tensor::zeros([2])));
    let y = draws(&Transformed::new(base.clone(), SoftmaxCentered), 11);
    let logs = y.ln();
    assert_means(&(logs.slice(-1, 0..2) - logs.slice(-1, 2..3)), &base.mean(), "logistic-normal");
}

#[test]
fn single_precision_stays_inside_of_the_support() {
    let small = Tensor::<f32>::full([20_000], 0.01);
    let noise = &mut Stream::new(12);
    let gamma = Gamma::new(&small, &Tensor::scalar(1.0));
    let beta = Beta::new(&small, &small);
    let dirichlet = Dirichlet::new(&Tensor::full([2000, 10], 0.01));
    let relaxed = RelaxedBernoulli::new(&small, &Tensor::scalar(0.0));
    let von_mises = VonMises::new(&Tensor::scalar(3.1), &(&small * 100.0));
    let log_probs = [
        gamma.log_prob(&gamma.sample(noise).constant()),
        beta.log_prob(&beta.sample(noise).constant()),
        dirichlet.log_prob(&dirichlet.sample(noise).constant()),
        relaxed.log_prob(&relaxed.sample(noise).constant()),
        von_mises.log_prob(&von_mises.sample(noise).constant()),
    ];
    for log_prob in log_probs {
        assert!(log_prob.data().iter().all(|l| l.is_finite()));
    }
    let angles = von_mises.sample(noise).constant();
    assert!(angles.data().iter().all(|x| x.abs() <= std::f32::consts::PI));
}
