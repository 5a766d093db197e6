//! The reparameterization trick as one operation.

use ndarray::ArrayD;

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::reparameterize::reparameterize;
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
        let half = T::from_f64(0.5);
        let scaled = || (values.input(1) * half).exp() * &gz;
        let (logvar, eps) = match (values.wants(1), values.wants(2)) {
            (false, false) => (None, None),
            (true, false) => (Some(scaled() * values.input(2) * half), None),
            (false, true) => (None, Some(scaled())),
            (true, true) => {
                let scaled = scaled();
                (Some(&scaled * values.input(2) * half), Some(scaled))
            }
        };
        vec![values.wants(0).then_some(gz), logvar, eps]
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
