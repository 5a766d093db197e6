//! What all distributions can do, and what only some can.

use elbo_tensor::{Real, Shape, Stream, Tensor};

/// A draw as a constant: no gradient flows through it to the parameters.
///
/// It is not a tensor, so that it cannot be taken for one that [`rsample`](Reparameterized::rsample)
/// made; who wants the numbers says that they are constant.
///
/// ```
/// # use elbo_layers::dist::{Distribution, Normal};
/// # use elbo_tensor::{Stream, Tensor};
/// let mu = Tensor::from([1.0f64]).requires_grad();
/// let q = Normal::new(&mu, &Tensor::from([0.0]));
/// let z = q.sample(&mut Stream::new(1)).constant();
/// assert!(!z.is_tracked());
/// ```
///
/// ```compile_fail,E0308
/// # use elbo_layers::dist::{Distribution, Normal};
/// # use elbo_tensor::{Stream, Tensor};
/// # let q = Normal::new(&Tensor::from([1.0f64]), &Tensor::from([0.0]));
/// let z: Tensor<f64> = q.sample(&mut Stream::new(1)); // a `Sample`, not a tensor
/// ```
#[derive(Clone, Debug)]
pub struct Sample<T: Real>(Tensor<T>);

impl<T: Real> Sample<T> {
    /// The numbers of a tensor, as a constant.
    pub(super) fn new(x: &Tensor<T>) -> Sample<T> {
        Sample(x.detach())
    }

    /// The numbers, which no gradient leaves.
    pub fn constant(self) -> Tensor<T> {
        self.0
    }
}

/// What replaces a parameter, given its name, its value, and the number of its last axes that belong to
/// an event.
pub type Replace<'a, T> = dyn FnMut(&'static str, &Tensor<T>, usize) -> Tensor<T> + 'a;

/// A probability distribution, or a batch of independent ones. The shapes are those of the
/// [module](super).
pub trait Distribution<T: Real>: Clone + Send + Sync + 'static {
    /// The same family with each parameter replaced by what `f` makes of it.
    fn map(&self, f: &mut Replace<'_, T>) -> Self;

    /// The shape of one event: no axes for a number.
    fn event_shape(&self) -> Shape {
        Shape::new(&[])
    }

    /// One draw for each element of the batch, as a constant. Shape: batch, then event.
    fn sample(&self, noise: &mut Stream) -> Sample<T>;

    /// ln p(x), in nats, for x of the batch shape with the axes of an event behind, or what broadcasts
    /// to it. -∞ outside of the support, unless the family says otherwise.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T>;

    /// The shape of the batch.
    fn batch_shape(&self) -> Shape {
        let mut batch = None;
        self.map(&mut |_, parameter, event| {
            let axes = parameter.rank() - event;
            batch.get_or_insert(Shape::new(&parameter.shape()[..axes]));
            parameter.clone()
        });
        batch.expect("a family has parameters")
    }

    /// The names of the parameters and their values.
    fn parameters(&self) -> Vec<(&'static str, Tensor<T>)> {
        let mut all = Vec::new();
        self.map(&mut |name, parameter, _| {
            all.push((name, parameter.clone()));
            parameter.clone()
        });
        all
    }

    /// The same distribution for each element of a larger batch: how many draws are made at once.
    ///
    /// ```
    /// # use elbo_layers::dist::{Distribution, Gamma};
    /// # use elbo_tensor::{Stream, Tensor};
    /// let gamma = Gamma::new(&Tensor::scalar(2.5f64), &Tensor::scalar(1.0));
    /// let draws = gamma.expand([1000]).sample(&mut Stream::new(1)).constant();
    /// assert_eq!(draws.count(), 1000);
    /// ```
    ///
    /// # Panics
    /// If the batch does not stretch to that shape.
    #[track_caller]
    fn expand(&self, batch: impl Into<Shape>) -> Self {
        let batch = batch.into();
        self.map(&mut |_, parameter, event| {
            let own = &parameter.shape()[parameter.rank() - event..];
            parameter.broadcast_to(Shape::new(&[&batch, own].concat()))
        })
    }

    /// The same distribution with constant parameters.
    fn detach(&self) -> Self {
        self.map(&mut |_, parameter, _| parameter.detach())
    }

    /// The score ∂ ln p(x) / ∂θ for each parameter θ, with its name and its shape, as constants: the
    /// log-likelihood's gradient for each element of the batch on its own.
    fn score(&self, x: &Tensor<T>) -> Vec<(&'static str, Tensor<T>)> {
        let leaves = self.map(&mut |_, parameter, _| parameter.detach().requires_grad());
        let log_prob = leaves.log_prob(&x.detach()).sum();
        let gradients = log_prob.is_tracked().then(|| log_prob.into_gradients());
        let gradient = |leaf: &Tensor<T>| gradients.as_ref()?.get(leaf).cloned();
        let score = |(name, leaf): (_, Tensor<T>)| {
            (name, gradient(&leaf).unwrap_or_else(|| Tensor::zeros(*leaf.shape())))
        };
        leaves.parameters().into_iter().map(score).collect()
    }
}

/// A distribution whose draws are differentiable functions of its parameters.
pub trait Reparameterized<T: Real>: Distribution<T> {
    /// One draw for each element of the batch, through which gradients flow to the parameters.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T>;
}

/// A distribution whose mean and variance are known.
pub trait Moments<T: Real>: Distribution<T> {
    /// E x, of the batch shape with the axes of an event behind.
    fn mean(&self) -> Tensor<T>;

    /// E (x - E x)², element by element.
    fn variance(&self) -> Tensor<T>;
}

/// A distribution whose entropy is known.
pub trait Entropy<T: Real>: Distribution<T> {
    /// -E ln p(x), in nats, of the batch shape.
    fn entropy(&self) -> Tensor<T>;
}

/// A distribution of numbers whose distribution function is known.
pub trait Cdf<T: Real>: Distribution<T> {
    /// P(X ≤ x), differentiable in x (but for counts) and in the parameters.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T>;
}

/// Parameters, stretched to their common shape.
///
/// # Panics
/// If there is none: the message names the family, the parameters and their shapes.
#[track_caller]
pub(super) fn broadcast<T: Real, const N: usize>(
    family: &str,
    parameters: [(&str, &Tensor<T>); N],
) -> [Tensor<T>; N] {
    let mut common = *parameters[0].1.shape();
    for (_, parameter) in &parameters {
        let Some(shape) = common.broadcast(parameter.shape()) else {
            let all = parameters.map(|(name, p)| format!("{name} {}", p.shape())).join(", ");
            panic!("{family}: shapes do not broadcast: {all}");
        };
        common = shape;
    }
    // A parameter that has the shape stays the leaf that it is.
    parameters.map(|(_, p)| if *p.shape() == common { p.clone() } else { p.broadcast_to(common) })
}

/// # Panics
/// If an element is not as it must be: the message names the family, the parameter, the value and what
/// is allowed.
#[track_caller]
pub(super) fn require<T: Real>(
    family: &str,
    name: &str,
    allowed: &str,
    parameter: &Tensor<T>,
    is_allowed: impl Fn(f64) -> bool,
) {
    if let Some(bad) = parameter.data().iter().find(|x| !is_allowed(x.to_f64())) {
        panic!("{family}: {name} {bad} must be {allowed}");
    }
}

/// [`require`] for parameters that are finite and above 0.
#[track_caller]
pub(super) fn require_positive<T: Real>(family: &str, name: &str, parameter: &Tensor<T>) {
    // One look at many numbers at a time; the slow way finds the one to name, and lets subnormal ones pass.
    if !parameter.is_within(T::MIN_POSITIVE, T::INFINITY.next_down()) {
        require(family, name, "positive", parameter, |x| x > 0.0 && x < f64::INFINITY);
    }
}

/// [`require`] for parameters that are finite.
#[track_caller]
pub(super) fn require_finite<T: Real>(family: &str, name: &str, parameter: &Tensor<T>) {
    let largest = T::INFINITY.next_down();
    if !parameter.is_within(-largest, largest) {
        require(family, name, "finite", parameter, f64::is_finite);
    }
}

/// `log_prob` where x is in the support, -∞ elsewhere.
pub(super) fn within<T: Real>(
    log_prob: &Tensor<T>,
    x: &Tensor<T>,
    is_inside: impl Fn(f64) -> bool,
) -> Tensor<T> {
    if x.data().iter().all(|x| is_inside(x.to_f64())) {
        return log_prob.clone();
    }
    let inside = |x: &T| if is_inside(x.to_f64()) { T::ONE } else { T::ZERO };
    let mask = Tensor::new(&x.data().iter().map(inside).collect::<Vec<T>>(), *x.shape());
    Tensor::select(&mask, log_prob, &Tensor::scalar(T::NEG_INFINITY))
}

/// x, but 1 - end where it is that end, 0 or 1, of the support and `power`, to which its distance from
/// there is raised, is 0: there p ln x and p ln(1 - x) are 0 and not 0 · ∞.
pub(super) fn away_from<T: Real>(end: T, x: &Tensor<T>, power: &Tensor<T>) -> Tensor<T> {
    if x.data().iter().all(|&x| x != end) {
        return x.clone();
    }
    let flat = x.equal(&Tensor::scalar(end)) * power.equal(&Tensor::scalar(T::ZERO));
    Tensor::select(&flat, &Tensor::scalar(T::ONE - end), x)
}

/// `log_prob` where all parts of x, along its last axis, are positive; -∞ elsewhere.
pub(super) fn where_positive<T: Real>(log_prob: &Tensor<T>, x: &Tensor<T>) -> Tensor<T> {
    let smallest = -(-x.detach()).max_axes(-1, false);
    let inside = smallest.greater(&Tensor::scalar(T::ZERO));
    Tensor::select(&inside, log_prob, &Tensor::scalar(T::NEG_INFINITY))
}
