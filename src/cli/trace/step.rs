//! One step of a small VAE, in double precision, with everything that has a name at hand.

use elbo_layers::{Activation, Module, Parameters, Pass, Sequential};
use elbo_tensor::{Graph, Stream, Tensor, keep_values};

/// The sizes of the step and where its numbers come from.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) latent: usize,
    pub(super) seed: u64,
}

/// The step: an image x, a draw eps, and what was computed from them.
///
/// ```text
///     (mu, logvar) = encoder(x),    z = mu + sigma ⊙ eps,    sigma = exp(logvar / 2)
///     loss = recon + kl = BCE(decoder(z), x) + KL(N(mu, sigma²) ‖ N(0, 1))
/// ```
pub(super) struct Step {
    encoder: Sequential<f64>,
    decoder: Sequential<f64>,
    x: Tensor<f64>,
    pub(super) eps: Tensor<f64>,
    pub(super) posterior: [Tensor<f64>; 2],
    pub(super) end: End,
}

/// What follows from mu and logvar.
pub(super) struct End {
    pub(super) z: Tensor<f64>,
    logits: Tensor<f64>,
    pub(super) recon: Tensor<f64>,
    pub(super) kl: Tensor<f64>,
    pub(super) loss: Tensor<f64>,
}

impl Step {
    pub(super) fn new(sizes: Sizes) -> Step {
        let Sizes { inputs, hidden, latent, seed } = sizes;
        let root = Stream::new(seed);
        let mut init = root.substream(1);
        let encoder = Sequential::mlp(&[inputs, hidden, 2 * latent], Activation::Tanh, &mut init);
        let decoder = Sequential::mlp(&[latent, hidden, inputs], Activation::Tanh, &mut init);
        let x = root.substream(2).uniform([1, inputs], 0.0, 1.0);
        let eps = root.substream(3).normal([1, latent]);
        let (posterior, end) = keep_values(|| {
            let posterior = posterior(&encoder, &x);
            let end = end(&decoder, &x, &eps, &posterior);
            (posterior, end)
        });
        Step { encoder, decoder, x, eps, posterior, end }
    }

    /// The loss with other posterior parameters, at the same image and the same noise.
    pub(super) fn loss_from(&self, posterior: &[Tensor<f64>; 2]) -> f64 {
        end(&self.decoder, &self.x, &self.eps, posterior).loss.item()
    }

    /// The graph of the loss, with names; the noise is marked.
    pub(super) fn graph(&self) -> Graph<f64> {
        let [mu, logvar] = &self.posterior;
        let End { z, logits, recon, kl, loss } = &self.end;
        let named = [
            (&self.x, "x"),
            (mu, "mu"),
            (logvar, "logvar"),
            (z, "z"),
            (logits, "logits"),
            (recon, "recon"),
            (kl, "kl"),
            (loss, "loss"),
        ];
        let graph = loss.graph().noise(&self.eps, "eps");
        let graph = named.iter().fold(graph, |graph, (tensor, name)| graph.name(tensor, name));
        let mut graph = Some(graph);
        for (prefix, network) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            network.visit(prefix, &mut |name, parameter| {
                graph = graph.take().map(|graph| graph.name(parameter.tensor(), name));
            });
        }
        graph.expect("put back after every name")
    }
}

/// mu and logvar, the halves of what the encoder says, `[1, latent]` each.
fn posterior(encoder: &Sequential<f64>, x: &Tensor<f64>) -> [Tensor<f64>; 2] {
    let parameters = encoder.forward(x, &mut Pass::Eval);
    let latent = parameters.shape()[1] / 2;
    [0, 1].map(|half| parameters.slice(-1, half * latent..(half + 1) * latent))
}

fn end(
    decoder: &Sequential<f64>,
    x: &Tensor<f64>,
    eps: &Tensor<f64>,
    [mu, logvar]: &[Tensor<f64>; 2],
) -> End {
    let z = Tensor::reparameterize(mu, logvar, eps);
    let logits = decoder.forward(&z, &mut Pass::Eval);
    let recon = logits.bce_with_logits(x);
    let kl = Tensor::gaussian_kl(mu, logvar);
    let loss = (&recon + &kl).sum();
    End { z, logits, recon, kl, loss }
}
