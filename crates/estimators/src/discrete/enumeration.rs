//! [`Enumeration`]

use elbo_layers::Bernoulli;
use elbo_layers::dist::{Categorical, Distribution, Independent, OneHotCategorical};
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, gradients, with_axis};

/// A distribution of finitely many values, the same for all parameters.
pub trait FiniteSupport<T: Real>: Distribution<T> {
    /// All values: shape [s, ..event].
    fn support(&self) -> Tensor<T>;
}

impl<T: Real> FiniteSupport<T> for Bernoulli<T> {
    fn support(&self) -> Tensor<T> {
        Tensor::from([T::ZERO, T::ONE])
    }
}

impl<T: Real> FiniteSupport<T> for Categorical<T> {
    fn support(&self) -> Tensor<T> {
        (0..self.classes()).map(|class| T::from_f64(class as f64)).collect::<Vec<T>>().into()
    }
}

impl<T: Real> FiniteSupport<T> for OneHotCategorical<T> {
    fn support(&self) -> Tensor<T> {
        Tensor::eye(self.classes().classes())
    }
}

/// The most coins whose outcomes are all listed.
const MOST_COINS: usize = 20;

impl<T: Real> FiniteSupport<T> for Independent<Bernoulli<T>> {
    /// # Panics
    /// If there are more than 20 coins.
    fn support(&self) -> Tensor<T> {
        let coins = self.event_shape().count();
        assert!(coins <= MOST_COINS, "Enumeration: {coins} coins; it takes at most {MOST_COINS}");
        Tensor::write([1 << coins, coins], |all| {
            for (outcome, row) in all.chunks_mut(coins).enumerate() {
                for (i, coin) in row.iter_mut().enumerate() {
                    *coin = if outcome >> i & 1 == 1 { T::ONE } else { T::ZERO };
                }
            }
        })
    }
}

/// The exact gradient, by summing over all values.
///
/// ```text
///     ∂F/∂θ = Σ f(x) ∂p(x; θ)/∂θ
/// ```
///
/// One evaluation of f for each value, whatever the number of draws. No variance.
#[derive(Clone, Copy, Debug)]
pub struct Enumeration;

impl<T: Real, D: FiniteSupport<T>> Estimator<T, D> for Enumeration {
    fn name(&self) -> &'static str {
        "enumeration"
    }

    fn evaluations(&self, problem: &Expectation<T, D>, _: usize) -> usize {
        problem.family(&problem.leaves(problem.rows())).support().shape()[0]
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        _: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let leaves = problem.leaves(1);
        let family = problem.family(&leaves);
        let values = family.support();
        let probs = family.expand([values.shape()[0]]).log_prob(&values).exp();
        let exact = gradients(&(probs * problem.constant_cost(&values)), &leaves);
        let repeated = |g: Tensor<T>| {
            let shape = *g.shape();
            g.broadcast_to(with_axis(draws.repeats, &shape[1..].into()))
        };
        exact.into_iter().map(repeated).collect()
    }
}
