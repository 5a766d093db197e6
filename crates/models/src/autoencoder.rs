//! [`Autoencoder`]: encoder, bottleneck, decoder.

use elbo_layers::{Activation, Module, Parameter, Parameters, Pass, Reduction, Sequential, loss};
use elbo_tensor::{Stream, Tensor};

use crate::{Codec, Model, Reconstruction, Settings, Terms};

/// The undercomplete autoencoder (Rumelhart, Hinton & Williams 1986): minimise the distance between
/// x and decode(encode(x)), with a code that is smaller than x.
///
/// The loss is summed over pixels and averaged over the batch. With `bce` and `categorical` the
/// decoder's output are logits.
pub struct Autoencoder {
    encoder: Sequential,
    decoder: Sequential,
    loss: Reconstruction,
    output: Activation,
    code: Activation,
    levels: usize,
    pixels: usize,
    latent_dim: usize,
}

impl Autoencoder {
    /// A new model for images of so many pixels.
    pub fn new(pixels: usize, settings: &Settings, init: &mut Stream) -> Autoencoder {
        let (latent, levels) = (settings.latent, settings.levels);
        let outputs = match settings.loss {
            Reconstruction::Categorical => pixels * levels,
            _ => pixels,
        };
        let encoder = [&[pixels], &settings.hidden[..], &[latent]].concat();
        let mirrored: Vec<usize> = settings.hidden.iter().rev().copied().collect();
        let decoder = [&[latent], &mirrored[..], &[outputs]].concat();
        Autoencoder {
            encoder: Sequential::mlp(&encoder, settings.activation, init),
            decoder: Sequential::mlp(&decoder, settings.activation, init),
            loss: settings.loss,
            output: settings.output,
            code: settings.code,
            levels,
            pixels,
            latent_dim: latent,
        }
    }

    fn code(&self, x: &Tensor, pass: &mut Pass<'_>) -> Tensor {
        self.code.apply(&self.encoder.forward(x, pass))
    }

    /// The logits of the grey levels of each pixel: [n, pixels, levels].
    fn level_logits(&self, output: &Tensor) -> Tensor {
        output.reshape([output.shape()[0], self.pixels, self.levels])
    }

    /// The nearest grey level of each pixel, one-hot: [n, pixels, levels].
    fn levels_of(&self, x: &Tensor) -> Tensor {
        let top = (self.levels - 1) as f32;
        let classes: Vec<usize> =
            x.data().iter().map(|x| (x.clamp(0.0, 1.0) * top).round() as usize).collect();
        Tensor::one_hot(&classes, self.levels).reshape([x.shape()[0], self.pixels, self.levels])
    }
}

impl Codec for Autoencoder {
    fn pixels(&self) -> usize {
        self.pixels
    }

    fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    fn encode(&self, x: &Tensor) -> Tensor {
        self.code(x, &mut Pass::Eval)
    }

    fn decode(&self, z: &Tensor) -> Tensor {
        let output = self.decoder.forward(z, &mut Pass::Eval);
        match self.loss {
            Reconstruction::Bce => output.sigmoid(),
            Reconstruction::Mse | Reconstruction::L1 => self.output.apply(&output),
            Reconstruction::Categorical => {
                let grey = |level: usize| level as f32 / (self.levels - 1) as f32;
                let greys: Tensor = (0..self.levels).map(grey).collect::<Vec<_>>().into();
                (self.level_logits(&output).softmax(-1) * greys).sum_axes(-1, false)
            }
        }
    }
}

impl Model for Autoencoder {
    fn loss(&self, x: &Tensor, _: &mut Stream, pass: &mut Pass<'_>, _: f64) -> Terms {
        let code = self.code(x, pass);
        let output = self.decoder.forward(&code, pass);
        let reduction = Reduction::PerSample;
        let recon = match self.loss {
            Reconstruction::Bce => loss::bce_with_logits(&output, x, reduction),
            Reconstruction::Mse => loss::mse(&self.output.apply(&output), x, reduction),
            Reconstruction::L1 => loss::l1(&self.output.apply(&output), x, reduction),
            Reconstruction::Categorical => {
                let targets = self.levels_of(x);
                loss::categorical_cross_entropy(&self.level_logits(&output), &targets, reduction)
            }
        };
        Terms { total: recon.clone(), recon, kl: None }
    }

    fn unit(&self) -> &'static str {
        match self.loss {
            Reconstruction::Bce | Reconstruction::Categorical => "nats per image",
            Reconstruction::Mse => "squared error per image",
            Reconstruction::L1 => "absolute error per image",
        }
    }
}

impl Parameters for Autoencoder {
    fn visit(&self, prefix: &str, visit: &mut dyn FnMut(&str, &Parameter)) {
        assert!(prefix.is_empty(), "a model is the root of its names");
        self.encoder.visit("encoder", visit);
        self.decoder.visit("decoder", visit);
    }

    fn visit_mut<'a>(&'a mut self, _: &str, visit: &mut dyn FnMut(&str, &'a mut Parameter)) {
        self.encoder.visit_mut("encoder", visit);
        self.decoder.visit_mut("decoder", visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeroed(loss: Reconstruction) -> Autoencoder {
        let settings = Settings { loss, hidden: vec![], latent: 3, ..Settings::default() };
        let mut model = Autoencoder::new(10, &settings, &mut Stream::new(1));
        model.visit_mut("", &mut |_, parameter| parameter.data_mut().fill(0.0));
        model
    }

    #[test]
    fn all_four_losses_by_hand() {
        // Outputs are 0: sigmoid gives ½, softmax over 8 levels gives 1/8.
        let x = Tensor::full([2, 10], 1.0);
        for (loss, value) in [
            (Reconstruction::Bce, 10.0 * 2f32.ln()),
            (Reconstruction::Mse, 2.5),
            (Reconstruction::L1, 5.0),
            (Reconstruction::Categorical, 10.0 * 8f32.ln()),
        ] {
            let model = zeroed(loss);
            let terms = model.loss(&x, &mut Stream::new(1), &mut Pass::Eval, 0.0);
            assert!((terms.total.item() - value).abs() < 1e-4, "{loss:?}: {}", terms.total);
            let image = model.reconstruct(&x);
            assert!(image.data().iter().all(|&pixel| (pixel - 0.5).abs() < 1e-6), "{loss:?}");
        }
    }

    #[test]
    fn the_simple_model_of_the_keras_post_has_50992_parameters() {
        let settings = Settings { hidden: vec![], latent: 32, ..Settings::default() };
        assert_eq!(Autoencoder::new(784, &settings, &mut Stream::new(1)).count(), 50_992);
    }
}
