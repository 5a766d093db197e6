//! Draws given by logarithms, where they themselves underflow: moments and gradients against closed
//! forms.

use elbo_layers::dist::*;
use elbo_tensor::{Real, Stream, Tensor, special::polygamma};

const N: usize = 100_000;

/// The mean over draws within 5 standard errors of the truth, the error below a twentieth of it.
fn assert_mean<T: Real>(what: &str, x: &Tensor<T>, truth: f64) {
    let x: Tensor<f64> = x.cast();
    let mean = x.mean().item();
    let error = ((&x - mean).square().mean().item() / N as f64).sqrt();
    let is_close = (mean - truth).abs() < 5.0 * error && error < 0.05 * truth.abs();
    assert!(is_close, "{what}: {mean} ± {error} for {truth}");
}

/// Checks E ln z, E (ln z)² and what they change by with a, where ln z has the cumulants
/// ψ⁽ⁿ⁾(a) - ψ⁽ⁿ⁾(total), total the sum of all concentrations: that of a part of a Dirichlet variable, or
/// of a gamma variable with an infinite total.
fn assert_moments<T: Real>(
    family: &str,
    a: f64,
    total: f64,
    draw: impl Fn(&Tensor<T>, &mut Stream) -> Tensor<T>,
) {
    let [k1, k2, k3] = [0, 1, 2]
        .map(|n| polygamma(n, a) - if total.is_finite() { polygamma(n, total) } else { 0.0 });
    let leaf = Tensor::full([N], T::from_f64(a)).requires_grad();
    let ln_z = draw(&leaf, &mut Stream::new(11));
    let speed = |of: Tensor<T>| of.sum().into_gradients()[&leaf].clone();
    assert_mean(&format!("E ln z of {family}"), &ln_z.detach(), k1);
    assert_mean(&format!("E (ln z)² of {family}"), &ln_z.detach().square(), k2 + k1 * k1);
    assert_mean(&format!("d/da E ln z of {family}"), &speed(ln_z.clone()), k2);
    let truth = k3 + 2.0 * k1 * k2;
    assert_mean(&format!("d/da E (ln z)² of {family}"), &speed(ln_z.square()), truth);
}

fn assert_families<T: Real>(a: f64) {
    let number = |x: f64| Tensor::scalar(T::from_f64(x));
    assert_moments(&format!("Gamma({a}, 1)"), a, f64::INFINITY, |a, noise| {
        Gamma::new(a, &number(1.0)).rsample_log(noise)
    });
    assert_moments(&format!("Beta({a}, 0.5)"), a, a + 0.5, |a, noise| {
        let [ln_z, _] = Beta::new(a, &number(0.5)).rsample_log(noise);
        ln_z
    });
    assert_moments(&format!("1 - Beta(0.5, {a})"), a, a + 0.5, |a, noise| {
        let [_, ln_rest] = Beta::new(&number(0.5), a).rsample_log(noise);
        ln_rest
    });
    assert_moments(&format!("Dirichlet({a}, 0.5, 2)"), a, a + 2.5, |a, noise| {
        let rest = [0.5, 2.0].map(|x| Tensor::full([N, 1], T::from_f64(x)));
        let all = [&[a.reshape([N, 1])], &rest[..]].concat();
        let ln_z = Dirichlet::new(&Tensor::concat(&all, -1)).rsample_log(noise);
        ln_z.slice(-1, 0..1).reshape([N])
    });
}

#[test]
fn logarithms_have_their_moments_where_draws_underflow() {
    assert_families::<f64>(0.001);
    assert_families::<f32>(0.01);
    // And where they do not.
    assert_families::<f64>(3.0);
}

#[test]
fn logarithms_are_those_of_the_draws() {
    let (a, b) = (Tensor::full([100], 2.5f64), Tensor::full([100], 0.7));
    fn assert_equal(ln_z: &Tensor<f64>, z: &Tensor<f64>) {
        for (ln_z, z) in ln_z.data().iter().zip(z.data()) {
            assert!((ln_z.exp() - z).abs() < 1e-14 * z, "{ln_z} {z}");
        }
    }
    let noise = || Stream::new(4);
    let gamma = Gamma::new(&a, &b);
    assert_equal(&gamma.rsample_log(&mut noise()), &gamma.rsample(&mut noise()));
    let beta = Beta::new(&a, &b);
    let ([ln_z, ln_rest], z) = (beta.rsample_log(&mut noise()), beta.rsample(&mut noise()));
    assert_equal(&ln_z, &z);
    assert_equal(&(ln_rest.exp() + &z).ln(), &Tensor::ones([100]));
    let dirichlet = Dirichlet::new(&a.reshape([20, 5]));
    assert_equal(&dirichlet.rsample_log(&mut noise()), &dirichlet.rsample(&mut noise()));
}

#[test]
fn relaxed_coins_have_a_density_and_a_gradient_where_they_saturate() {
    let [temperature, logits] = [0.05, 0.3];
    let coins = |n: usize| {
        let logits = Tensor::full([n], logits as f32).requires_grad();
        (RelaxedBernoulli::new(&Tensor::scalar(temperature as f32), &logits), logits)
    };
    let (coin, leaf) = coins(1000);
    let x = coin.rsample_logit(&mut Stream::new(2));
    let (x_f64, y) = (x.detach().cast::<f64>(), coin.rsample(&mut Stream::new(2)));
    let ends = [f32::MIN_POSITIVE, 1.0f32.next_down()];
    assert!(y.data().iter().filter(|y| ends.contains(y)).count() > 300);
    let moves = x.sum().into_gradients()[&leaf].to_vec();
    assert!(moves.iter().all(|&dx| dx == 1.0 / temperature as f32));
    // In f64, too, y tells 1 - y ever worse the larger x is, and underflows below -708.
    let exact = RelaxedBernoulli::new(&Tensor::scalar(temperature), &Tensor::scalar(logits));
    let of_y = exact.log_prob(&x_f64.sigmoid());
    let of_logit = exact.log_prob_of_logit(&x_f64);
    let single = coin.log_prob_of_logit(&x.detach());
    for i in 0..1000 {
        let (x, a, b) = (x_f64.data()[i], of_y.data()[i], of_logit.data()[i]);
        let told = (-700.0..=20.0).contains(&x);
        assert!(!told || (a - b).abs() < 1e-7 * b.abs().max(1.0), "{x}: {a} {b}");
        let c = f64::from(single.data()[i]);
        assert!((c - b).abs() < 1e-5 * b.abs().max(1.0), "{x}: {c} {b}");
    }
}
