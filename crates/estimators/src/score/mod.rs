//! Gradients of the density: the cost may be anything that can be evaluated.

mod constant;
mod leave_one_out;
mod moving_average;
mod running_average;
mod score_function;

pub use constant::ConstantBaseline;
pub use leave_one_out::LeaveOneOut;
pub use moving_average::MovingAverage;
pub use running_average::RunningAverage;
pub use score_function::ScoreFunction;

use elbo_layers::dist::Distribution;
use elbo_tensor::{Real, Stream, Tensor};

use crate::expectation::{Expectation, gradients};

/// Draws with their costs and scores.
struct Scored<T: Real> {
    /// Shape `[n]`.
    cost: Tensor<T>,
    /// For each parameter θ: shape [n, ..θ].
    scores: Vec<Tensor<T>>,
}

impl<T: Real> Scored<T> {
    fn draw<D: Distribution<T>>(
        problem: &Expectation<T, D>,
        count: usize,
        noise: &mut Stream,
    ) -> Scored<T> {
        let leaves = problem.leaves(count);
        let family = problem.family(&leaves);
        let x = family.sample(noise).constant();
        let scores = gradients(&family.log_prob(&x), &leaves);
        Scored { cost: problem.constant_cost(&x), scores }
    }
}
