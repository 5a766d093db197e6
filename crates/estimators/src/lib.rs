//! Gradients of expectations, and studies of how good estimates of them are.
//!
//! What is to be differentiated is an [`Expectation`]: parameters, a family of distributions, and a cost.
//! An [`Estimator`] turns draws into estimates of the gradient; each has a file of its own, with its
//! equation, what it costs, whether it is biased, and who found it:
//!
//! | asks of the distribution | estimators |
//! |---|---|
//! | a path through the draw | [`Pathwise`], [`Antithetic`], [`DeltaMethod`] |
//! | a density | [`ScoreFunction`], [`ConstantBaseline`], [`MovingAverage`], [`RunningAverage`], [`LeaveOneOut`] |
//! | a continuous variable behind a discrete one | [`StraightThrough`], [`GumbelSoftmax`], [`StraightThroughGumbelSoftmax`], [`Rebar`], [`Relax`], [`LearningRelax`] |
//! | coins | [`AugmentReinforceMerge`] |
//! | finitely many values | [`Enumeration`] |
//! | a derivative that is a difference of measures | [`MeasureValuedDifference`] |
//!
//! Bounds on ln p(x) are a problem of their own, with rules for them: see [`bound`].
//!
//! A [`Study`](study::Study) repeats estimators and gives mean, variance and their confidence intervals;
//! [`known`] has problems whose answers are known in closed form or by quadrature.
//!
//! ```
//! use elbo_estimators::study::Study;
//! use elbo_estimators::{Estimator, Expectation, Pathwise, ScoreFunction};
//! use elbo_layers::Normal;
//! use elbo_tensor::Tensor;
//!
//! // E (x - 3)² with x ~ N(mu, sigma²): the gradient is 2 (mu - 3) = -4 by mu and 2 sigma = 3 by sigma.
//! let problem = Expectation::new(
//!     [("mu", Tensor::scalar(1.0)), ("sigma", Tensor::scalar(1.5))],
//!     |[mu, sigma]| Normal::from_sigma(mu, sigma),
//!     |x: &Tensor<f64>| (x - 3.0).square(),
//! );
//! let study = Study { repeats: 100_000, samples: 1, seed: 1 };
//! let estimators: [&dyn Estimator<f64, Normal<f64>>; 2] = [&Pathwise, &ScoreFunction];
//! let [path, score] = estimators.map(|estimator| study.run(&problem, estimator, None, &|_| ()));
//! let by_mu = |found: &elbo_estimators::study::Findings| found.parameters[0].elements[0];
//! assert!((by_mu(&path).mean() + 4.0).abs() < 5.0 * by_mu(&path).mean_error());
//! // 4 sigma² = 9 along the path, and 97.9 by the score function.
//! assert!(by_mu(&path).variance() < 0.1 * by_mu(&score).variance());
//! ```
//!
//! The crate knows distributions and their gradients. It knows nothing of data, files or pictures.

#![forbid(unsafe_code)]

pub mod bound;
mod discrete;
mod estimator;
mod expectation;
pub mod known;
mod measure_valued;
mod pathwise;
mod score;
pub mod study;

pub use discrete::{
    AugmentReinforceMerge, Coins, CriticTraining, Enumeration, FiniteSupport, GumbelSoftmax,
    LearningRelax, Rebar, Relax, Relaxable, StraightThrough, StraightThroughGumbelSoftmax,
};
pub use estimator::{Bias, Draws, Estimator};
pub use expectation::Expectation;
pub use measure_valued::{Coupling, MeasureValued, MeasureValuedDifference, Sides};
pub use pathwise::{Antithetic, DeltaMethod, Factorized, Pathwise, Symmetric};
pub use score::{ConstantBaseline, LeaveOneOut, MovingAverage, RunningAverage, ScoreFunction};
