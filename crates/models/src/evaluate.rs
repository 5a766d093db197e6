//! How good a model is: the ELBO and its terms, an importance-sampled likelihood, active units, and
//! the error of reconstructions.

use elbo_layers::dist::kl;
use elbo_layers::{Distribution, Normal, Pass, Reparameterized};
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
            add(&mut kl_per_unit, &kl(&q, &standard));
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

#[cfg(test)]
mod tests {
    use elbo_layers::Parameters;

    use super::*;
    use crate::data::Images;
    use crate::{Likelihood, Settings};

    fn vae(pixels: usize, latent: usize, likelihood: Likelihood, set: &[(&str, &[f32])]) -> Vae {
        let settings = Settings { latent, likelihood, hidden: vec![], ..Settings::default() };
        let mut vae = Vae::new(pixels, &settings, &mut Stream::new(1));
        vae.visit_mut("", &mut |name, parameter| {
            parameter.data_mut().fill(0.0);
            if let Some((_, values)) = set.iter().find(|(known, _)| *known == name) {
                parameter.data_mut().copy_from_slice(values);
            }
        });
        vae
    }

    fn split(pixels: &[u8], size: usize) -> Split {
        let images =
            Images { pixels: pixels.to_vec(), count: pixels.len() / size, rows: 1, cols: size };
        Split { images, labels: None }
    }

    #[test]
    fn a_model_that_says_nothing_is_worth_ln_2_per_pixel() {
        let vae = vae(10, 3, Likelihood::Bernoulli, &[]);
        let images = split(&(0..200).collect::<Vec<u8>>(), 10);
        let bound = bound(&vae, &images, 7, &mut Stream::new(1));
        let nothing = 10.0 * std::f64::consts::LN_2;
        assert!((bound.elbo + nothing).abs() < 1e-5, "{bound:?}");
        assert_eq!((bound.kl, bound.active_units), (0.0, 0));
        for samples in [1, 5, 3000] {
            let nll = nll(&vae, &images, samples, &mut Stream::new(2));
            assert!((nll - nothing).abs() < 1e-4, "{samples}: {nll}");
        }
        let grey = reconstruction(&vae, &split(&[0, 255].repeat(5), 10), 4);
        assert!((grey.mse - 0.25).abs() < 1e-7 && (grey.psnr - 6.0206).abs() < 1e-4, "{grey:?}");
    }

    /// x = W z + b + noise with one unit and two pixels: everything has a closed form.
    ///
    /// p(x) = N(b, W Wᵀ + s² I); p(z|x) = N(v Wᵀ (x - b) / s², v), v = 1 / (1 + WᵀW / s²).
    #[test]
    fn at_the_exact_posterior_one_sample_gives_the_exact_likelihood() {
        let (w, b, s2) = ([0.8, -0.5f64], [0.3, 0.6f64], 0.2f64);
        let v = 1.0 / (1.0 + (w[0] * w[0] + w[1] * w[1]) / s2);
        let gain = [v * w[0] / s2, v * w[1] / s2];
        let offset = -(gain[0] * b[0] + gain[1] * b[1]);
        let f = |x: f64| x as f32;
        let exact = [
            // In memory a weight is [in, out]; outputs are mu, logvar.
            ("encoder.0.weight", &[f(gain[0]), 0.0, f(gain[1]), 0.0][..]),
            ("encoder.0.bias", &[f(offset), f(v.ln())]),
            ("decoder.0.weight", &[f(w[0]), f(w[1])]),
            ("decoder.0.bias", &[f(b[0]), f(b[1])]),
            ("observation.logvar", &[f(s2.ln())]),
        ];
        let images = split(&[0, 255, 40, 90, 200, 10], 2);
        let log_p = |x: [f64; 2]| {
            let (c00, c11, c01) = (w[0] * w[0] + s2, w[1] * w[1] + s2, w[0] * w[1]);
            let (determinant, d) = (c00 * c11 - c01 * c01, [x[0] - b[0], x[1] - b[1]]);
            let quadratic =
                (c11 * d[0] * d[0] - 2.0 * c01 * d[0] * d[1] + c00 * d[1] * d[1]) / determinant;
            -0.5 * (2.0 * std::f64::consts::TAU.ln() + determinant.ln() + quadratic)
        };
        let truth = -images
            .images
            .pixels
            .chunks(2)
            .map(|x| log_p([x[0], x[1]].map(|x| f64::from(x) / 255.0)))
            .sum::<f64>()
            / 3.0;

        let at_posterior = vae(2, 1, Likelihood::Gaussian, &exact);
        let one = nll(&at_posterior, &images, 1, &mut Stream::new(3));
        assert!((one - truth).abs() < 1e-5, "{one} instead of {truth}");
        let elbo = bound(
            &at_posterior,
            &split(&images.images.pixels.repeat(20_000), 2),
            500,
            &mut Stream::new(4),
        )
        .elbo;
        assert!((elbo + truth).abs() < 0.01, "the bound is tight: {elbo} and {}", -truth);

        // A posterior that is too wide: a loose bound, an estimate that still finds the truth.
        let mut wide = exact;
        let bias = [f(offset), f(v.ln() + 1.0)];
        wide[1].1 = &bias;
        let wide = vae(2, 1, Likelihood::Gaussian, &wide);
        let loose = nll(&wide, &images, 1, &mut Stream::new(5));
        let many = nll(&wide, &images, 20_000, &mut Stream::new(6));
        assert!((many - truth).abs() < 0.02, "{many} instead of {truth}");
        assert!(loose != many);
    }
}
