//! Coins, counts and waiting times as differences.

use elbo_layers::Bernoulli;
use elbo_layers::dist::{Distribution, Exponential, Moments, Poisson};
use elbo_tensor::{Real, Stream, Tensor};

use super::{Coupling, MeasureValued, Sides};

/// ∂/∂logits: c = p (1 - p), x⁺ = 1, x⁻ = 0: nothing is left to chance.
impl<T: Real> MeasureValued<T> for Bernoulli<T> {
    fn sides(&self, _: Coupling, _: &mut Stream) -> Vec<Sides<T>> {
        let shape = *self.logits().shape();
        let (positive, negative) = (Tensor::ones(shape), Tensor::zeros(shape));
        vec![Sides { weight: self.variance(), positive, negative }]
    }
}

/// ∂/∂rate: c = 1, x⁺ = x + 1, x⁻ = x. Coupled: the same x on both sides.
impl<T: Real> MeasureValued<T> for Poisson<T> {
    fn sides(&self, coupling: Coupling, noise: &mut Stream) -> Vec<Sides<T>> {
        let negative = self.sample(noise).constant();
        let x = match coupling {
            Coupling::Coupled => negative.clone(),
            Coupling::Independent => self.sample(noise).constant(),
        };
        vec![Sides { weight: Tensor::scalar(T::ONE), positive: x + T::ONE, negative }]
    }
}

/// ∂/∂rate: c = 1 / rate, x⁺ = x, x⁻ = x + y with two variables of this distribution. Coupled: the same x on
/// both sides.
impl<T: Real> MeasureValued<T> for Exponential<T> {
    fn sides(&self, coupling: Coupling, noise: &mut Stream) -> Vec<Sides<T>> {
        let positive = self.sample(noise).constant();
        let x = match coupling {
            Coupling::Coupled => positive.clone(),
            Coupling::Independent => self.sample(noise).constant(),
        };
        let negative = x + self.sample(noise).constant();
        vec![Sides { weight: self.rate().powi(-1), positive, negative }]
    }
}
