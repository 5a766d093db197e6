//! Gradients through discrete variables.

mod arm;
mod critic;
mod enumeration;
mod gumbel_softmax;
mod learning_relax;
mod rebar;
mod relax;
mod relaxable;
mod straight_through;
mod straight_through_gumbel_softmax;

pub use arm::{AugmentReinforceMerge, Coins};
pub use critic::CriticTraining;
pub use enumeration::{Enumeration, FiniteSupport};
pub use gumbel_softmax::GumbelSoftmax;
pub use learning_relax::LearningRelax;
pub use rebar::Rebar;
pub use relax::Relax;
pub use relaxable::Relaxable;
pub use straight_through::StraightThrough;
pub use straight_through_gumbel_softmax::StraightThroughGumbelSoftmax;
