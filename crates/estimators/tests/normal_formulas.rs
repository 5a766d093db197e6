//! Every estimator for a normal variable against its formula in plain numbers, at the draws that it made.

mod support;

use elbo_estimators::{
    Antithetic, ConstantBaseline, DeltaMethod, Draws, Estimator, Expectation, LeaveOneOut,
    MeasureValuedDifference, MovingAverage, Pathwise, ScoreFunction,
};
use elbo_layers::Normal;
use elbo_tensor::{Stream, Tensor};
use proptest::prelude::*;
use support::{Seen, close, means};

/// E f(x) with x ~ N(mu, sigma²) and a cubic f.
#[derive(Clone, Copy, Debug)]
struct Cubic {
    mu: f64,
    sigma: f64,
    c: [f64; 4],
}

impl Cubic {
    fn problem(self, seen: &Seen) -> Expectation<f64, Normal<f64>> {
        let c = self.c;
        let problem = Expectation::new(
            [("mu", Tensor::scalar(self.mu)), ("sigma", Tensor::scalar(self.sigma))],
            |[mu, sigma]| Normal::from_sigma(mu, sigma),
            |x| x.clone(),
        );
        seen.watch(&problem, move |x| ((x * c[3] + c[2]) * x + c[1]) * x + c[0])
    }

    fn cost(self, x: f64) -> f64 {
        ((self.c[3] * x + self.c[2]) * x + self.c[1]) * x + self.c[0]
    }

    fn slope(self, x: f64) -> f64 {
        (3.0 * self.c[3] * x + 2.0 * self.c[2]) * x + self.c[1]
    }

    /// ∂ ln p/∂mu and ∂ ln p/∂sigma
    fn score(self, x: f64) -> [f64; 2] {
        let e = (x - self.mu) / self.sigma;
        [e / self.sigma, (e * e - 1.0) / self.sigma]
    }

    /// ∂x/∂mu and ∂x/∂sigma
    fn path(self, x: f64) -> [f64; 2] {
        [1.0, (x - self.mu) / self.sigma]
    }

    /// f'(mu) and f''(mu)
    fn at_the_mean(self) -> [f64; 2] {
        [self.slope(self.mu), 6.0 * self.c[3] * self.mu + 2.0 * self.c[2]]
    }

    /// The second-order expansion at mu, and its slope.
    fn expansion(self, x: f64) -> [f64; 2] {
        let ([first, second], away) = (self.at_the_mean(), x - self.mu);
        [self.cost(self.mu) + first * away + 0.5 * second * away * away, first + second * away]
    }
}

fn cubic() -> impl Strategy<Value = Cubic> {
    let coefficients = prop::array::uniform4(-1.0..1.0f64);
    (-2.0..2.0f64, 0.3..2.0f64, coefficients).prop_map(|(mu, sigma, c)| Cubic { mu, sigma, c })
}

/// Compares by mu and by sigma with what each draw gives, or the mean over draws of that.
#[track_caller]
fn holds(
    what: &str,
    found: &[Tensor<f64>],
    samples: usize,
    x: &[f64],
    g: impl Fn(usize) -> [f64; 2],
) {
    for (p, found) in found.iter().enumerate() {
        let each: Vec<f64> = (0..x.len()).map(|i| g(i)[p]).collect();
        close(&format!("{what}, parameter {p}"), found.data(), &means(&each, samples));
    }
}

/// Σ over both parameters of the covariance, over the draws of a pilot run.
fn covariance(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    let mean = |of: &[[f64; 2]], p: usize| of.iter().map(|g| g[p]).sum::<f64>() / of.len() as f64;
    let both = |p: usize| {
        let (a_mean, b_mean) = (mean(a, p), mean(b, p));
        a.iter().zip(b).map(|(a, b)| (a[p] - a_mean) * (b[p] - b_mean)).sum::<f64>()
    };
    both(0) + both(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_score_function_with_and_without_baselines(
        toy in cubic(), repeats in 1usize..5, samples in 1usize..5, baseline in -3.0..3.0f64, seed: u64,
    ) {
        let seen = Seen::default();
        let (problem, draws) = (toy.problem(&seen), Draws::new(repeats, samples));
        let noise = &mut Stream::new(seed);
        let mut run = |estimator: &dyn Estimator<f64, _>| {
            let found = estimator.estimate(&problem, draws, noise);
            (found, seen.take().swap_remove(0))
        };
        let (found, x) = run(&ScoreFunction);
        holds("score", &found, samples, &x, |i| toy.score(x[i]).map(|s| toy.cost(x[i]) * s));

        let (found, x) = run(&ConstantBaseline::new(&problem, baseline));
        let with_baseline = |i: usize| toy.score(x[i]).map(|s| (toy.cost(x[i]) - baseline) * s);
        holds("constant", &found, samples, &x, with_baseline);

        // The mean of f, and E[f s²] / E[s²] for each parameter, over a pilot run of 7.
        let pilot_noise = &mut Stream::new(seed.wrapping_add(1));
        let mean = ConstantBaseline::mean(&problem, 7, pilot_noise);
        let costs: Vec<f64> = seen.take()[0].iter().map(|&x| toy.cost(x)).collect();
        for baseline in mean.baselines() {
            close("mean", baseline.data(), &means(&costs, 7));
        }
        let optimal = ConstantBaseline::optimal(&problem, 7, pilot_noise);
        let pilot = seen.take().swap_remove(0);
        let best = [0, 1].map(|p| {
            let squares = pilot.iter().map(|&x| toy.score(x)[p].powi(2));
            let weighted: f64 = squares.clone().zip(&pilot).map(|(s, &x)| s * toy.cost(x)).sum();
            weighted / squares.sum::<f64>()
        });
        let baselines: Vec<f64> = optimal.baselines().iter().map(Tensor::item).collect();
        close("optimal", &baselines, &best);
        let (found, x) = run(&optimal);
        holds("optimal", &found, samples, &x, |i| {
            let s = toy.score(x[i]);
            [0, 1].map(|p| (toy.cost(x[i]) - best[p]) * s[p])
        });
    }

    #[test]
    fn leave_one_out(toy in cubic(), repeats in 1usize..5, samples in 2usize..6, seed: u64) {
        let seen = Seen::default();
        let (problem, draws) = (toy.problem(&seen), Draws::new(repeats, samples));
        let found = LeaveOneOut.estimate(&problem, draws, &mut Stream::new(seed));
        let x = seen.take().swap_remove(0);
        let without_others = |i: usize| {
            let group = i / samples * samples..(i / samples + 1) * samples;
            let others = group.filter(|j| *j != i).map(|j| toy.cost(x[j])).sum::<f64>();
            let rest = toy.cost(x[i]) - others / (samples - 1) as f64;
            toy.score(x[i]).map(|s| rest * s)
        };
        holds("leave one out", &found, samples, &x, without_others);
        // What all draws have in common is taken away.
        let mut higher = toy;
        higher.c[0] += 100.0;
        let moved = LeaveOneOut.estimate(&higher.problem(&seen), draws, &mut Stream::new(seed));
        for (a, b) in found.iter().zip(&moved) {
            close("a constant more", b.data(), a.data());
        }
    }

    #[test]
    fn moving_average(
        toy in cubic(), repeats in 1usize..8, samples in 1usize..4, decay in 0.0..0.99f64, seed: u64,
    ) {
        let seen = Seen::default();
        let draws = Draws::new(repeats, samples);
        let estimator = MovingAverage { decay };
        let found = estimator.estimate(&toy.problem(&seen), draws, &mut Stream::new(seed));
        let mut calls = seen.take();
        let x = calls.pop().unwrap();
        prop_assert_eq!(calls.len(), ((1.0 + decay) / (1.0 - decay)).round() as usize);
        let pilot: Vec<f64> = calls.concat().iter().map(|&x| toy.cost(x)).collect();
        let costs: Vec<f64> = x.iter().map(|&x| toy.cost(x)).collect();
        let (mut average, mut baselines) = (means(&pilot, pilot.len())[0], Vec::new());
        for f in means(&costs, samples) {
            baselines.push(average);
            average = decay * average + (1.0 - decay) * f;
        }
        let with_baseline =
            |i: usize| toy.score(x[i]).map(|s| (costs[i] - baselines[i / samples]) * s);
        holds("moving average", &found, samples, &x, with_baseline);
    }

    #[test]
    fn paths_and_pairs(toy in cubic(), repeats in 1usize..5, samples in 1usize..5, seed: u64) {
        let seen = Seen::default();
        let (problem, draws) = (toy.problem(&seen), Draws::new(repeats, samples));
        let noise = &mut Stream::new(seed);
        let found = Pathwise.estimate(&problem, draws, noise);
        let x = seen.take().swap_remove(0);
        let along = |x: f64| toy.path(x).map(|path| toy.slope(x) * path);
        holds("path", &found, samples, &x, |i| along(x[i]));

        let found = Antithetic.estimate(&problem, draws, noise);
        let [x, mirrored] = &seen.take()[..] else { panic!("two calls") };
        for (x, mirrored) in x.iter().zip(mirrored) {
            prop_assert!((x + mirrored - 2.0 * toy.mu).abs() < 1e-12 * x.abs().max(1.0));
        }
        holds("pair", &found, samples, x, |i| {
            let (one, other) = (along(x[i]), along(mirrored[i]));
            [0, 1].map(|p| 0.5 * (one[p] + other[p]))
        });
    }

    #[test]
    fn the_delta_method(
        toy in cubic(), repeats in 1usize..5, samples in 1usize..5, c in -1.0..2.0f64, seed: u64,
    ) {
        const PILOT: usize = 50;
        let seen = Seen::default();
        let (problem, draws) = (toy.problem(&seen), Draws::new(repeats, samples));
        let [first, second] = toy.at_the_mean();
        let exact = [first, second * toy.sigma];
        let noise = &mut Stream::new(seed);

        let along = |slope: f64, x: f64| toy.path(x).map(|path| slope * path);
        let scored = |cost: f64, x: f64| toy.score(x).map(|score| cost * score);
        let path = DeltaMethod::new("path", Pathwise, c).estimate(&problem, draws, noise);
        let x = seen.take().pop().unwrap();
        holds("path", &path, samples, &x, |i| {
            let rest = along(toy.slope(x[i]) - c * toy.expansion(x[i])[1], x[i]);
            [0, 1].map(|p| rest[p] + c * exact[p])
        });
        let score = DeltaMethod::new("score", ScoreFunction, c).estimate(&problem, draws, noise);
        let x = seen.take().pop().unwrap();
        holds("score", &score, samples, &x, |i| {
            let rest = scored(toy.cost(x[i]) - c * toy.expansion(x[i])[0], x[i]);
            [0, 1].map(|p| rest[p] + c * exact[p])
        });

        // The coefficient is that of a regression over the draws of the pilot run.
        let pilot = Draws::new(PILOT, 1);
        let fitted = DeltaMethod::fit("path", Pathwise, &problem, pilot, noise);
        let x = seen.take_of(PILOT).swap_remove(0);
        let of_f: Vec<_> = x.iter().map(|&x| along(toy.slope(x), x)).collect();
        let of_h: Vec<_> = x.iter().map(|&x| along(toy.expansion(x)[1], x)).collect();
        let best = covariance(&of_f, &of_h) / covariance(&of_h, &of_h);
        close("path, coefficient", &[fitted.coefficient()], &[best]);
        let fitted = DeltaMethod::fit("score", ScoreFunction, &problem, pilot, noise);
        let x = seen.take_of(PILOT).swap_remove(0);
        let of_f: Vec<_> = x.iter().map(|&x| scored(toy.cost(x), x)).collect();
        let of_h: Vec<_> = x.iter().map(|&x| scored(toy.expansion(x)[0], x)).collect();
        let best = covariance(&of_f, &of_h) / covariance(&of_h, &of_h);
        close("score, coefficient", &[fitted.coefficient()], &[best]);
    }

    #[test]
    fn differences_of_measures(toy in cubic(), repeats in 1usize..5, samples in 1usize..5, seed: u64) {
        let seen = Seen::default();
        let (problem, draws) = (toy.problem(&seen), Draws::new(repeats, samples));
        let noise = &mut Stream::new(seed);
        for estimator in [MeasureValuedDifference::coupled(), MeasureValuedDifference::independent()] {
            let found = estimator.estimate(&problem, draws, noise);
            let [right, left, wide, narrow] = &seen.take()[..] else { panic!("four calls") };
            holds("measure-valued", &found, samples, right, |i| {
                let difference = |a: &[f64], b: &[f64]| toy.cost(a[i]) - toy.cost(b[i]);
                let root = std::f64::consts::TAU.sqrt();
                [difference(right, left) / (toy.sigma * root), difference(wide, narrow) / toy.sigma]
            });
            let away = |x: &[f64], i: usize| x[i] - toy.mu;
            let mirrored = |i: usize| (away(right, i) + away(left, i)).abs() < 1e-12;
            let between = |i: usize| (0.0..=1.0).contains(&(away(narrow, i) / away(wide, i)));
            let coupled = (0..right.len()).all(|i| mirrored(i) && between(i));
            let is_coupled = Estimator::<f64, Normal<f64>>::name(&estimator) == "measure_valued";
            prop_assert!(coupled == is_coupled, "{coupled}");
            prop_assert!((0..right.len()).all(|i| away(right, i) >= 0.0 && away(left, i) <= 0.0));
        }
    }
}
