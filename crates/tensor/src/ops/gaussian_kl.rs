//! The divergence of a diagonal Gaussian from the standard normal, with its hand-derived gradient.

use ndarray::{ArrayD, Axis};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::{Batch, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// KL(N(mu, exp(logvar)) ‖ N(0, 1)), in nats, summed over the last axis (Kingma & Welling 2014,
    /// appendix B):
    ///
    /// ```text
    ///     KL = ½ Σ ( exp(logvar) - 1 - logvar + mu² )
    /// ```
    ///
    /// Shapes: mu and logvar are [.., latent_dim], the result is [..].
    ///
    /// # Panics
    /// If the shapes differ or have no axis.
    #[track_caller]
    pub fn gaussian_kl(mu: &Tensor<T>, logvar: &Tensor<T>) -> Tensor<T> {
        run(GaussianKl, [mu.clone(), logvar.clone()])
    }
}

/// KL = ½ Σ ( exp(logvar) - 1 - logvar + mu² )
#[derive(Clone, Copy)]
pub(super) struct GaussianKl;

impl<T: Real> Op<T> for GaussianKl {
    fn name(&self) -> &'static str {
        "gaussian_kl"
    }

    fn rule(&self) -> &'static str {
        "m̄u = mu ȳ, logvar̄ = (exp(logvar) - 1) ȳ / 2"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (mu, logvar) = (&inputs[0], &inputs[1]);
        let fits = mu.shape == logvar.shape && mu.rank() > 0;
        assert!(fits, "gaussian_kl: mu {} and logvar {} must agree", mu.shape, logvar.shape);
        // exp(logvar) - 1 - logvar is a small difference near 0: exp_m1 keeps its digits.
        let terms = logvar.exp_m1() - logvar + mu.square();
        terms.sum_axes(-1, false) * T::from_f64(0.5)
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let column = Shape::new(&[&*gy.shape, &[1]].concat());
        let gy = gy.reshape(column);
        let logvar = values.wanted(1, || values.input(1).exp_m1() * &gy * T::from_f64(0.5));
        vec![values.wanted(0, || values.input(0) * gy), logvar]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 0 { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for GaussianKl {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        vec![Case::new(GaussianKl, [any.normal(&shape), any.normal(&shape)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let (mu, logvar) = (&inputs[0], &inputs[1]);
        let terms = 0.5 * (mu * mu + logvar.mapv(f64::exp) - 1.0 - logvar);
        terms.sum_axis(Axis(mu.ndim() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_values_by_hand() {
        // ½ (mu² + s² - 1 - ln s²) for (mu, s).
        for (mu, s, kl) in [
            (1.0, 1.0, 0.5),
            (0.0, 2.0, 0.806_852_819_440_054_7),
            (0.0, 0.5, 0.318_147_180_559_945_3),
            (1.5, 0.3, 1.873_972_804_325_935_9),
        ] {
            let logvar = 2.0 * f64::ln(s);
            let got = Tensor::gaussian_kl(&Tensor::from([mu]), &Tensor::from([logvar])).item();
            assert!((got - kl).abs() < 1e-14, "({mu}, {s}): {got} instead of {kl}");
        }
    }
}
