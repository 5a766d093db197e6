//! Problems whose answers are known.

mod coin;
mod gaussian;
mod linear_gaussian;
mod quadrature;

pub use coin::Coin;
pub use gaussian::{Cost, Gaussian};
pub use linear_gaussian::LinearGaussian;

/// Where a true value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// A formula.
    ClosedForm,
    /// The sum over all values of a discrete variable.
    Enumeration,
    /// Integration, to an error far below what a study can see.
    Quadrature,
    /// A long run of an unbiased estimator.
    Reference,
}

impl Truth {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Truth::ClosedForm => "closed form",
            Truth::Enumeration => "enumeration",
            Truth::Quadrature => "quadrature",
            Truth::Reference => "reference run",
        }
    }
}
