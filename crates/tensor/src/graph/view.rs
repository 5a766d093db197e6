//! The graph as something to look at: every node with its value and its cotangent, named and marked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Node;
use super::backward::{Pass, sweep};
use super::gradients::Gradient;
use crate::buffer::Buffer;
use crate::{Real, Shape, Tensor};

/// The graph that leads to a tensor, inputs before what is made from them.
///
/// `{}` prints it as a table with norms, `{:#}` with values; [`to_dot`](Graph::to_dot) draws it.
#[derive(Clone, Debug)]
pub struct Graph<T: Real = f32> {
    pub(super) nodes: Vec<GraphNode<T>>,
}

/// A node of the graph, or a constant that goes into one.
#[derive(Clone, Debug)]
pub struct GraphNode<T: Real = f32> {
    /// What it is.
    pub role: NodeRole,
    /// The number in the order of the table; a constant has none.
    pub number: Option<usize>,
    /// The name that [`Graph::name`] gave, or nothing.
    pub name: String,
    /// The operation, or `leaf`, `constant`, `noise`.
    pub op: &'static str,
    /// The rule of the operation.
    pub rule: &'static str,
    /// The shape of the value.
    pub shape: Shape,
    /// Where the inputs are in [`Graph::nodes`].
    pub inputs: Vec<usize>,
    /// The value, where a node still keeps it; see [`keep_values`](crate::keep_values).
    pub value: Option<Tensor<T>>,
    /// The cotangent of a backward pass, if the graph ends in one number.
    pub cotangent: Option<Tensor<T>>,
    /// Whether it lies on the path that [`Graph::path`] marked.
    pub on_path: bool,
    /// By which [`Graph::name`] knows it.
    key: Key,
}

/// What a node of a graph is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeRole {
    /// What gradients are asked for.
    Leaf,
    /// No gradient reaches it.
    Constant,
    /// A constant that was drawn at random: the stochastic node of a graph.
    Noise,
    /// A deterministic function of its inputs.
    Operation,
}

/// Nodes have ids, constants the place of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Node(u64),
    /// The place of the numbers, and how many axes they are read with: a reshaped one is another.
    Constant(usize, usize),
    /// A constant whose numbers nobody keeps: node and input.
    Unknown(u64, usize),
}

impl Key {
    fn of<T: Real>(tensor: &Tensor<T>) -> Key {
        match &tensor.node {
            Some(node) => Key::Node(node.id),
            None => Key::constant(&tensor.data, &tensor.shape),
        }
    }

    fn constant<T: Real>(data: &Arc<Buffer<T>>, shape: &Shape) -> Key {
        Key::Constant(Arc::as_ptr(data).addr(), shape.rank())
    }
}

impl<T: Real> Tensor<T> {
    /// The graph that leads to this tensor: operations, shapes, rules, values and cotangents.
    ///
    /// If this is one number, the cotangents are those of a backward pass from here. A value that no rule
    /// reads has been freed already, unless [`keep_values`](crate::keep_values) kept it.
    pub fn graph(&self) -> Graph<T> {
        let Some(root) = &self.node else { return Graph { nodes: Vec::new() } };
        let mut found: BTreeMap<u64, &Node<T>> = BTreeMap::new();
        let mut values = BTreeMap::from([(root.id, &self.data)]);
        let mut open: Vec<&Node<T>> = vec![root];
        while let Some(node) = open.pop() {
            if found.insert(node.id, node).is_some() {
                continue;
            }
            values.extend(node.output.iter().map(|data| (node.id, data)));
            for edge in &node.edges {
                let Some(input) = &edge.node else { continue };
                values.extend(edge.data.iter().map(|data| (input.id, data)));
                open.push(input);
            }
        }
        let mut cotangents = BTreeMap::new();
        if self.count() == 1 {
            let start = Tensor::ones(self.shape);
            let keep = |node: &Node<T>, cotangent: &Gradient<T>| {
                cotangents.insert(node.id, cotangent.value().clone());
            };
            sweep(self.clone(), start, Pass::FirstOrder, |_| true, keep);
        }
        let value = |data: Option<&Arc<Buffer<T>>>, shape: Shape| {
            data.map(|data| Tensor { data: data.clone(), shape, node: None })
        };
        let mut graph = Graph { nodes: Vec::new() };
        let mut place: BTreeMap<Key, usize> = BTreeMap::new();
        for (number, node) in found.values().enumerate() {
            let mut inputs = Vec::new();
            for (position, edge) in node.edges.iter().enumerate() {
                let key = match (&edge.node, &edge.data) {
                    (Some(node), _) => Key::Node(node.id),
                    (None, Some(data)) => Key::constant(data, &edge.shape),
                    (None, None) => Key::Unknown(node.id, position),
                };
                inputs.push(*place.entry(key).or_insert_with(|| {
                    let value = value(edge.data.as_ref(), edge.shape);
                    graph.nodes.push(GraphNode::constant(edge.shape, value, key));
                    graph.nodes.len() - 1
                }));
            }
            let key = Key::Node(node.id);
            place.insert(key, graph.nodes.len());
            graph.nodes.push(GraphNode {
                role: if node.op.is_some() { NodeRole::Operation } else { NodeRole::Leaf },
                number: Some(number),
                name: String::new(),
                op: node.op_name().unwrap_or("leaf"),
                rule: node.op.as_ref().map_or("", |op| op.rule()),
                shape: node.shape,
                inputs,
                value: value(values.get(&node.id).copied(), node.shape),
                cotangent: cotangents.remove(&node.id),
                on_path: false,
                key,
            });
        }
        graph
    }
}

impl<T: Real> GraphNode<T> {
    fn constant(shape: Shape, value: Option<Tensor<T>>, key: Key) -> GraphNode<T> {
        GraphNode {
            role: NodeRole::Constant,
            number: None,
            name: String::new(),
            op: "constant",
            rule: "",
            shape,
            inputs: Vec::new(),
            value,
            cotangent: None,
            on_path: false,
            key,
        }
    }

    /// How others refer to it: the name; without one the number; for a constant the shape.
    pub fn label(&self) -> String {
        match self.number {
            _ if !self.name.is_empty() => self.name.clone(),
            Some(number) => format!("#{number}"),
            None => self.shape.to_string(),
        }
    }
}

impl<T: Real> Graph<T> {
    /// All nodes and constants, inputs first.
    pub fn nodes(&self) -> &[GraphNode<T>] {
        &self.nodes
    }

    /// The number of nodes, leaves included and constants not.
    pub fn len(&self) -> usize {
        self.nodes.iter().filter(|node| node.number.is_some()).count()
    }

    /// Whether there is no node: the tensor depends on no leaf.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Gives a tensor of the graph a name; one that is not in the graph is passed over. A constant is known by
    /// its numbers: a clone is the same constant, a copy another.
    #[must_use]
    pub fn name(mut self, tensor: &Tensor<T>, name: &str) -> Graph<T> {
        if let Some(node) = self.find(tensor) {
            node.name = name.into();
        }
        self
    }

    /// Gives a constant a name and marks it as [noise](NodeRole::Noise).
    #[must_use]
    pub fn noise(mut self, tensor: &Tensor<T>, name: &str) -> Graph<T> {
        if let Some(node) = self.find(tensor) {
            (node.role, node.op, node.name) = (NodeRole::Noise, "noise", name.into());
        }
        self
    }

    /// Marks every node on a way from the node with this name to the end; `None` if none has the name.
    #[must_use]
    pub fn path(mut self, name: &str) -> Option<Graph<T>> {
        let from = self.nodes.iter().position(|node| node.name == name)?;
        for at in 0..self.nodes.len() {
            let reached = self.nodes[at].inputs.iter().any(|&input| self.nodes[input].on_path);
            self.nodes[at].on_path = at == from || reached;
        }
        Some(self)
    }

    fn find(&mut self, tensor: &Tensor<T>) -> Option<&mut GraphNode<T>> {
        let key = Key::of(tensor);
        self.nodes.iter_mut().find(|node| node.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep_values;

    #[test]
    fn every_node_shows_its_value_and_its_cotangent() {
        // y = Σ (2 x) c: x̄ = 2 c.
        let x = Tensor::from([3.0, 4.0]).requires_grad();
        let c = Tensor::from([5.0, -1.0]);
        let y = keep_values(|| ((&x * 2.0) * &c).sum());
        let graph = y.graph().name(&x, "x").noise(&c, "c");
        let of = |label: &str| graph.nodes().iter().find(|node| node.label() == label).unwrap();
        let values = |tensor: &Option<Tensor<f64>>| tensor.as_ref().unwrap().to_vec();
        assert_eq!(
            (values(&of("x").value), values(&of("x").cotangent)),
            (vec![3.0, 4.0], vec![10.0, -2.0])
        );
        assert_eq!(
            (values(&of("#1").value), values(&of("#1").cotangent)),
            (vec![6.0, 8.0], vec![5.0, -1.0])
        );
        assert_eq!((values(&of("#3").value), values(&of("#3").cotangent)), (vec![22.0], vec![1.0]));
        assert_eq!((of("c").role, values(&of("c").value)), (NodeRole::Noise, vec![5.0, -1.0]));
        assert!(of("c").cotangent.is_none());
        assert_eq!((graph.len(), graph.nodes().len()), (4, 5));
    }

    #[test]
    fn without_keeping_what_no_rule_reads_is_gone() {
        let x = Tensor::from([3.0, 4.0]).requires_grad();
        let graph = (&x * 2.0).sum().graph();
        let kept: Vec<bool> = graph.nodes().iter().map(|node| node.value.is_some()).collect();
        assert_eq!(kept, [false, false, true]);
    }

    #[test]
    fn a_path_leads_from_a_node_to_the_end() {
        let (a, b) = (Tensor::from([1.0]).requires_grad(), Tensor::from([2.0]).requires_grad());
        let loss = (a.square() + b.exp()).sum();
        let graph = loss.graph().name(&a, "a").path("a").unwrap();
        let path: Vec<_> = graph.nodes().iter().filter(|n| n.on_path).map(|n| n.op).collect();
        assert_eq!(path, ["leaf", "square", "add", "sum"]);
        assert!(graph.path("c").is_none());
    }

    #[test]
    fn a_constant_that_is_used_twice_is_one_node() {
        let (x, c) = (Tensor::from([1.0]).requires_grad(), Tensor::from([2.0]));
        let graph = (&x * &c * &c).sum().graph();
        assert_eq!(graph.nodes().iter().filter(|node| node.role == NodeRole::Constant).count(), 1);
    }
}
