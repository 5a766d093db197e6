//! Gradients through discrete variables.

mod arm;
mod enumeration;
mod gumbel_softmax;
mod rebar;
mod relax;
mod relaxable;
mod straight_through;

pub use arm::{AugmentReinforceMerge, Coins};
pub use enumeration::{Enumeration, FiniteSupport};
pub use gumbel_softmax::{GumbelSoftmax, StraightThroughGumbelSoftmax};
pub use rebar::Rebar;
pub use relax::{CriticTraining, Relax};
pub use relaxable::Relaxable;
pub use straight_through::StraightThrough;
