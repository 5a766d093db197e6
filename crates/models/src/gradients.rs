//! How noisy the gradient of a model is, and why: the draws of the latent code, or the choice of images.
//!
//! The gradient g of a mean loss over B images is random twice. By the law of total variance
//!
//! ```text
//!     Var g  =  E Var(g | images)  +  Var E(g | images)
//!               noise                 images
//! ```
//!
//! Batches of images are drawn with replacement, so that both parts are 1/B of those of a single image, and
//! each batch meets several draws of noise. Then `noise` is the variance between draws at the same
//! images, and the whole is what the gradients of single images say: with gₙ the part of image n in g,
//! Var g = E Σ gₙ² - (E g)² / B. The variance between batches is a second, independent word on
//! `images`. Every figure is summed over the numbers of a parameter, and has its standard error by the
//! jackknife over batches.

use elbo_layers::Pass;
use elbo_tensor::{BatchReduce, Stream, Tensor};
use serde::Serialize;

use crate::Model;
use crate::data::Split;
use crate::train::batch_of;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Images of a batch, B.
    pub batch_size: usize,
    /// Batches, at least 3.
    pub batches: usize,
    /// Draws of noise for each batch, at least 2.
    pub repeats: usize,
    /// What batches and noise follow from.
    pub seed: u64,
}

/// A figure with its standard error.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Measured {
    /// The figure.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

impl Measured {
    /// Where the figure lies with 95 % confidence.
    pub fn ci(&self) -> [f64; 2] {
        [-1.0, 1.0].map(|side| self.value + side * 1.959_963_984_540_054 * self.error)
    }
}

/// The gradient of one parameter, summed over its numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct ParameterNoise {
    /// The name, as in a checkpoint; that of a layer, as `encoder.0`, for its parameters together; `all` for all.
    pub name: String,
    /// How many numbers it has.
    pub count: usize,
    /// ‖E g‖²
    pub signal: Measured,
    /// Var g
    pub variance: Measured,
    /// E Var(g | images)
    pub noise: Measured,
    /// Var E(g | images), as what `noise` leaves of `variance`.
    pub images: Measured,
    /// The same from the spread of batches.
    pub images_between_batches: Measured,
    /// ‖E g‖ / √Var g
    pub snr: Measured,
    /// ‖E g‖ / √E ‖g‖²: the cosine between g and its mean, where ‖g‖ hardly varies.
    pub cosine: Measured,
}

/// The noise in the gradient of every parameter, then of every layer, and at the end of all together. `report` is called after
/// each backward pass of `plan.batches · plan.repeats`.
///
/// # Panics
/// If there are fewer than 3 batches, fewer than 2 repeats, or no images.
pub fn gradient_noise(
    model: &dyn Model,
    split: &Split,
    plan: &Plan,
    mut report: impl FnMut(),
) -> Vec<ParameterNoise> {
    let Plan { batch_size, batches, repeats, seed } = *plan;
    let enough = batches >= 3 && repeats >= 2 && batch_size > 0 && split.images.count > 0;
    assert!(enough, "gradient_noise: {plan:?} of {} images", split.images.count);
    let root = Stream::new(seed);
    let mut parameters = Vec::new();
    model.visit("", &mut |name, parameter| {
        parameters.push((name.to_string(), parameter.tensor().clone()));
    });
    let mut records = vec![Vec::with_capacity(batches); parameters.len()];
    for batch in 0..batches {
        let x = batch_of(split, &draw(split.images.count, batch_size, &root, batch));
        let mut sums: Vec<Sums> = parameters.iter().map(|(_, p)| Sums::new(p.count())).collect();
        for repeat in 0..repeats {
            let mut noise = root.substream(NOISE + (batch * repeats + repeat) as u64);
            // In evaluation nothing fades in or drops out: the ELBO as it stands.
            let loss = model.loss(&x, &mut noise, &mut Pass::Eval, f64::INFINITY).total;
            let squares = loss.backward_with(BatchReduce::SumOfSquares);
            let gradients = loss.into_gradients();
            for ((_, parameter), sums) in parameters.iter().zip(&mut sums) {
                if let (Some(g), Some(g2)) = (gradients.get(parameter), squares.get(parameter)) {
                    sums.add(g, g2);
                }
            }
            report();
        }
        for (records, sums) in records.iter_mut().zip(sums) {
            records.push(sums.record(repeats));
        }
    }
    let mut found: Vec<ParameterNoise> = Vec::new();
    let mut together: Vec<(String, usize, Vec<Batch>)> = Vec::new();
    for ((name, parameter), records) in parameters.iter().zip(records) {
        let (parts, count) = (join(records), parameter.count());
        found.push(figures(name, count, &parts, plan));
        let layer = name.rsplit_once('.').map_or(&name[..], |(layer, _)| layer);
        match together.iter_mut().find(|(name, ..)| name == layer) {
            Some((_, numbers, sum)) => {
                *numbers += count;
                sum.iter_mut().zip(&parts).for_each(|(sum, part)| sum.add(part));
            }
            None => together.push((layer.into(), count, parts)),
        }
    }
    let mut all = vec![Batch::default(); batches];
    for (layer, count, sum) in &together {
        found.push(figures(layer, *count, sum, plan));
        all.iter_mut().zip(sum).for_each(|(all, sum)| all.add(sum));
    }
    found.push(figures("all", model.count(), &all, plan));
    found
}

/// Streams of one seed: each batch has one, and behind them each draw of noise.
const IMAGES: u64 = 1 << 32;
const NOISE: u64 = 2 << 32;

/// Images of a batch, drawn with replacement.
fn draw(count: usize, batch_size: usize, root: &Stream, batch: usize) -> Vec<u32> {
    let mut stream = root.substream(IMAGES + batch as u64);
    let places: Tensor<f64> = stream.uniform([batch_size], 0.0, count as f64);
    places.data().iter().map(|&place| (place as usize).min(count - 1) as u32).collect()
}

/// What is added up over the draws of noise at one batch.
struct Sums {
    gradient: Vec<f64>,
    /// Σ ‖g‖² over draws.
    norms: f64,
    /// Σ over draws of Σ ‖gₙ‖² over images.
    squares: f64,
}

impl Sums {
    fn new(count: usize) -> Sums {
        Sums { gradient: vec![0.0; count], norms: 0.0, squares: 0.0 }
    }

    fn add(&mut self, gradient: &Tensor, squares: &Tensor) {
        for (sum, &g) in self.gradient.iter_mut().zip(gradient.data()) {
            *sum += f64::from(g);
            self.norms += f64::from(g) * f64::from(g);
        }
        self.squares += squares.data().iter().map(|&g2| f64::from(g2)).sum::<f64>();
    }

    fn record(self, repeats: usize) -> Record {
        let r = repeats as f64;
        let mean: Vec<f32> = self.gradient.iter().map(|sum| (sum / r) as f32).collect();
        let norm_of_sum: f64 = self.gradient.iter().map(|sum| sum * sum).sum();
        // Differences of nearly equal numbers may come out a little below 0.
        let within = ((self.norms - norm_of_sum / r) / (r - 1.0)).max(0.0);
        Record { mean, within, squares: self.squares / r }
    }
}

/// A batch and one parameter.
#[derive(Clone)]
struct Record {
    /// The mean gradient over draws, whose norm is taken against those of other batches.
    mean: Vec<f32>,
    within: f64,
    squares: f64,
}

/// What one batch adds to the figures: sums over the numbers of a parameter.
#[derive(Clone, Copy, Default, Debug)]
struct Batch {
    /// The variance between draws.
    within: f64,
    /// The mean of Σ ‖gₙ‖² over draws.
    squares: f64,
    /// ‖m‖² of the mean gradient m.
    norm: f64,
    /// ⟨m, Σ m⟩ with the sum over all batches.
    with_all: f64,
}

impl Batch {
    fn add(&mut self, other: &Batch) {
        self.within += other.within;
        self.squares += other.squares;
        self.norm += other.norm;
        self.with_all += other.with_all;
    }
}

fn join(records: Vec<Record>) -> Vec<Batch> {
    let mut sum = vec![0.0; records[0].mean.len()];
    for record in &records {
        sum.iter_mut().zip(&record.mean).for_each(|(sum, &m)| *sum += f64::from(m));
    }
    let batch = |record: &Record| {
        let both = record.mean.iter().zip(&sum).map(|(&m, sum)| (f64::from(m), sum));
        let (norm, with_all) =
            both.fold((0.0, 0.0), |(norm, with), (m, sum)| (norm + m * m, with + m * sum));
        Batch { within: record.within, squares: record.squares, norm, with_all }
    };
    records.iter().map(batch).collect()
}

/// Signal, variance, noise, images twice, signal-to-noise, cosine.
type Figures = [f64; 7];

/// The figures of some batches: their number, their sum, and ‖Σ m‖² over them.
fn estimate(batches: f64, sum: &Batch, norm_of_sum: f64, plan: &Plan) -> Figures {
    let spread = (sum.norm - norm_of_sum / batches) / (batches - 1.0);
    // ‖mean‖² has the variance of the mean in it.
    let signal = norm_of_sum / (batches * batches) - spread / batches;
    let variance = sum.squares / batches - signal / plan.batch_size as f64;
    let noise = sum.within / batches;
    let between = spread - noise / plan.repeats as f64;
    let part = |of: f64| (signal.max(0.0) / of.max(f64::MIN_POSITIVE)).sqrt();
    let (snr, cosine) = (part(variance), part(signal.max(0.0) + variance));
    [signal, variance, noise, variance - noise, between, snr, cosine]
}

/// The figures of all batches, with errors from leaving out one after the other (Efron & Stein 1981).
fn figures(name: &str, count: usize, batches: &[Batch], plan: &Plan) -> ParameterNoise {
    let mut sum = Batch::default();
    batches.iter().for_each(|batch| sum.add(batch));
    let k = batches.len() as f64;
    let all = estimate(k, &sum, sum.with_all, plan);
    let without = |left_out: &Batch| {
        let rest = Batch {
            within: sum.within - left_out.within,
            squares: sum.squares - left_out.squares,
            norm: sum.norm - left_out.norm,
            with_all: 0.0,
        };
        let norm_of_sum = sum.with_all - 2.0 * left_out.with_all + left_out.norm;
        estimate(k - 1.0, &rest, norm_of_sum, plan)
    };
    let others: Vec<Figures> = batches.iter().map(without).collect();
    let measured = |i: usize| {
        let mean = others.iter().map(|other| other[i]).sum::<f64>() / k;
        let squares: f64 = others.iter().map(|other| (other[i] - mean).powi(2)).sum();
        Measured { value: all[i], error: (squares * (k - 1.0) / k).sqrt() }
    };
    ParameterNoise {
        name: name.into(),
        count,
        signal: measured(0),
        variance: measured(1),
        noise: measured(2),
        images: measured(3),
        images_between_batches: measured(4),
        snr: measured(5),
        cosine: measured(6),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use elbo_layers::Parameters;

    use super::*;
    use crate::data::Images;
    use crate::{Likelihood, Settings, Vae};

    /// x = W z + b with one unit and two pixels, and an encoder that does not look at the image:
    /// q = N(m, v). With s² = 1, ∂loss/∂b = b + W z - x, so that of the variance of one image's
    /// gradient W² v comes from the noise, and Var x from the images.
    fn linear() -> (Vae, Split, [f64; 2]) {
        let (w, v) = ([0.8f32, -0.5], 0.6f32);
        let settings = Settings {
            latent: 1,
            likelihood: Likelihood::Gaussian,
            hidden: vec![],
            ..Settings::default()
        };
        let mut vae = Vae::new(2, &settings, &mut Stream::new(1));
        vae.visit_mut("", &mut |name, parameter| match name {
            "encoder.0.bias" => parameter.data_mut().copy_from_slice(&[0.3, v.ln()]),
            "decoder.0.weight" => parameter.data_mut().copy_from_slice(&w),
            _ => parameter.data_mut().fill(0.0),
        });
        let pixels = vec![0, 255, 40, 90, 200, 10, 130, 60];
        let images = Images { pixels: pixels.clone(), count: 4, rows: 1, cols: 2 };
        let noise = (w[0] * w[0] + w[1] * w[1]) * v;
        let variance = |pixel: usize| {
            let x = || pixels.chunks(2).map(move |x| f64::from(x[pixel]) / 255.0);
            let mean = x().sum::<f64>() / 4.0;
            x().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0
        };
        (vae, Split { images, labels: None }, [f64::from(noise), variance(0) + variance(1)])
    }

    #[test]
    fn noise_and_images_are_those_of_the_closed_form() {
        let (vae, split, [noise, images]) = linear();
        let plan = Plan { batch_size: 5, batches: 400, repeats: 4, seed: 3 };
        let found = gradient_noise(&vae, &split, &plan, || {});
        let bias = found.iter().find(|found| found.name == "decoder.0.bias").unwrap();
        assert_eq!(bias.count, 2);
        let known = [
            ("noise", bias.noise, noise / 5.0),
            ("images", bias.images, images / 5.0),
            ("images between batches", bias.images_between_batches, images / 5.0),
            ("variance", bias.variance, (noise + images) / 5.0),
        ];
        for (what, measured, truth) in known {
            let errors = (measured.value - truth) / measured.error;
            assert!(errors.abs() < 4.0, "{what}: {measured:?} instead of {truth}");
            assert!(measured.error < 0.1 * truth, "{what}: {measured:?}");
        }
    }

    #[test]
    fn the_figures_are_those_of_their_definitions() {
        // The same batches and noise, with a backward pass for every image, and vectors written out.
        let (vae, split, _) = linear();
        let plan = Plan { batch_size: 3, batches: 4, repeats: 3, seed: 9 };
        let found = gradient_noise(&vae, &split, &plan, || {});
        let root = Stream::new(9);
        let mut parts: Vec<(String, usize)> = Vec::new();
        vae.visit("", &mut |name, parameter| parts.push((name.into(), parameter.tensor().count())));
        let flat = |x: &Tensor, eps: &Tensor| {
            let q = vae.posterior(x, &mut Pass::Eval);
            let z = q.rsample_with(eps);
            let recon = -vae.log_likelihood(x, &z, &mut Pass::Eval).sum();
            let gradients = (recon + q.kl_standard().sum()).backward();
            let mut all = Vec::new();
            vae.visit("", &mut |_, parameter| {
                let gradient = gradients[parameter.tensor()].data().iter();
                all.extend(gradient.map(|&g| f64::from(g) / 3.0));
            });
            all
        };
        // Number by number: the mean of vectors, of their squares, and their unbiased variance.
        let mean = |all: &[Vec<f64>]| -> Vec<f64> {
            let at = |i: usize| all.iter().map(|g| g[i]).sum::<f64>() / all.len() as f64;
            (0..all[0].len()).map(at).collect()
        };
        let variance = |all: &[Vec<f64>]| -> Vec<f64> {
            let center = mean(all);
            let apart = |i: usize| all.iter().map(|g| (g[i] - center[i]).powi(2)).sum::<f64>();
            (0..center.len()).map(|i| apart(i) / (all.len() - 1) as f64).collect()
        };
        let (mut means, mut within, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for batch in 0..4 {
            let x = batch_of(&split, &draw(4, 3, &root, batch));
            let (mut draws, mut squares_here) = (Vec::new(), Vec::new());
            for repeat in 0..3 {
                let eps: Tensor =
                    root.substream(NOISE + (batch * 3 + repeat) as u64).normal([3, 1]);
                let row = |all: &Tensor, n: usize| all.slice(0, n..n + 1);
                let each: Vec<_> = (0..3).map(|n| flat(&row(&x, n), &row(&eps, n))).collect();
                draws.push(mean(&each).iter().map(|g| 3.0 * g).collect::<Vec<f64>>());
                squares_here.extend(each.iter().map(|g| g.iter().map(|g| 3.0 * g * g).collect()));
            }
            within.push(variance(&draws));
            squares.push(mean(&squares_here));
            means.push(mean(&draws));
        }
        // Of some of the batches, summed over some of the numbers.
        let by_definition = |batches: &[usize], numbers: &Range<usize>| -> Figures {
            let of = |all: &[Vec<f64>]| batches.iter().map(|&b| all[b].clone()).collect::<Vec<_>>();
            let sum = |all: Vec<f64>| all[numbers.clone()].iter().sum::<f64>();
            let spread = sum(variance(&of(&means)));
            let norm = sum(mean(&of(&means)).iter().map(|m| m * m).collect());
            let signal = norm - spread / batches.len() as f64;
            let variance = sum(mean(&of(&squares))) - signal / 3.0;
            let noise = sum(mean(&of(&within)));
            let seen = signal.max(0.0);
            let (snr, cosine) = ((seen / variance).sqrt(), (seen / (seen + variance)).sqrt());
            [signal, variance, noise, variance - noise, spread - noise / 3.0, snr, cosine]
        };
        // Parameters, layers, and all: each is a range of the numbers.
        let mut ranges: Vec<(String, Range<usize>)> = Vec::new();
        let mut layers: Vec<(String, Range<usize>)> = Vec::new();
        let mut end = 0;
        for (name, count) in parts {
            let numbers = end..end + count;
            end = numbers.end;
            let layer = name.rsplit_once('.').unwrap().0;
            match layers.last_mut().filter(|(last, _)| last == layer) {
                Some((_, range)) => range.end = end,
                None => layers.push((layer.into(), numbers.clone())),
            }
            ranges.push((name, numbers));
        }
        ranges.extend(layers);
        ranges.push(("all".into(), 0..end));
        assert_eq!(
            found.iter().map(|found| (found.name.clone(), found.count)).collect::<Vec<_>>(),
            ranges.iter().map(|(name, range)| (name.clone(), range.len())).collect::<Vec<_>>()
        );
        for (found, (name, numbers)) in found.iter().zip(&ranges) {
            let whole = by_definition(&[0, 1, 2, 3], numbers);
            let others = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
                .map(|rest| by_definition(&rest, numbers));
            let known = [
                found.signal,
                found.variance,
                found.noise,
                found.images,
                found.images_between_batches,
                found.snr,
                found.cosine,
            ];
            for (i, found) in known.into_iter().enumerate() {
                // Gradients are of single precision; the last two figures are ratios.
                let room = if i < 5 { 1e-5 * (whole[0].abs() + whole[1]) } else { 1e-4 };
                let center = others.iter().map(|other| other[i]).sum::<f64>() / 4.0;
                let apart = others.iter().map(|other| (other[i] - center).powi(2)).sum::<f64>();
                let error = (0.75 * apart).sqrt();
                let what = format!("{name}, {i}: {found:?}, not {} ± {error}", whole[i]);
                assert!((found.value - whole[i]).abs() < room, "{what}");
                assert!((found.error - error).abs() < room, "{what}");
                let [low, high] = found.ci();
                let half = 1.959_963_984_540_054 * found.error;
                let off = (high - found.value - half).abs() + (found.value - low - half).abs();
                assert!(off < 1e-12 * (1.0 + found.value.abs() + half), "{what}");
            }
        }
    }

    #[test]
    fn every_backward_pass_is_reported() {
        let (vae, split, _) = linear();
        let plan = Plan { batch_size: 3, batches: 4, repeats: 5, seed: 1 };
        let mut count = 0;
        gradient_noise(&vae, &split, &plan, || count += 1);
        assert_eq!(count, 20);
    }
}
