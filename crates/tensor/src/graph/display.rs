//! The graph as a table for people, and as DOT for pictures.

use std::fmt;

use super::view::{Graph, GraphNode, NodeRole};
use crate::{Real, Tensor};

/// More rows or columns than this are not printed: a norm stands for them.
const READABLE: usize = 8;

impl<T: Real> Graph<T> {
    /// The graph in the language of Graphviz: `dot -Tsvg` draws it. Leaves are boxes, noise is a diamond,
    /// constants have no frame; a marked path is bold.
    pub fn to_dot(&self) -> String {
        let mut dot =
            String::from("digraph loss {\n  rankdir=BT;\n  node [fontname=\"sans-serif\"];\n");
        let id = |at: usize| match self.nodes[at].number {
            Some(number) => format!("n{number}"),
            None => format!("c{at}"),
        };
        for (at, node) in self.nodes.iter().enumerate() {
            let shape = match node.role {
                NodeRole::Leaf => "box",
                NodeRole::Constant => "plaintext",
                NodeRole::Noise => "diamond",
                NodeRole::Operation => "ellipse",
            };
            let name = if node.name.is_empty() { "" } else { &format!("{} = ", node.name) };
            let rule = if node.rule.is_empty() { "" } else { &format!("\\n{}", node.rule) };
            let label = format!("{name}{} {}{rule}", node.op, node.shape).replace('"', "'");
            let bold = if node.on_path { ", penwidth=3" } else { "" };
            dot.push_str(&format!("  {} [shape={shape}, label=\"{label}\"{bold}];\n", id(at)));
            for &input in &node.inputs {
                let style = match (self.nodes[input].number, self.nodes[input].on_path) {
                    (None, _) => " [style=dashed]",
                    (_, true) => " [penwidth=3]",
                    _ => "",
                };
                dot.push_str(&format!("  {} -> {}{style};\n", id(input), id(at)));
            }
        }
        dot + "}\n"
    }
}

impl<T: Real> GraphNode<T> {
    /// Value and cotangent as lines of text, a line for each row of a matrix; the norm if that is too much to
    /// read, and `-` for what is not there.
    pub fn lines(&self) -> [Vec<String>; 2] {
        [&self.value, &self.cotangent].map(|tensor| tensor.as_ref().map_or(vec!["-".into()], lines))
    }
}

fn lines<T: Real>(tensor: &Tensor<T>) -> Vec<String> {
    let columns = tensor.shape().last().copied().unwrap_or(1).max(1);
    if columns > READABLE || tensor.count() > READABLE * columns {
        return vec![format!("‖ ‖ = {:.4}", norm(tensor))];
    }
    let row = |row: &[T]| {
        let numbers = row.iter().map(|x| format!("{:>7.4}", x.to_f64()));
        numbers.collect::<Vec<_>>().join(" ")
    };
    tensor.data().chunks(columns).map(row).collect()
}

fn norm<T: Real>(tensor: &Tensor<T>) -> f64 {
    tensor.data().iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

/// A row of the table for each node, and with `{:#}` for each constant that has a name; the cells of a
/// row may have several lines.
impl<T: Real> fmt::Display for Graph<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = f.alternate();
        let [value, cotangent] =
            if values { ["value", "cotangent"] } else { ["‖value‖", "‖cotangent‖"] };
        let titles = ["node", "operation", "inputs", "shape", value, cotangent, "rule"];
        let mut table = vec![titles.map(|title| vec![title.to_string()])];
        let shown =
            |node: &&GraphNode<T>| node.number.is_some() || (values && !node.name.is_empty());
        table.extend(self.nodes.iter().filter(shown).map(|node| {
            let inputs = node.inputs.iter().map(|&input| self.nodes[input].label());
            let number = node.number.map_or(String::new(), |number| format!("#{number} "));
            let norm = |tensor: &Option<Tensor<T>>| {
                vec![tensor.as_ref().map_or("-".into(), |x| format!("{:.4}", norm(x)))]
            };
            let [value, cotangent] = match values {
                true => node.lines(),
                false => [&node.value, &node.cotangent].map(norm),
            };
            [
                vec![(number + &node.name).trim_end().into()],
                vec![node.op.into()],
                vec![inputs.collect::<Vec<_>>().join(" ")],
                vec![node.shape.to_string()],
                value,
                cotangent,
                vec![node.rule.into()],
            ]
        }));
        let width = |column: usize| {
            let cells = table.iter().flat_map(|row| &row[column]);
            cells.map(|line| columns(line)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        let mut end = "";
        for row in &table {
            for number in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for (column, cell) in row.iter().enumerate() {
                    let text = cell.get(number).map_or("", String::as_str);
                    let pad = " ".repeat(widths[column] - columns(text));
                    // Numbers stand on the right, words on the left.
                    let on_the_right = matches!(column, 4 | 5);
                    line += &if on_the_right { pad + text } else { text.to_owned() + &pad };
                    line += "  ";
                }
                write!(f, "{end}{}", line.trim_end())?;
                end = "\n";
            }
        }
        Ok(())
    }
}

/// The columns that a text takes on a terminal: a bar over a letter takes none.
fn columns(text: &str) -> usize {
    text.chars().filter(|&c| c != '\u{304}').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep_values;

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
    fn the_alternate_table_shows_values_row_by_row() {
        let w = Tensor::from([[1.0, 2.0], [3.0, 4.0]]).requires_grad();
        let c = Tensor::from([0.5, -0.5]);
        let loss = keep_values(|| (&w * &c).sum());
        let table = format!("{:#}", loss.graph().name(&w, "w").name(&c, "c"));
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            ["#0", "w", "leaf", "[2,", "2]", "1.0000", "2.0000", "0.5000", "-0.5000"]
        );
        assert_eq!(lines[2], ["3.0000", "4.0000", "0.5000", "-0.5000"]);
        assert_eq!(lines[3], ["c", "constant", "[2]", "0.5000", "-0.5000", "-"]);
        assert_eq!(lines[4][..4], ["#1", "mul", "w", "c"]);
    }

    #[test]
    fn what_is_too_large_to_read_shows_its_norm() {
        let w = Tensor::<f64>::ones([3, 12]).requires_grad();
        let table = format!("{:#}", keep_values(|| w.sum()).graph());
        assert!(table.contains("‖ ‖ = 6.0000"), "{table}");
    }

    #[test]
    fn dot_has_every_node_and_edge() {
        let x = Tensor::from([3.0]).requires_grad();
        let dot = (&x * &x + 1.0).sum().graph().to_dot();
        assert_eq!(dot.matches("n0 -> n1;").count(), 2, "{dot}");
        assert!(dot.contains("n0 [shape=box") && dot.ends_with("}\n"), "{dot}");
    }

    #[test]
    fn dot_shows_noise_and_the_path() {
        let (x, eps) = (Tensor::from([3.0]).requires_grad(), Tensor::from([0.2]));
        let graph = (&x * &eps).sum().graph().name(&x, "x").noise(&eps, "eps").path("x").unwrap();
        let dot = graph.to_dot();
        assert!(dot.contains("[shape=diamond, label=\"eps = noise [1]\"]"), "{dot}");
        assert!(dot.contains("n0 -> n1 [penwidth=3];") && dot.contains("[style=dashed]"), "{dot}");
    }
}
