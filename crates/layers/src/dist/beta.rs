//! [`Beta`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{away_from, broadcast, require_positive, within};
use super::gamma::log_standard_gamma;
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Beta variables with density x^(a-1) (1 - x)^(b-1) / B(a, b) for 0 < x < 1, a the concentration1 and b
/// the concentration0.
#[derive(Clone, Debug)]
pub struct Beta<T: Real = f32> {
    concentration1: Tensor<T>,
    concentration0: Tensor<T>,
}

impl<T: Real> Beta<T> {
    /// From a, which draws towards 1, and b, which draws towards 0.
    ///
    /// # Panics
    /// If a parameter is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(concentration1: &Tensor<T>, concentration0: &Tensor<T>) -> Beta<T> {
        require_positive("Beta", "concentration1", concentration1);
        require_positive("Beta", "concentration0", concentration0);
        let parameters = [("concentration1", concentration1), ("concentration0", concentration0)];
        let [concentration1, concentration0] = broadcast("Beta", parameters);
        Beta { concentration1, concentration0 }
    }

    /// a
    pub fn concentration1(&self) -> &Tensor<T> {
        &self.concentration1
    }

    /// b
    pub fn concentration0(&self) -> &Tensor<T> {
        &self.concentration0
    }

    /// ln z and ln(1 - z) of the draw z that [`rsample`](Reparameterized::rsample) makes of the same
    /// noise, with their paths: exact also where z rounds to 0 or 1.
    pub fn rsample_log(&self, noise: &mut Stream) -> [Tensor<T>; 2] {
        let logit = self.rsample_logit(noise);
        [-(-&logit).softplus(), -logit.softplus()]
    }

    /// ln(z / (1 - z)) = ln g₁ - ln g₀ with standard gamma variables, whose paths are implicit
    fn rsample_logit(&self, noise: &mut Stream) -> Tensor<T> {
        let ln_g1 = log_standard_gamma(&self.concentration1, noise);
        ln_g1 - log_standard_gamma(&self.concentration0, noise)
    }

    /// a + b
    pub(super) fn total(&self) -> Tensor<T> {
        &self.concentration1 + &self.concentration0
    }

    /// ln B(a, b)
    pub(super) fn log_normalizer(&self) -> Tensor<T> {
        self.concentration1.lgamma() + self.concentration0.lgamma() - self.total().lgamma()
    }
}

impl<T: Real> Distribution<T> for Beta<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let concentration1 = f("concentration1", &self.concentration1, 0);
        Beta { concentration1, concentration0: f("concentration0", &self.concentration0, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// (a - 1) ln x + (b - 1) ln(1 - x) - ln B(a, b) for 0 ≤ x ≤ 1; ∞ at 0 for a < 1, at 1 for b < 1
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let (one, zero) = (&self.concentration1 - T::ONE, &self.concentration0 - T::ONE);
        let ones = &one * away_from(T::ZERO, x, &one).ln();
        let zeros = &zero * (-away_from(T::ONE, x, &zero)).ln_1p();
        within(&(ones + zeros - self.log_normalizer()), x, |x| (0.0..=1.0).contains(&x))
    }
}

impl<T: Real> Reparameterized<T> for Beta<T> {
    /// g₁ / (g₁ + g₀) with standard gamma variables, whose paths are implicit. What is below the
    /// smallest normal number or rounds to 1 is held within, with gradient 0:
    /// [`rsample_log`](Beta::rsample_log) has the logarithms as they are.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let z = self.rsample_logit(noise).sigmoid();
        z.clamp(T::MIN_POSITIVE.to_f64(), T::ONE.next_down().to_f64())
    }
}

impl<T: Real> Moments<T> for Beta<T> {
    fn mean(&self) -> Tensor<T> {
        &self.concentration1 / self.total()
    }

    /// a b / ((a + b)² (a + b + 1))
    fn variance(&self) -> Tensor<T> {
        let total = self.total();
        &self.concentration1 * &self.concentration0 / (total.square() * (total + T::ONE))
    }
}

impl<T: Real> Entropy<T> for Beta<T> {
    /// ln B(a, b) - (a - 1) ψ(a) - (b - 1) ψ(b) + (a + b - 2) ψ(a + b)
    fn entropy(&self) -> Tensor<T> {
        let (a, b, total) = (&self.concentration1, &self.concentration0, self.total());
        let pull = (a - T::ONE) * a.digamma() + (b - T::ONE) * b.digamma();
        self.log_normalizer() - pull + (&total - T::from_f64(2.0)) * total.digamma()
    }
}

impl<T: Real> Cdf<T> for Beta<T> {
    /// Iₓ(a, b)
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        Tensor::betainc(&self.concentration1, &self.concentration0, x)
    }
}
