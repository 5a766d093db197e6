//! The reparameterization trick as one operation.

use ndarray::ArrayD;

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::reparameterize::{reparameterize, reparameterize_gradient};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// A sample of N(mu, exp(logvar)) as a differentiable function of its parameters (Kingma &
    /// Welling 2014, section 2.4):
    ///
    /// ```text
    ///     z = mu + exp(logvar / 2) ⊙ eps,    eps ~ N(0, 1)
    /// ```
    ///
    /// Shapes: all three agree.
    ///
    /// # Panics
    /// If they do not.
    #[track_caller]
    pub fn reparameterize(mu: &Tensor<T>, logvar: &Tensor<T>, eps: &Tensor<T>) -> Tensor<T> {
        run(Reparameterize, [mu.clone(), logvar.clone(), eps.clone()])
    }
}

/// z = mu + exp(logvar / 2) eps
#[derive(Clone, Copy)]
pub(super) struct Reparameterize;

impl<T: Real> Op<T> for Reparameterize {
    fn name(&self) -> &'static str {
        "reparameterize"
    }

    fn rule(&self) -> &'static str {
        "m̄u = z̄, logvar̄ = z̄ eps exp(logvar/2) / 2, ep̄s = z̄ exp(logvar/2)"
    }

    fn needs(&self) -> Needs {
        Needs::input(1).and(Needs::input(2))
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [mu, logvar, eps] = inputs else { panic!("reparameterize: three inputs") };
        let same = mu.shape == logvar.shape && mu.shape == eps.shape;
        assert!(
            same,
            "reparameterize: mu {}, logvar {} and eps {} must have one shape",
            mu.shape, logvar.shape, eps.shape
        );
        Tensor::write(mu.shape, |z| reparameterize(mu.data(), logvar.data(), eps.data(), z))
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (logvar, eps) = (|| values.input(1), || values.input(2));
        let to_logvar =
            values.wanted(1, || run(ReparameterizeGradient, [logvar(), eps(), gz.clone()]));
        let to_eps = values.wanted(2, || (logvar() * T::from_f64(0.5)).exp() * &gz);
        vec![values.wants(0).then_some(gz), to_logvar, to_eps]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        Batch::Kept
    }
}

impl Checked for Reparameterize {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=3);
        vec![Case::new(Reparameterize, [0; 3].map(|_| any.normal(&shape)))]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        &inputs[0] + inputs[1].mapv(|logvar| logvar.exp().sqrt()) * &inputs[2]
    }
}

/// g = z̄ eps exp(logvar / 2) / 2: what comes back to logvar through [`Reparameterize`], in one pass over memory.
#[derive(Clone, Copy)]
pub(super) struct ReparameterizeGradient;

impl<T: Real> Op<T> for ReparameterizeGradient {
    fn name(&self) -> &'static str {
        "reparameterize_gradient"
    }

    fn rule(&self) -> &'static str {
        "logvar̄ = g ḡ / 2, ep̄s = z̄ exp(logvar/2) ḡ / 2, the cotangent of z̄ = eps exp(logvar/2) ḡ / 2"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [logvar, eps, gz] = inputs else { panic!("reparameterize_gradient: three inputs") };
        Tensor::write(logvar.shape, |g| {
            reparameterize_gradient(logvar.data(), eps.data(), gz.data(), g);
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gg: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let [logvar, eps, gz] = [0, 1, 2].map(|i| values.input(i));
        let half = T::from_f64(0.5);
        // The operation is linear in eps and z̄, each in the other's place.
        let with = |a: &Tensor<T>, b| run(ReparameterizeGradient, [logvar.clone(), a.clone(), b]);
        vec![
            values.wanted(0, || with(&eps, &gz * &gg) * half),
            values.wanted(1, || with(&gz, gg.clone())),
            values.wanted(2, || with(&eps, gg.clone())),
        ]
    }

    fn batch(&self, _: &Values<'_, T>, _: usize) -> Batch {
        Batch::Kept
    }
}

impl Checked for ReparameterizeGradient {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=3);
        vec![Case::new(ReparameterizeGradient, [0; 3].map(|_| any.normal(&shape)))]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        inputs[0].mapv(|logvar| logvar.exp().sqrt()) * &inputs[1] * &inputs[2] * 0.5
    }
}
