//! Bernoulli variables against their definition.

use elbo_layers::dist::{Bernoulli, Distribution, Entropy};
use elbo_tensor::{Stream, Tensor};

#[test]
fn probabilities_and_entropy_by_hand() {
    let p = [0.1, 0.5, 0.9];
    let logits = Tensor::from(p.map(|p: f64| (p / (1.0 - p)).ln()));
    let coins = Bernoulli::new(&logits);
    let x = Tensor::from([1.0, 0.0, 1.0]);
    let truth = (0.1f64 * 0.5 * 0.9).ln();
    assert!((coins.log_likelihood(&x).item() - truth).abs() < 1e-14);
    assert!((coins.log_prob(&x).sum().item() - truth).abs() < 1e-14);
    // Certain coins, and grey ones.
    let sure = Bernoulli::from_probs(&Tensor::from([0.0, 1.0, 0.5]));
    let log_prob = sure.log_prob(&Tensor::from([0.0, 1.0, 0.3])).to_vec();
    assert_eq!(log_prob[..2], [0.0, 0.0]);
    assert!((log_prob[2] - 0.5f64.ln()).abs() < 1e-15);
    for (entropy, p) in coins.entropy().data().iter().zip(p) {
        assert!((entropy + p * p.ln() + (1.0 - p) * (1.0 - p).ln()).abs() < 1e-14);
    }
}

#[test]
fn samples_have_the_mean_and_no_gradient() {
    let logits = Tensor::full([300_000], -0.8f64).requires_grad();
    let x = Bernoulli::new(&logits).sample(&mut Stream::new(2)).constant();
    assert!(!x.is_tracked());
    // sigmoid(-0.8) = 0.31003; five standard errors are 0.0042.
    assert!((x.mean().item() - 0.310_03).abs() < 0.0042, "{}", x.mean());
}
