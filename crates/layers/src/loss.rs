//! Losses. Each sums over the elements of a sample; the reduction says what happens then.
//!
//! An average over one axis beside a sum over another is this field's classic mistake, so the
//! reduction is never a default.

use elbo_tensor::{Real, Tensor};

/// What becomes of the losses of the elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduction {
    /// Summed over the last axis, averaged over the rest: nats (or squared error) per image. This is
    /// what an ELBO needs.
    PerSample,
    /// Averaged over all elements: per pixel. PyTorch's `reduction="mean"`.
    PerElement,
    /// Summed over everything. PyTorch's `reduction="sum"`.
    Sum,
}

impl Reduction {
    /// `per_sample` holds the sums over the last axis, which had `size` elements.
    fn apply<T: Real>(self, per_sample: &Tensor<T>, size: usize) -> Tensor<T> {
        match self {
            Reduction::PerSample => per_sample.mean(),
            Reduction::PerElement => per_sample.mean() / T::from_f64(size.max(1) as f64),
            Reduction::Sum => per_sample.sum(),
        }
    }
}

#[track_caller]
fn last_axis<T: Real>(name: &str, x_hat: &Tensor<T>, x: &Tensor<T>) -> usize {
    assert_eq!(x_hat.shape(), x.shape(), "{name}: shapes of prediction and target");
    *x.shape().last().unwrap_or_else(|| panic!("{name}: a number without axes has no samples"))
}

/// # Panics
/// If a target of binary cross-entropy is not a probability: the loss would have no lower bound.
#[track_caller]
pub(crate) fn require_probabilities<T: Real>(name: &str, targets: &Tensor<T>) {
    if !targets.is_within(T::ZERO, T::ONE) {
        let outside = targets.data().iter().find(|&&t| !(t >= T::ZERO && t <= T::ONE));
        panic!("{name}: target {} is outside [0, 1]", outside.expect("one is"));
    }
}

/// Squared error Σ (x̂ - x)².
///
/// # Panics
/// If the shapes differ or have no axis.
#[track_caller]
pub fn mse<T: Real>(x_hat: &Tensor<T>, x: &Tensor<T>, reduction: Reduction) -> Tensor<T> {
    let size = last_axis("mse", x_hat, x);
    reduction.apply(&(x_hat - x).square().sum_axes(-1, false), size)
}

/// Absolute error Σ |x̂ - x|.
///
/// # Panics
/// If the shapes differ or have no axis.
#[track_caller]
pub fn l1<T: Real>(x_hat: &Tensor<T>, x: &Tensor<T>, reduction: Reduction) -> Tensor<T> {
    let size = last_axis("l1", x_hat, x);
    reduction.apply(&(x_hat - x).abs().sum_axes(-1, false), size)
}

/// Binary cross-entropy -Σ (x ln p + (1 - x) ln(1 - p)) in nats, p = sigmoid(logits), x in [0, 1].
///
/// # Panics
/// If the shapes differ or have no axis, or a target is outside [0, 1].
#[track_caller]
pub fn bce_with_logits<T: Real>(
    logits: &Tensor<T>,
    x: &Tensor<T>,
    reduction: Reduction,
) -> Tensor<T> {
    let size = last_axis("bce_with_logits", logits, x);
    require_probabilities("bce_with_logits", x);
    reduction.apply(&logits.bce_with_logits(x), size)
}

/// Categorical cross-entropy -Σ t ln softmax(logits) in nats. A sample is a row of classes.
///
/// Shapes: logits [.., n, classes], target probabilities (one-hot, or soft) the same; with
/// [`Reduction::PerElement`] the average is over the n positions of a sample.
///
/// # Panics
/// If the shapes differ or have fewer than two axes.
#[track_caller]
pub fn categorical_cross_entropy<T: Real>(
    logits: &Tensor<T>,
    targets: &Tensor<T>,
    reduction: Reduction,
) -> Tensor<T> {
    last_axis("categorical_cross_entropy", logits, targets);
    let shape = logits.shape();
    assert!(shape.rank() >= 2, "categorical_cross_entropy: {shape} has no axis of positions");
    let per_sample = -(logits.log_softmax(-1) * targets).sum_axes([-2, -1], false);
    reduction.apply(&per_sample, shape[shape.rank() - 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand_and_units() {
        let (x_hat, x) = (Tensor::from([[1.0, 2.0], [0.0, 4.0]]), Tensor::from([[0.0; 2]; 2]));
        assert_eq!(mse(&x_hat, &x, Reduction::Sum).item(), 21.0);
        assert_eq!(mse(&x_hat, &x, Reduction::PerSample).item(), 10.5);
        assert_eq!(mse(&x_hat, &x, Reduction::PerElement).item(), 5.25);
        assert_eq!(l1(&x_hat, &x, Reduction::PerSample).item(), 3.5);
        let bce = bce_with_logits(&x, &x_hat.clamp(0.0, 1.0), Reduction::PerSample).item();
        assert!((bce - 2.0 * 2f64.ln()).abs() < 1e-15);
    }

    #[test]
    #[should_panic(expected = "bce_with_logits: target 255 is outside [0, 1]")]
    fn targets_that_are_no_probabilities_are_refused() {
        let x = Tensor::from([[0.0, 255.0]]);
        bce_with_logits(&x, &x, Reduction::PerSample);
    }

    #[test]
    fn categorical_cross_entropy_of_uniform_logits_is_ln_classes() {
        // 3 positions, 5 classes: 3 ln 5 per sample, ln 5 per position.
        let logits = Tensor::<f64>::zeros([2, 3, 5]);
        let targets = Tensor::one_hot(&[0, 4, 2, 1, 1, 3], 5).reshape([2, 3, 5]);
        let ln5 = 5f64.ln();
        let loss = |reduction| categorical_cross_entropy(&logits, &targets, reduction).item();
        assert!((loss(Reduction::PerSample) - 3.0 * ln5).abs() < 1e-14);
        assert!((loss(Reduction::PerElement) - ln5).abs() < 1e-14);
        // Two classes are a logit: ln(1 + e^(-(a - b))).
        let logits = Tensor::from([0.3, -0.9]).reshape([1, 1, 2]);
        let targets = Tensor::one_hot(&[0], 2).reshape([1, 1, 2]);
        let two = categorical_cross_entropy(&logits, &targets, Reduction::Sum).item();
        assert!((two - (1.0 + (-1.2f64).exp()).ln()).abs() < 1e-15, "{two}");
    }
}
