//! What a thread does while it computes: record or not, keep every value or not, watch for the first NaN or not,
//! and how exact its products are.

use std::cell::{Cell, RefCell};
use std::fmt;

use super::{Op, Recorded, record};
use crate::kernels::gemm::Precision;
use crate::{Real, Shape, Tensor};

thread_local! {
    static OFF: Cell<bool> = const { Cell::new(false) };
    static KEEPING: Cell<bool> = const { Cell::new(false) };
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::Full) };
    static FOUND: RefCell<Option<NanOrigin>> = const { RefCell::new(None) };
}

/// Runs `compute` without recording: what it makes is constant, and no activation is kept.
///
/// ```
/// # use elbo_tensor::{Tensor, no_grad};
/// let w = Tensor::from([1.0, 2.0]).requires_grad();
/// assert!(!no_grad(|| &w * 2.0).is_tracked());
/// ```
pub fn no_grad<R>(compute: impl FnOnce() -> R) -> R {
    off(compute)
}

/// Runs `compute` so that its graph keeps every value, also those that no rule reads: for looking at them
/// with [`Tensor::graph`].
///
/// ```
/// # use elbo_tensor::{Tensor, keep_values};
/// let x = Tensor::from([3.0, 4.0]).requires_grad();
/// let loss = keep_values(|| (&x * 2.0).sum());
/// let kept = loss.graph().nodes().iter().all(|node| node.value.is_some());
/// assert!(kept);
/// ```
pub fn keep_values<R>(compute: impl FnOnce() -> R) -> R {
    with(&KEEPING, true, compute)
}

/// Runs `compute` with matrix products, also those of a backward pass, of so much precision.
///
/// Mixed precision (Micikevicius et al. 2018, Kalamkar et al. 2019): parameters, sums and all that is no product
/// keep the digits of `f32`, so nothing has to be scaled.
///
/// ```
/// # use elbo_tensor::{Stream, Tensor, with_precision};
/// # use elbo_tensor::kernels::gemm::Precision;
/// let mut noise = Stream::new(1);
/// let (x, w): (Tensor<f32>, Tensor<f32>) = (noise.normal([64, 64]), noise.normal([64, 64]));
/// let y = with_precision(Precision::Bf16, || x.matmul(&w));
/// let off = (y - x.matmul(&w)).abs().mean().item();
/// // A number is off by 2⁻⁹ of itself at most, and this is a sum of 64 products.
/// assert!(0.0 < off && off < 0.05);
/// ```
pub fn with_precision<R>(precision: Precision, compute: impl FnOnce() -> R) -> R {
    with(&PRECISION, precision, compute)
}

/// Where the first NaN came from.
#[derive(Clone, PartialEq, Debug)]
pub struct NanOrigin {
    /// The operation whose inputs were free of NaN, and whose output is not.
    pub op: &'static str,
    /// The shapes of its inputs.
    pub inputs: Vec<Shape>,
    /// The shape of its output.
    pub output: Shape,
    /// Whether an input was infinite: then the overflow came before.
    pub from_infinity: bool,
}

impl fmt::Display for NanOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {:?} made the first NaN, in {}", self.op, self.inputs, self.output)?;
        if self.from_infinity { write!(f, " (from infinite input)") } else { Ok(()) }
    }
}

/// Runs `compute` with every operation's output looked at, and says which made the first NaN.
///
/// This is slow; call it on a step that is known to have gone wrong.
pub fn find_nan<R>(compute: impl FnOnce() -> R) -> (R, Option<NanOrigin>) {
    FOUND.set(None);
    let result = with(&WATCHING, true, compute);
    (result, FOUND.take())
}

/// Whether nothing but the values is wanted: the quick way.
pub(super) fn is_plain() -> bool {
    !WATCHING.get()
}

pub(super) fn is_off() -> bool {
    OFF.get()
}

pub(super) fn is_keeping() -> bool {
    KEEPING.get()
}

pub(super) fn off<R>(compute: impl FnOnce() -> R) -> R {
    with(&OFF, true, compute)
}

pub(crate) fn precision() -> Precision {
    PRECISION.get()
}

/// Sets a flag while `compute` runs, also if it panics.
fn with<F: Copy, R>(
    flag: &'static std::thread::LocalKey<Cell<F>>,
    value: F,
    compute: impl FnOnce() -> R,
) -> R {
    struct Reset<F: Copy + 'static>(&'static std::thread::LocalKey<Cell<F>>, F);
    impl<F: Copy> Drop for Reset<F> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    let _reset = Reset(flag, flag.replace(value));
    compute()
}

/// Runs one operation and, if asked to, looks for the first NaN.
pub(super) fn watch<T: Real>(op: &dyn Op<T>, inputs: &mut [Tensor<T>]) -> Recorded<T> {
    if !WATCHING.get() {
        return record(op, inputs);
    }
    let any = |tensors: &[Tensor<T>], test: fn(T) -> bool| {
        tensors.iter().any(|tensor| tensor.data().iter().any(|x| test(*x)))
    };
    let shapes = inputs.iter().map(|input| input.shape).collect();
    let had_nan = any(inputs, T::is_nan);
    let from_infinity = any(inputs, |x| !x.is_finite());
    // An operation that is made of others is named as a whole.
    WATCHING.set(false);
    let recorded = record(op, inputs);
    WATCHING.set(true);
    if !had_nan && any(std::slice::from_ref(&recorded.output), T::is_nan) {
        let output = recorded.output.shape;
        let origin = NanOrigin { op: op.name(), inputs: shapes, output, from_infinity };
        FOUND.with_borrow_mut(|found| found.get_or_insert(origin).clone());
    }
    recorded
}
