//! The graph as a table for people, and as DOT for pictures.

use std::collections::BTreeMap;
use std::fmt;

use super::Node;
use super::backward::{Pass, sweep};
use crate::{Real, Shape, Tensor};

/// One row per node, in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Graph {
    rows: Vec<Row>,
}

/// What the graph shows of a node.
#[derive(Clone, Debug)]
struct Row {
    /// `leaf` for a leaf.
    op: &'static str,
    rule: &'static str,
    shape: Shape,
    inputs: Vec<Input>,
    /// ‖value‖, where some node still keeps the value.
    value_norm: Option<f64>,
    /// ‖cotangent‖, where the output is one number.
    cotangent_norm: Option<f64>,
}

/// An input of a node: another row, or a constant.
#[derive(Clone, Debug)]
enum Input {
    Row(usize),
    Constant(Shape),
}

impl<T: Real> Tensor<T> {
    /// The graph that leads to this tensor: operations, shapes, rules and norms.
    ///
    /// `{}` prints it as a table; [`Graph::to_dot`] draws it. If this is one number, the cotangents
    /// of a backward pass from here are measured too. A value that no rule reads has been freed
    /// already, and its norm shows as `-`.
    pub fn graph(&self) -> Graph {
        let Some(root) = &self.node else { return Graph { rows: Vec::new() } };
        let mut nodes: BTreeMap<u64, &Node<T>> = BTreeMap::new();
        let mut values = BTreeMap::from([(root.id, norm(self.data()))]);
        let mut open: Vec<&Node<T>> = vec![root];
        while let Some(node) = open.pop() {
            if nodes.insert(node.id, node).is_some() {
                continue;
            }
            if let Some(data) = &node.output {
                values.insert(node.id, norm(data));
            }
            for edge in &node.edges {
                let Some(input) = &edge.node else { continue };
                if let Some(data) = &edge.data {
                    values.insert(input.id, norm(data));
                }
                open.push(input);
            }
        }
        let mut cotangents = BTreeMap::new();
        if self.count() == 1 {
            let start = Tensor::ones(self.shape);
            sweep(
                self.clone(),
                start,
                Pass::FirstOrder,
                |_| true,
                |node, cotangent| {
                    cotangents.insert(node.id, norm(cotangent.data()));
                },
            );
        }
        let number: BTreeMap<u64, usize> = nodes.keys().copied().zip(0..).collect();
        let input = |edge: &super::Edge<T>| match &edge.node {
            Some(node) => Input::Row(number[&node.id]),
            None => Input::Constant(edge.shape),
        };
        let rows = nodes.values().map(|node| Row {
            op: node.op_name().unwrap_or("leaf"),
            rule: node.op.as_ref().map_or("", |op| op.rule()),
            shape: node.shape,
            inputs: node.edges.iter().map(input).collect(),
            value_norm: values.get(&node.id).copied(),
            cotangent_norm: cotangents.get(&node.id).copied(),
        });
        Graph { rows: rows.collect() }
    }
}

fn norm<T: Real>(values: &[T]) -> f64 {
    values.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

impl Graph {
    /// The number of nodes, leaves included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no node: the tensor depends on no leaf.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The graph in the language of Graphviz: `dot -Tsvg` draws it. Leaves are boxes.
    pub fn to_dot(&self) -> String {
        let mut dot =
            String::from("digraph loss {\n  rankdir=BT;\n  node [fontname=\"sans-serif\"];\n");
        for (number, row) in self.rows.iter().enumerate() {
            let shape = if row.op == "leaf" { "box" } else { "ellipse" };
            let label = format!("{} {}\\n{}", row.op, row.shape, row.rule.replace('"', "'"));
            dot.push_str(&format!("  n{number} [shape={shape}, label=\"{label}\"];\n"));
            for (position, input) in row.inputs.iter().enumerate() {
                match input {
                    Input::Row(input) => dot.push_str(&format!("  n{input} -> n{number};\n")),
                    Input::Constant(shape) => dot.push_str(&format!(
                        "  c{number}_{position} [shape=plaintext, label=\"constant {shape}\"];\n  \
                         c{number}_{position} -> n{number} [style=dashed];\n"
                    )),
                }
            }
        }
        dot + "}\n"
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |norm: Option<f64>| norm.map_or("-".into(), |norm| format!("{norm:.4}"));
        let mut table = vec![
            ["node", "operation", "inputs", "shape", "‖value‖", "‖cotangent‖", "rule"]
                .map(String::from),
        ];
        table.extend(self.rows.iter().enumerate().map(|(i, row)| {
            let inputs = row.inputs.iter().map(|input| match input {
                Input::Row(number) => format!("#{number}"),
                Input::Constant(shape) => shape.to_string(),
            });
            [
                format!("#{i}"),
                row.op.to_string(),
                inputs.collect::<Vec<_>>().join(" "),
                row.shape.to_string(),
                number(row.value_norm),
                number(row.cotangent_norm),
                row.rule.to_string(),
            ]
        }));
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or(0)).collect();
        for (i, row) in table.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                // Numbers stand on the right, words on the left.
                let cell =
                    if matches!(column, 4 | 5) { pad + cell } else { cell.to_owned() + &pad };
                line += &cell;
                line += "  ";
            }
            let end = if i + 1 < table.len() { "\n" } else { "" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_operations_shapes_and_norms() {
        let x = Tensor::from([3.0, 4.0]).requires_grad();
        let loss = (&x * Tensor::from([1.0, 1.0])).square().sum() + 1.0;
        let table = loss.graph().to_string();
        let row = |i: usize| table.lines().nth(i).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(row(1)[..5], ["#0", "leaf", "[2]", "5.0000", "10.0000"]);
        assert_eq!(row(2)[1..7], ["mul", "#0", "[2]", "[2]", "5.0000", "10.0000"]);
        assert_eq!(row(4)[1..6], ["sum", "#2", "[]", "-", "1.0000"]);
    }

    #[test]
    fn dot_has_every_node_and_edge() {
        let x = Tensor::from([3.0]).requires_grad();
        let dot = (&x * &x + 1.0).sum().graph().to_dot();
        assert_eq!(dot.matches("n0 -> n1;").count(), 2, "{dot}");
        assert!(dot.contains("n0 [shape=box") && dot.ends_with("}\n"), "{dot}");
    }
}
