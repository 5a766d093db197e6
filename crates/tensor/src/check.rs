//! Checking gradients against finite differences, for this crate's operations and for your own.
//!
//! Random directions turn a Jacobian into one number: with a cotangent u and a tangent v,
//! ⟨u, J v⟩ by central differences must be ⟨Jᵀ u, v⟩ by the rule. The same test applied to the rule
//! itself checks second derivatives.

use ndarray::ArrayD;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::graph::rule_by_sample;
use crate::shape::Axes;
use crate::{Op, Real, Shape, Tensor, apply, grad, vjp};

pub use crate::ops::registry;

/// An operation that says on which inputs it can be checked, and what its value must be.
pub trait Checked: Op<f32> + Op<f64> + Clone {
    /// Random inputs: shapes, broadcasts and parameters that a user may come with.
    ///
    /// No input may lie where the derivative jumps.
    fn cases(any: &mut Sampler) -> Vec<Case<Self>>;

    /// The value by the definition, in double precision, without any of this crate's kernels.
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64>;
}

/// An operation with inputs.
#[derive(Clone, Debug)]
pub struct Case<O> {
    op: O,
    inputs: Vec<ArrayD<f64>>,
    /// How many of the inputs, from the first on, are not to be differentiated.
    constants: usize,
}

impl<O> Case<O> {
    /// An operation with its inputs.
    pub fn new(op: O, inputs: impl Into<Vec<ArrayD<f64>>>) -> Case<O> {
        Case { op, inputs: inputs.into(), constants: 0 }
    }

    /// The first `count` inputs are masks and the like: no derivative with respect to them.
    pub fn constants(self, count: usize) -> Case<O> {
        Case { constants: count, ..self }
    }
}

/// A registered operation and its check.
pub struct Entry {
    /// The name of the type.
    pub name: &'static str,
    /// Checks value, first and second derivative on the random inputs of a seed.
    pub check: fn(u64) -> Result<(), String>,
}

/// Largest relative error of a derivative, by finite differences in `f64`.
pub const DERIVATIVE_TOLERANCE: f64 = 1e-6;

/// Compares an operation on random inputs with its reference, in `f64` and `f32`, and its first and
/// second derivatives with finite differences.
///
/// # Errors
/// What differs, on which shapes, and by how much.
pub fn operation<O: Checked>(seed: u64) -> Result<(), String> {
    for case in O::cases(&mut Sampler::new(seed)) {
        let op: &dyn Op<f64> = &case.op;
        let shapes: Vec<_> = case.inputs.iter().map(|x| Shape::new(x.shape())).collect();
        let context = |error| format!("{} of {shapes:?}, seed {seed}: {error}", op.name());
        values::<O, f64>(&case, 1e-11).map_err(context)?;
        values::<O, f32>(&case, 2e-5).map_err(context)?;
        let inputs: Vec<Tensor<f64>> = case.inputs.iter().map(|x| x.clone().into()).collect();
        let (constants, variables) = inputs.split_at(case.constants);
        let call = |x: &[Tensor<f64>]| apply(case.op.clone(), [constants, x].concat());
        derivatives(call, variables, seed).map_err(context)?;
        let tracked: Vec<Tensor<f64>> = inputs.iter().map(Tensor::requires_grad).collect();
        samples(&apply(case.op.clone(), tracked), case.constants, seed).map_err(context)?;
    }
    Ok(())
}

/// Compares the rule of the operation that made y with the same rule applied to one sample after the
/// other, if [`Op::batch`] says that samples can be told apart.
fn samples(y: &Tensor<f64>, constants: usize, seed: u64) -> Result<(), String> {
    let gy: Tensor<f64> = Sampler::new(seed ^ 0x5bd1_e995).normal(y.shape()).into();
    for (input, [whole, by_sample]) in rule_by_sample(y, &gy).into_iter().enumerate() {
        let (Some(whole), Some(by_sample), true) = (whole, by_sample, input >= constants) else {
            continue;
        };
        let scale = whole.data().iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
        let error = (&whole - by_sample.reshape(*whole.shape())).abs();
        let close = error.data().iter().all(|error| *error <= 1e-11 * scale);
        if !close {
            return Err(format!("input {input}: {whole} at once, {by_sample} sample by sample"));
        }
    }
    Ok(())
}

fn values<O: Checked + Op<T>, T: Real>(case: &Case<O>, tolerance: f64) -> Result<(), String> {
    let truth = case.op.reference(&case.inputs);
    let inputs: Vec<Tensor<T>> =
        case.inputs.iter().map(|x| Tensor::from(x.mapv(T::from_f64))).collect();
    let scale = truth.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
    // Once with inputs that others hold, and once with inputs whose buffers may be taken over.
    let shared = apply(case.op.clone(), inputs.clone());
    let owned = apply(case.op.clone(), inputs);
    for y in [shared, owned] {
        if y.shape().iter().ne(truth.shape()) {
            return Err(format!("shape {} instead of {:?}", y.shape(), truth.shape()));
        }
        for (y, truth) in y.data().iter().zip(&truth) {
            let error = (y.to_f64() - truth).abs() / scale;
            if error.is_nan() || error > tolerance {
                return Err(format!("{} value {y} instead of {truth}", T::NAME));
            }
        }
    }
    Ok(())
}

/// Compares the first and second derivatives of any function of tensors with finite differences, in
/// random directions.
///
/// ```
/// # use elbo_tensor::{Stream, check};
/// let x = Stream::new(1).normal([3, 4]);
/// check::derivatives(|x| (&x[0] * x[0].tanh()).sum(), &[x], 1).unwrap();
/// ```
///
/// # Errors
/// Which derivative differs, and by how much.
pub fn derivatives(
    f: impl Fn(&[Tensor<f64>]) -> Tensor<f64>,
    inputs: &[Tensor<f64>],
    seed: u64,
) -> Result<(), String> {
    derivatives_of(&f, inputs, seed)
}

/// [`derivatives`], compiled once for all functions.
fn derivatives_of(
    f: &dyn Fn(&[Tensor<f64>]) -> Tensor<f64>,
    inputs: &[Tensor<f64>],
    seed: u64,
) -> Result<(), String> {
    let mut any = Sampler::new(seed ^ 0x9e37_79b9);
    let u: Tensor<f64> = any.normal(f(inputs).shape()).into();
    let mut like = |x: &Tensor<f64>| Tensor::from(any.normal(x.shape()));
    let v: Vec<Tensor<f64>> = inputs.iter().map(&mut like).collect();
    let w: Vec<Tensor<f64>> = inputs.iter().map(&mut like).collect();
    let along = |t: f64, direction: &[Tensor<f64>]| -> Vec<Tensor<f64>> {
        inputs.iter().zip(direction).map(|(x, v)| x + v * t).collect()
    };
    let tracked =
        |x: &[Tensor<f64>]| -> Vec<Tensor<f64>> { x.iter().map(Tensor::requires_grad).collect() };
    // ⟨u, f(x)⟩ and its derivative along v.
    let value = |x: &[Tensor<f64>]| dot(&u, &f(x));
    let slope = |x: &[Tensor<f64>], v: &[Tensor<f64>]| {
        let x = tracked(x);
        let y = f(&x);
        if !y.is_tracked() {
            return Tensor::scalar(0.0);
        }
        let terms = x.iter().zip(v).map(|(x, v)| {
            let [gradient] = vjp(&y, &u, [x]);
            (gradient * v).sum()
        });
        terms.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::scalar(0.0))
    };
    let exact = slope(inputs, &v).item();
    let numeric = difference(|t| value(&along(t, &v)));
    compare("first derivative", exact, numeric)?;

    let curvature = {
        let x = tracked(inputs);
        let y = f(&x);
        let mut total = 0.0;
        if y.is_tracked() {
            let slope = x
                .iter()
                .zip(&v)
                .map(|(x, v)| {
                    let [gradient] = vjp(&y, &u, [x]);
                    (gradient * v).sum()
                })
                .reduce(|a, b| a + b)
                .expect("an input is tracked");
            if slope.is_tracked() {
                for (x, w) in x.iter().zip(&w) {
                    let [second] = grad(&slope, [x]);
                    total += dot(&second, w);
                }
            }
        }
        total
    };
    let numeric = difference(|t| slope(&along(t, &w), &v).item());
    compare("second derivative", curvature, numeric)
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

/// f'(0) by differences at ±h, ±2h and ±3h: the error is of order h⁶.
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    // Small enough for functions such as ln, whose seventh derivative is 720 / x⁷; with two
    // differences, inputs of 0.05 beside a tangent of 2 were off by more than the tolerance.
    let h = 2e-4;
    let [narrow, wide, widest] = [h, 2.0 * h, 3.0 * h].map(|h| f(h) - f(-h));
    (45.0 * narrow - 9.0 * wide + widest) / (60.0 * h)
}

fn compare(what: &str, exact: f64, numeric: f64) -> Result<(), String> {
    // Where terms of order 1 cancel, the error that is left is one of rounding.
    let scale = exact.abs().max(numeric.abs()).max(1e-2);
    let error = (exact - numeric).abs() / scale;
    if error.is_nan() || error > DERIVATIVE_TOLERANCE {
        return Err(format!(
            "{what} {exact} by the rule, {numeric} by differences: error {error:e}"
        ));
    }
    Ok(())
}

/// Random shapes, axes and numbers for checks.
pub struct Sampler(ChaCha8Rng);

impl Sampler {
    /// The sampler of a seed.
    pub fn new(seed: u64) -> Sampler {
        Sampler(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A shape with that many axes, of sizes 1 to 5.
    pub fn shape(&mut self, ranks: std::ops::RangeInclusive<usize>) -> Shape {
        let rank = self.0.random_range(ranks);
        let sizes: Vec<usize> = (0..rank).map(|_| self.0.random_range(1..=5)).collect();
        Shape::new(&sizes)
    }

    /// Two shapes that broadcast, of up to four axes.
    pub fn broadcastable(&mut self) -> (Shape, Shape) {
        self.broadcastable_up_to(4)
    }

    /// Two shapes that broadcast.
    pub fn broadcastable_up_to(&mut self, rank: usize) -> (Shape, Shape) {
        let common = self.shape(0..=rank);
        let mut part = || {
            let mut sizes = common.to_vec();
            for size in &mut sizes {
                if self.0.random_bool(0.3) {
                    *size = 1;
                }
            }
            Shape::new(&sizes[self.0.random_range(0..=sizes.len())..])
        };
        (part(), part())
    }

    /// Some axes of a shape, perhaps none or all.
    pub fn axes(&mut self, shape: &Shape) -> Axes {
        let mut axes = Axes::none();
        for axis in 0..shape.rank() {
            if self.0.random_bool(0.5) {
                axes.insert(axis);
            }
        }
        axes
    }

    /// Standard normal numbers.
    pub fn normal(&mut self, shape: &Shape) -> ArrayD<f64> {
        ArrayD::from_shape_simple_fn(&**shape, || StandardNormal.sample(&mut self.0))
    }

    /// A number in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    /// An integer.
    pub fn integer(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        self.0.random_range(range)
    }

    /// Heads or tails.
    pub fn flip(&mut self) -> bool {
        self.0.random_bool(0.5)
    }

    /// The numbers below `count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.0.random_range(0..=i));
        }
        order
    }
}
