//! Every rule for a bound against its formula in plain numbers, at the draws that it made.

mod support;

use elbo_estimators::Draws;
use elbo_estimators::bound::{
    Bound, BoundEstimator, DoublyReparameterized, Jackknife, Particles, ReweightedWakeSleep,
    ReweightedWakeSleepReparameterized, StickingTheLanding, TotalDerivative, Vimco,
};
use elbo_layers::dist::Reparameterized;
use elbo_layers::{Distribution, Normal};
use elbo_tensor::{Stream, Tensor};
use proptest::prelude::*;
use support::{Seen, close, means};

type Rule = dyn BoundEstimator<f64, Normal<f64>>;

/// p(z) = N(mu, 1), p(x|z) = N(z, 1), q(z) = N(mean, exp(logvar)).
#[derive(Clone, Copy, Debug)]
struct Toy {
    x: f64,
    mu: f64,
    mean: f64,
    logvar: f64,
}

impl Toy {
    fn bound(self, particles: usize, seen: &Seen) -> Bound<f64, Normal<f64>> {
        let (seen, unit, x) = (seen.clone(), Tensor::scalar(0.0), Tensor::scalar(self.x));
        Bound::new(
            [("mu", Tensor::scalar(self.mu))],
            [("mean", Tensor::scalar(self.mean)), ("logvar", Tensor::scalar(self.logvar))],
            particles,
            |[mean, logvar]| Normal::new(mean, logvar),
            move |[mu], z| {
                seen.note(z);
                Normal::new(mu, &unit).log_prob(z) + Normal::new(z, &unit).log_prob(&x)
            },
        )
    }

    /// ln w
    fn log_weight(self, z: f64) -> f64 {
        let normal = |x: f64, mu: f64, logvar: f64| {
            -0.5 * (std::f64::consts::TAU.ln() + logvar + (x - mu).powi(2) / logvar.exp())
        };
        normal(z, self.mu, 0.0) + normal(self.x, z, 0.0) - normal(z, self.mean, self.logvar)
    }

    /// ∂ ln q/∂φ at a fixed z.
    fn score(self, z: f64) -> [f64; 2] {
        let (away, v) = (z - self.mean, self.logvar.exp());
        [away / v, 0.5 * (away * away / v - 1.0)]
    }

    /// ∂ ln w/∂z ∂z/∂φ
    fn path(self, z: f64) -> [f64; 2] {
        let away = z - self.mean;
        let slope = (self.mu - z) + (self.x - z) + away / self.logvar.exp();
        [slope, slope * 0.5 * away]
    }
}

/// ln Σ exp
fn log_sum_exp(x: &[f64]) -> f64 {
    x.iter().map(|x| x.exp()).sum::<f64>().ln()
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let sum = log_sum_exp(x);
    x.iter().map(|x| (x - sum).exp()).collect()
}

/// All but number i.
fn without(x: &[f64], i: usize) -> Vec<f64> {
    x.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, x)| *x).collect()
}

/// Σ cᵢ gᵢ for each parameter.
fn weighted(c: &[f64], g: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|p| c.iter().zip(g).map(|(c, g)| c * g[p]).sum())
}

/// The gradient by φ at K draws.
fn by_formula(rule: &str, toy: Toy, z: &[f64]) -> [f64; 2] {
    let k = z.len();
    let log_weights: Vec<f64> = z.iter().map(|&z| toy.log_weight(z)).collect();
    let w = softmax(&log_weights);
    let scores: Vec<_> = z.iter().map(|&z| toy.score(z)).collect();
    let paths: Vec<_> = z.iter().map(|&z| toy.path(z)).collect();
    let totals: Vec<_> = (0..k).map(|i| [0, 1].map(|p| paths[i][p] - scores[i][p])).collect();
    let squares: Vec<f64> = w.iter().map(|w| w * w).collect();
    match rule {
        "total_derivative" => weighted(&w, &totals),
        "sticking_the_landing" => weighted(&w, &paths),
        "doubly_reparameterized" => weighted(&squares, &paths),
        "reweighted_wake_sleep" => weighted(&w, &scores),
        "reweighted_wake_sleep_reparameterized" => {
            let c: Vec<f64> = w.iter().map(|w| w - w * w).collect();
            weighted(&c, &paths)
        }
        "jackknife" => {
            let mut sum = weighted(&w, &totals).map(|g| k as f64 * g);
            for i in 0..k {
                let rest: Vec<_> = (0..k).filter(|j| *j != i).map(|j| totals[j]).collect();
                let g = weighted(&softmax(&without(&log_weights, i)), &rest);
                (0..2).for_each(|p| sum[p] -= (k - 1) as f64 / k as f64 * g[p]);
            }
            sum
        }
        "vimco" => {
            let c: Vec<f64> = (0..k)
                .map(|i| {
                    let others = without(&log_weights, i);
                    let mut replaced = log_weights.clone();
                    replaced[i] = others.iter().sum::<f64>() / others.len() as f64;
                    log_sum_exp(&log_weights) - log_sum_exp(&replaced) - w[i]
                })
                .collect();
            weighted(&c, &scores)
        }
        _ => unreachable!("{rule}"),
    }
}

fn toy() -> impl Strategy<Value = Toy> {
    let numbers = (-2.0..2.0f64, -2.0..2.0f64, -2.0..2.0f64, -2.0..1.0f64);
    numbers.prop_map(|(x, mu, mean, logvar)| Toy { x, mu, mean, logvar })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rules_are_their_formulas(
        toy in toy(), k in 1usize..7, repeats in 1usize..4, samples in 1usize..4, seed: u64,
    ) {
        let seen = Seen::default();
        let bound = toy.bound(k, &seen);
        let rules: [&Rule; 7] = [
            &TotalDerivative,
            &StickingTheLanding,
            &DoublyReparameterized,
            &ReweightedWakeSleep,
            &ReweightedWakeSleepReparameterized,
            &Jackknife,
            &Vimco,
        ];
        for rule in rules.into_iter().filter(|rule| k >= rule.least_particles()) {
            let draws = Draws::new(repeats, samples);
            let found = rule.estimate(&bound, draws, &mut Stream::new(seed));
            let z = seen.take().swap_remove(0);
            let (mut by_mu, mut by_phi) = (Vec::new(), [Vec::new(), Vec::new()]);
            for z in z.chunks(k) {
                let log_weights: Vec<f64> = z.iter().map(|&z| toy.log_weight(z)).collect();
                by_mu.push(softmax(&log_weights).iter().zip(z).map(|(w, z)| w * (z - toy.mu)).sum());
                let g = by_formula(rule.name(), toy, z);
                (0..2).for_each(|p| by_phi[p].push(g[p]));
            }
            prop_assert_eq!(by_mu.len(), repeats * samples);
            for (found, each) in found.iter().zip([&by_mu, &by_phi[0], &by_phi[1]]) {
                close(rule.name(), found.data(), &means(each, samples));
            }
        }
    }

    #[test]
    fn values_are_logarithms_of_mean_weights(toy in toy(), k in 1usize..7, n in 1usize..5, seed: u64) {
        let seen = Seen::default();
        let bound = toy.bound(2, &seen).with_particles(k);
        let log_weights = bound.log_weights(n, &mut Stream::new(seed));
        let z = seen.take().swap_remove(0);
        let each: Vec<f64> = z.iter().map(|&z| toy.log_weight(z)).collect();
        close("ln w", log_weights.data(), &each);
        let values = bound.values(n, &mut Stream::new(seed));
        let mean = |w: &[f64]| log_sum_exp(w) - (k as f64).ln();
        close("L", values.data(), &each.chunks(k).map(mean).collect::<Vec<f64>>());
    }
}

/// A rule of one's own: the score of draws along a path stays a score.
#[test]
fn the_score_does_not_see_the_path() {
    struct Own;
    impl<D: Reparameterized<f64>> BoundEstimator<f64, D> for Own {
        fn name(&self) -> &'static str {
            "own"
        }
        fn draw(&self, posterior: &D, noise: &mut Stream) -> Tensor<f64> {
            posterior.rsample(noise)
        }
        fn surrogate(&self, particles: &Particles<f64, D>) -> Tensor<f64> {
            particles.score() * particles.weights()
        }
    }
    let bound = Toy { x: 1.0, mu: 0.2, mean: -0.3, logvar: 0.4 }.bound(3, &Seen::default());
    let draws = Draws::new(5, 2);
    let own = Own.estimate(&bound, draws, &mut Stream::new(1));
    let known = ReweightedWakeSleep.estimate(&bound, draws, &mut Stream::new(1));
    assert!(own.iter().zip(&known).all(|(a, b)| a.to_vec() == b.to_vec()));
}
