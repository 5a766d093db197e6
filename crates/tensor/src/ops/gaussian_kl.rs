//! The divergence of a diagonal Gaussian from the standard normal, with its hand-derived gradient.

use ndarray::{ArrayD, Axis};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::gaussian_kl::{gaussian_kl, gaussian_kl_gradient};
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
        let (rows, [n]) = mu.shape.split_at(mu.rank() - 1) else { unreachable!("one axis") };
        Tensor::write(rows, |kl| gaussian_kl(*n, mu.data(), logvar.data(), kl))
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let logvar = values.wanted(1, || run(GaussianKlGradient, [values.input(1), gy.clone()]));
        vec![values.wanted(0, || values.input(0) * column(&gy)), logvar]
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

/// As a column: a number for each row.
fn column<T: Real>(y: &Tensor<T>) -> Tensor<T> {
    y.reshape(Shape::new(&[&*y.shape, &[1]].concat()))
}

/// z = (exp(logvar) - 1) g / 2: what comes back to logvar through [`GaussianKl`], in one pass over memory.
#[derive(Clone, Copy)]
pub(super) struct GaussianKlGradient;

impl<T: Real> Op<T> for GaussianKlGradient {
    fn name(&self) -> &'static str {
        "gaussian_kl_gradient"
    }

    fn rule(&self) -> &'static str {
        "logvar̄ = exp(logvar) g z̄ / 2, ḡ = Σ (exp(logvar) - 1) z̄ / 2"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (logvar, g) = (&inputs[0], &inputs[1]);
        let fits = logvar.rank() > 0 && logvar.shape[..logvar.rank() - 1] == *g.shape;
        assert!(fits, "gaussian_kl_gradient: logvar {} and g {}", logvar.shape, g.shape);
        let n = logvar.shape[logvar.rank() - 1];
        Tensor::write(logvar.shape, |z| gaussian_kl_gradient(n, logvar.data(), g.data(), z))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (logvar, g, half) = (values.input(0), values.input(1), T::from_f64(0.5));
        vec![
            values.wanted(0, || logvar.exp() * column(&g) * &gz * half),
            values.wanted(1, || (logvar.exp_m1() * &gz).sum_axes(-1, false) * half),
        ]
    }

    fn batch(&self, values: &Values<'_, T>, _: usize) -> Batch {
        if values.output_shape().rank() > 1 { Batch::Kept } else { Batch::Mixed }
    }
}

impl Checked for GaussianKlGradient {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(1..=3);
        let g = any.normal(&Shape::new(&shape[..shape.rank() - 1]));
        vec![Case::new(GaussianKlGradient, [any.normal(&shape), g])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let g = inputs[1].clone().insert_axis(Axis(inputs[1].ndim()));
        (inputs[0].mapv(f64::exp) - 1.0) * g * 0.5
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
