//! [`DeltaMethod`]

use elbo_layers::dist::{
    Bernoulli, Exponential, Gamma, Independent, Laplace, Logistic, Moments, Normal, Poisson,
    Uniform,
};
use elbo_tensor::{Real, Stream, Tensor, grad, jacobian};

use crate::estimator::{Bias, Draws, Estimator};
use crate::expectation::{Expectation, gradients, with_axis};

/// A distribution whose parts are independent, with known moments.
pub trait Factorized<T: Real>: Moments<T> {}

impl<T: Real> Factorized<T> for Bernoulli<T> {}
impl<T: Real> Factorized<T> for Exponential<T> {}
impl<T: Real> Factorized<T> for Gamma<T> {}
impl<T: Real> Factorized<T> for Laplace<T> {}
impl<T: Real> Factorized<T> for Logistic<T> {}
impl<T: Real> Factorized<T> for Normal<T> {}
impl<T: Real> Factorized<T> for Poisson<T> {}
impl<T: Real> Factorized<T> for Uniform<T> {}
impl<T: Real, D: Factorized<T>> Factorized<T> for Independent<D> {}

/// An estimator with the second-order Taylor expansion of the cost as control variate.
///
/// ```text
///     h(x) = f(m) + f'(m) (x - m) + ½ (x - m)ᵀ H (x - m),    m = E x
///     ĝ[f - c h] + c ∂/∂θ E h,    E h = f(m) + ½ Σ Hᵢᵢ Var xᵢ
/// ```
///
/// where ĝ is an estimator that is linear in the cost. As many evaluations as ĝ takes, and one more with
/// two derivatives, shared by all repeats. Unbiased if ĝ is, for any c; no variance at all for a quadratic
/// f with c = 1. Miller et al. 2017; Mohamed et al. 2020, section 7.3.
#[derive(Clone, Copy, Debug)]
pub struct DeltaMethod<E> {
    name: &'static str,
    inner: E,
    coefficient: f64,
}

impl<E> DeltaMethod<E> {
    /// With a coefficient c that is known.
    pub fn new(name: &'static str, inner: E, coefficient: f64) -> DeltaMethod<E> {
        DeltaMethod { name, inner, coefficient }
    }

    /// With the coefficient of least variance, summed over all parameters, as found on a pilot run:
    /// c = Σ Cov(`ĝ[f]`, `ĝ[h]`) / Σ Var `ĝ[h]`.
    pub fn fit<T: Real, D: Factorized<T>>(
        name: &'static str,
        inner: E,
        problem: &Expectation<T, D>,
        pilot: Draws,
        noise: &mut Stream,
    ) -> DeltaMethod<E>
    where
        E: Estimator<T, D>,
    {
        let taylor = Taylor::new(problem);
        let expansion = problem.with_cost(move |x| taylor.at(x));
        // The same draws for both.
        let of_f = inner.estimate(problem, pilot, &mut noise.clone());
        let of_h = inner.estimate(&expansion, pilot, noise);
        let (mut covariance, mut variance) = (0.0, 0.0);
        for (f, h) in of_f.iter().zip(&of_h) {
            let centred = |g: &Tensor<T>| g - g.mean_axes(0, true);
            let (f, h) = (centred(f), centred(h));
            covariance += (&f * &h).sum().item().to_f64();
            variance += h.square().sum().item().to_f64();
        }
        let coefficient = if variance > 0.0 { covariance / variance } else { 1.0 };
        DeltaMethod { name, inner, coefficient }
    }

    /// c
    pub fn coefficient(&self) -> f64 {
        self.coefficient
    }
}

impl<T: Real, D: Factorized<T>, E: Estimator<T, D>> Estimator<T, D> for DeltaMethod<E> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bias(&self) -> Bias {
        self.inner.bias()
    }

    fn evaluations(&self, problem: &Expectation<T, D>, samples: usize) -> usize {
        self.inner.evaluations(problem, samples)
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let taylor = Taylor::new(problem);
        let exact = taylor.gradients(problem);
        let (whole, c) = (problem.clone(), T::from_f64(self.coefficient));
        let rest = problem.with_cost(move |x| whole.cost(x) - taylor.at(x) * c);
        let estimates = self.inner.estimate(&rest, draws, noise);
        estimates.into_iter().zip(exact).map(|(rest, exact)| rest + exact * c).collect()
    }
}

/// The expansion h of a cost at the mean m.
struct Taylor<T: Real> {
    /// Shape [1, ..event].
    mean: Tensor<T>,
    value: Tensor<T>,
    /// Shape [d, 1], with d the numbers in an event.
    slope: Tensor<T>,
    /// Shape [d, d].
    hessian: Tensor<T>,
}

impl<T: Real> Taylor<T> {
    fn new<D: Factorized<T>>(problem: &Expectation<T, D>) -> Taylor<T> {
        let mean = problem.family(&problem.leaves(1)).mean().requires_grad();
        let value = problem.cost(&mean);
        let [slope] = grad(&value.sum(), [&mean]);
        let d = mean.count();
        let hessian = match slope.is_tracked() {
            true => jacobian(&slope, &mean).detach().reshape([d, d]),
            false => Tensor::zeros([d, d]),
        };
        let slope = slope.detach().reshape([d, 1]);
        Taylor { mean: mean.detach(), value: value.detach(), slope, hessian }
    }

    /// h of draws [n, ..event].
    fn at(&self, x: &Tensor<T>) -> Tensor<T> {
        let (n, d) = (x.shape()[0], self.slope.count());
        let away = (x - &self.mean).reshape([n, d]);
        let curved = (away.matmul(&self.hessian) * &away).sum_axes(-1, false) * T::from_f64(0.5);
        away.matmul(&self.slope).reshape([n]) + curved + &self.value
    }

    /// ∂/∂θ E h, of shape [1, ..θ].
    fn gradients<D: Factorized<T>>(&self, problem: &Expectation<T, D>) -> Vec<Tensor<T>> {
        let leaves = problem.leaves(1);
        let family = problem.family(&leaves);
        let d = self.slope.count();
        let diagonal = (&self.hessian * Tensor::eye(d)).sum_axes(-1, false);
        let event = with_axis(1, &family.event_shape());
        let linear = family.mean() * self.slope.reshape(event);
        let curved = family.variance() * diagonal.reshape(event) * T::from_f64(0.5);
        gradients(&(linear + curved), &leaves)
    }
}
