//! Distributions by integration: the mass of a density, its distribution function, its entropy and
//! moments, and divergences that no other library has.

use elbo_layers::dist::*;
use elbo_tensor::Tensor;
use elbo_tensor::special::integrate;

fn number(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

/// E f(x, ln p(x)) over an interval outside of which next to nothing lies, in pieces between `cuts`.
fn expectation<D: Distribution<f64>>(d: &D, cuts: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let piece = |ends: &[f64]| {
        integrate(ends[0], ends[1], |x, _| {
            let log_prob = d.log_prob(&number(x)).item();
            // Rounding may lead x to an end, where a density may be infinite.
            if log_prob.is_finite() { log_prob.exp() * f(x, log_prob) } else { 0.0 }
        })
    };
    cuts.windows(2).map(piece).sum()
}

fn assert_close(what: &str, got: f64, truth: f64) {
    assert!((got - truth).abs() < 1e-9 * truth.abs().max(1.0), "{what}: {got} {truth}");
}

#[test]
fn densities_agree_with_all_else_that_a_family_says() {
    macro_rules! assert_consistent {
        ($($d:expr, $cuts:expr);* $(;)?) => {
            $(
                let (d, cuts, what): (_, &[f64], _) = ($d, &$cuts, stringify!($d));
                let mean = expectation(&d, cuts, |x, _| x);
                assert_close(what, expectation(&d, cuts, |_, _| 1.0), 1.0);
                assert_close(what, mean, d.mean().item());
                let variance = expectation(&d, cuts, |x, _| (x - mean).powi(2));
                assert_close(what, variance, d.variance().item());
                assert_close(what, expectation(&d, cuts, |_, l| -l), d.entropy().item());
                // The mass of the first piece.
                let mass = expectation(&d, &cuts[..2], |_, _| 1.0);
                let cdf = |x: f64| d.cdf(&number(x)).item();
                assert_close(what, mass, cdf(cuts[1]) - cdf(cuts[0]));
            )*
        };
    }
    assert_consistent!(
        Normal::new(&number(0.5), &number(0.3)), [-15.0, 0.7, 15.0];
        LogNormal::new(&number(0.1), &number(-1.0)), [0.0, 1.3, 10.0, 1000.0];
        Laplace::new(&number(0.5), &number(1.2)), [-50.0, 0.5, 50.0];
        Logistic::new(&number(0.5), &number(1.2)), [-60.0, 0.8, 60.0];
        Gumbel::new(&number(0.5), &number(1.2)), [-6.0, 0.8, 60.0];
        Uniform::new(&number(-0.5), &number(1.2)), [-0.5, 0.3, 1.2];
        Exponential::new(&number(0.5)), [0.0, 1.0, 100.0];
        Gamma::new(&number(0.7), &number(0.5)), [0.0, 1.0, 120.0];
        Beta::new(&number(1.7), &number(0.8)), [0.0, 0.6, 1.0];
        StudentT::new(&number(30.0), &number(0.3), &number(1.4)), [-60.0, 0.3, 1.3, 60.0];
        Transformed::new(
            Gumbel::new(&number(0.5), &number(1.2)),
            Affine::new(&number(-1.0), &number(0.7))
        ), [-5.2, 0.8, 60.0];
    );
    let mixture =
        Mixture::new(&number(0.0).reshape([1]), &Gumbel::new(&Tensor::from([0.2]), &number(1.0)));
    assert_close("mixture", expectation(&mixture, &[-6.0, 0.5, 60.0], |_, _| 1.0), 1.0);
    let relaxed = RelaxedBernoulli::new(&number(0.9), &number(0.4));
    let below = expectation(&relaxed, &[0.0, 0.5], |_, _| 1.0);
    assert_close("relaxed coin", below, 1.0 - 1.0 / (1.0 + (-0.4f64).exp()));
    assert_close("relaxed coin", below, relaxed.cdf(&number(0.5)).item());
    // An angle has a circular variance, 1 - E cos(x - loc).
    let d = VonMises::new(&number(0.3), &number(2.5));
    let around = [0.3 - std::f64::consts::PI, 0.8, 0.3 + std::f64::consts::PI];
    assert_close(
        "angle",
        expectation(&d, &around, |x, _| 1.0 - (x - 0.3).cos()),
        d.variance().item(),
    );
    assert_close("angle", expectation(&d, &around, |_, l| -l), d.entropy().item());
    assert_close("angle", expectation(&d, &around[..2], |_, _| 1.0), d.cdf(&number(0.8)).item());
    let exponential = Transformed::new(Gumbel::new(&number(0.1), &number(0.2)), Exp);
    let integral = expectation(&exponential, &[0.0, 1.0, 2.0, 20.0, 2000.0], |_, l| -l);
    assert_close("exp", integral, exponential.entropy().item());
    let squashed = Transformed::new(Normal::new(&number(0.2), &number(-0.5)), Tanh);
    assert_close(
        "tanh",
        expectation(&squashed, &[-1.0, 0.4], |_, _| 1.0),
        squashed.cdf(&number(0.4)).item(),
    );
}

#[test]
fn counts_agree_with_all_else_that_a_family_says() {
    macro_rules! assert_consistent {
        ($($d:expr, $last:expr);* $(;)?) => {
            $(
                let (d, what) = ($d, stringify!($d));
                let x = Tensor::from((0..=$last).map(f64::from).collect::<Vec<_>>());
                let p = d.expand([$last + 1]).log_prob(&x).exp();
                let mean = (&p * &x).sum().item();
                assert_close(what, mean, d.mean().item());
                assert_close(what, (&p * (&x - mean).square()).sum().item(), d.variance().item());
                let terms = &p * p.clamp(f64::MIN_POSITIVE, 1.0).ln();
                assert_close(what, -terms.sum().item(), d.entropy().item());
                let (mut sum, cdf) = (0.0, d.expand([$last + 1]).cdf(&(&x + 0.3)));
                for (p, cdf) in p.data().iter().zip(cdf.data()) {
                    sum += p;
                    assert_close(what, sum, *cdf);
                }
                assert_eq!(d.cdf(&number(-0.5)).item(), 0.0);
                assert_eq!(d.log_prob(&number(500.5)).item(), f64::NEG_INFINITY);
                assert_eq!(d.log_prob(&number(-1.0)).item(), f64::NEG_INFINITY);
            )*
        };
    }
    assert_consistent!(
        Bernoulli::from_probs(&number(0.2)), 1;
        Geometric::from_probs(&number(0.2)), 400;
        Binomial::from_probs(&number(12.0), &number(0.3)), 12;
        Poisson::new(&number(4.2)), 60;
    );
}

#[test]
fn divergences_are_the_integrals_that_define_them() {
    macro_rules! assert_integral {
        ($($q:expr, $p:expr, $cuts:expr);* $(;)?) => {
            $(
                let (q, p) = ($q, $p);
                let log_p = |x| p.log_prob(&number(x)).item();
                let integral = expectation(&q, &$cuts, |x, log_q| log_q - log_p(x));
                assert_close(stringify!($q, $p), integral, kl(&q, &p).item());
            )*
        };
    }
    let normal = || Normal::new(&number(0.7), &number(0.4));
    let log_normal = || LogNormal::new(&number(0.2), &number(-1.0));
    let gamma = || Gamma::new(&number(2.2), &number(0.8));
    let angle = |loc: f64, kappa: f64| VonMises::new(&number(loc), &number(kappa));
    assert_integral!(
        normal(), Laplace::new(&number(0.1), &number(0.6)), [-15.0, 0.1, 15.0];
        Logistic::new(&number(0.1), &number(0.6)), normal(), [-30.0, 0.1, 30.0];
        StudentT::new(&number(30.0), &number(0.1), &number(0.6)), normal(), [-40.0, 0.1, 40.0];
        log_normal(), normal(), [0.0, 1.0, 20.0, 2000.0];
        log_normal(), gamma(), [0.0, 1.0, 20.0, 2000.0];
        log_normal(), Exponential::new(&number(0.8)), [0.0, 1.0, 20.0, 2000.0];
        gamma(), gamma(), [0.0, 50.0];
        angle(0.2, 1.5), angle(-0.4, 4.0), [-std::f64::consts::PI, std::f64::consts::PI];
    );
}

/// The mass of a density over three parts with sum 1, none of them rounded to 0.
fn mass_of_simplex<D: Distribution<f64>>(d: &D) -> f64 {
    integrate(0.0, 1.0, |a, from_end| {
        let (a, rest) = if a < 0.5 { (from_end, 1.0 - a) } else { (a, from_end) };
        integrate(0.0, rest, |b, from_end| {
            let (b, c) = if b < 0.5 * rest { (from_end, rest - b) } else { (b, from_end) };
            d.log_prob(&Tensor::from([a, b, c])).item().exp()
        })
    })
}

#[test]
fn densities_over_parts_have_mass_1() {
    let logits = Tensor::from([0.3, -0.5, 0.1]);
    assert_close(
        "Dirichlet",
        mass_of_simplex(&Dirichlet::new(&Tensor::from([1.2, 2.0, 3.5]))),
        1.0,
    );
    let relaxed = RelaxedCategorical::new(&number(2.5), &logits);
    assert_close("RelaxedCategorical", mass_of_simplex(&relaxed), 1.0);
    let base = Independent::new(Normal::new(&Tensor::from([0.3, -1.0]), &Tensor::zeros([2])));
    let logistic_normal = Transformed::new(base, SoftmaxCentered);
    assert_close("logistic-normal", mass_of_simplex(&logistic_normal), 1.0);
}
