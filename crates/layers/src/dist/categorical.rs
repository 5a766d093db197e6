//! [`Categorical`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{require, within};
use super::{Distribution, Entropy, Replace, Sample};

/// One of k classes, a number from 0 to k - 1, with probabilities softmax(logits) over the last axis of
/// the logits. There is no path for a gradient, hence no `rsample`.
///
/// Classes are names without an order: they have no mean, no variance and no distribution function. As rows
/// of zeros and a 1 they have moments: [`OneHotCategorical`](super::OneHotCategorical).
///
/// Shapes: logits [.., k]; draws and x [..].
#[derive(Clone, Debug)]
pub struct Categorical<T: Real = f32> {
    logits: Tensor<T>,
}

/// ln of numbers in proportion to the probabilities of classes, the last axis.
///
/// # Panics
/// If one is negative or not finite, or all classes have 0.
#[track_caller]
pub(super) fn logs_of<T: Real>(family: &str, probs: &Tensor<T>) -> Tensor<T> {
    require(family, "probs", "0 or positive", probs, |p| (0.0..f64::INFINITY).contains(&p));
    let classes = probs.shape().last().map_or(1, |&k| k.max(1));
    let is_none = |row: &[T]| row.iter().all(|&p| p == T::ZERO);
    if probs.data().chunks(classes).any(is_none) {
        panic!("{family}: probs of all {classes} classes are 0; one must be positive");
    }
    probs.ln()
}

impl<T: Real> Categorical<T> {
    /// From logits: logarithms of numbers that are proportional to the probabilities.
    ///
    /// # Panics
    /// If there is no axis of classes.
    #[track_caller]
    pub fn new(logits: &Tensor<T>) -> Categorical<T> {
        let shape = logits.shape();
        let has_classes = shape.last().is_some_and(|&k| k > 0);
        assert!(has_classes, "Categorical: logits {shape} have no axis of classes");
        Categorical { logits: logits.clone() }
    }

    /// From numbers that are proportional to the probabilities.
    ///
    /// # Panics
    /// If one is negative or not finite, all of a row are 0, or there is no axis of classes.
    #[track_caller]
    pub fn from_probs(probs: &Tensor<T>) -> Categorical<T> {
        Categorical::new(&logs_of("Categorical", probs))
    }

    /// The logits, as they were given.
    pub fn logits(&self) -> &Tensor<T> {
        &self.logits
    }

    /// The number of classes k.
    pub fn classes(&self) -> usize {
        *self.logits.shape().last().expect("an axis of classes")
    }

    /// ln of the probabilities: shape [.., k].
    pub fn log_probs(&self) -> Tensor<T> {
        self.logits.log_softmax(-1)
    }

    /// The probabilities: shape [.., k].
    pub fn probs(&self) -> Tensor<T> {
        self.logits.softmax(-1)
    }
}

impl<T: Real> Distribution<T> for Categorical<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Categorical { logits: f("logits", &self.logits, 1) }
    }

    /// The class with the largest logit - ln e, with standard exponential e (Gumbel 1954)
    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let logits = self.logits.detach();
        let race = &logits - noise.exponential(*logits.shape()).ln();
        let winner = |race: &[T]| {
            let larger = |best: usize, i: usize| if race[i] > race[best] { i } else { best };
            T::from_f64((0..race.len()).fold(0, larger) as f64)
        };
        let winners: Vec<T> = race.data().chunks(self.classes()).map(winner).collect();
        Sample::new(&Tensor::new(&winners, self.batch_shape()))
    }

    /// ln softmax(logits) at class x
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let k = self.classes();
        let chosen = Tensor::write([x.count(), k], |mask| {
            for (row, x) in mask.chunks_mut(k).zip(x.data()) {
                let is_x = |class: usize| if class as f64 == x.to_f64() { T::ONE } else { T::ZERO };
                row.iter_mut().enumerate().for_each(|(class, mask)| *mask = is_x(class));
            }
        });
        let chosen = chosen.reshape(&[x.shape(), &[k][..]].concat()[..]);
        // Not a product: a class of probability 0 must not spoil the others.
        let log_prob = Tensor::select(&chosen, &self.log_probs(), &Tensor::scalar(T::ZERO));
        let log_prob = log_prob.sum_axes(-1, false);
        within(&log_prob, x, |x| x >= 0.0 && x.fract() == 0.0 && x < k as f64)
    }
}

impl<T: Real> Entropy<T> for Categorical<T> {
    /// -Σ p ln p
    fn entropy(&self) -> Tensor<T> {
        -cross_log_prob(&self.probs(), &self.log_probs())
    }
}

/// Σ p ln q over the last axis, where 0 ln 0 is 0.
pub(super) fn cross_log_prob<T: Real>(p: &Tensor<T>, log_q: &Tensor<T>) -> Tensor<T> {
    let zero = Tensor::scalar(T::ZERO);
    (Tensor::select(&p.greater(&zero), log_q, &zero) * p).sum_axes(-1, false)
}
