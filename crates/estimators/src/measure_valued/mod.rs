//! Gradients as differences between two measures.

mod counts;
mod normal;

use elbo_layers::dist::{Distribution, Independent};
use elbo_tensor::{Real, Stream, Tensor};

use crate::estimator::{Draws, Estimator};
use crate::expectation::{Expectation, column, pull_back};

/// A distribution whose derivative by each of its own parameters is a multiple of the difference of two
/// distributions (Hahn and Jordan).
///
/// ```text
///     ∂p(x; η)/∂η = c (p⁺(x; η) - p⁻(x; η))
/// ```
pub trait MeasureValued<T: Real>: Distribution<T> {
    /// For each parameter, in the order of [`Distribution::parameters`]: c, and a draw from either side, of
    /// the shape of the batch, as constants.
    fn sides(&self, coupling: Coupling, noise: &mut Stream) -> Vec<Sides<T>>;
}

/// The two sides of a derivative, and its weight.
pub struct Sides<T: Real> {
    /// c
    pub weight: Tensor<T>,
    /// A draw from p⁺.
    pub positive: Tensor<T>,
    /// A draw from p⁻.
    pub negative: Tensor<T>,
}

/// How the draws from the two sides belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coupling {
    /// Made of the same noise, so that what they have in common cancels.
    Coupled,
    /// Independent.
    Independent,
}

impl<T: Real, D: MeasureValued<T>> MeasureValued<T> for Independent<D> {
    fn sides(&self, coupling: Coupling, noise: &mut Stream) -> Vec<Sides<T>> {
        self.base().sides(coupling, noise)
    }
}

/// The measure-valued, or weak derivative, estimator.
///
/// ```text
///     ∂F/∂η = c (E f(x⁺) - E f(x⁻)),    x± ~ p±
/// ```
///
/// for the parameters η of the family, from which the chain rule leads to θ. Of a draw with several
/// independent numbers, one at a time is replaced by either side. Evaluations of f for each draw: two for
/// each number and each parameter of the family. Unbiased for any f, differentiable or not. Pflug 1989;
/// Heidergott, Vázquez-Abad & Volk-Makarewicz 2008; couplings as in Mohamed et al. 2020.
#[derive(Clone, Copy, Debug)]
pub struct MeasureValuedDifference {
    coupling: Coupling,
}

impl MeasureValuedDifference {
    /// With both sides made of the same noise.
    pub fn coupled() -> Self {
        MeasureValuedDifference { coupling: Coupling::Coupled }
    }

    /// With independent sides.
    pub fn independent() -> Self {
        MeasureValuedDifference { coupling: Coupling::Independent }
    }
}

impl<T: Real, D: MeasureValued<T>> Estimator<T, D> for MeasureValuedDifference {
    fn name(&self) -> &'static str {
        match self.coupling {
            Coupling::Coupled => "measure_valued",
            Coupling::Independent => "measure_valued_independent",
        }
    }

    fn evaluations(&self, problem: &Expectation<T, D>, samples: usize) -> usize {
        let family = problem.family(&problem.leaves(problem.rows()));
        2 * samples * family.parameters().len() * family.event_shape().count()
    }

    fn estimate(
        &self,
        problem: &Expectation<T, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<T>> {
        let leaves = problem.leaves(draws.count());
        let family = problem.family(&leaves);
        let constant = family.detach();
        let sides = constant.sides(self.coupling, noise);
        let numbers = family.event_shape().count();
        // A number alone is replaced altogether.
        let x = (numbers > 1).then(|| constant.sample(noise).constant());
        let own: Vec<Tensor<T>> = sides
            .iter()
            .map(|Sides { weight, positive, negative }| {
                let difference = match &x {
                    None => {
                        let at = |side| problem.constant_cost(side);
                        // An event may be one number with axes of its own.
                        column(&(at(positive) - at(negative)), positive)
                    }
                    Some(x) => one_at_a_time(problem, x, positive, negative),
                };
                difference * weight
            })
            .collect();
        draws.means(pull_back(&family, &own, &leaves))
    }
}

/// f(x with number i from the positive side) - f(x with number i from the negative side) for each i: the
/// shape of x, [n, ..event].
fn one_at_a_time<T: Real, D: Distribution<T>>(
    problem: &Expectation<T, D>,
    x: &Tensor<T>,
    positive: &Tensor<T>,
    negative: &Tensor<T>,
) -> Tensor<T> {
    let n = x.shape()[0];
    let numbers = x.count() / n;
    let flat = |x: &Tensor<T>| x.reshape([n, numbers]);
    let (flat_x, positive, negative) = (flat(x), flat(positive), flat(negative));
    let columns: Vec<Tensor<T>> = (0..numbers)
        .map(|i| {
            let here: Tensor<T> = Tensor::one_hot(&[i], numbers);
            let at = |side| {
                problem.constant_cost(&Tensor::select(&here, side, &flat_x).reshape(*x.shape()))
            };
            at(&positive) - at(&negative)
        })
        .map(|difference| column(&difference, &flat_x))
        .collect();
    Tensor::concat(&columns, 1).reshape(*x.shape())
}
