//! [`Mixture`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::{Categorical, Cdf, Distribution, Moments, Reparameterized, Replace, Sample, implicit};

/// A draw from one of k components of a family, component i with probability softmax(logits)ᵢ.
///
/// The batch of the components is [.., k], the logits have that shape, and the batch of the mixture is
/// [..]. Where the components have a path and a distribution function, draws have an implicit path, to
/// the components and to the logits (Figurnov, Mohamed & Mnih 2018, section 4.3):
///
/// ```
/// # use elbo_layers::dist::{Mixture, Normal, Reparameterized};
/// # use elbo_tensor::{Stream, Tensor};
/// let logits = Tensor::from([0.3f64, -0.2]).requires_grad();
/// let components = Normal::from_sigma(&Tensor::from([-1.0, 2.0]), &Tensor::from([0.5, 1.0]));
/// let z = Mixture::new(&logits, &components).rsample(&mut Stream::new(1));
/// assert!(z.backward()[&logits].data()[0] < 0.0); // more of the left component draws to the left
/// ```
///
/// The entropy has no closed form; the mean of -ln p(x) over draws x estimates it.
///
/// Counts do not move, and neither do their mixtures:
///
/// ```compile_fail,E0599
/// # use elbo_layers::dist::{Mixture, Poisson, Reparameterized};
/// # use elbo_tensor::{Stream, Tensor};
/// let counts = Poisson::new(&Tensor::from([1.0f64, 20.0]));
/// Mixture::new(&Tensor::from([0.0, 0.0]), &counts).rsample(&mut Stream::new(1));
/// ```
#[derive(Clone, Debug)]
pub struct Mixture<T: Real, D> {
    weights: Categorical<T>,
    components: D,
}

impl<T: Real, D: Distribution<T>> Mixture<T, D> {
    /// From the logits of the weights and the components, which broadcast.
    ///
    /// # Panics
    /// If the shapes of the logits and of the batch of components do not broadcast.
    #[track_caller]
    pub fn new(logits: &Tensor<T>, components: &D) -> Mixture<T, D> {
        let (own, batch) = (*logits.shape(), components.batch_shape());
        let Some(shape) = own.broadcast(&batch) else {
            panic!("Mixture: logits {own} and components {batch} do not broadcast")
        };
        let logits = if own == shape { logits.clone() } else { logits.broadcast_to(shape) };
        let components = if batch == shape { components.clone() } else { components.expand(shape) };
        Mixture { weights: Categorical::new(&logits), components }
    }

    /// The distribution of the number of the component.
    pub fn weights(&self) -> &Categorical<T> {
        &self.weights
    }

    /// The components, along the last axis of their batch.
    pub fn components(&self) -> &D {
        &self.components
    }

    /// Where the axis of components is in a draw, counted from the last.
    fn axis(&self) -> isize {
        -1 - self.components.event_shape().rank() as isize
    }

    /// x with an axis of size 1 for the components.
    fn beside(&self, x: &Tensor<T>) -> Tensor<T> {
        let event = self.components.event_shape().rank();
        let (batch, event) = x.shape().split_at(x.rank() - event);
        x.reshape(Shape::new(&[batch, &[1], event].concat()))
    }

    /// Numbers of shape [.., k] with the axes of an event behind, of size 1.
    fn before_event(&self, weights: &Tensor<T>) -> Tensor<T> {
        let ones = vec![1; self.components.event_shape().rank()];
        weights.reshape(Shape::new(&[weights.shape(), &ones[..]].concat()))
    }
}

impl<T: Real, D: Distribution<T>> Distribution<T> for Mixture<T, D> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let weights = self.weights.map(f);
        let components = self.components.map(&mut |name, p, event| f(name, p, event + 1));
        Mixture { weights, components }
    }

    fn event_shape(&self) -> Shape {
        self.components.event_shape()
    }

    /// A draw of each component, and of those the chosen one.
    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let chosen = self.weights.sample(noise).constant();
        let all = self.components.sample(noise).constant();
        let chosen: Vec<usize> = chosen.data().iter().map(|i| i.to_f64() as usize).collect();
        let mask = Tensor::one_hot(&chosen, self.weights.classes());
        let mask = self.before_event(&mask.reshape(*self.weights.logits().shape()));
        let one = Tensor::select(&mask, &all, &Tensor::scalar(T::ZERO));
        Sample::new(&one.sum_axes(self.axis(), false))
    }

    /// ln Σ softmax(logits)ᵢ pᵢ(x)
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let joint = self.weights.log_probs() + self.components.log_prob(&self.beside(x));
        joint.log_sum_exp(-1, false)
    }
}

impl<T: Real, D: Cdf<T> + Reparameterized<T>> Reparameterized<T> for Mixture<T, D> {
    /// A draw whose path is implicit: nothing is relaxed, and the weights have a gradient too
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        implicit::attach(self, &self.sample(noise).constant())
    }
}

impl<T: Real, D: Moments<T>> Moments<T> for Mixture<T, D> {
    /// Σ wᵢ mᵢ
    fn mean(&self) -> Tensor<T> {
        let weights = self.before_event(&self.weights.probs());
        (weights * self.components.mean()).sum_axes(self.axis(), false)
    }

    /// Σ wᵢ (vᵢ + (mᵢ - m)²), m the mean
    fn variance(&self) -> Tensor<T> {
        let weights = self.before_event(&self.weights.probs());
        let distance = (self.components.mean() - self.beside(&self.mean())).square();
        (weights * (self.components.variance() + distance)).sum_axes(self.axis(), false)
    }
}

impl<T: Real, D: Cdf<T>> Cdf<T> for Mixture<T, D> {
    /// Σ wᵢ Fᵢ(x)
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        (self.weights.probs() * self.components.cdf(&self.beside(x))).sum_axes(-1, false)
    }
}
