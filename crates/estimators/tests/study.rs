//! Studies: what they make of estimates, whatever these are.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use elbo_estimators::study::{Findings, Moments, Parameter, Study};
use elbo_estimators::{Draws, Estimator, Expectation};
use elbo_layers::Normal;
use elbo_tensor::kernels::threads;
use elbo_tensor::{Stream, Tensor};
use support::{close, near};

/// Gives noise of its own for gradients, block after block, and keeps it.
#[derive(Default)]
struct Noise(Mutex<Vec<(Draws, Vec<Tensor<f64>>)>>);

impl Estimator<f64, Normal<f64>> for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn evaluations(&self, _: &Expectation<f64, Normal<f64>>, samples: usize) -> usize {
        10 * samples
    }

    fn estimate(
        &self,
        _: &Expectation<f64, Normal<f64>>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<f64>> {
        let wide = noise.normal([draws.repeats, 2]) * 2.0 + 1.0;
        let found = vec![wide, noise.exponential([draws.repeats])];
        self.0.lock().unwrap().push((draws, found.clone()));
        found
    }
}

fn problem() -> Expectation<f64, Normal<f64>> {
    Expectation::new(
        [("pair", Tensor::from([0.0, 0.0])), ("single", Tensor::scalar(0.0))],
        |[pair, single]| Normal::new(&pair.sum_axes(-1, false), single),
        |x| x.clone(),
    )
}

const TRUTH: [f64; 3] = [1.0, -2.0, 0.5];

fn truth() -> [Tensor<f64>; 2] {
    [Tensor::from([TRUTH[0], TRUTH[1]]), Tensor::scalar(TRUTH[2])]
}

/// What a study finds, and the estimates that it saw, a row for each.
fn run(study: Study) -> (Findings, Vec<[f64; 3]>) {
    let noise = Noise::default();
    let findings = study.run(&problem(), &noise, Some(&truth()), &|_| ());
    let mut rows = Vec::new();
    for (draws, found) in noise.0.into_inner().unwrap() {
        assert_eq!(draws.samples, study.samples);
        let pairs = found[0].data().chunks(2).zip(found[1].data());
        rows.extend(pairs.map(|(pair, single)| [pair[0], pair[1], *single]));
    }
    (findings, rows)
}

#[test]
fn moments_and_cosines_are_those_of_all_estimates() {
    // One block, and several of which the last is shorter.
    for repeats in [7, 20_001] {
        let (found, rows) = run(Study { repeats, samples: 3, seed: 5 });
        assert_eq!(rows.len(), repeats);
        assert_eq!((found.estimator, found.evaluations), ("noise", 30));
        let names: Vec<_> = found.parameters.iter().map(|p| (p.name, p.elements.len())).collect();
        assert_eq!(names, [("pair", 2), ("single", 1)]);
        let n = repeats as f64;
        let holds = |what: &str, found: &Moments, values: &dyn Fn(&[f64; 3]) -> f64| {
            let mean = rows.iter().map(values).sum::<f64>() / n;
            let power = |p| rows.iter().map(|row| (values(row) - mean).powi(p)).sum::<f64>();
            let variance = power(2) / (n - 1.0);
            let of_variance = (power(4) / n - variance * variance * (n - 3.0) / (n - 1.0)) / n;
            let found =
                [found.mean(), found.variance(), found.mean_error(), found.variance_error()];
            close(what, &found, &[mean, variance, (variance / n).sqrt(), of_variance.sqrt()]);
        };
        let elements = found.parameters.iter().flat_map(|p| &p.elements);
        for (i, moments) in elements.enumerate() {
            holds("element", moments, &|row| row[i]);
        }
        let norm = |g: &[f64; 3]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
        holds("cosine", &found.cosine.unwrap(), &|row| {
            (0..3).map(|i| row[i] * TRUTH[i]).sum::<f64>() / (norm(row) * norm(&TRUTH))
        });
    }
}

/// A number that came twice would be noise that was used twice.
#[test]
fn no_noise_is_used_twice() {
    let all = |seed| {
        let study = Study { repeats: 30_000, samples: 1, seed };
        let (_, rows) = run(study);
        let pilot: Tensor<f64> = study.pilot().normal([60_000]);
        let pilot = pilot.data().iter().map(|e| 2.0 * e + 1.0);
        rows.iter().flat_map(|row| [row[0], row[1]]).chain(pilot).collect::<Vec<f64>>()
    };
    let mut both = [all(1), all(2)].concat();
    let count = both.len();
    both.sort_by(f64::total_cmp);
    both.dedup();
    assert_eq!((count, both.len()), (240_000, 240_000));
}

#[test]
fn every_estimate_is_reported_once() {
    let done = AtomicUsize::new(0);
    let study = Study { repeats: 12_345, samples: 2, seed: 1 };
    study.run(&problem(), &Noise::default(), None, &|repeats| {
        done.fetch_add(repeats, Ordering::Relaxed);
    });
    assert_eq!(done.into_inner(), 12_345);
}

#[test]
fn blocks_do_not_depend_on_threads() {
    let study = Study { repeats: 20_001, samples: 3, seed: 5 };
    let one = threads::with(1, || run(study));
    for count in [2, 5] {
        let (found, mut rows) = threads::with(count, || run(study));
        assert_eq!(found, one.0);
        // In whatever order blocks were done.
        let mut expected = one.1.clone();
        for rows in [&mut rows, &mut expected] {
            rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        }
        assert_eq!(rows, expected);
    }
}

/// A gradient of three numbers with variances 1, 4 and 0.25 from 400 estimates, again and again: the standard
/// error is how far its ratios scatter, for weak signals and for strong ones.
#[test]
fn the_signal_to_noise_ratio_of_a_vector() {
    const ESTIMATES: usize = 400;
    for (seed, scale) in [(3, 1.0), (4, 10.0)] {
        let (mean, sigma) = ([1.0, 0.0, -0.4].map(|mean| mean * scale), [1.0, 2.0, 0.5]);
        let root = Stream::new(seed);
        let once = |study: u64| {
            let noise = &mut root.substream(study);
            let element = |i: usize| {
                let x: Tensor<f64> = noise.normal([ESTIMATES]) * sigma[i] + mean[i];
                Moments::of(x.data())
            };
            Parameter { name: "gradient", elements: (0..3).map(element).collect() }
        };
        let parameter = once(0);
        let variance: f64 = parameter.elements.iter().map(Moments::variance).sum();
        close("variance", &[parameter.variance()], &[variance]);
        let signal: f64 = parameter.elements.iter().map(|m| m.mean().powi(2)).sum();
        let ratio = ((signal - variance / ESTIMATES as f64) / variance).sqrt();
        close("ratio", &[parameter.snr().0], &[ratio]);

        let found: Vec<(f64, f64)> = (1..2001).map(|study| once(study).snr()).collect();
        let scatter = Moments::of(&found.iter().map(|(ratio, _)| *ratio).collect::<Vec<f64>>());
        let said = found.iter().map(|(_, error)| error * error).sum::<f64>() / found.len() as f64;
        near("variance of the ratio", scatter.variance(), scatter.variance_error(), said);
    }
}

/// All terms count where there are few numbers.
#[test]
fn the_error_of_a_ratio_by_hand() {
    // Means 2 and 1, variances 5/3 and 4/3, Σ d⁴ = 10.25 and 4; four numbers each.
    let elements = vec![Moments::of(&[0.5, 1.5, 2.5, 3.5]), Moments::of(&[0.0, 0.0, 2.0, 2.0])];
    let parameter = Parameter { name: "gradient", elements };
    let [a, b] = [5.0 / 12.0, 1.0 / 3.0];
    let signal: f64 = 4.0 - a + 1.0 - b;
    let of_signal: f64 = 4.0 * 4.0 * a + 2.0 * a * a + 4.0 * b + 2.0 * b * b;
    // Var s² = (μ₄ - s⁴ / 3) / 4
    let of_variance = (10.25 / 4.0 - 25.0 / 27.0) / 4.0 + (1.0 - 16.0 / 27.0) / 4.0;
    let ratio = (signal / 3.0).sqrt();
    let error = 0.5 * ratio * (of_signal / signal.powi(2) + of_variance / 9.0).sqrt();
    let (found, found_error) = parameter.snr();
    close("ratio", &[found, found_error], &[ratio, error]);
}
