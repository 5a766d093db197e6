//! [`OneHotCategorical`]

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::categorical::cross_log_prob;
use super::{Categorical, Distribution, Entropy, Moments, Replace, Sample};

/// One of k classes as a row of k numbers, 1 in its place and 0 elsewhere. One event is the last axis.
/// There is no path for a gradient, hence no `rsample`.
#[derive(Clone, Debug)]
pub struct OneHotCategorical<T: Real = f32> {
    classes: Categorical<T>,
}

impl<T: Real> OneHotCategorical<T> {
    /// From logits of shape [.., k].
    ///
    /// # Panics
    /// If there is no axis of classes.
    #[track_caller]
    pub fn new(logits: &Tensor<T>) -> OneHotCategorical<T> {
        OneHotCategorical { classes: Categorical::new(logits) }
    }

    /// From numbers that are proportional to the probabilities.
    ///
    /// # Panics
    /// If one is negative or not finite, all of a row are 0, or there is no axis of classes.
    #[track_caller]
    pub fn from_probs(probs: &Tensor<T>) -> OneHotCategorical<T> {
        OneHotCategorical { classes: Categorical::from_probs(probs) }
    }

    /// The same classes as numbers.
    pub fn classes(&self) -> &Categorical<T> {
        &self.classes
    }
}

impl<T: Real> Distribution<T> for OneHotCategorical<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        OneHotCategorical { classes: self.classes.map(f) }
    }

    fn event_shape(&self) -> Shape {
        Shape::new(&[self.classes.classes()])
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let drawn = self.classes.sample(noise).constant();
        let drawn: Vec<usize> = drawn.data().iter().map(|class| class.to_f64() as usize).collect();
        let rows = Tensor::one_hot(&drawn, self.classes.classes());
        Sample::new(&rows.reshape(*self.classes.logits().shape()))
    }

    /// Σ xᵢ ln pᵢ, where x is taken to be one-hot
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        cross_log_prob(x, &self.classes.log_probs())
    }
}

impl<T: Real> Moments<T> for OneHotCategorical<T> {
    /// The probabilities.
    fn mean(&self) -> Tensor<T> {
        self.classes.probs()
    }

    /// p (1 - p)
    fn variance(&self) -> Tensor<T> {
        let p = self.mean();
        &p * (-&p + T::ONE)
    }
}

impl<T: Real> Entropy<T> for OneHotCategorical<T> {
    fn entropy(&self) -> Tensor<T> {
        self.classes.entropy()
    }
}
