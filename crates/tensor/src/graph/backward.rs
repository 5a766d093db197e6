//! The backward pass: from the newest node to the oldest, each rule once.
//!
//! The frontier holds the nodes that have received a cotangent and not yet passed it on, in the
//! order of their ids. The newest has received all that it will ever receive, since whoever uses it
//! is newer. The first contribution to a cotangent is stored, later ones are added in place; no
//! buffer is filled with zeros. If the graph belongs to this pass alone, a node is freed, with the
//! activations that it keeps, as soon as its rule has run; but for those of [products that wait](super::gradients).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::gradients::{Gradient, Gradients, Later};
use super::{Node, Values};
use crate::{Real, Shape, Tensor};

impl<T: Real> Tensor<T> {
    /// The gradients of this number with respect to all leaves. The graph stays as it is.
    ///
    /// # Panics
    /// If this is not one number, or does not depend on a leaf.
    #[track_caller]
    pub fn backward(&self) -> Gradients<T> {
        self.clone().into_gradients()
    }

    /// As [`backward`](Tensor::backward), but the graph is freed while the pass goes: the way to train.
    ///
    /// # Panics
    /// If this is not one number, or does not depend on a leaf.
    #[track_caller]
    pub fn into_gradients(self) -> Gradients<T> {
        self.root_of_loss();
        let start = Tensor::ones(self.shape);
        let mut by_leaf = Vec::new();
        sweep(
            self,
            start,
            Pass::FirstOrder,
            |_| true,
            |node, cotangent| {
                if node.op.is_none() {
                    by_leaf.push((node.id, cotangent.clone()));
                }
            },
        );
        Gradients::new(by_leaf)
    }

    /// The node of a loss.
    ///
    /// # Panics
    /// If this is not one number, or does not depend on a leaf.
    #[track_caller]
    pub(super) fn root_of_loss(&self) -> &Arc<Node<T>> {
        assert_eq!(
            self.count(),
            1,
            "backward: the loss has shape {}, not one number",
            self.shape()
        );
        self.node.as_ref().expect("backward: the loss does not depend on a leaf")
    }
}

/// Whether the backward pass is itself recorded.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pass {
    FirstOrder,
    Recorded,
}

/// Passes a cotangent back through all nodes that `wanted` names, newest first, and shows each node
/// with its whole cotangent to `visit`.
pub(super) fn sweep<T: Real>(
    output: Tensor<T>,
    cotangent: Tensor<T>,
    pass: Pass,
    wanted: impl Fn(u64) -> bool,
    mut visit: impl FnMut(&Node<T>, &Gradient<T>),
) {
    let Some(root) = output.node else { return };
    drop(output.data);
    let mut frontier = BTreeMap::from([(root.id, (root, Gradient::from(cotangent)))]);
    let mut wants = Vec::new();
    let later = Later::empty();
    while let Some((_, (node, cotangent))) = frontier.pop_last() {
        visit(&node, &cotangent);
        let Some(op) = &node.op else { continue };
        wants.clear();
        wants.extend(node.edges.iter().map(|e| e.node.as_ref().is_some_and(|n| wanted(n.id))));
        let values = Values {
            node: &node,
            wants: &wants,
            attached: pass == Pass::Recorded,
            later: (pass == Pass::FirstOrder).then_some(&later),
        };
        let cotangents = op.vjp(&values, cotangent.into_value());
        debug_assert_eq!(cotangents.len(), node.edges.len(), "{}: cotangents", op.name());
        let mut arrive = |index: usize, shape: Shape, new: Gradient<T>| {
            let edge = &node.edges[index];
            assert_eq!(
                shape,
                edge.shape,
                "{}: the rule gives input {index} a cotangent of another shape",
                op.name()
            );
            let input = edge.node.as_ref().expect("wanted inputs have a node");
            match frontier.entry(input.id) {
                Entry::Vacant(entry) => {
                    entry.insert((Arc::clone(input), new));
                }
                Entry::Occupied(mut entry) => {
                    // Taken out of its place, so that nobody else holds it and `+` adds in place.
                    let sum = &mut entry.get_mut().1;
                    let so_far = std::mem::replace(sum, Gradient::from(Tensor::zeros([0])));
                    *sum = (so_far.into_value() + new.into_value()).into();
                }
            }
        };
        for (index, new) in cotangents.into_iter().enumerate() {
            let (Some(new), true) = (new, wants[index]) else { continue };
            arrive(index, new.shape, new.into());
        }
        if let Some((index, product)) = later.take() {
            arrive(index, product.shape(), product.into());
        }
    }
}
