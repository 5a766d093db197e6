//! The graph: what was computed, from what, and how a cotangent passes back.
//!
//! There is no tape. A tensor that depends on a leaf holds a [`Node`]; a node holds its operation,
//! the nodes of its inputs, and those values that the rule of the operation reads. The graph is what
//! the loss points to, and it goes when the loss goes. Ids grow with time, so they *are* a
//! topological order.
//!
//! Read in this order: this file (nodes, and [`apply`], which makes them), [`backward`] (one pass
//! from the newest node to the oldest), [`gradients`] (what it leaves), [`derivatives`] (gradients of gradients, Jacobians,
//! Hessian-vector products), [`batch`] (gradients of each sample), [`view`] (the graph as something to look
//! at), [`display`] (as a table and as DOT), [`mode`] (switching recording off, keeping values, and finding
//! where a NaN came from).

mod backward;
mod batch;
mod derivatives;
mod display;
mod gradients;
mod mode;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use batch::rule_by_sample;
pub use batch::{Batch, BatchReduce};
pub use derivatives::{grad, hessian_vector_product, jacobian, vjp};
pub use gradients::Gradients;
pub(crate) use mode::precision;
pub use mode::{NanOrigin, find_nan, keep_values, no_grad, with_precision};
pub use view::{Graph, GraphNode, NodeRole};

use self::gradients::{Later, Outer};
use crate::buffer::Buffer;
use crate::{Real, Shape, Tensor};

/// An operation and its derivative rule.
///
/// The rule is written in tensor operations. In a first-order pass the values that it is given are
/// constants, nothing is recorded, and a cotangent that nobody else holds is updated in place. In a
/// higher-order pass they are part of the graph, and so are the cotangents that the rule returns:
/// one rule serves every order.
///
/// An operation of your own needs nothing but this trait; [`apply`] runs it, and
/// [`check::operation`](crate::check::operation) compares its rule with finite differences.
pub trait Op<T: Real>: Send + Sync + 'static {
    /// What errors and the printed graph call it.
    fn name(&self) -> &'static str;

    /// The rule in one line, as the printed graph shows it: x̄, ȳ are cotangents of x, y.
    fn rule(&self) -> &'static str;

    /// Which values the rule reads. Only those are kept alive.
    fn needs(&self) -> Needs {
        Needs::INPUTS
    }

    /// The value. Inputs are lent mutably so that a buffer that nobody else holds can be taken over.
    ///
    /// # Panics
    /// If shapes do not fit: the message names the operation and the shapes.
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T>;

    /// The cotangents of the inputs, given that of the output, which has the output's shape.
    ///
    /// `None` where [`Values::wants`] says that nobody asks, or where the derivative is 0.
    fn vjp(&self, values: &Values<'_, T>, cotangent: Tensor<T>) -> Vec<Option<Tensor<T>>>;

    /// How an input passes the samples of a batch, axis 0 of the output, on to it; read only where
    /// [`backward_with`](Tensor::backward_with) keeps samples apart. An operation that does not say is
    /// refused there.
    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        let _ = (values, input);
        Batch::Mixed
    }

    /// The gradients of an input that all samples share, reduced over samples as asked, where there is a
    /// shorter way than to apply the rule to one sample after the other.
    fn by_sample(
        &self,
        values: &Values<'_, T>,
        cotangent: &Tensor<T>,
        input: usize,
        reduce: BatchReduce,
    ) -> Option<Tensor<T>> {
        let _ = (values, cotangent, input, reduce);
        None
    }
}

/// The values that a rule reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    inputs: u64,
    output: bool,
}

impl Needs {
    /// The cotangent is all it takes.
    pub const NOTHING: Needs = Needs { inputs: 0, output: false };
    /// All inputs.
    pub const INPUTS: Needs = Needs { inputs: u64::MAX, output: false };
    /// The output and no input.
    pub const OUTPUT: Needs = Needs { inputs: 0, output: true };
    /// All inputs, and the output.
    pub const ALL: Needs = Needs { inputs: u64::MAX, output: true };

    /// One input.
    pub const fn input(index: usize) -> Needs {
        Needs { inputs: 1 << index, output: false }
    }

    /// What either needs.
    pub const fn and(self, other: Needs) -> Needs {
        Needs { inputs: self.inputs | other.inputs, output: self.output | other.output }
    }

    fn has_input(self, index: usize) -> bool {
        self.inputs >> index.min(63) & 1 == 1
    }
}

/// What was recorded: an operation with the way to its inputs, or a leaf.
pub(crate) struct Node<T: Real> {
    id: u64,
    shape: Shape,
    /// `None` for a leaf.
    op: Option<Box<dyn Op<T>>>,
    edges: Vec<Edge<T>>,
    /// The numbers of the output, if the rule reads them. Not the tensor: it would point back here.
    output: Option<Arc<Buffer<T>>>,
}

/// One input of a node.
struct Edge<T: Real> {
    shape: Shape,
    /// `None` for a constant.
    node: Option<Arc<Node<T>>>,
    /// The numbers, if the rule reads them.
    data: Option<Arc<Buffer<T>>>,
}

impl<T: Real> Node<T> {
    pub(crate) fn leaf(shape: Shape) -> Arc<Node<T>> {
        Arc::new(Node { id: next_id(), shape, op: None, edges: Vec::new(), output: None })
    }

    pub(crate) fn op_name(&self) -> Option<&'static str> {
        self.op.as_ref().map(|op| op.name())
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl<T: Real> Drop for Node<T> {
    /// Without recursion: a chain of a million nodes must not overflow the stack.
    fn drop(&mut self) {
        let mut doomed: Vec<Arc<Node<T>>> = Vec::new();
        doomed.extend(self.edges.drain(..).filter_map(|edge| edge.node));
        while let Some(node) = doomed.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                doomed.extend(node.edges.drain(..).filter_map(|edge| edge.node));
            }
        }
    }
}

/// Runs an operation, and records it if an input is tracked.
///
/// ```
/// # use elbo_tensor::{Needs, Op, Real, Tensor, Values, apply};
/// struct Cube;
/// impl<T: Real> Op<T> for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn rule(&self) -> &'static str { "x̄ = 3 x² ȳ" }
///     fn forward(&self, x: &mut [Tensor<T>]) -> Tensor<T> { x[0].powi(3) }
///     fn vjp(&self, v: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
///         vec![Some(gy * v.input(0).square() * T::from_f64(3.0))]
///     }
/// }
/// let x = Tensor::from([2.0]).requires_grad();
/// let y = apply(Cube, [x.clone()]);
/// assert_eq!(y.sum().backward()[&x].item(), 12.0);
/// ```
#[track_caller]
pub fn apply<T: Real>(op: impl Op<T>, mut inputs: impl AsMut<[Tensor<T>]>) -> Tensor<T> {
    let inputs = inputs.as_mut();
    if mode::is_plain() && inputs.iter().all(|input| input.node.is_none()) {
        return op.forward(inputs);
    }
    let recorded = mode::watch(&op, inputs);
    recorded.attach(Box::new(op))
}

/// The output of an operation, and what a node would hold of its inputs.
struct Recorded<T: Real> {
    output: Tensor<T>,
    edges: Option<Vec<Edge<T>>>,
}

/// Runs an operation; behind a pointer, so that it is compiled once and not for each operation.
fn record<T: Real>(op: &dyn Op<T>, inputs: &mut [Tensor<T>]) -> Recorded<T> {
    let tracked = !mode::is_off() && inputs.iter().any(|input| input.node.is_some());
    if !tracked {
        // The rules of operations that forward calls must not be recorded either.
        let output = mode::off(|| op.forward(inputs));
        return Recorded { output: output.detach(), edges: None };
    }
    let needs = op.needs();
    let edge = |(index, input): (usize, &Tensor<T>)| Edge {
        shape: input.shape,
        node: input.node.clone(),
        data: (needs.has_input(index) || mode::is_keeping()).then(|| input.data.clone()),
    };
    let edges = inputs.iter().enumerate().map(edge).collect();
    for input in inputs.iter_mut() {
        input.node = None;
    }
    Recorded { output: op.forward(inputs), edges: Some(edges) }
}

impl<T: Real> Recorded<T> {
    fn attach(self, op: Box<dyn Op<T>>) -> Tensor<T> {
        let Recorded { mut output, edges } = self;
        if let Some(edges) = edges {
            let kept = (op.needs().output || mode::is_keeping()).then(|| output.data.clone());
            output.node = Some(Arc::new(Node {
                id: next_id(),
                shape: output.shape,
                op: Some(op),
                edges,
                output: kept,
            }));
        }
        output
    }
}

/// What a rule is given besides the cotangent.
pub struct Values<'a, T: Real> {
    node: &'a Arc<Node<T>>,
    wants: &'a [bool],
    /// Whether what the rule computes is part of a graph.
    attached: bool,
    /// Where a product is left that need not be computed now.
    later: Option<&'a Later<T>>,
}

impl<T: Real> Values<'_, T> {
    /// Whether anybody asks for the cotangent of an input: without, do no work for it.
    pub fn wants(&self, input: usize) -> bool {
        self.wants[input]
    }

    /// `make()` if the cotangent of an input is asked for.
    pub fn wanted(&self, input: usize, make: impl FnOnce() -> Tensor<T>) -> Option<Tensor<T>> {
        self.wants(input).then(make)
    }

    /// xᵀ ȳ as the cotangent of an input, if it is asked for: [batch, in] and [batch, out] to [in, out]. It may stay a
    /// product until somebody asks for its numbers: see [`Gradients::source`]. Then this is `None`, so a rule returns
    /// what it is given here as it is.
    ///
    /// # Panics
    /// If they are no matrices with as many rows.
    pub(crate) fn wanted_product(
        &self,
        input: usize,
        x: impl FnOnce() -> Tensor<T>,
        gy: &Tensor<T>,
    ) -> Option<Tensor<T>> {
        if !self.wants(input) {
            return None;
        }
        let x = x();
        let fits = x.rank() == 2 && gy.rank() == 2 && x.shape[0] == gy.shape[0];
        let name = self.node.op_name().unwrap_or("leaf");
        assert!(
            fits,
            "{name}: a product of {} and {}, which must have as many rows",
            x.shape, gy.shape
        );
        // There is one place: another input's product is not pushed out of it.
        if let Some(later) = self.later
            && later.is_free()
            && let Some(product) = Outer::later(&x, gy)
        {
            later.put(input, product);
            return None;
        }
        Some(x.matmul_tn(gy))
    }

    /// The value of an input.
    ///
    /// # Panics
    /// If [`Op::needs`] does not say that the rule reads it.
    pub fn input(&self, input: usize) -> Tensor<T> {
        let edge = &self.node.edges[input];
        let data = edge.data.clone().unwrap_or_else(|| self.missing(&format!("input {input}")));
        let node = if self.attached { edge.node.clone() } else { None };
        Tensor { data, shape: edge.shape, node }
    }

    /// The value of the output.
    ///
    /// # Panics
    /// If [`Op::needs`] does not say that the rule reads it.
    pub fn output(&self) -> Tensor<T> {
        let data = self.node.output.clone().unwrap_or_else(|| self.missing("the output"));
        let node = self.attached.then(|| self.node.clone());
        Tensor { data, shape: self.node.shape, node }
    }

    /// The shape of an input.
    pub fn shape(&self, input: usize) -> &Shape {
        &self.node.edges[input].shape
    }

    /// The shape of the output.
    pub fn output_shape(&self) -> &Shape {
        &self.node.shape
    }

    /// The number of inputs.
    pub fn count(&self) -> usize {
        self.wants.len()
    }

    /// [`Op::batch`] of an operation that goes element by element and broadcasts: an input without
    /// the batch's axis is shared.
    pub fn elementwise(&self, input: usize) -> Batch {
        let (x, y) = (self.shape(input), self.output_shape());
        let kept = x.rank() == y.rank() && x.first() == y.first();
        if kept { Batch::Kept } else { Batch::Shared }
    }

    fn missing(&self, what: &str) -> ! {
        let name = self.node.op_name().unwrap_or("leaf");
        panic!("{name}: the rule reads {what}, which `needs` does not name")
    }
}
