//! [`Transformed`], and the functions that transform.

use elbo_tensor::{Real, Shape, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// An invertible, differentiable function y = f(x).
pub trait Transform<T: Real>: Clone + Send + Sync + 'static {
    /// Whether one number becomes one number, and a larger one a larger one; else the last axis is
    /// transformed as a whole.
    const INCREASING: bool = true;

    /// The open interval in which all numbers of y lie.
    const RANGE: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

    /// y
    fn forward(&self, x: &Tensor<T>) -> Tensor<T>;

    /// x
    fn inverse(&self, y: &Tensor<T>) -> Tensor<T>;

    /// ln |det ∂y/∂x|: of each element if [`INCREASING`](Transform::INCREASING), else without the last
    /// axis.
    fn log_abs_det(&self, x: &Tensor<T>, y: &Tensor<T>) -> Tensor<T>;

    /// The same with each parameter replaced, as [`Distribution::map`] does it.
    fn map(&self, _: &mut Replace<'_, T>) -> Self {
        self.clone()
    }

    /// The shape of an event of y, given that of x.
    fn event_shape(&self, x: Shape) -> Shape {
        x
    }
}

/// f(x) with x from a base distribution:
///
/// ```text
///     ln p(y) = ln p(x) - ln |det ∂y/∂x|,   x = f⁻¹(y)
/// ```
///
/// ```
/// # use elbo_layers::dist::{Independent, Normal, Reparameterized, SoftmaxCentered, Transformed};
/// # use elbo_tensor::{Stream, Tensor};
/// // The logistic-normal distribution over 4 probabilities.
/// let base = Independent::new(Normal::new(&Tensor::<f64>::zeros([3]), &Tensor::zeros([3])));
/// let y = Transformed::new(base, SoftmaxCentered).rsample(&mut Stream::new(1));
/// assert!((y.sum().item() - 1.0).abs() < 1e-15 && y.count() == 4);
/// ```
///
/// The entropy is that of x plus E ln |det ∂y/∂x|, which has a closed form for [`Affine`] and [`Exp`]; mean
/// and variance have one for [`Affine`]. Elsewhere the mean over draws of -ln p(y), of y, of (y - E y)²
/// estimates them.
#[derive(Clone, Debug)]
pub struct Transformed<D, F> {
    base: D,
    transform: F,
}

impl<D, F> Transformed<D, F> {
    /// From the base distribution and the function. One that transforms the last axis as a whole needs
    /// a base with such events: see [`Independent`](super::Independent).
    pub fn new(base: D, transform: F) -> Transformed<D, F> {
        Transformed { base, transform }
    }

    /// The distribution of x.
    pub fn base(&self) -> &D {
        &self.base
    }

    /// f
    pub fn transform(&self) -> &F {
        &self.transform
    }
}

/// The sum over that many last axes.
fn over_events<T: Real>(x: Tensor<T>, axes: usize) -> Tensor<T> {
    (0..axes).fold(x, |x, _| x.sum_axes(-1, false))
}

/// y, held within the range of f.
fn hold<T: Real, F: Transform<T>>(y: &Tensor<T>) -> Tensor<T> {
    let [low, high] = F::RANGE.map(T::from_f64);
    let (low, high) = (-(-low).next_down(), high.next_down());
    if y.is_within(low, high) { y.clone() } else { y.clamp(low.to_f64(), high.to_f64()) }
}

impl<T: Real, D: Distribution<T>, F: Transform<T>> Distribution<T> for Transformed<D, F> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Transformed { base: self.base.map(f), transform: self.transform.map(f) }
    }

    fn event_shape(&self) -> Shape {
        self.transform.event_shape(self.base.event_shape())
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().transform.forward(&self.base.sample(noise).constant()))
    }

    /// ln p(x) - ln |det ∂y/∂x|; -∞ where f does not reach
    #[track_caller]
    fn log_prob(&self, y: &Tensor<T>) -> Tensor<T> {
        let held = hold::<T, F>(y);
        let x = self.transform.inverse(&held);
        let log_det = self.transform.log_abs_det(&x, &held);
        let events = self.base.event_shape().rank();
        assert!(
            F::INCREASING || events > 0,
            "Transformed: the base has no axis of events to transform as a whole"
        );
        let log_det = over_events(log_det, events - usize::from(!F::INCREASING));
        let log_prob = self.base.log_prob(&x) - log_det;
        let outside = over_events(held.greater(y) + y.greater(&held), events);
        Tensor::select(&outside, &Tensor::scalar(T::NEG_INFINITY), &log_prob)
    }
}

impl<T: Real, D: Reparameterized<T>, F: Transform<T>> Reparameterized<T> for Transformed<D, F> {
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.transform.forward(&self.base.rsample(noise))
    }
}

impl<T: Real, D: Cdf<T>, F: Transform<T>> Cdf<T> for Transformed<D, F> {
    /// F(f⁻¹(y)) of the base; 0 below and 1 above where f reaches
    ///
    /// # Panics
    /// If f is not increasing.
    #[track_caller]
    fn cdf(&self, y: &Tensor<T>) -> Tensor<T> {
        assert!(
            F::INCREASING,
            "Transformed: the last axis as a whole has no distribution function"
        );
        let held = hold::<T, F>(y);
        let cdf = self.base.cdf(&self.transform.inverse(&held));
        let not_below = Tensor::select(&held.greater(y), &Tensor::scalar(T::ZERO), &cdf);
        Tensor::select(&y.greater(&held), &Tensor::scalar(T::ONE), &not_below)
    }
}

/// y = loc + scale x
#[derive(Clone, Debug)]
pub struct Affine<T: Real = f32> {
    loc: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Real> Affine<T> {
    /// From loc and scale, which broadcast, and stretch to the batch of the base: no axes of events.
    ///
    /// # Panics
    /// If a loc is not finite, a scale is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, scale: &Tensor<T>) -> Affine<T> {
        require_finite("Affine", "loc", loc);
        require_positive("Affine", "scale", scale);
        let [loc, scale] = broadcast("Affine", [("loc", loc), ("scale", scale)]);
        Affine { loc, scale }
    }

    /// Whether the other is the same function of the same parameters: the same tensors, or constants that
    /// are equal.
    #[track_caller]
    pub(super) fn is_same(&self, other: &Affine<T>) -> bool {
        let is_same = |a: &Tensor<T>, b: &Tensor<T>| match (a.is_tracked(), b.is_tracked()) {
            (true, true) => std::ptr::eq(a.data(), b.data()),
            (false, false) => a.equal(b).data().iter().all(|&equal| equal == T::ONE),
            _ => false,
        };
        is_same(&self.loc, &other.loc) && is_same(&self.scale, &other.scale)
    }
}

impl<T: Real> Transform<T> for Affine<T> {
    fn forward(&self, x: &Tensor<T>) -> Tensor<T> {
        &self.loc + &self.scale * x
    }

    fn inverse(&self, y: &Tensor<T>) -> Tensor<T> {
        (y - &self.loc) / &self.scale
    }

    /// ln scale
    fn log_abs_det(&self, x: &Tensor<T>, _: &Tensor<T>) -> Tensor<T> {
        let shape = x.shape().broadcast(self.scale.shape()).expect("as in forward");
        self.scale.ln().broadcast_to(shape)
    }

    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Affine { loc: f("affine.loc", &self.loc, 0), scale: f("affine.scale", &self.scale, 0) }
    }
}

impl<T: Real, D: Entropy<T>> Entropy<T> for Transformed<D, Affine<T>> {
    /// H(x) + ln scale, summed over an event
    fn entropy(&self) -> Tensor<T> {
        let event = self.base.event_shape();
        let shape = Shape::new(&[&self.base.batch_shape()[..], &event].concat());
        let ln_scale = self.transform.scale.ln();
        let ln_scale =
            ln_scale.broadcast_to(shape.broadcast(ln_scale.shape()).expect("as in forward"));
        self.base.entropy() + over_events(ln_scale, event.rank())
    }
}

impl<T: Real, D: Moments<T>> Moments<T> for Transformed<D, Affine<T>> {
    /// loc + scale E x
    fn mean(&self) -> Tensor<T> {
        self.transform.forward(&self.base.mean())
    }

    /// scale² Var x
    fn variance(&self) -> Tensor<T> {
        self.transform.scale.square() * self.base.variance()
    }
}

/// y = eˣ
#[derive(Clone, Copy, Debug)]
pub struct Exp;

impl<T: Real> Transform<T> for Exp {
    const RANGE: [f64; 2] = [0.0, f64::INFINITY];

    fn forward(&self, x: &Tensor<T>) -> Tensor<T> {
        x.exp()
    }

    fn inverse(&self, y: &Tensor<T>) -> Tensor<T> {
        y.ln()
    }

    /// x
    fn log_abs_det(&self, x: &Tensor<T>, _: &Tensor<T>) -> Tensor<T> {
        x.clone()
    }
}

impl<T: Real, D: Entropy<T> + Moments<T>> Entropy<T> for Transformed<D, Exp> {
    /// H(x) + E x, summed over an event
    fn entropy(&self) -> Tensor<T> {
        self.base.entropy() + over_events(self.base.mean(), self.base.event_shape().rank())
    }
}

/// y = tanh x
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl<T: Real> Transform<T> for Tanh {
    const RANGE: [f64; 2] = [-1.0, 1.0];

    fn forward(&self, x: &Tensor<T>) -> Tensor<T> {
        x.tanh()
    }

    /// ½ ln((1 + y) / (1 - y))
    fn inverse(&self, y: &Tensor<T>) -> Tensor<T> {
        (y.ln_1p() - (-y).ln_1p()) * T::from_f64(0.5)
    }

    /// ln(1 - tanh² x) = 2 (ln 2 - x - softplus(-2x))
    fn log_abs_det(&self, x: &Tensor<T>, _: &Tensor<T>) -> Tensor<T> {
        let minus_two = T::from_f64(-2.0);
        ((x * minus_two).softplus() + x) * minus_two + T::from_f64(2.0 * std::f64::consts::LN_2)
    }
}

/// y = softmax(x₁, …, xₖ₋₁, 0): k - 1 numbers become k probabilities. The density is that of the first
/// k - 1 of them.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxCentered;

impl<T: Real> Transform<T> for SoftmaxCentered {
    const INCREASING: bool = false;
    const RANGE: [f64; 2] = [0.0, f64::INFINITY];

    #[track_caller]
    fn forward(&self, x: &Tensor<T>) -> Tensor<T> {
        let mut sizes = x.shape().to_vec();
        *sizes.last_mut().expect("SoftmaxCentered: x has no axis") = 1;
        let zeros = Tensor::zeros(&sizes[..]);
        Tensor::concat(&[x.clone(), zeros], -1).softmax(-1)
    }

    /// ln yᵢ - ln yₖ
    #[track_caller]
    fn inverse(&self, y: &Tensor<T>) -> Tensor<T> {
        let last = y.shape().last().expect("SoftmaxCentered: y has no axis") - 1;
        let ln_y = y.ln();
        ln_y.slice(-1, 0..last) - ln_y.slice(-1, last..last + 1)
    }

    /// Σ ln yᵢ
    fn log_abs_det(&self, _: &Tensor<T>, y: &Tensor<T>) -> Tensor<T> {
        y.ln().sum_axes(-1, false)
    }

    fn event_shape(&self, x: Shape) -> Shape {
        let mut sizes = x.to_vec();
        *sizes.last_mut().expect("SoftmaxCentered: events have no axis") += 1;
        Shape::new(&sizes)
    }
}
