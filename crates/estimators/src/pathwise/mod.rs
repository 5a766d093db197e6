//! Gradients along the path from the parameters through the draw.

mod antithetic;
mod delta_method;
mod path;

pub use antithetic::{Antithetic, Symmetric};
pub use delta_method::{DeltaMethod, Factorized};
pub use path::Pathwise;
