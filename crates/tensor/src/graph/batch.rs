//! Gradients of each sample: the backward pass without its sum over the batch.
//!
//! The batch lies along axis 0. On the way back from the loss a cotangent belongs to one of three
//! kinds of tensors ([`Kind`]): a number into which all samples went; rows, one for each sample; or
//! what all samples share, such as weights. For the last, each sample has a cotangent of its own, and
//! they are stacked instead of summed. [`Op::batch`] says of each input which kind it is, and
//! the rule of the operation, applied to the rows of one sample, gives that sample's part. So no
//! operation has a second rule, and an operation that mixes samples is refused by its name.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Edge, Gradients, Node, Op, Values};
use crate::buffer::Buffer;
use crate::{Real, Shape, Tensor};

/// What becomes of the batch in the gradient of what all samples share.
///
/// With gₙ, the part of the gradient that flows through sample n:
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchReduce {
    /// Σ gₙ: the gradient itself.
    Sum,
    /// Each gₙ: `[batch, ..shape]`.
    PerSample,
    /// Σ gₙ², element by element.
    SumOfSquares,
}

/// How an operation passes the samples of a batch from an input to its output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Batch {
    /// Row n of the input goes into row n of the output and into no other.
    Kept,
    /// The input has no batch: all of it goes into every row of the output, as weights do.
    Shared,
    /// The rows of the input are summed, and the output has no batch any more.
    Summed,
    /// None of these, or nobody knows.
    Mixed,
}

impl<T: Real> Tensor<T> {
    /// The gradients of this number, reduced over the batch as asked. The graph stays as it is, so the
    /// same graph answers for every reduction.
    ///
    /// Samples lie along axis 0 of what the loss is the sum or the mean of. With N samples a mean scales
    /// each gₙ by 1/N; the gₙ sum to [`backward`](Tensor::backward). A leaf that has the batch as its own
    /// axis 0 keeps its shape: row n is gₙ.
    ///
    /// ```
    /// # use elbo_tensor::{BatchReduce, Tensor};
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
    /// let w = Tensor::from([[1.0], [1.0]]).requires_grad();
    /// let b = Tensor::from([0.0]).requires_grad();
    /// let loss = x.linear(&w, &b).square().sum();
    /// // ∂(x·w + b)² / ∂w = 2 (x·w + b) x, with 3 and 8 in the brackets.
    /// let each = loss.backward_with(BatchReduce::PerSample);
    /// assert_eq!(each[&w].to_vec(), [6.0, 12.0, 48.0, 80.0]);
    /// assert_eq!(each[&b].to_vec(), [6.0, 16.0]);
    /// let squares = loss.backward_with(BatchReduce::SumOfSquares);
    /// assert_eq!(squares[&b].to_vec(), [292.0]);
    /// ```
    ///
    /// # Panics
    /// If this is not one number, or does not depend on a leaf; and, unless for the sum, if an operation
    /// on the way mixes samples, or a leaf is reached without a batch: the message names the operation.
    #[track_caller]
    pub fn backward_with(&self, reduce: BatchReduce) -> Gradients<T> {
        if reduce == BatchReduce::Sum {
            return self.backward();
        }
        let root = self.root_of_loss();
        let uses = if reduce == BatchReduce::SumOfSquares { uses(root) } else { HashMap::new() };
        let start = Cotangent { kind: Kind::Total, value: Tensor::ones(self.shape) };
        let mut pass = Pass {
            reduce,
            uses,
            samples: None,
            frontier: BTreeMap::from([(root.id, (root.clone(), start))]),
            by_leaf: Vec::new(),
        };
        while let Some((_, (node, cotangent))) = pass.frontier.pop_last() {
            match &node.op {
                None => pass.arrive(&node, cotangent),
                Some(op) => pass.pass_on(&node, &**op, cotangent),
            }
        }
        Gradients::new(pass.by_leaf.into_iter().map(|(id, value)| (id, value.into())).collect())
    }
}

/// What a cotangent belongs to.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// A number into which all samples went. It has its shape.
    Total,
    /// One row for each sample. It has its shape.
    Rows,
    /// What all samples share. Axis 0 of the cotangent counts samples, its shape follows.
    Shared,
}

struct Cotangent<T: Real> {
    kind: Kind,
    value: Tensor<T>,
}

/// The pass on its way: see [`backward`](super::backward) for the frontier.
struct Pass<T: Real> {
    reduce: BatchReduce,
    /// How many inputs of operations each node is, for the sum of squares.
    uses: HashMap<u64, usize>,
    /// Known from the first sum over a batch on.
    samples: Option<usize>,
    frontier: BTreeMap<u64, (Arc<Node<T>>, Cotangent<T>)>,
    by_leaf: Vec<(u64, Tensor<T>)>,
}

impl<T: Real> Pass<T> {
    /// At a leaf.
    #[track_caller]
    fn arrive(&mut self, leaf: &Node<T>, Cotangent { kind, value }: Cotangent<T>) {
        let gradient = match (kind, self.reduce) {
            (Kind::Total, _) => panic!(
                "backward_with: the loss reaches a leaf of {} without a sum over a batch",
                leaf.shape
            ),
            (Kind::Rows, BatchReduce::SumOfSquares) => value.square(),
            (Kind::Shared, BatchReduce::SumOfSquares) => value.square().sum_axes(0, false),
            _ => value,
        };
        self.by_leaf.push((leaf.id, gradient));
    }

    /// From the output of an operation to its inputs.
    #[track_caller]
    fn pass_on(&mut self, node: &Arc<Node<T>>, op: &dyn Op<T>, from: Cotangent<T>) {
        let tracked: Vec<bool> = node.edges.iter().map(|edge| edge.node.is_some()).collect();
        let rule =
            |wants: &[bool], gy| op.vjp(&Values { node, wants, attached: false, later: None }, gy);
        if from.kind == Kind::Shared {
            // Without a batch any rule will do: it is applied to the cotangent of each sample.
            let sample = |n| rule(&tracked, row(&from.value, n).reshape(node.shape));
            for (input, value) in self.stacked(node, &tracked, sample) {
                self.send(node, op, input, Kind::Shared, value);
            }
            return;
        }
        let roles = roles(node, op);
        let kind = |input: usize| match (from.kind, roles[input]) {
            (Kind::Total, Batch::Summed) | (Kind::Rows, Batch::Kept) => Kind::Rows,
            (Kind::Total, Batch::Kept | Batch::Shared) if node.edges[input].shape.count() == 1 => {
                Kind::Total
            }
            (Kind::Rows, Batch::Shared) => Kind::Shared,
            _ => refuse(node, op),
        };
        let kinds: Vec<Kind> = (0..roles.len()).map(kind).collect();
        let wanted = |shared: bool| -> Vec<bool> {
            let wanted =
                |(kind, tracked): (&Kind, &bool)| *tracked && (*kind == Kind::Shared) == shared;
            kinds.iter().zip(&tracked).map(wanted).collect()
        };
        let shared = wanted(true);
        if shared.contains(&true) {
            self.share(node, op, &roles, &shared, &from.value);
        }
        let direct = wanted(false);
        if direct.contains(&true) {
            for (input, value) in rule(&direct, from.value).into_iter().enumerate() {
                if let (Some(value), true) = (value, direct[input]) {
                    self.send(node, op, input, kinds[input], value);
                }
            }
        }
    }

    /// Where parameters meet the batch: the cotangents of the inputs that all samples share.
    #[track_caller]
    fn share(
        &mut self,
        node: &Arc<Node<T>>,
        op: &dyn Op<T>,
        roles: &[Batch],
        shared: &[bool],
        gy: &Tensor<T>,
    ) {
        let mut stacked = shared.to_vec();
        for input in (0..shared.len()).filter(|&input| shared[input]) {
            let to = node.edges[input].node.as_ref().expect("a tracked input has a node");
            // Squares of parts that meet elsewhere do not add: this must be the only use.
            let alone = to.op.is_none() && self.uses.get(&to.id) == Some(&1);
            if self.reduce == BatchReduce::SumOfSquares && alone {
                stacked[input] = false;
                let squares = sum_of_squares(node, op, roles, input, gy);
                self.by_leaf.push((to.id, squares));
            } else if let Some(each) = shorter(node, op, input, gy, BatchReduce::PerSample) {
                stacked[input] = false;
                self.send(node, op, input, Kind::Shared, each);
            }
        }
        let sample = |n| of_sample(node, op, roles, &stacked, gy, n);
        for (input, value) in self.stacked(node, &stacked, sample) {
            self.send(node, op, input, Kind::Shared, value);
        }
    }

    /// What `rule` gives for each sample, stacked along a new axis 0, for the inputs that are wanted.
    fn stacked(
        &self,
        node: &Node<T>,
        wanted: &[bool],
        rule: impl Fn(usize) -> Vec<Option<Tensor<T>>>,
    ) -> Vec<(usize, Tensor<T>)> {
        let samples = self.samples.expect("a sum over the batch came first");
        let room = |input: usize| {
            let shape = &*node.edges[input].shape;
            (input, Tensor::zeros(Shape::new(&[&[samples], shape].concat())))
        };
        let mut all: Vec<_> = (0..wanted.len()).filter(|&i| wanted[i]).map(room).collect();
        if all.is_empty() {
            return all;
        }
        for n in 0..samples {
            let parts = rule(n);
            for (input, all) in &mut all {
                if let Some(part) = &parts[*input] {
                    all.data_mut()[n * part.count()..][..part.count()].copy_from_slice(part.data());
                }
            }
        }
        all
    }

    /// Adds to the cotangent of an input.
    #[track_caller]
    fn send(&mut self, node: &Node<T>, op: &dyn Op<T>, input: usize, kind: Kind, value: Tensor<T>) {
        if kind != Kind::Total {
            let rows = value.shape.first().copied().unwrap_or_else(|| refuse(node, op));
            let samples = *self.samples.get_or_insert(rows);
            assert!(
                rows == samples,
                "backward_with: the loss sums over {samples} samples, and `{}` has {rows}",
                op.name()
            );
        }
        let to = node.edges[input].node.as_ref().expect("a tracked input has a node");
        match self.frontier.entry(to.id) {
            Entry::Vacant(entry) => {
                entry.insert((to.clone(), Cotangent { kind, value }));
            }
            Entry::Occupied(mut entry) => {
                let sum = &mut entry.get_mut().1;
                if sum.kind != kind {
                    refuse(node, op);
                }
                let so_far = std::mem::replace(&mut sum.value, Tensor::zeros([0]));
                sum.value = so_far + value;
            }
        }
    }
}

#[track_caller]
fn refuse<T: Real>(node: &Node<T>, op: &dyn Op<T>) -> ! {
    let inputs: Vec<Shape> = node.edges.iter().map(|edge| edge.shape).collect();
    panic!(
        "backward_with: `{}` of {inputs:?} to {} mixes the samples of a batch, or does not say how it \
         keeps them apart",
        op.name(),
        node.shape
    )
}

/// How each input brings its samples.
fn roles<T: Real>(node: &Arc<Node<T>>, op: &dyn Op<T>) -> Vec<Batch> {
    let wants = vec![false; node.edges.len()];
    let values = Values { node, wants: &wants, attached: false, later: None };
    (0..node.edges.len()).map(|input| op.batch(&values, input)).collect()
}

/// What the rule gives for one sample: it sees that sample's rows, and all of what is shared.
fn of_sample<T: Real>(
    node: &Node<T>,
    op: &dyn Op<T>,
    roles: &[Batch],
    wants: &[bool],
    gy: &Tensor<T>,
    n: usize,
) -> Vec<Option<Tensor<T>>> {
    let cut = |data: &Arc<Buffer<T>>, shape: &Shape| {
        let length = shape[1..].iter().product();
        Arc::new(Buffer::copied(&data[n * length..][..length]))
    };
    let edge = |(edge, role): (&Edge<T>, &Batch)| match role {
        Batch::Kept => Edge {
            shape: edge.shape.with(0, 1),
            node: None,
            data: edge.data.as_ref().map(|data| cut(data, &edge.shape)),
        },
        _ => Edge { shape: edge.shape, node: None, data: edge.data.clone() },
    };
    let alone = Arc::new(Node {
        id: node.id,
        shape: node.shape.with(0, 1),
        op: None,
        edges: node.edges.iter().zip(roles).map(edge).collect(),
        output: node.output.as_ref().map(|data| cut(data, &node.shape)),
    });
    op.vjp(&Values { node: &alone, wants, attached: false, later: None }, row(gy, n))
}

/// For each input of the operation that made y: what its rule makes of a cotangent at once, and sample by
/// sample, stacked or summed as the operation says. Nothing if it mixes samples.
pub(crate) fn rule_by_sample<T: Real>(
    y: &Tensor<T>,
    gy: &Tensor<T>,
) -> Vec<[Option<Tensor<T>>; 2]> {
    let Some(node) = &y.node else { return Vec::new() };
    let op = node.op.as_deref().expect("y was made by an operation");
    let roles = roles(node, op);
    let apart = |role: &Batch| matches!(role, Batch::Kept | Batch::Shared);
    if y.rank() == 0 || y.shape[0] == 0 || !roles.iter().all(apart) {
        return Vec::new();
    }
    let wants = vec![true; roles.len()];
    let whole = op.vjp(&Values { node, wants: &wants, attached: false, later: None }, gy.clone());
    let join = |parts: Vec<Tensor<T>>, role| match role {
        Batch::Kept => Tensor::concat(&parts, 0),
        _ => parts.into_iter().reduce(|a, b| a + b).expect("a batch is not empty"),
    };
    let all: Vec<_> = (0..y.shape[0]).map(|n| of_sample(node, op, &roles, &wants, gy, n)).collect();
    let by_sample = |input: usize| {
        let parts = all.iter().map(|parts| parts[input].clone()).collect::<Option<Vec<_>>>();
        parts.map(|parts| join(parts, roles[input]))
    };
    whole.into_iter().enumerate().map(|(input, whole)| [whole, by_sample(input)]).collect()
}

/// Row n, as a batch of one.
fn row<T: Real>(batch: &Tensor<T>, n: usize) -> Tensor<T> {
    batch.slice(0, n..n + 1)
}

/// [`Op::by_sample`]
fn shorter<T: Real>(
    node: &Arc<Node<T>>,
    op: &dyn Op<T>,
    input: usize,
    gy: &Tensor<T>,
    reduce: BatchReduce,
) -> Option<Tensor<T>> {
    let mut wants = vec![false; node.edges.len()];
    wants[input] = true;
    op.by_sample(&Values { node, wants: &wants, attached: false, later: None }, gy, input, reduce)
}

/// Σ gₙ² of one input, without keeping more than one gₙ.
fn sum_of_squares<T: Real>(
    node: &Arc<Node<T>>,
    op: &dyn Op<T>,
    roles: &[Batch],
    input: usize,
    gy: &Tensor<T>,
) -> Tensor<T> {
    if let Some(squares) = shorter(node, op, input, gy, BatchReduce::SumOfSquares) {
        return squares;
    }
    let mut wants = vec![false; roles.len()];
    wants[input] = true;
    let mut sum = Tensor::zeros(node.edges[input].shape);
    for n in 0..gy.shape[0] {
        if let Some(part) = of_sample(node, op, roles, &wants, gy, n).swap_remove(input) {
            sum = sum + part.square();
        }
    }
    sum
}

/// How many inputs of operations below `root` each node is.
fn uses<T: Real>(root: &Arc<Node<T>>) -> HashMap<u64, usize> {
    let mut uses = HashMap::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        for input in node.edges.iter().filter_map(|edge| edge.node.as_ref()) {
            let count = uses.entry(input.id).or_insert(0);
            *count += 1;
            if *count == 1 {
                open.push(input);
            }
        }
    }
    uses
}
