//! [`Rebar`]

use elbo_tensor::{Real, Stream, Tensor};

use super::{Relaxable, relax};
use crate::estimator::{Draws, Estimator};
use crate::expectation::Expectation;

/// [`Relax`](super::Relax) with the relaxed cost as critic: c(z) = η f(softmax(z / τ)).
///
/// ```text
///     (f(b) - η f(σ(z̃))) s(b) + η ∂/∂θ (f(σ(z)) - f(σ(z̃)))
/// ```
///
/// Three evaluations of f for each draw, which must be differentiable between the values of b. Unbiased for any η
/// and τ. Tucker et al. 2017.
#[derive(Clone, Copy, Debug)]
pub struct Rebar {
    /// τ, positive.
    pub temperature: f64,
    /// η
    pub scale: f64,
}

impl Rebar {
    /// With the η of least variance, summed over all parameters, as found on a pilot run: the estimate is linear
    /// in η.
    pub fn fit<T: Real, D: Relaxable<T>>(
        problem: &Expectation<T, D>,
        temperature: f64,
        pilot: Draws,
        noise: &mut Stream,
    ) -> Rebar {
        // The same draws for both.
        let at = |scale, noise: &mut Stream| {
            Rebar { temperature, scale }.estimate(problem, pilot, noise)
        };
        let (without, with) = (at(0.0, &mut noise.clone()), at(1.0, noise));
        let (mut covariance, mut variance) = (0.0, 0.0);
        for (without, with) in without.iter().zip(&with) {
            let centred = |g: &Tensor<T>| g - g.mean_axes(0, true);
            let (plain, control) = (centred(without), centred(&(without - with)));
            covariance += (&plain * &control).sum().item().to_f64();
            variance += control.square().sum().item().to_f64();
        }
        let scale = if variance > 0.0 { covariance / variance } else { 1.0 };
        Rebar { temperature, scale }
    }
}

impl<T: Real, D: Relaxable<T>> Estimator<T, D> for Rebar {
    fn name(&self) -> &'static str {
        "rebar"
    }

    fn evaluations(&self, _: &Expectation<T, D>, samples: usize) -> usize {
        3 * samples
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let Rebar { temperature, scale } = *self;
        let relaxed = problem.clone();
        let critic =
            move |z: &Tensor<T>| relaxed.cost(&D::relax(z, temperature)) * T::from_f64(scale);
        relax::estimate(problem, &critic, draws, noise)
    }
}
