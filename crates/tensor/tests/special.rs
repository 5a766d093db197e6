//! The special functions against 19 digits of mpmath; `special.py` beside this file made the figures.

use elbo_tensor::Tensor;
use elbo_tensor::special::{
    betainc, digamma, gammainc, gammainc_ratio, gammaincc, integrate, lgamma, log_i0, polygamma,
    von_mises_cdf,
};

fn value(name: &str, orders: &[usize], x: &[f64]) -> f64 {
    match (name, orders, x) {
        ("erf", [0], &[x]) => Tensor::scalar(x).erf().item(),
        ("normal_cdf", [0], &[x]) => Tensor::scalar(x).normal_cdf().item(),
        ("lgamma", [0], &[x]) => lgamma(x),
        ("digamma", [0], &[x]) => digamma(x),
        ("polygamma", &[n], &[x]) => polygamma(n, x),
        ("gammainc", [0], &[a, x]) => gammainc(a, x),
        ("gammaincc", [0], &[a, x]) => gammaincc(a, x),
        ("gammainc_ratio", &[n], &[a, x]) => gammainc_ratio(n, a, x.ln()),
        ("betainc", &[i, j], &[a, b, x]) => betainc([i, j], a, b, x),
        ("log_i0", &[n], &[x]) => log_i0(n, x),
        ("von_mises_cdf", &[n], &[x, kappa]) => von_mises_cdf(n, x, kappa),
        _ => panic!("special.csv: {name} {orders:?} {x:?}"),
    }
}

/// The largest relative error of a row: higher derivatives are differences of larger terms.
fn bound(name: &str, order: usize) -> f64 {
    match (name, order) {
        ("polygamma", _) | (_, 0 | 1) => 1e-12,
        (_, 2) => 1e-11,
        _ => 1e-9,
    }
}

#[test]
fn values_and_derivatives_are_those_of_mpmath() {
    let mut wrong = Vec::new();
    for line in include_str!("special.csv").lines() {
        let [name, orders, arguments, truth] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("special.csv: {line}")
        };
        let orders: Vec<usize> = orders.split(' ').map(|n| n.parse().unwrap()).collect();
        let arguments: Vec<f64> = arguments.split(' ').map(|x| x.parse().unwrap()).collect();
        let truth: f64 = truth.parse().unwrap();
        let got = value(name, &orders, &arguments);
        let error = ((got - truth) / truth).abs();
        let bound = bound(name, orders.iter().sum());
        if error.is_nan() || error > bound {
            wrong.push(format!(
                "{name} {orders:?} {arguments:?}: {got:e} for {truth:e}, {error:.1e}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_ends_of_the_domains() {
    assert_eq!((lgamma(0.0), lgamma(1.0), lgamma(2.0)), (f64::INFINITY, 0.0, 0.0));
    assert!([lgamma(-0.5), digamma(0.0), polygamma(1, -1.0)].iter().all(|y| y.is_nan()));
    assert_eq!((gammainc(2.0, 0.0), gammainc(2.0, f64::INFINITY)), (0.0, 1.0));
    assert_eq!((gammaincc(2.0, 0.0), gammaincc(2.0, f64::INFINITY)), (1.0, 0.0));
    assert!(gammainc(0.0, 1.0).is_nan() && gammainc(1.0, f64::NAN).is_nan());
    assert_eq!((betainc([0, 0], 2.0, 3.0, 0.0), betainc([0, 0], 2.0, 3.0, 1.0)), (0.0, 1.0));
    assert_eq!((von_mises_cdf(0, -4.0, 1.0), von_mises_cdf(0, 4.0, 1.0)), (0.0, 1.0));
    assert_eq!((log_i0(0, 0.0), log_i0(1, 0.0), log_i0(2, 0.0)), (0.0, 0.0, 0.5));
    // The mass of a gamma variable of tiny shape lies at e^(-1/a): ln x is what can still be told.
    let far = gammainc_ratio(1, 1e-3, -5000.0);
    assert!((far - (-5000.0 - digamma(1.001)) / 1e-3).abs() < 1e-9 * far.abs(), "{far}");
}

#[test]
fn integrals_with_singular_ends() {
    // B(0.3, 0.01) = ∫ t^-0.7 (1 - t)^-0.99 dt, where 1 - t is only told by the distance.
    let beta = integrate(0.0, 1.0, |t, from_end| {
        let (t, rest) = if t < 0.5 { (from_end, 1.0 - t) } else { (t, from_end) };
        t.powf(-0.7) * rest.powf(-0.5)
    });
    let truth = (lgamma(0.3) + lgamma(0.5) - lgamma(0.8)).exp();
    assert!((beta - truth).abs() < 1e-13 * truth, "{beta} {truth}");
}
