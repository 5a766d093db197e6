//! Gradients through draws: against finite differences where the path is a formula, against the moving
//! quantile where it is implicit, and against closed forms of the gradients of moments.

use elbo_layers::dist::*;
use elbo_tensor::{Stream, Tensor, check, grad, special};

fn number(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

#[test]
fn explicit_paths_are_right_by_differences() {
    // Parameters that may be anything real, made positive where they must be.
    let inputs = [Stream::new(1).normal([3, 2]), Stream::new(2).normal([3, 2])];
    macro_rules! assert_path {
        ($($d:expr),* $(,)?) => {
            $(
                let draw = |x: &[Tensor<f64>]| {
                    let make: fn(&Tensor<f64>, &Tensor<f64>) -> _ = $d;
                    make(&x[0], &x[1]).rsample(&mut Stream::new(3))
                };
                if let Err(error) = check::derivatives(draw, &inputs, 4) {
                    panic!("{}: {error}", stringify!($d));
                }
            )*
        };
    }
    assert_path!(
        |a, b| Normal::new(a, b),
        |a, b| Normal::from_sigma(a, &b.softplus()),
        |a, b| LogNormal::new(a, b),
        |a, b| Laplace::new(a, &b.softplus()),
        |a, b| Logistic::new(a, &b.softplus()),
        |a, b| Gumbel::new(a, &b.softplus()),
        |a, b| Uniform::new(a, &(a + b.softplus())),
        |a, _| Exponential::new(&a.softplus()),
        |a, b| RelaxedBernoulli::new(&(b.softplus() + 0.5), a),
        |a, b| RelaxedCategorical::new(&(b.mean_axes(-1, false).softplus() + 0.5), a),
        |a, b| Independent::new(Normal::new(a, b)),
        |a, b| Transformed::new(Normal::new(a, b), Affine::new(b, &a.softplus())),
        |a, b| Transformed::new(Normal::new(a, b), Tanh),
        |a, b| Transformed::new(Independent::new(Normal::new(a, b)), SoftmaxCentered),
        |a, b| MultivariateNormal::from_covariance(
            a,
            &(b.reshape([3, 2, 1]) * b.reshape([3, 1, 2]) + Tensor::eye(2))
        ),
    );
}

#[test]
fn densities_are_differentiable_twice() {
    let inputs =
        [Stream::new(5).normal([4]), Stream::new(6).normal([4]), Stream::new(7).normal([4])];
    macro_rules! assert_density {
        ($($x:expr, $d:expr);* $(;)?) => {
            $(
                let log_prob = |x: &[Tensor<f64>]| {
                    let make: fn(&Tensor<f64>, &Tensor<f64>) -> _ = $d;
                    let at: fn(&Tensor<f64>) -> Tensor<f64> = $x;
                    make(&x[0].softplus(), &x[1].softplus()).log_prob(&at(&x[2]))
                };
                if let Err(error) = check::derivatives(log_prob, &inputs, 8) {
                    panic!("{}: {error}", stringify!($d));
                }
            )*
        };
    }
    assert_density!(
        |x| x.clone(), |a, b| Normal::new(a, b);
        |x| x.clone(), |a, b| Laplace::new(&(a + 5.0), b);
        |x| x.clone(), |a, b| Logistic::new(a, b);
        |x| x.clone(), |a, b| Gumbel::new(a, b);
        |x| x.clone(), |a, b| StudentT::new(a, a, b);
        |x| x.clone(), |a, b| VonMises::new(a, b);
        |x| x.exp(), |a, b| LogNormal::new(a, b);
        |x| x.exp(), |a, _| Exponential::new(a);
        |x| x.exp(), |a, b| Gamma::new(a, b);
        |x| x.sigmoid(), |a, b| Beta::new(a, b);
        |x| x.sigmoid(), |a, b| RelaxedBernoulli::new(a, b);
        |x| x.softmax(-1), |a, _| Dirichlet::new(a);
        |x| x.softmax(-1), |a, b| RelaxedCategorical::new(&a.mean(), b);
        |_| Tensor::from([0.0, 1.0, 2.0, 5.0]), |a, _| Poisson::new(a);
        |_| Tensor::from([0.0, 1.0, 2.0, 5.0]), |a, _| Geometric::new(a);
        |_| Tensor::from([0.0, 1.0, 2.0, 5.0]), |a, _| Binomial::new(&number(5.0), a);
        |_| Tensor::from([0.0, 1.0, 1.0, 0.0]), |a, _| Bernoulli::new(a);
        |_| number(2.0), |a, _| Categorical::new(a);
        |x| x.slice(-1, 0..1), |a, b| Mixture::new(a, &Normal::new(a, b));
    );
}

/// Checks the path of implicit draws: at a fixed value u of the distribution function, the draw must
/// move with a parameter as the quantile does, and the speed must change as the speed of the quantile.
fn assert_quantile_path<D: Reparameterized<f64> + Cdf<f64>>(
    what: &str,
    make: impl Fn(&Tensor<f64>) -> D,
    theta: f64,
) {
    let leaf = Tensor::full([20], theta).requires_grad();
    let z = make(&leaf).rsample(&mut Stream::new(9));
    let [speed] = grad(&z.sum(), [&leaf]);
    let [acceleration] = grad(&speed.sum(), [&leaf]);
    let u = make(&leaf.detach()).cdf(&z.detach());
    let quantile = |theta: f64| {
        let d = make(&Tensor::full([20], theta));
        let mut x = z.detach();
        for _ in 0..30 {
            x = &x - (d.cdf(&x) - &u) / d.log_prob(&x).exp();
        }
        x
    };
    let h = 1e-3 * theta;
    let [low2, low, high, high2] = [-2.0, -1.0, 1.0, 2.0].map(|steps| quantile(theta + steps * h));
    let by_differences = ((&high - &low) * 8.0 - (&high2 - &low2)) / (12.0 * h);
    let second = ((&high + &low) * 16.0 - (&high2 + &low2) - &z.detach() * 30.0) / (12.0 * h * h);
    for (what, exact, numeric, tolerance) in
        [("path", speed, by_differences, 1e-7), ("second path", acceleration, second, 1e-4)]
            .map(|(order, a, b, t)| (format!("{what}, {order}"), a, b, t))
    {
        for (i, (a, b)) in exact.data().iter().zip(numeric.data()).enumerate() {
            let scale = a.abs().max(b.abs()).max(1e-3);
            let (z, u) = (z.data()[i], u.data()[i]);
            assert!((a - b).abs() < tolerance * scale, "{what} at {z} ({u}): {a} {b}");
        }
    }
}

#[test]
fn implicit_paths_are_those_of_the_quantile() {
    for a in [0.4, 1.0, 3.0, 40.0] {
        assert_quantile_path("Gamma", |a| Gamma::new(a, &number(2.0)), a);
    }
    for kappa in [0.5, 3.0, 30.0] {
        assert_quantile_path("VonMises", |k| VonMises::new(&number(0.0), k), kappa);
    }
    let mixture = |logit: &Tensor<f64>| {
        let rows = logit.reshape([20, 1]);
        let logits = Tensor::concat(&[rows.clone(), Tensor::zeros([20, 1])], -1);
        Mixture::new(&logits, &Normal::new(&Tensor::from([-1.0, 1.5]), &number(0.3)))
    };
    assert_quantile_path("Mixture by its weights", mixture, 0.4);
    let mixture = |mean: &Tensor<f64>| {
        let rows = mean.reshape([20, 1]);
        let means = Tensor::concat(&[rows.clone(), Tensor::zeros([20, 1])], -1);
        Mixture::new(&Tensor::from([0.3, -0.2]), &Gamma::new(&means.exp(), &number(1.5)))
    };
    assert_quantile_path("Mixture by a component", mixture, 0.7);
}

/// The gradient of a mean over draws, against the truth: within 5 standard errors.
fn assert_gradient(
    what: &str,
    theta: f64,
    f: impl Fn(&Tensor<f64>, &mut Stream) -> Tensor<f64>,
    truth: f64,
) {
    const N: usize = 100_000;
    let leaf = Tensor::full([N], theta).requires_grad();
    let gradients = f(&leaf, &mut Stream::new(11)).sum().into_gradients();
    let each = &gradients[&leaf];
    let mean = each.mean().item();
    let error = ((each - mean).square().mean().item() / N as f64).sqrt();
    assert!((mean - truth).abs() < 5.0 * error, "{what}: {mean} ± {error} for {truth}");
    // A check that anything would pass is none.
    assert!(error < 0.05 * truth.abs().max(0.1), "{what}: {mean} ± {error} for {truth}");
}

#[test]
fn gradients_of_moments_are_those_of_the_closed_forms() {
    // Figurnov, Mohamed & Mnih 2018, and derivatives of the means of the families.
    for a in [0.3f64, 1.0, 4.5] {
        let gamma =
            |a: &Tensor<f64>, noise: &mut Stream| Gamma::new(a, &number(1.0)).rsample(noise);
        assert_gradient("E z", a, gamma, 1.0);
        assert_gradient("E z²", a, |a, noise| gamma(a, noise).square(), 2.0 * a + 1.0);
        assert_gradient("E ln z", a, |a, n| gamma(a, n).ln(), special::polygamma(1, a));
        let b = 1.7;
        let beta = |a: &Tensor<f64>, n: &mut Stream| Beta::new(a, &number(b)).rsample(n);
        assert_gradient("E of Beta by a", a, beta, b / (a + b).powi(2));
        let beta = |b: &Tensor<f64>, n: &mut Stream| Beta::new(&number(1.7), b).rsample(n);
        assert_gradient("E of Beta by b", a, beta, -1.7 / (a + 1.7).powi(2));
    }
    // d/da of a / (a + 1 + 2), that of the other parts of a Dirichlet variable fixed.
    let dirichlet = |a: &Tensor<f64>, noise: &mut Stream| {
        let column = a.reshape([a.count(), 1]);
        let rest = Tensor::from([[1.0, 2.0]]).broadcast_to([a.count(), 2]);
        let y = Dirichlet::new(&Tensor::concat(&[column, rest], -1)).rsample(noise);
        y.slice(-1, 0..1)
    };
    assert_gradient("E of Dirichlet", 0.8, dirichlet, 3.0 / 3.8f64.powi(2));
    // d/dν of ν / (ν - 2).
    let t = |df: &Tensor<f64>, n: &mut Stream| {
        StudentT::new(df, &number(0.0), &number(1.0)).rsample(n).square()
    };
    assert_gradient("Var of Student", 12.0, t, -2.0 / 100.0);
    for kappa in [0.7, 6.0] {
        let cos = |k: &Tensor<f64>, n: &mut Stream| VonMises::new(&number(0.0), k).rsample(n).cos();
        assert_gradient("E cos of von Mises", kappa, cos, special::log_i0(2, kappa));
    }
    let location =
        |loc: &Tensor<f64>, n: &mut Stream| VonMises::new(loc, &number(2.0)).rsample(n).sin();
    let truth = special::log_i0(1, 2.0) * 0.4f64.cos();
    assert_gradient("E sin of von Mises", 0.4, location, truth);
    // E z² of a mixture by a logit: w (1 - w) (m₁² + v - m₂² - v), with w = sigmoid(l).
    let mixture = |l: &Tensor<f64>, noise: &mut Stream| {
        let column = l.reshape([l.count(), 1]);
        let logits = Tensor::concat(&[column, Tensor::zeros([l.count(), 1])], -1);
        let components = Normal::from_sigma(&Tensor::from([2.0, -0.5]), &number(0.8));
        Mixture::new(&logits, &components).rsample(noise).square()
    };
    let w = 1.0 / (1.0 + (-0.3f64).exp());
    assert_gradient("E z² of a mixture", 0.3, mixture, w * (1.0 - w) * (4.0 - 0.25));
}

#[test]
fn scores_are_the_derivatives_by_hand() {
    let (mu, logvar, x) =
        (Tensor::from([0.5, -1.0]), Tensor::from([0.2, 0.7]), Tensor::from([1.0, 2.0]));
    let z = (&x - &mu) * (&logvar * -0.5).exp();
    let by_hand = [&z * (&logvar * -0.5).exp(), (z.square() - 1.0) * 0.5];
    let score = Normal::new(&mu, &logvar).score(&x);
    assert_eq!(score.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["mu", "logvar"]);
    for ((_, score), truth) in score.iter().zip(by_hand) {
        assert!(
            score.data().iter().zip(truth.data()).all(|(a, b): (&f64, &f64)| (a - b).abs() < 1e-14)
        );
    }
    let logits = Tensor::from([[0.3, -1.0, 0.5]]);
    let (_, score) = &Categorical::new(&logits).score(&Tensor::from([2.0]))[0];
    let truth = Tensor::from([0.0, 0.0, 1.0]) - logits.softmax(-1);
    assert!(
        score.data().iter().zip(truth.data()).all(|(a, b): (&f64, &f64)| (a - b).abs() < 1e-15)
    );
    // A parameter on which nothing depends, and a constant one.
    let (_, score) = &Uniform::new(&number(0.0), &number(2.0)).score(&number(1.0))[1];
    assert_eq!(score.item(), -0.5);
    let [(_, count), (_, logits)] =
        &Binomial::new(&number(5.0), &number(0.0)).score(&number(3.0))[..]
    else {
        panic!()
    };
    assert_eq!((count.item(), logits.item()), (0.0, 0.5));
}

#[test]
fn samples_are_constant_and_paths_are_not() {
    let a = Tensor::from([1.5]).requires_grad();
    let noise = &mut Stream::new(1);
    macro_rules! assert_both {
        ($($d:expr),*) => {
            $(
                let d = $d;
                assert!(!d.sample(noise).constant().is_tracked(), "{}", stringify!($d));
                assert!(d.rsample(noise).is_tracked(), "{}", stringify!($d));
            )*
        };
    }
    assert_both!(
        Normal::new(&a, &a),
        Gamma::new(&a, &a),
        Beta::new(&a, &a),
        Dirichlet::new(&a),
        StudentT::new(&a, &a, &a),
        VonMises::new(&a, &a),
        RelaxedCategorical::new(&number(1.0), &a),
        Independent::new(Laplace::new(&a, &a)),
        Mixture::new(&a, &Normal::new(&a, &a)),
        Transformed::new(Gumbel::new(&a, &a), Exp)
    );
}
