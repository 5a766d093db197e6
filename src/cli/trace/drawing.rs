//! The graph as a diagram: a card for each node, with its value, its cotangent and its rule.

use elbo_models::pictures::{Arrow, Card, Diagram, Tone, Writing};
use elbo_tensor::{Graph, GraphNode, NodeRole};

pub(super) fn diagram(graph: &Graph<f64>) -> Diagram {
    let nodes = graph.nodes();
    let arrows = nodes.iter().enumerate().flat_map(|(to, node)| {
        let bold = |from: usize| nodes[from].on_path && node.on_path;
        node.inputs.iter().map(move |&from| Arrow { from, to, bold: bold(from) })
    });
    let legend = [
        (Tone::Leaf, "parameter"),
        (Tone::Constant, "given"),
        (Tone::Noise, "noise: drawn, then held"),
        (Tone::Focus, "computed from it: z = mu + sigma eps"),
        (Tone::Plain, "operation"),
    ];
    Diagram {
        title: "Values go down in blue, cotangents come back up in red".into(),
        legend: legend.map(|(tone, name)| (tone, name.into())).into(),
        cards: nodes.iter().map(card).collect(),
        arrows: arrows.collect(),
    }
}

fn card(node: &GraphNode<f64>) -> Card {
    let tone = match node.role {
        NodeRole::Leaf => Tone::Leaf,
        NodeRole::Constant => Tone::Constant,
        NodeRole::Noise => Tone::Noise,
        NodeRole::Operation if node.op == "reparameterize" => Tone::Focus,
        NodeRole::Operation => Tone::Plain,
    };
    let title = match node.role {
        NodeRole::Operation if node.name.is_empty() => node.op.to_string(),
        NodeRole::Operation => format!("{} = {}", node.name, node.op),
        _ => node.label(),
    };
    let [value, cotangent] = node.lines();
    let write = |writing: Writing, lines: Vec<String>| {
        lines.into_iter().filter(|line| line != "-").map(move |line| (writing, line))
    };
    let rule = (!node.rule.is_empty()).then(|| (Writing::Small, node.rule.to_string()));
    Card {
        title,
        tone,
        lines: write(Writing::Forward, value)
            .chain(write(Writing::Backward, cotangent))
            .chain(rule)
            .collect(),
    }
}
