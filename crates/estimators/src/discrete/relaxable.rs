//! [`Relaxable`]: discrete variables that are a rounded continuous one.

use elbo_layers::Bernoulli;
use elbo_layers::dist::{Distribution, Independent, OneHotCategorical};
use elbo_tensor::{Real, Stream, Tensor};

/// A discrete distribution whose draw b = H(z) is what a continuous variable z is rounded to.
///
/// For coins z = logits + L with logistic L, and b is whether z is positive; for classes z = ln p + G with
/// Gumbel variables G, and b is where z is largest.
pub trait Relaxable<T: Real>: Distribution<T> {
    /// E b, tracked as the parameters are.
    fn probs(&self) -> Tensor<T>;

    /// z, through which gradients flow to the parameters.
    fn perturb(&self, noise: &mut Stream) -> Tensor<T>;

    /// The variable with the value of z whose gradients are those of z given b: what is known of the noise
    /// once b is known is held fixed.
    fn perturb_given(&self, z: &Tensor<T>) -> Tensor<T>;

    /// H(z)
    fn round(z: &Tensor<T>) -> Tensor<T>;

    /// H(z) made soft: sigmoid(z / τ) or softmax(z / τ).
    fn relax(z: &Tensor<T>, temperature: f64) -> Tensor<T>;
}

impl<T: Real> Relaxable<T> for Bernoulli<T> {
    fn probs(&self) -> Tensor<T> {
        self.probs()
    }

    fn perturb(&self, noise: &mut Stream) -> Tensor<T> {
        let shape = *self.logits().shape();
        self.logits() + (noise.exponential(shape).ln() - noise.exponential(shape).ln())
    }

    /// Given b = 1, z = softplus(l + softplus(logits)) with logistic l; given b = 0,
    /// z = -softplus(l + softplus(-logits)) (Tucker et al. 2017, appendix).
    fn perturb_given(&self, z: &Tensor<T>) -> Tensor<T> {
        let one = Self::round(z);
        let sign = &one * T::from_f64(2.0) - T::ONE;
        // ln(e^|z| - 1) = softplus(l + ..)⁻¹; |z| is kept from 0, where b is undecided.
        let size = (z.detach() * &sign).clamp(1e-12, f64::INFINITY);
        let inverse = &size + (-(-&size).exp_m1()).ln();
        let side = (self.logits() * &sign).softplus();
        (inverse - side.detach() + side).softplus() * sign
    }

    fn round(z: &Tensor<T>) -> Tensor<T> {
        z.detach().greater(&Tensor::scalar(T::ZERO))
    }

    fn relax(z: &Tensor<T>, temperature: f64) -> Tensor<T> {
        (z * T::from_f64(1.0 / temperature)).sigmoid()
    }
}

impl<T: Real> Relaxable<T> for OneHotCategorical<T> {
    fn probs(&self) -> Tensor<T> {
        self.classes().probs()
    }

    fn perturb(&self, noise: &mut Stream) -> Tensor<T> {
        let log_probs = self.classes().log_probs();
        let shape = *log_probs.shape();
        log_probs - noise.exponential(shape).ln()
    }

    /// e^(-z) are waiting times with rates p: the shortest is standard exponential whatever p is, and the others
    /// are it plus waiting times with rates p again.
    fn perturb_given(&self, z: &Tensor<T>) -> Tensor<T> {
        let times = (-z.detach()).exp();
        let shortest = (-z.detach().max_axes(-1, true)).exp();
        let log_probs = self.classes().log_probs();
        // 1 in value: what a rate that changes does to a time.
        let stretch = (log_probs.detach() - &log_probs).exp();
        -((&times - &shortest) * stretch + shortest).ln()
    }

    fn round(z: &Tensor<T>) -> Tensor<T> {
        let z = z.detach();
        let k = *z.shape().last().expect("an axis of classes");
        Tensor::write(*z.shape(), |rounded| {
            rounded.fill(T::ZERO);
            for (z, row) in z.data().chunks(k).zip(rounded.chunks_mut(k)) {
                let larger = |best: usize, i: usize| if z[i] > z[best] { i } else { best };
                row[(0..k).fold(0, larger)] = T::ONE;
            }
        })
    }

    fn relax(z: &Tensor<T>, temperature: f64) -> Tensor<T> {
        (z * T::from_f64(1.0 / temperature)).softmax(-1)
    }
}

impl<T: Real, D: Relaxable<T>> Relaxable<T> for Independent<D> {
    fn probs(&self) -> Tensor<T> {
        self.base().probs()
    }

    fn perturb(&self, noise: &mut Stream) -> Tensor<T> {
        self.base().perturb(noise)
    }

    fn perturb_given(&self, z: &Tensor<T>) -> Tensor<T> {
        self.base().perturb_given(z)
    }

    fn round(z: &Tensor<T>) -> Tensor<T> {
        D::round(z)
    }

    fn relax(z: &Tensor<T>, temperature: f64) -> Tensor<T> {
        D::relax(z, temperature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of z is kept, and b with it.
    #[test]
    fn the_conditional_variable_has_the_value_of_z() {
        let noise = &mut Stream::new(1);
        let logits: Tensor<f64> = noise.normal([500, 3]);
        fn same<D: Relaxable<f64>>(q: &D, noise: &mut Stream) {
            let z = q.perturb(noise);
            let given = q.perturb_given(&z);
            for (a, b) in z.data().iter().zip(given.data()) {
                assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a} {b}");
            }
            assert_eq!(D::round(&z).to_vec(), D::round(&given).to_vec());
        }
        same(&Bernoulli::new(&logits), noise);
        same(&OneHotCategorical::new(&logits), noise);
        same(&Independent::new(Bernoulli::new(&logits)), noise);
    }
}
