//! Every estimator for coins and classes against its formula in plain numbers, at the draws that it made.

mod support;

use elbo_estimators::{
    AugmentReinforceMerge, Draws, Enumeration, Estimator, Expectation, GumbelSoftmax, LeaveOneOut,
    MeasureValuedDifference, Rebar, Relax, Relaxable, StraightThrough,
    StraightThroughGumbelSoftmax,
};
use elbo_layers::Bernoulli;
use elbo_layers::dist::{Categorical, Independent, OneHotCategorical};
use elbo_tensor::{Stream, Tensor};
use proptest::prelude::*;
use support::{Seen, close, means};

type Coins = Independent<Bernoulli<f64>>;
type Class = OneHotCategorical<f64>;

/// E (w·b - t)³, with coins b or one class b that is 1.
#[derive(Clone, Debug)]
struct Cube {
    logits: Vec<f64>,
    w: Vec<f64>,
    t: f64,
}

impl Cube {
    fn of_tensors(&self) -> impl Fn(&Tensor<f64>) -> Tensor<f64> + Send + Sync + use<> {
        let (w, t) = (Tensor::from(&self.w[..]), self.t);
        move |b: &Tensor<f64>| ((b * &w).sum_axes(-1, false) - t).powi(3)
    }

    fn coins(&self, seen: &Seen) -> Expectation<f64, Coins> {
        let problem = Expectation::new(
            [("logits", Tensor::from(&self.logits[..]))],
            |[logits]| Independent::new(Bernoulli::new(logits)),
            |b| b.sum_axes(-1, false),
        );
        seen.watch(&problem, self.of_tensors())
    }

    fn class(&self, seen: &Seen) -> Expectation<f64, Class> {
        let problem = Expectation::new(
            [("logits", Tensor::from(&self.logits[..]))],
            |[logits]| OneHotCategorical::new(logits),
            |b| b.sum_axes(-1, false),
        );
        seen.watch(&problem, self.of_tensors())
    }

    fn size(&self) -> usize {
        self.w.len()
    }

    fn along(&self, b: &[f64]) -> f64 {
        b.iter().zip(&self.w).map(|(b, w)| b * w).sum::<f64>() - self.t
    }

    fn cost(&self, b: &[f64]) -> f64 {
        self.along(b).powi(3)
    }

    fn slope(&self, b: &[f64]) -> Vec<f64> {
        self.w.iter().map(|w| 3.0 * self.along(b).powi(2) * w).collect()
    }

    /// P(b = 1) of each coin.
    fn probs(&self) -> Vec<f64> {
        self.logits.iter().map(|&logit| sigmoid(logit)).collect()
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let sum: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter().map(|x| x.exp() / sum).collect()
}

/// The gradient by y of g·softmax(y / τ), where r = softmax(y / τ).
fn through_softmax(g: &[f64], r: &[f64], temperature: f64) -> Vec<f64> {
    let mean: f64 = g.iter().zip(r).map(|(g, r)| g * r).sum();
    g.iter().zip(r).map(|(g, r)| r * (g - mean) / temperature).collect()
}

fn cube(least: usize) -> impl Strategy<Value = Cube> {
    let numbers = |range: std::ops::Range<f64>, n| prop::collection::vec(range, n);
    (least..5usize)
        .prop_flat_map(move |n| (numbers(-2.0..2.0, n), numbers(-1.0..1.0, n), -1.0..1.0f64))
        .prop_map(|(logits, w, t)| Cube { logits, w, t })
}

/// Compares with what each row of draws gives, or the mean over draws of that.
#[track_caller]
fn holds(
    what: &str,
    found: &Tensor<f64>,
    samples: usize,
    rows: usize,
    g: impl Fn(usize) -> Vec<f64>,
) {
    let each: Vec<Vec<f64>> = (0..rows).map(g).collect();
    let width = each[0].len();
    for i in 0..width {
        let found: Vec<f64> = found.data().chunks(width).map(|row| row[i]).collect();
        let each: Vec<f64> = each.iter().map(|g| g[i]).collect();
        close(&format!("{what}, logit {i}"), &found, &means(&each, samples));
    }
}

/// From z to the critic's value, and its slope by each number of z.
type Critic<'a> = dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn enumeration_is_the_sum_by_hand(toy in cube(1), repeats in 1usize..4, class in 0usize..4) {
        let (seen, d) = (Seen::default(), toy.size());
        let draws = Draws::new(repeats, 3);
        let exact = |found: Vec<Tensor<f64>>, truth: &[f64], what: &str| {
            found[0].data().chunks(truth.len()).for_each(|row| close(what, row, truth));
            assert_eq!(found[0].shape()[0], repeats);
        };
        let noise = &mut Stream::new(1);
        let p = toy.probs();
        let mut truth = vec![0.0; d];
        for outcome in 0..1 << d {
            let b: Vec<f64> = (0..d).map(|i| f64::from(outcome >> i & 1)).collect();
            let chance: f64 = (0..d).map(|i| if b[i] == 1.0 { p[i] } else { 1.0 - p[i] }).product();
            (0..d).for_each(|i| truth[i] += chance * toy.cost(&b) * (b[i] - p[i]));
        }
        exact(Enumeration.estimate(&toy.coins(&seen), draws, noise), &truth, "coins");

        let p = softmax(&toy.logits);
        let costs: Vec<f64> = (0..d).map(|i| (toy.w[i] - toy.t).powi(3)).collect();
        let mean: f64 = (0..d).map(|i| p[i] * costs[i]).sum();
        let truth: Vec<f64> = (0..d).map(|i| p[i] * (costs[i] - mean)).collect();
        exact(Enumeration.estimate(&toy.class(&seen), draws, noise), &truth, "class");

        // Classes as numbers, with a cost of their own each.
        let by_number = Expectation::new(
            [("logits", Tensor::from(&toy.logits[..]))],
            |[logits]| Categorical::new(logits),
            move |x: &Tensor<f64>| {
                x.data().iter().map(|&x| costs[x as usize]).collect::<Vec<f64>>().into()
            },
        );
        exact(Enumeration.estimate(&by_number, draws, noise), &truth, "number");

        let (logit, w, t) = (toy.logits[class % d], toy.w[class % d], toy.t);
        let coin = Expectation::new(
            [("logits", Tensor::scalar(logit))],
            |[logits]| Bernoulli::new(logits),
            move |b: &Tensor<f64>| (b * w - t).powi(3),
        );
        let p = sigmoid(logit);
        let truth = p * (1.0 - p) * ((w - t).powi(3) + t.powi(3));
        exact(Enumeration.estimate(&coin, draws, noise), &[truth], "coin");
        exact(MeasureValuedDifference::coupled().estimate(&coin, draws, noise), &[truth], "coin");
    }

    #[test]
    fn arm_throws_two_coins_with_one_number(
        toy in cube(1), repeats in 1usize..4, samples in 1usize..4, seed: u64,
    ) {
        let (seen, d, n) = (Seen::default(), toy.size(), repeats * samples);
        let (problem, draws) = (toy.coins(&seen), Draws::new(repeats, samples));
        let found = AugmentReinforceMerge.estimate(&problem, draws, &mut Stream::new(seed));
        let u: Tensor<f64> = Stream::new(seed).uniform([n, d], 0.0, 1.0);
        holds("arm", &found[0], samples, n, |row| {
            let u = &u.data()[row * d..][..d];
            let coins = |is_one: &dyn Fn(usize) -> bool| -> Vec<f64> {
                (0..d).map(|i| f64::from(u8::from(is_one(i)))).collect()
            };
            let one = coins(&|i| u[i] > sigmoid(-toy.logits[i]));
            let other = coins(&|i| u[i] < sigmoid(toy.logits[i]));
            let difference = toy.cost(&one) - toy.cost(&other);
            u.iter().map(|u| difference * (u - 0.5)).collect()
        });
    }

    #[test]
    fn straight_through_and_relaxed_coins(
        toy in cube(1), repeats in 1usize..4, samples in 1usize..4, temperature in 0.2..2.0f64, seed: u64,
    ) {
        let (seen, d, n) = (Seen::default(), toy.size(), repeats * samples);
        let (problem, draws) = (toy.coins(&seen), Draws::new(repeats, samples));
        let run = |estimator: &dyn Estimator<f64, Coins>| {
            let found = estimator.estimate(&problem, draws, &mut Stream::new(seed)).swap_remove(0);
            (found, seen.take().swap_remove(0))
        };
        let family = problem.family(&problem.leaves(n));
        let z = family.perturb(&mut Stream::new(seed)).to_vec();
        let row = |all: &[f64], row: usize| all[row * d..][..d].to_vec();
        let p = toy.probs();

        let (found, b) = run(&StraightThrough);
        prop_assert!(b.iter().all(|b| [0.0, 1.0].contains(b)));
        holds("straight through", &found, samples, n, |n| {
            toy.slope(&row(&b, n)).iter().zip(&p).map(|(g, p)| g * p * (1.0 - p)).collect()
        });
        let soft: Vec<f64> = z.iter().map(|z| sigmoid(z / temperature)).collect();
        let through = |g: Vec<f64>, n: usize| -> Vec<f64> {
            let pairs = g.iter().zip(row(&soft, n));
            pairs.map(|(g, r)| g * r * (1.0 - r) / temperature).collect()
        };
        let (found, r) = run(&GumbelSoftmax { temperature });
        close("relaxed", &r, &soft);
        holds("relaxed", &found, samples, n, |n| through(toy.slope(&row(&r, n)), n));
        let (found, b) = run(&StraightThroughGumbelSoftmax { temperature });
        let hard: Vec<f64> = z.iter().map(|&z| f64::from(u8::from(z > 0.0))).collect();
        close("rounded", &b, &hard);
        holds("rounded", &found, samples, n, |n| through(toy.slope(&row(&b, n)), n));
    }

    #[test]
    fn straight_through_and_relaxed_classes(
        toy in cube(2), repeats in 1usize..4, samples in 1usize..4, temperature in 0.2..2.0f64, seed: u64,
    ) {
        let (seen, d, n) = (Seen::default(), toy.size(), repeats * samples);
        let (problem, draws) = (toy.class(&seen), Draws::new(repeats, samples));
        let run = |estimator: &dyn Estimator<f64, Class>| {
            let found = estimator.estimate(&problem, draws, &mut Stream::new(seed)).swap_remove(0);
            (found, seen.take().swap_remove(0))
        };
        let family = problem.family(&problem.leaves(n));
        let z = family.perturb(&mut Stream::new(seed)).to_vec();
        let row = |all: &[f64], row: usize| all[row * d..][..d].to_vec();
        let p = softmax(&toy.logits);

        let (found, b) = run(&StraightThrough);
        holds("straight through", &found, samples, n, |n| {
            through_softmax(&toy.slope(&row(&b, n)), &p, 1.0)
        });
        let soft = |n: usize| {
            softmax(&row(&z, n).iter().map(|z| z / temperature).collect::<Vec<f64>>())
        };
        let (found, r) = run(&GumbelSoftmax { temperature });
        close("relaxed", &r, &(0..n).flat_map(soft).collect::<Vec<f64>>());
        holds("relaxed", &found, samples, n, |n| {
            through_softmax(&toy.slope(&row(&r, n)), &soft(n), temperature)
        });
        let (found, b) = run(&StraightThroughGumbelSoftmax { temperature });
        let hard = |n: usize| {
            let z = row(&z, n);
            let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            z.into_iter().map(move |z| f64::from(u8::from(z == most)))
        };
        close("rounded", &b, &(0..n).flat_map(hard).collect::<Vec<f64>>());
        holds("rounded", &found, samples, n, |n| {
            through_softmax(&toy.slope(&row(&b, n)), &soft(n), temperature)
        });
    }

    /// Given b, z moves with a logit by 1 - exp(-|z|) times the chance of the other side: of the formulas in
    /// `Relaxable`, differentiated by hand.
    #[test]
    fn relax_and_rebar_of_coins(
        toy in cube(1), repeats in 1usize..4, samples in 1usize..4, temperature in 0.3..2.0f64,
        scale in -1.0..2.0f64, seed: u64,
    ) {
        let (seen, d, n) = (Seen::default(), toy.size(), repeats * samples);
        let (problem, draws) = (toy.coins(&seen), Draws::new(repeats, samples));
        let z = problem.family(&problem.leaves(n)).perturb(&mut Stream::new(seed)).to_vec();
        let p = toy.probs();
        // From the value of the critic and its slope by z.
        let formula = |row: usize, critic: &Critic| -> Vec<f64> {
            let z = &z[row * d..][..d];
            let b: Vec<f64> = z.iter().map(|&z| f64::from(u8::from(z > 0.0))).collect();
            let (value, slope) = critic(z);
            let other = |i: usize| if b[i] == 1.0 { p[i] } else { 1.0 - p[i] };
            let given = |i: usize| (1.0 - (-z[i].abs()).exp()) * other(i);
            let score = |i: usize| (toy.cost(&b) - value) * (b[i] - p[i]);
            (0..d).map(|i| score(i) + slope[i] * (1.0 - given(i))).collect()
        };
        let relax = Relax::new(|z: &Tensor<f64>| (z * 0.7).sin().sum_axes(-1, false));
        let found = relax.estimate(&problem, draws, &mut Stream::new(seed));
        holds("relax", &found[0], samples, n, |row| {
            formula(row, &|z| {
                let slopes = z.iter().map(|z| 0.7 * (0.7 * z).cos()).collect();
                (z.iter().map(|z| (0.7 * z).sin()).sum(), slopes)
            })
        });
        let found = Rebar { temperature, scale }.estimate(&problem, draws, &mut Stream::new(seed));
        holds("rebar", &found[0], samples, n, |row| {
            formula(row, &|z| {
                let r: Vec<f64> = z.iter().map(|z| sigmoid(z / temperature)).collect();
                let through = |(g, r): (&f64, &f64)| scale * g * r * (1.0 - r) / temperature;
                (scale * toy.cost(&r), toy.slope(&r).iter().zip(&r).map(through).collect())
            })
        });
    }

    /// The estimate is linear in η: the pilot run's best is where a line through two of them says.
    #[test]
    fn rebar_is_fitted_by_regression(toy in cube(1), temperature in 0.3..2.0f64, seed: u64) {
        let (problem, pilot) = (toy.coins(&Seen::default()), Draws::new(40, 2));
        let fitted = Rebar::fit(&problem, temperature, pilot, &mut Stream::new(seed));
        let variance = |scale: f64| {
            let rebar = Rebar { temperature, scale };
            let found = rebar.estimate(&problem, pilot, &mut Stream::new(seed)).swap_remove(0);
            (&found - found.mean_axes(0, true)).square().sum().item()
        };
        // The vertex of the parabola through three scales.
        let [less, middle, more] = [-1.0, 0.0, 1.0].map(variance);
        let (curve, slope) = (0.5 * (less + more) - middle, 0.5 * (more - less));
        prop_assume!(curve > 1e-6);
        prop_assert_eq!(fitted.temperature, temperature);
        close("η", &[fitted.scale * curve], &[-0.5 * slope]);
    }

    #[test]
    fn leave_one_out_of_classes(toy in cube(2), repeats in 1usize..4, samples in 2usize..5, seed: u64) {
        let (seen, d, n) = (Seen::default(), toy.size(), repeats * samples);
        let draws = Draws::new(repeats, samples);
        let found = LeaveOneOut.estimate(&toy.class(&seen), draws, &mut Stream::new(seed));
        let b = seen.take().swap_remove(0);
        let p = softmax(&toy.logits);
        let cost = |row: usize| toy.cost(&b[row * d..][..d]);
        holds("leave one out", &found[0], samples, n, |row| {
            let group = row / samples * samples..(row / samples + 1) * samples;
            let others = group.filter(|j| *j != row).map(cost).sum::<f64>() / (samples - 1) as f64;
            (0..d).map(|i| (cost(row) - others) * (b[row * d + i] - p[i])).collect()
        });
    }
}
