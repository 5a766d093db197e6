//! [`LinearGaussian`]: a model whose posterior and likelihood are known.

use elbo_layers::Normal;
use elbo_layers::dist::{Distribution, Independent};
use elbo_tensor::{Stream, Tensor};

use crate::bound::Bound;

/// p(z) = N(mu, 1), p(x|z) = N(z, 1), q(z) = N(mean, variance), in each dimension on its own.
///
/// The posterior is N((x + mu)/2, 1/2), the marginal of x N(mu, 2). The toy of Rainforth et al. 2018 and Tucker
/// et al. 2019, for one x: their encoder's mean is A x + b, so that the gradient by b is that by the mean, and the
/// one by A is a multiple of it, with the same signal-to-noise ratio.
#[derive(Clone, PartialEq, Debug)]
pub struct LinearGaussian {
    /// What is observed.
    pub x: Vec<f64>,
    /// The mean of the prior.
    pub mu: Vec<f64>,
    /// The mean of q.
    pub mean: Vec<f64>,
    /// The variance of q, in each dimension.
    pub variance: f64,
}

impl LinearGaussian {
    /// The published setting: 1024 points of dimension d from a mean that is drawn from N(0, 1), of which one is
    /// x; parameters at the optimum A = 1/2, b = mu/2, mu = mean of the points, each moved by N(0, offset²); the
    /// variance of q is 2/3.
    pub fn published(d: usize, offset: f64, noise: &mut Stream) -> LinearGaussian {
        const POINTS: usize = 1024;
        let mut row = |shape: [usize; 2]| noise.normal::<f64>(shape);
        let truth = row([1, d]);
        let points = row([POINTS, d]) * 2f64.sqrt() + truth;
        let x = points.slice(0, 0..1);
        let optimum = points.mean_axes(0, true);
        let mu = &optimum + row([1, d]) * offset;
        let a = Tensor::eye(d) * 0.5 + row([d, d]) * offset;
        let mean = x.matmul(&a) + optimum * 0.5 + row([1, d]) * offset;
        LinearGaussian { x: x.to_vec(), mu: mu.to_vec(), mean: mean.to_vec(), variance: 2.0 / 3.0 }
    }

    /// As a problem with K importance samples: θ is mu, φ is the mean of q.
    pub fn bound(&self, particles: usize) -> Bound<f64, Independent<Normal<f64>>> {
        let (x, logvar) = (Tensor::from(&self.x[..]), Tensor::scalar(self.variance.ln()));
        let unit = Tensor::scalar(0.0);
        let vector =
            |mu: &Tensor<f64>, logvar: &Tensor<f64>| Independent::new(Normal::new(mu, logvar));
        Bound::new(
            [("mu", Tensor::from(&self.mu[..]))],
            [("mean", Tensor::from(&self.mean[..]))],
            particles,
            move |[mean]| vector(mean, &logvar),
            move |[mu], z| vector(mu, &unit).log_prob(z) + vector(z, &unit).log_prob(&x),
        )
    }

    /// ln p(x), in nats.
    pub fn log_likelihood(&self) -> f64 {
        let each = |(x, mu): (&f64, &f64)| {
            -0.5 * ((4.0 * std::f64::consts::PI).ln() + (x - mu).powi(2) / 2.0)
        };
        self.x.iter().zip(&self.mu).map(each).sum()
    }

    /// The gradient of the ELBO (K = 1) by mu and by the mean: mean - mu, and x + mu - 2 mean.
    pub fn elbo_gradient(&self) -> [Vec<f64>; 2] {
        let d = 0..self.x.len();
        let by_mu = d.clone().map(|i| self.mean[i] - self.mu[i]).collect();
        [by_mu, d.map(|i| self.x[i] + self.mu[i] - 2.0 * self.mean[i]).collect()]
    }

    /// The signal-to-noise ratio of the mean of m estimates of the ELBO's gradient by `mu` or by the `mean`.
    pub fn elbo_snr(&self, parameter: &str, estimator: &str, m: usize) -> Option<f64> {
        let [by_mu, by_mean] = self.elbo_gradient();
        // The gradient by mu is z - mu with z from q, whatever the rule.
        let (gradient, variance) = match parameter {
            "mu" => (by_mu, self.variance),
            _ => (by_mean, self.elbo_variance(estimator)?),
        };
        let signal: f64 = gradient.iter().map(|g| g * g).sum();
        Some((signal * m as f64 / (gradient.len() as f64 * variance)).sqrt())
    }

    /// The variance of an estimate of the ELBO's gradient by each element of the mean; `None` for rules that
    /// have no formula here.
    pub fn elbo_variance(&self, estimator: &str) -> Option<f64> {
        let v = self.variance;
        match estimator {
            "total_derivative" => Some(4.0 * v),
            "sticking_the_landing" | "doubly_reparameterized" => Some(1.0 / v - 4.0 + 4.0 * v),
            _ => None,
        }
    }
}
