//! What models have in common: [`Codec`] for all, [`Model`] for those that are trained by gradients.

use elbo_layers::{Parameters, Pass};
use elbo_tensor::{Gradients, Stream, Tensor};

/// What turns images into codes and back. Shapes: images [n, pixels], codes [n, latent_dim].
pub trait Codec {
    /// The number of pixels of an image.
    fn pixels(&self) -> usize;

    /// The size of a code.
    fn latent_dim(&self) -> usize;

    /// The code of each image; the posterior mean where the code is a distribution.
    fn encode(&self, x: &Tensor) -> Tensor;

    /// The image of each code: the mean of its distribution, in [0, 1] up to rounding or clamping.
    fn decode(&self, z: &Tensor) -> Tensor;

    /// The image of the code of each image.
    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.decode(&self.encode(x))
    }
}

/// What the loss of a batch is made of; `total` is minimised.
pub struct Terms {
    /// recon + weight · kl: a number, averaged over the batch.
    pub total: Tensor,
    /// The reconstruction term, summed over pixels, averaged over the batch.
    pub recon: Tensor,
    /// The KL term, summed over latent units, averaged over the batch; in nats.
    pub kl: Option<Tensor>,
}

impl Terms {
    /// Total, reconstruction and divergence (0 if there is none) as numbers.
    pub fn values(&self) -> [f64; 3] {
        let number = |tensor: &Tensor| f64::from(tensor.item());
        [number(&self.total), number(&self.recon), self.kl.as_ref().map_or(0.0, number)]
    }

    /// The gradients of the total. The graph is gone after it, so that an optimizer finds nobody else
    /// holding the parameters and updates them in place.
    pub fn into_gradients(self) -> Gradients {
        let Terms { total, recon, kl } = self;
        drop((recon, kl));
        total.into_gradients()
    }
}

/// A model that is trained by gradients.
pub trait Model: Codec + Parameters<f32> + Send + Sync {
    /// The loss of a batch of images, [n, pixels]. `epoch` counts from 0, with fractions, and is
    /// infinite in evaluation: warm-up depends on it.
    fn loss(&self, x: &Tensor, noise: &mut Stream, pass: &mut Pass<'_>, epoch: f64) -> Terms;

    /// Whether the loss is in nats, so that it is a negative ELBO or cross-entropy.
    fn unit(&self) -> &'static str;

    /// The model as a VAE, for what only a VAE has: a posterior, a likelihood, a divergence.
    fn as_vae(&self) -> Option<&crate::Vae> {
        None
    }
}
