//! The operations: one file per family, and in it, for each operation, its mathematics, its public
//! method, its rule, and the inputs on which it is checked.
//!
//! To add an operation: write it into the file of its family (or a new one), implement
//! [`Op`](crate::Op) and [`Checked`](crate::check::Checked), and name it in the list below. An
//! operation that is not in the list cannot be recorded: it does not compile.

mod activation;
mod arithmetic;
mod bce;
mod compare;
mod conv;
mod gaussian_kl;
mod incomplete;
mod index;
mod join;
mod layout;
mod linear;
mod map;
mod math;
mod matmul;
mod pool;
mod reduce;
mod reparameterize;
mod resample;
mod select;
mod softmax;
mod special;
mod triangular;

pub use conv::Convolution;
pub use pool::Pooling;

use crate::check::{self, Entry};
use crate::{Op, Real, Tensor, apply};

/// An operation that stands in the list, and so is checked.
trait Registered<T: Real>: Op<T> {}

/// Runs and records an operation of this crate.
#[track_caller]
fn run<T: Real>(op: impl Registered<T>, inputs: impl AsMut<[Tensor<T>]>) -> Tensor<T> {
    apply(op, inputs)
}

macro_rules! operations {
    ($($op:ty),* $(,)?) => {
        $(impl<T: Real> Registered<T> for $op {})*

        /// Every operation of this crate, with the check of its value and its derivatives.
        #[inline] // so that the checks are compiled by who runs them
        pub fn registry() -> Vec<Entry> {
            vec![$(Entry { name: stringify!($op), check: check::operation::<$op> }),*]
        }
    };
}

operations![
    arithmetic::Add,
    arithmetic::Sub,
    arithmetic::Mul,
    arithmetic::Div,
    map::Map<arithmetic::Affine>,
    map::Map<math::Exp>,
    map::Map<math::ExpM1>,
    map::Map<math::Ln>,
    map::Map<math::Ln1p>,
    map::Map<math::Sqrt>,
    map::Map<math::Square>,
    map::Map<math::Powi>,
    map::Map<math::Powf>,
    map::Map<math::Abs>,
    map::Map<math::Sin>,
    map::Map<math::Cos>,
    map::Map<math::Erf>,
    map::Map<special::Lgamma>,
    map::Map<special::Polygamma>,
    map::Map<special::LogI0>,
    map::Map<special::NormalCdf>,
    map::Map<activation::Tanh>,
    map::Map<activation::Sigmoid>,
    map::Map<activation::Softplus>,
    map::Map<activation::Relu>,
    map::Map<activation::LeakyRelu>,
    map::Map<activation::Elu>,
    map::Map<activation::Gelu>,
    map::Map<activation::Silu>,
    incomplete::Gammainc,
    incomplete::GammaincRatio,
    incomplete::Betainc,
    incomplete::VonMisesCdf,
    activation::Gate,
    select::Clamp,
    select::Maximum,
    select::Minimum,
    select::Select,
    reduce::Sum,
    reduce::Max,
    softmax::LogSumExp,
    softmax::Softmax,
    softmax::LogSoftmax,
    softmax::SoftmaxGradient,
    softmax::LogSoftmaxGradient,
    layout::Reshape,
    layout::Permute,
    layout::BroadcastTo,
    join::Concat,
    join::Slice,
    join::Embed,
    index::IndexSelect,
    index::IndexAdd,
    matmul::MatMul,
    linear::Linear,
    triangular::Cholesky,
    triangular::SolveTril,
    bce::BceWithLogits,
    bce::BceGradient,
    conv::Conv2d,
    conv::Conv2dInput,
    conv::Conv2dWeight,
    pool::MaxPool2d,
    pool::MaxScatter,
    pool::MaxGather,
    resample::Resample,
    reparameterize::Reparameterize,
    reparameterize::ReparameterizeGradient,
    gaussian_kl::GaussianKl,
    gaussian_kl::GaussianKlGradient,
];
