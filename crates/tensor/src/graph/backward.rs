//! The backward pass: from the newest node to the oldest, each rule once.
//!
//! The frontier holds the nodes that have received a cotangent and not yet passed it on, in the
//! order of their ids. The newest has received all that it will ever receive, since whoever uses it
//! is newer. The first contribution to a cotangent is stored, later ones are added in place; no
//! buffer is filled with zeros. If the graph belongs to this pass alone, a node is freed, with the
//! activations that it keeps, as soon as its rule has run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Index;
use std::sync::Arc;

use super::{Node, Values};
use crate::{Real, Tensor};

/// The gradients of one loss with respect to the leaves that it depends on.
///
/// Indexing with a tensor that the loss does not depend on panics; [`get`](Gradients::get) gives
/// `None`.
pub struct Gradients<T: Real = f32> {
    /// By id of the leaf, ascending.
    by_leaf: Vec<(u64, Tensor<T>)>,
}

impl<T: Real> Gradients<T> {
    pub(super) fn new(mut by_leaf: Vec<(u64, Tensor<T>)>) -> Gradients<T> {
        by_leaf.sort_unstable_by_key(|(id, _)| *id);
        Gradients { by_leaf }
    }

    /// The gradient with respect to a leaf, or `None` if the loss does not depend on it.
    pub fn get(&self, leaf: &Tensor<T>) -> Option<&Tensor<T>> {
        let id = leaf.node.as_ref()?.id;
        let at = self.by_leaf.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.by_leaf[at].1)
    }

    /// All gradients.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor<T>> {
        self.by_leaf.iter().map(|(_, gradient)| gradient)
    }
}

impl<T: Real> Index<&Tensor<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, leaf: &Tensor<T>) -> &Tensor<T> {
        match self.get(leaf) {
            Some(gradient) => gradient,
            None if !leaf.is_tracked() => {
                panic!("gradient: a constant of shape {}; call requires_grad first", leaf.shape())
            }
            None => panic!("gradient: the loss does not depend on this leaf of {}", leaf.shape()),
        }
    }
}

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
    mut visit: impl FnMut(&Node<T>, &Tensor<T>),
) {
    let Some(root) = output.node else { return };
    drop(output.data);
    let mut frontier = BTreeMap::from([(root.id, (root, cotangent))]);
    let mut wants = Vec::new();
    while let Some((_, (node, cotangent))) = frontier.pop_last() {
        visit(&node, &cotangent);
        let Some(op) = &node.op else { continue };
        wants.clear();
        wants.extend(node.edges.iter().map(|e| e.node.as_ref().is_some_and(|n| wanted(n.id))));
        let values = Values { node: &node, wants: &wants, attached: pass == Pass::Recorded };
        let cotangents = op.vjp(&values, cotangent);
        debug_assert_eq!(cotangents.len(), node.edges.len(), "{}: cotangents", op.name());
        for (index, new) in cotangents.into_iter().enumerate() {
            let (Some(new), true) = (new, wants[index]) else { continue };
            let edge = &node.edges[index];
            assert_eq!(
                new.shape,
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
                    let so_far = std::mem::replace(sum, Tensor::zeros([0]));
                    *sum = so_far + new;
                }
            }
        }
    }
}
