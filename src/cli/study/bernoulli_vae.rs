//! A VAE whose latent variables are coins, trained with any estimator for them.
//!
//! ```text
//!     loss = -E ln p(x|b) + KL(q(b|x) ‖ p(b)),    q(b|x) = Bernoulli(encoder(x)),  p(b) = Bernoulli(½)
//! ```

use std::sync::Arc;

use elbo_estimators::{
    AugmentReinforceMerge, CriticTraining, Draws, Estimator, Expectation, GumbelSoftmax,
    LearningRelax, LeaveOneOut, MeasureValuedDifference, Rebar, RunningAverage, ScoreFunction,
    StraightThrough, StraightThroughGumbelSoftmax,
};
use elbo_layers::dist::{Independent, kl};
use elbo_layers::{Activation, Adam, Bernoulli, Distribution, Module, Optimizer, Pass, Sequential};
use elbo_models::Result;
use elbo_models::data::{Dataset, Images, Source, load};
use elbo_tensor::{Stream, Tensor, no_grad};

/// Coins in a code.
pub(super) const LATENT: usize = 64;

/// Units of the hidden layer of encoder and decoder.
const HIDDEN: usize = 200;

/// Images in a step, and learning rate.
const BATCH: usize = 100;
const LR: f64 = 1e-3;

/// The estimators that it can be trained with.
pub(super) const ESTIMATORS: [&str; 10] = [
    "score_function",
    "score_function_moving_average_baseline",
    "score_function_leave_one_out",
    "straight_through",
    "gumbel_softmax",
    "straight_through_gumbel_softmax",
    "rebar",
    "relax",
    "arm",
    "measure_valued",
];

type Code = Independent<Bernoulli<f32>>;

/// The estimator, and how many draws it takes for each image.
fn estimator(
    name: &str,
    temperature: f64,
    noise: &mut Stream,
) -> (Box<dyn Estimator<f32, Code>>, usize) {
    match name {
        "score_function" => (Box::new(ScoreFunction), 1),
        "score_function_moving_average_baseline" => (Box::new(RunningAverage::new(0.9)), 1),
        "score_function_leave_one_out" => (Box::new(LeaveOneOut), 2),
        "straight_through" => (Box::new(StraightThrough), 1),
        "gumbel_softmax" => (Box::new(GumbelSoftmax { temperature }), 1),
        "straight_through_gumbel_softmax" => {
            (Box::new(StraightThroughGumbelSoftmax { temperature }), 1)
        }
        "rebar" => (Box::new(Rebar { temperature, scale: 1.0 }), 1),
        "relax" => {
            let training = CriticTraining { hidden: HIDDEN, lr: LR, ..CriticTraining::default() };
            (Box::new(LearningRelax::new(LATENT, temperature, training, noise)), 1)
        }
        "arm" => (Box::new(AugmentReinforceMerge), 1),
        "measure_valued" => (Box::new(MeasureValuedDifference::coupled()), 1),
        _ => unreachable!("{name} is one of the list"),
    }
}

/// The images inside the program.
pub(super) struct Pictures(Dataset);

impl Pictures {
    pub(super) fn load() -> Result<Pictures> {
        Ok(Pictures(load(&Source::Sample)?))
    }
}

/// Some images as rows.
fn rows(images: &Images, indices: &[u32]) -> Tensor {
    let pixels = images.pixels_per_image();
    Tensor::write([indices.len(), pixels], |x| images.batch_into(indices, x))
}

/// Trains from the beginning; `epoch_done` is told the test loss after each epoch, in nats per image.
pub(super) fn train(
    Pictures(data): &Pictures,
    name: &str,
    temperature: f64,
    epochs: usize,
    seed: u64,
    mut epoch_done: impl FnMut(usize, f64),
) {
    let root = Stream::new(seed);
    let mut noise = root.substream(1);
    let mut vae = Vae::new(data.train.images.pixels_per_image(), &mut noise);
    let (estimator, samples) = estimator(name, temperature, &mut root.substream(3));
    for epoch in 1..=epochs {
        let order: Vec<u32> =
            noise.permutation(data.train.images.count).into_iter().map(|i| i as u32).collect();
        for batch in order.chunks(BATCH) {
            vae.step(&rows(&data.train.images, batch), &*estimator, samples, &mut noise);
        }
        // The same draws after each epoch, for each estimator.
        epoch_done(epoch, vae.loss(&data.test.images, &mut root.substream(2)));
    }
}

struct Vae {
    encoder: Sequential,
    decoder: Arc<Sequential>,
    adams: [Adam; 2],
}

impl Vae {
    fn new(pixels: usize, noise: &mut Stream) -> Vae {
        Vae {
            encoder: Sequential::mlp(&[pixels, HIDDEN, LATENT], Activation::Relu, noise),
            decoder: Arc::new(Sequential::mlp(&[LATENT, HIDDEN, pixels], Activation::Relu, noise)),
            adams: [Adam::new(LR), Adam::new(LR)],
        }
    }

    /// -ln p(x|b) for each row.
    fn reconstruction(decoder: &Sequential, x: &Tensor, b: &Tensor) -> Tensor {
        decoder.forward(b, &mut Pass::Eval).bce_with_logits(x)
    }

    /// Σ KL(q(b|x) ‖ Bernoulli(½))
    fn divergence(logits: &Tensor) -> Tensor {
        let prior = Bernoulli::new(&Tensor::zeros(*logits.shape()));
        kl(&Bernoulli::new(logits), &prior).sum()
    }

    fn step(
        &mut self,
        x: &Tensor,
        estimator: &dyn Estimator<f32, Code>,
        samples: usize,
        noise: &mut Stream,
    ) {
        let n = x.shape()[0];
        let logits = self.encoder.forward(x, &mut Pass::Eval);
        // The gradient of E -ln p(x|b) by the logits of each image is estimated; what comes before the logits
        // and after the draw is differentiated as always.
        let (decoder, repeated) = (self.decoder.clone(), repeated(x, samples));
        let problem = Expectation::of_rows(
            [("logits", logits.detach())],
            |[logits]| Independent::new(Bernoulli::new(logits)),
            move |b| Vae::reconstruction(&decoder, &repeated, b),
        );
        let estimates = estimator.estimate(&problem, Draws::new(n, samples), noise);
        drop(problem);
        let b = Bernoulli::new(&logits).sample(noise).constant();
        let decoded = Vae::reconstruction(&self.decoder, x, &b).sum();
        let encoded = (&logits * &estimates[0]).sum() + Vae::divergence(&logits);
        let gradients = ((decoded + encoded) * (1.0 / n as f32)).into_gradients();
        let [of_encoder, of_decoder] = &mut self.adams;
        of_encoder.step(&mut self.encoder, &gradients);
        let decoder = Arc::get_mut(&mut self.decoder).expect("the problem is gone");
        of_decoder.step(decoder, &gradients);
    }

    /// The loss over images, with one draw for each, in nats per image.
    fn loss(&self, images: &Images, noise: &mut Stream) -> f64 {
        let indices: Vec<u32> = (0..images.count as u32).collect();
        let mut sum = 0.0;
        for batch in indices.chunks(BATCH) {
            let x = rows(images, batch);
            let loss = no_grad(|| {
                let logits = self.encoder.forward(&x, &mut Pass::Eval);
                let b = Bernoulli::new(&logits).sample(noise).constant();
                Vae::reconstruction(&self.decoder, &x, &b).sum() + Vae::divergence(&logits)
            });
            sum += f64::from(loss.item());
        }
        sum / images.count as f64
    }
}

/// Each row so many times, one after the other.
fn repeated(x: &Tensor, times: usize) -> Tensor {
    let [n, pixels] = [x.shape()[0], x.shape()[1]];
    match times {
        1 => x.clone(),
        _ => {
            x.reshape([n, 1, pixels]).broadcast_to([n, times, pixels]).reshape([n * times, pixels])
        }
    }
}
