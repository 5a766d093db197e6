//! [`Expectation`]: what is to be differentiated, and how it is computed for many draws at once.

use std::sync::Arc;

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Shape, Tensor, no_grad};

/// F(θ) = E f(x) with x ~ p(x; θ), to be differentiated with respect to θ.
///
/// It is computed for n draws in one pass: each parameter is expanded to n leaves, one for each draw, so
/// that one backward pass through the graph gives the gradient of each draw on its own. Shapes:
///
/// - the family is given parameters of shape [n, ..θ], and its batch is `[n]`: several numbers in one draw
///   are one event, which [`Independent`](elbo_layers::dist::Independent) makes of an axis;
/// - the cost f maps draws of shape [n, ..event] to `[n]`, one number for each.
///
/// ```
/// use elbo_estimators::{Draws, Estimator, Expectation, Pathwise};
/// use elbo_layers::Normal;
/// use elbo_tensor::{Stream, Tensor};
///
/// let problem = Expectation::new(
///     [("mu", Tensor::scalar(1.0)), ("sigma", Tensor::scalar(1.5))],
///     |[mu, sigma]| Normal::from_sigma(mu, sigma),
///     |x: &Tensor<f64>| (x - 3.0).square(),
/// );
/// // Ten estimates, each the mean over a hundred draws.
/// let gradients = Pathwise.estimate(&problem, Draws::new(10, 100), &mut Stream::new(1));
/// assert_eq!(**gradients[0].shape(), [10]);
/// ```
pub struct Expectation<T: Real, D> {
    parameters: Vec<(&'static str, Tensor<T>)>,
    /// The number of problems, if there is one for each row of the parameters.
    rows: Option<usize>,
    family: Arc<Family<T, D>>,
    cost: Arc<Cost<T>>,
}

/// From parameters to a distribution.
type Family<T, D> = dyn Fn(&[Tensor<T>]) -> D + Send + Sync;

/// From draws to numbers.
type Cost<T> = dyn Fn(&Tensor<T>) -> Tensor<T> + Send + Sync;

impl<T: Real, D> Clone for Expectation<T, D> {
    fn clone(&self) -> Self {
        Expectation {
            parameters: self.parameters.clone(),
            rows: self.rows,
            family: self.family.clone(),
            cost: self.cost.clone(),
        }
    }
}

impl<T: Real, D: Distribution<T>> Expectation<T, D> {
    /// From the parameters with their names, the family, and the cost f.
    pub fn new<const N: usize>(
        parameters: [(&'static str, Tensor<T>); N],
        family: impl Fn(&[Tensor<T>; N]) -> D + Send + Sync + 'static,
        cost: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Expectation<T, D> {
        let family = move |all: &[Tensor<T>]| family(all.try_into().expect("as many as given"));
        Expectation {
            parameters: parameters.map(|(name, value)| (name, value.detach())).into(),
            rows: None,
            family: Arc::new(family),
            cost: Arc::new(cost),
        }
    }

    /// A problem for each row of the parameters, which have the shape [rows, ..θ]: the latent variables of a batch.
    /// An estimate has one repeat for each row. Of `samples` draws for each, those of one row follow each other.
    ///
    /// # Panics
    /// If the parameters have no axis, or not the same number of rows.
    #[track_caller]
    pub fn of_rows<const N: usize>(
        parameters: [(&'static str, Tensor<T>); N],
        family: impl Fn(&[Tensor<T>; N]) -> D + Send + Sync + 'static,
        cost: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Expectation<T, D> {
        let rows = parameters.first().and_then(|(_, value)| value.shape().first().copied());
        let same = parameters.iter().all(|(_, value)| value.shape().first().copied() == rows);
        assert!(same, "Expectation: parameters differ in their number of rows");
        let rows = Some(rows.expect("Expectation: parameters of rows have an axis"));
        Expectation { rows, ..Expectation::new(parameters, family, cost) }
    }

    /// The number of problems: 1, but for those of [`of_rows`](Expectation::of_rows).
    pub fn rows(&self) -> usize {
        self.rows.unwrap_or(1)
    }

    /// The same variable with another cost.
    pub fn with_cost(
        &self,
        cost: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Expectation<T, D> {
        Expectation { cost: Arc::new(cost), ..self.clone() }
    }

    /// The parameters and their names.
    pub fn parameters(&self) -> &[(&'static str, Tensor<T>)] {
        &self.parameters
    }

    /// One leaf for each draw: parameters of shape [n, ..θ].
    ///
    /// # Panics
    /// If there are rows, and n is no multiple of their number.
    #[track_caller]
    pub fn leaves(&self, draws: usize) -> Vec<Tensor<T>> {
        let rows = self.rows();
        assert!(
            draws.is_multiple_of(rows),
            "Expectation: {draws} draws for {rows} rows; repeats must be the number of rows"
        );
        let leaf = |(_, value): &(_, Tensor<T>)| {
            if self.rows.is_none() || rows == draws {
                let rest = &value.shape()[self.rows.map_or(0, |_| 1)..];
                return value.broadcast_to(with_axis(draws, &rest.into())).requires_grad();
            }
            let rest = &value.shape()[1..];
            let column = value.reshape(Shape::new(&[&[rows, 1], rest].concat()));
            let all = column.broadcast_to(Shape::new(&[&[rows, draws / rows], rest].concat()));
            all.reshape(with_axis(draws, &rest.into())).requires_grad()
        };
        self.parameters.iter().map(leaf).collect()
    }

    /// The distribution of n draws, for parameters of shape [n, ..θ].
    ///
    /// # Panics
    /// If its batch is not `[n]`.
    #[track_caller]
    pub fn family(&self, parameters: &[Tensor<T>]) -> D {
        let family = (self.family)(parameters);
        let (batch, n) = (family.batch_shape(), parameters.first().map_or(0, |p| p.shape()[0]));
        assert!(
            *batch == [n],
            "Expectation: the family has batch {batch} for {n} draws; it must be [{n}], with all numbers \
             of a draw in one event (Independent)"
        );
        family
    }

    /// The cost of each draw: f of [n, ..event], shape `[n]`.
    ///
    /// # Panics
    /// If f gives another shape, or a number that is not finite.
    #[track_caller]
    pub fn cost(&self, x: &Tensor<T>) -> Tensor<T> {
        let (cost, n) = ((self.cost)(x), x.shape()[0]);
        let shape = cost.shape();
        assert!(
            **shape == [n],
            "Expectation: the cost maps draws of shape {} to {shape}; it must be [{n}], one number each",
            x.shape()
        );
        let most = T::INFINITY.next_down();
        if !cost.is_within(T::from_f64(-most.to_f64()), most) {
            let bad = cost.data().iter().zip(x.data().chunks(x.count() / n));
            let (f, x) = bad.into_iter().find(|(f, _)| !f.is_finite()).expect("one is not finite");
            panic!("Expectation: the cost of the draw {x:?} is {f}; it must be finite");
        }
        cost
    }

    /// [`cost`](Expectation::cost) as a constant.
    #[track_caller]
    pub fn constant_cost(&self, x: &Tensor<T>) -> Tensor<T> {
        no_grad(|| self.cost(x))
    }
}

/// The gradients of the sum of `output` with respect to the leaves; 0 where it depends on none.
pub(crate) fn gradients<T: Real>(output: &Tensor<T>, leaves: &[Tensor<T>]) -> Vec<Tensor<T>> {
    let all = output.is_tracked().then(|| output.sum().into_gradients());
    let gradient = |leaf: &Tensor<T>| {
        let found = all.as_ref().and_then(|all| all.get(leaf).cloned());
        found.unwrap_or_else(|| Tensor::zeros(*leaf.shape()))
    };
    leaves.iter().map(gradient).collect()
}

/// The chain rule from the parameters η(θ) of a distribution to the leaves: Σ ∂η/∂θ · `own`, where
/// `own` has the gradients by η in the order of [`Distribution::parameters`].
pub(crate) fn pull_back<T: Real, D: Distribution<T>>(
    family: &D,
    own: &[Tensor<T>],
    leaves: &[Tensor<T>],
) -> Vec<Tensor<T>> {
    let inner = family.parameters().into_iter().zip(own).map(|((_, eta), g)| (eta * g).sum());
    gradients(&inner.reduce(|a, b| a + b).expect("a family has parameters"), leaves)
}

/// A shape with one axis more, in front.
pub(crate) fn with_axis(size: usize, shape: &Shape) -> Shape {
    Shape::new(&[&[size], &**shape].concat())
}

/// One number for each draw, `[n]`, as a column that stretches over [n, ..like].
pub(crate) fn column<T: Real>(x: &Tensor<T>, like: &Tensor<T>) -> Tensor<T> {
    let mut sizes = vec![1; like.rank()];
    sizes[0] = x.count();
    x.reshape(&sizes[..])
}
