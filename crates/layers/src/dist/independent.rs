//! [`Independent`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::{Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// A distribution whose last axis of the batch is one event: its log-probabilities are summed over it.
///
/// ```
/// # use elbo_layers::dist::{Distribution, Independent, Normal};
/// # use elbo_tensor::Tensor;
/// let pixels = Independent::new(Normal::new(&Tensor::<f64>::zeros([8, 784]), &Tensor::zeros([784])));
/// assert_eq!(*pixels.log_prob(&Tensor::zeros([8, 784])).shape(), [8].into());
/// ```
#[derive(Clone, Debug)]
pub struct Independent<D> {
    base: D,
}

impl<D> Independent<D> {
    /// From a distribution whose batch has an axis.
    pub fn new(base: D) -> Independent<D> {
        Independent { base }
    }

    /// The distribution of the elements.
    pub fn base(&self) -> &D {
        &self.base
    }
}

/// The sum over the last axis.
fn over_events<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    x.sum_axes(-1, false)
}

impl<T: Real, D: Distribution<T>> Distribution<T> for Independent<D> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Independent { base: self.base.map(&mut |name, p, event| f(name, p, event + 1)) }
    }

    fn event_shape(&self) -> Shape {
        let batch = self.base.batch_shape();
        let axis = batch.last().expect("Independent: the batch has no axis");
        Shape::new(&[&[*axis][..], &self.base.event_shape()].concat())
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        self.base.sample(noise)
    }

    /// Σ ln p(xᵢ) over the axis
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        over_events(&self.base.log_prob(x))
    }
}

impl<T: Real, D: Reparameterized<T>> Reparameterized<T> for Independent<D> {
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.base.rsample(noise)
    }
}

impl<T: Real, D: Moments<T>> Moments<T> for Independent<D> {
    fn mean(&self) -> Tensor<T> {
        self.base.mean()
    }

    fn variance(&self) -> Tensor<T> {
        self.base.variance()
    }
}

impl<T: Real, D: Entropy<T>> Entropy<T> for Independent<D> {
    fn entropy(&self) -> Tensor<T> {
        over_events(&self.base.entropy())
    }
}
