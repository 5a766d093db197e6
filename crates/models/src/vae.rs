//! [`Vae`]: the variational autoencoder.

use elbo_layers::{
    Activation, Bernoulli, Distribution, Module, Normal, Parameter, Parameters, Pass,
    Reparameterized, Sequential,
};
use elbo_tensor::{Stream, Tensor};

use crate::{Codec, Likelihood, Model, Settings, Terms};

/// The variational autoencoder of Kingma & Welling (2014) with a diagonal Gaussian posterior:
///
/// ```text
///     q(z|x) = N(mu(x), diag exp(logvar(x))),    z = mu + exp(logvar / 2) ⊙ eps,    p(z) = N(0, I)
///     loss = -E_q[ln p(x|z)] + beta KL(q(z|x) ‖ p(z))
/// ```
///
/// The loss is -ELBO in nats per image at beta = 1: summed over pixels and latent units, averaged
/// over the batch. One product gives mu and logvar: the encoder's last layer has 2 · latent_dim
/// outputs, mu first.
pub struct Vae {
    encoder: Sequential,
    decoder: Sequential,
    observation: Observation,
    pixels: usize,
    latent_dim: usize,
    beta: f64,
    kl_warmup: f64,
}

/// The likelihood with what it has to learn.
enum Observation {
    Bernoulli,
    /// ln sigma² of all pixels.
    Gaussian(Parameter),
}

impl Vae {
    /// A new model for images of so many pixels.
    pub fn new(pixels: usize, settings: &Settings, init: &mut Stream) -> Vae {
        let (latent, activation) = (settings.latent, settings.activation);
        let sizes = [&[pixels], &settings.hidden[..], &[2 * latent]].concat();
        let encoder = Sequential::mlp(&sizes, activation, init);
        let mirrored: Vec<usize> = settings.hidden.iter().rev().copied().collect();
        let sizes = [&[latent], &mirrored[..], &[pixels]].concat();
        let observation = match settings.likelihood {
            Likelihood::Bernoulli => Observation::Bernoulli,
            Likelihood::Gaussian => Observation::Gaussian(Parameter::new(&Tensor::zeros([1]))),
        };
        Vae {
            encoder,
            decoder: Sequential::mlp(&sizes, activation, init),
            observation,
            pixels,
            latent_dim: latent,
            beta: settings.beta,
            kl_warmup: settings.kl_warmup,
        }
    }

    /// q(z|x).
    pub fn posterior(&self, x: &Tensor, pass: &mut Pass<'_>) -> Normal {
        let parameters = self.encoder.forward(x, pass);
        let d = self.latent_dim;
        Normal::new(&parameters.slice(-1, 0..d), &parameters.slice(-1, d..2 * d))
    }

    /// ln p(x|z) in nats, summed over pixels: shapes `[n, pixels]` and `[n, latent_dim]` to `[n]`.
    pub fn log_likelihood(&self, x: &Tensor, z: &Tensor, pass: &mut Pass<'_>) -> Tensor {
        let output = self.decoder.forward(z, pass);
        match &self.observation {
            Observation::Bernoulli => Bernoulli::new(&output).log_likelihood(x),
            Observation::Gaussian(logvar) => {
                let logvar = logvar.tensor().broadcast_to(*output.shape());
                Normal::new(&output, &logvar).log_prob(x).sum_axes(-1, false)
            }
        }
    }
}

impl Codec for Vae {
    fn pixels(&self) -> usize {
        self.pixels
    }

    fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    fn encode(&self, x: &Tensor) -> Tensor {
        self.posterior(x, &mut Pass::Eval).mu().clone()
    }

    fn decode(&self, z: &Tensor) -> Tensor {
        let output = self.decoder.forward(z, &mut Pass::Eval);
        match self.observation {
            Observation::Bernoulli => Activation::Sigmoid.apply(&output),
            Observation::Gaussian(_) => output,
        }
    }
}

impl Model for Vae {
    fn loss(&self, x: &Tensor, noise: &mut Stream, pass: &mut Pass<'_>, epoch: f64) -> Terms {
        let q = self.posterior(x, pass);
        let z = q.rsample(noise);
        let recon = -self.log_likelihood(x, &z, pass).mean();
        let kl = q.kl_standard().mean();
        let warm = if self.kl_warmup > 0.0 { (epoch / self.kl_warmup).min(1.0) } else { 1.0 };
        let weight = (self.beta * warm) as f32;
        let total = if weight == 1.0 { &recon + &kl } else { &recon + &kl * weight };
        Terms { total, recon, kl: Some(kl) }
    }

    fn unit(&self) -> &'static str {
        "nats per image"
    }

    fn as_vae(&self) -> Option<&Vae> {
        Some(self)
    }
}

impl Parameters for Vae {
    fn visit(&self, prefix: &str, visit: &mut dyn FnMut(&str, &Parameter)) {
        assert!(prefix.is_empty(), "a model is the root of its names");
        self.encoder.visit("encoder", visit);
        self.decoder.visit("decoder", visit);
        if let Observation::Gaussian(logvar) = &self.observation {
            visit("observation.logvar", logvar);
        }
    }

    fn visit_mut<'a>(&'a mut self, _: &str, visit: &mut dyn FnMut(&str, &'a mut Parameter)) {
        self.encoder.visit_mut("encoder", visit);
        self.decoder.visit_mut("decoder", visit);
        if let Observation::Gaussian(logvar) = &mut self.observation {
            visit("observation.logvar", logvar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(settings: &Settings) -> Vae {
        Vae::new(784, settings, &mut Stream::new(1))
    }

    #[test]
    fn the_reference_model_has_652824_parameters() {
        assert_eq!(fresh(&Settings::default()).count(), 652_824);
    }

    #[test]
    fn zero_logits_cost_543_43_nats_and_a_standard_posterior_nothing() {
        let mut vae = fresh(&Settings::default());
        vae.visit_mut("", &mut |_, parameter| parameter.data_mut().fill(0.0));
        let x = Stream::new(2).uniform([128, 784], 0.0, 1.0);
        let terms = vae.loss(&x, &mut Stream::new(3), &mut Pass::Eval, 0.0);
        assert!((terms.recon.item() - 543.43).abs() < 0.005, "{}", terms.recon);
        assert_eq!(terms.kl.unwrap().item(), 0.0);
    }

    #[test]
    fn beta_and_warm_up_weigh_the_divergence() {
        let settings = Settings { beta: 3.0, kl_warmup: 4.0, ..Settings::default() };
        let vae = fresh(&settings);
        let x = Stream::new(2).uniform([8, 784], 0.0, 1.0);
        for (epoch, weight) in [(0.0, 0.0), (1.0, 0.75), (4.0, 3.0), (f64::INFINITY, 3.0)] {
            let terms = vae.loss(&x, &mut Stream::new(3), &mut Pass::Eval, epoch);
            let expected = terms.recon.item() + weight * terms.kl.unwrap().item();
            assert!((terms.total.item() - expected).abs() < 1e-3, "{epoch}");
        }
    }

    #[test]
    fn the_gaussian_likelihood_is_the_density_of_each_pixel() {
        let settings = Settings { likelihood: Likelihood::Gaussian, ..Settings::default() };
        let mut vae = fresh(&settings);
        vae.visit_mut("", &mut |name, parameter| {
            parameter.data_mut().fill(if name == "observation.logvar" { 0.5 } else { 0.0 });
        });
        let x = Tensor::full([1, 784], 0.3);
        let z = Tensor::zeros([1, 20]);
        let got = f64::from(vae.log_likelihood(&x, &z, &mut Pass::Eval).item());
        let per_pixel = -0.5 * ((std::f64::consts::TAU).ln() + 0.5 + 0.09 * (-0.5f64).exp());
        assert!((got - 784.0 * per_pixel).abs() < 1e-2, "{got}");
    }
}
