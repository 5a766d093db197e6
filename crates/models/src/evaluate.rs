//! How good a model is: the ELBO and its terms, an importance-sampled likelihood, active units, and
//! the error of reconstructions.

use elbo_layers::{Normal, Pass};
use elbo_tensor::{Stream, Tensor, no_grad};
use serde::Serialize;

use crate::data::Split;
use crate::train::for_each_batch;
use crate::{Codec, Vae};

/// The error of reconstructions over a split.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ReconstructionError {
    /// Mean squared error per pixel.
    pub mse: f64,
    /// Peak signal-to-noise ratio 10 log₁₀(1 / mse) of the whole split, in decibels.
    pub psnr: f64,
}

/// The error of decode(encode(x)) over all images.
pub fn reconstruction(model: &dyn Codec, split: &Split, batch: usize) -> ReconstructionError {
    let mut sum = 0.0;
    no_grad(|| {
        for_each_batch(split, batch, |_, x| {
            let error = model.reconstruct(&x) - &x;
            sum += f64::from(error.square().sum().item());
        });
    });
    let mse = sum / split.images.pixels.len() as f64;
    ReconstructionError { mse, psnr: -10.0 * mse.log10() }
}

/// The bound of a VAE over a split, in nats per image, and what its latent units do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Bound {
    /// E_q[ln p(x|z)] - KL, with one sample of z per image.
    pub elbo: f64,
    /// -E_q[ln p(x|z)]
    pub recon: f64,
    /// KL(q(z|x) ‖ p(z))
    pub kl: f64,
    /// The mean KL of each latent unit.
    pub kl_per_unit: Vec<f64>,
    /// Units whose posterior mean varies over images by more than 0.01 (Burda et al. 2015, 5.2).
    pub active_units: usize,
}

/// A variance of the posterior mean above this makes a unit active.
const ACTIVE: f64 = 0.01;

/// The ELBO over all images, and its terms.
pub fn bound(vae: &Vae, split: &Split, batch: usize, noise: &mut Stream) -> Bound {
    let d = vae.latent_dim();
    let count = split.images.count as f64;
    let mut recon = 0.0;
    let [mut kl_per_unit, mut sums, mut squares] = [vec![0.0; d], vec![0.0; d], vec![0.0; d]];
    no_grad(|| {
        for_each_batch(split, batch, |_, x| {
            let q = vae.posterior(&x, &mut Pass::Eval);
            let z = q.rsample(noise);
            recon -= f64::from(vae.log_likelihood(&x, &z, &mut Pass::Eval).sum().item());
            let standard = Normal::new(&Tensor::zeros([1]), &Tensor::zeros([1]));
            add(&mut kl_per_unit, &q.kl(&standard));
            add(&mut sums, q.mu());
            add(&mut squares, &q.mu().square());
        });
    });
    recon /= count;
    kl_per_unit.iter_mut().for_each(|kl| *kl /= count);
    let variance = |(sum, square): (&f64, &f64)| square / count - (sum / count).powi(2);
    let active = sums.iter().zip(&squares).map(variance).filter(|&v| v > ACTIVE).count();
    let kl = kl_per_unit.iter().sum();
    Bound { elbo: -recon - kl, recon, kl, kl_per_unit, active_units: active }
}

/// Adds the sum over rows.
fn add(sums: &mut [f64], rows: &Tensor) {
    for row in rows.data().chunks(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
}

/// An estimate of -ln p(x) per image, by importance sampling (Rezende et al. 2014, appendix E):
///
/// ```text
///     -ln (1/K) Σ p(x|zₖ) p(zₖ) / q(zₖ|x),    zₖ ~ q(z|x)
/// ```
///
/// It is an upper bound in expectation, and tighter for larger K.
///
/// # Panics
/// If `samples` is 0.
pub fn nll(vae: &Vae, split: &Split, samples: usize, noise: &mut Stream) -> f64 {
    assert!(samples > 0, "nll: 0 samples");
    // Decoding is what costs: rows of about this many images at a time.
    const ROWS: usize = 2000;
    let batch = (ROWS / samples).clamp(1, 100);
    let mut sum = 0.0;
    no_grad(|| {
        for_each_batch(split, batch, |_, x| {
            let log_p = log_likelihood_estimate(vae, &x, samples, noise);
            sum -= log_p.data().iter().map(|&l| f64::from(l)).sum::<f64>();
        });
    });
    sum / split.images.count as f64
}

/// ln (1/K) Σ p(x|zₖ) p(zₖ) / q(zₖ|x) for each image: [n, pixels] to [n].
fn log_likelihood_estimate(vae: &Vae, x: &Tensor, samples: usize, noise: &mut Stream) -> Tensor {
    let (n, pixels, d) = (x.shape()[0], x.shape()[1], vae.latent_dim());
    let q = vae.posterior(x, &mut Pass::Eval);
    // Each image stands `samples` times in a row.
    let repeat = |rows: &Tensor, width: usize| {
        rows.reshape([n, 1, width]).broadcast_to([n, samples, width]).reshape([n * samples, width])
    };
    let q = Normal::new(&repeat(q.mu(), d), &repeat(q.logvar(), d));
    let z = q.rsample(noise);
    let prior = Normal::new(&Tensor::zeros([1]), &Tensor::zeros([1]));
    let log_ratio = (prior.log_prob(&z) - q.log_prob(&z)).sum_axes(-1, false);
    let log_w = vae.log_likelihood(&repeat(x, pixels), &z, &mut Pass::Eval) + log_ratio;
    log_w.reshape([n, samples]).log_sum_exp(-1, false) - (samples as f32).ln()
}

/// The codes of all images, [count, latent_dim].
pub fn codes(model: &dyn Codec, split: &Split, batch: usize) -> Tensor {
    let d = model.latent_dim();
    no_grad(|| {
        Tensor::write([split.images.count, d], |out| {
            for_each_batch(split, batch, |range, x| {
                let z = model.encode(&x);
                out[range.start * d..range.end * d].copy_from_slice(z.data());
            });
        })
    })
}
