//! [`Dirichlet`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::distribution::{require_positive, where_positive};
use super::gamma::log_standard_gamma;
use super::{Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Probabilities x with density Π xᵢ^(αᵢ-1) / B(α), B(α) = Π Γ(αᵢ) / Γ(Σ αᵢ). One event is the last axis.
#[derive(Clone, Debug)]
pub struct Dirichlet<T: Real = f32> {
    concentration: Tensor<T>,
}

impl<T: Real> Dirichlet<T> {
    /// From α, of shape [.., k].
    ///
    /// # Panics
    /// If a concentration is not positive, or there is no axis.
    #[track_caller]
    pub fn new(concentration: &Tensor<T>) -> Dirichlet<T> {
        require_positive("Dirichlet", "concentration", concentration);
        assert!(concentration.rank() > 0, "Dirichlet: concentration has no axis");
        Dirichlet { concentration: concentration.clone() }
    }

    /// α
    pub fn concentration(&self) -> &Tensor<T> {
        &self.concentration
    }

    /// ln z of the draw z that [`rsample`](Reparameterized::rsample) makes of the same noise, with its
    /// path: exact also where parts of z underflow.
    pub fn rsample_log(&self, noise: &mut Stream) -> Tensor<T> {
        log_standard_gamma(&self.concentration, noise).log_softmax(-1)
    }

    fn total(&self, keepdim: bool) -> Tensor<T> {
        self.concentration.sum_axes(-1, keepdim)
    }

    /// ln B(α)
    pub(super) fn log_normalizer(&self) -> Tensor<T> {
        self.concentration.lgamma().sum_axes(-1, false) - self.total(false).lgamma()
    }
}

impl<T: Real> Distribution<T> for Dirichlet<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Dirichlet { concentration: f("concentration", &self.concentration, 1) }
    }

    fn event_shape(&self) -> Shape {
        Shape::new(&self.concentration.shape()[self.concentration.rank() - 1..])
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// Σ (αᵢ - 1) ln xᵢ - ln B(α) for positive x, whose sum is taken to be 1
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let pull = ((&self.concentration - T::ONE) * x.ln()).sum_axes(-1, false);
        where_positive(&(pull - self.log_normalizer()), x)
    }
}

impl<T: Real> Reparameterized<T> for Dirichlet<T> {
    /// gᵢ / Σ g with standard gamma variables, whose paths are implicit. Parts below the smallest normal
    /// number are held there, with gradient 0: [`rsample_log`](Dirichlet::rsample_log) has the
    /// logarithms as they are.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let ln_g = log_standard_gamma(&self.concentration, noise);
        ln_g.softmax(-1).clamp(T::MIN_POSITIVE.to_f64(), 1.0)
    }
}

impl<T: Real> Moments<T> for Dirichlet<T> {
    fn mean(&self) -> Tensor<T> {
        &self.concentration / self.total(true)
    }

    /// m (1 - m) / (Σ α + 1), m the mean
    fn variance(&self) -> Tensor<T> {
        let mean = self.mean();
        &mean * (-&mean + T::ONE) / (self.total(true) + T::ONE)
    }
}

impl<T: Real> Entropy<T> for Dirichlet<T> {
    /// ln B(α) + (Σ α - k) ψ(Σ α) - Σ (αᵢ - 1) ψ(αᵢ)
    fn entropy(&self) -> Tensor<T> {
        let (a, total) = (&self.concentration, self.total(false));
        let pull = ((a - T::ONE) * a.digamma()).sum_axes(-1, false);
        let k = T::from_f64(self.event_shape()[0] as f64);
        self.log_normalizer() + (&total - k) * total.digamma() - pull
    }
}
