//! `elbo trace`: one gradient, followed through the reparameterization trick.

mod drawing;
mod step;
mod trick;

use std::path::{Path, PathBuf};

use clap::Args;
use elbo_models::{Error, Result, write_whole};
use elbo_tensor::{Graph, GraphNode};
use serde_json::{Value, json};

use self::step::{Sizes, Step};
use self::trick::{Check, H, Unit};
use super::folder::Empty;
use super::run_args::up_to;
use super::say::say;

/// What to follow, and where the pictures go.
#[derive(Args)]
pub(crate) struct TraceArgs {
    /// Pixels of the image
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = up_to(1, 1000))]
    inputs: usize,

    /// Units of the hidden layer on either side
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = up_to(1, 1000))]
    hidden: usize,

    /// Size of the code
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = up_to(1, 1000))]
    latent: usize,

    /// What weights, image and noise follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The way to mark, from the loss back to this node: mu, logvar, z, eps, x, encoder.0.weight, …
    #[arg(long, value_name = "NODE", default_value = "mu")]
    path: String,

    /// The folder for graph.svg, graph.png, graph.dot and trace.json [default: the next free
    /// runs/trace-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &TraceArgs) -> Result<()> {
    let TraceArgs { inputs, hidden, latent, seed, .. } = *args;
    let step = Step::new(Sizes { inputs, hidden, latent, seed });
    let graph = step.graph();
    let names: Vec<&str> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
    if !names.contains(&args.path.as_str()) {
        let known: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        return Err(Error::Settings {
            what: format!("--path {}: there is no such node", args.path),
            help: format!("choose one of {}", known.join(", ")),
        });
    }
    let graph = graph.path(&args.path).expect("looked for above");
    let (units, checks) = (trick::units(&step), trick::checks(&step));
    let all = object(args, &step, &graph, &units, &checks);
    let out = Empty::make(args.out.as_deref(), "trace")?.path;
    write(&out, &graph, &all)?;
    if args.json {
        say!("{all}");
        return Ok(());
    }
    say!("One image of {inputs} pixels through a VAE {inputs}-{hidden}-{latent}, seed {seed}:");
    let [recon, kl] = [&step.end.recon, &step.end.kl].map(|term| term.item());
    say!("loss = recon + kl = {recon:.4} + {kl:.4} = {:.4} nats.", step.end.loss.item());
    say!("Values go down the table, cotangents come back up: x̄ is ∂loss/∂x.\n");
    say!("{graph:#}\n");
    print_trick(&units);
    print_checks(&checks);
    say!("\n{}: graph.svg, graph.png, graph.dot, trace.json", out.display());
    Ok(())
}

fn print_trick(units: &[Unit]) {
    say!(
        "eps is noise: drawn once, and held from then on. z = mu + sigma eps, sigma = exp(logvar/2), is"
    );
    say!(
        "computed: nothing in it is random any more. So z̄ goes on to mu as it is, and to logvar times"
    );
    say!("∂z/∂logvar = eps sigma/2. The divergence, which sees no noise, adds its own part:\n");
    let title = ["", "forward", "", "", "", "", "back", "through z", "", "of KL", "", "sum", ""];
    let names = [
        "unit",
        "mu",
        "logvar",
        "eps",
        "sigma",
        "z",
        "z̄",
        "m̄u = z̄",
        "logvar̄ = z̄ eps sigma/2",
        "m̄u = mu",
        "logvar̄ = (sigma²-1)/2",
        "m̄u",
        "logvar̄",
    ];
    let width = |i: usize| names[i].chars().filter(|&c| c != '\u{304}').count().max(8);
    let line = |cells: &[String]| {
        let cell = |(i, cell): (usize, &String)| {
            let length = cell.chars().filter(|&c| c != '\u{304}').count();
            " ".repeat(width(i).saturating_sub(length)) + cell
        };
        cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ")
    };
    say!("{}", line(&title.map(String::from)).trim_end());
    say!("{}", line(&names.map(String::from)));
    for (number, unit) in units.iter().enumerate() {
        let numbers = [
            unit.mu,
            unit.logvar,
            unit.eps,
            unit.sigma,
            unit.z,
            unit.z_bar,
            unit.mu_bar_through_z,
            unit.logvar_bar_through_z,
            unit.mu_bar_of_kl,
            unit.logvar_bar_of_kl,
            unit.mu_bar,
            unit.logvar_bar,
        ];
        let cells = numbers.map(|x| format!("{x:.4}"));
        say!("{}", line(&[&[number.to_string()], &cells[..]].concat()));
    }
}

fn print_checks(checks: &[Check]) {
    say!("\nThe same by differences, (loss(θ + h) - loss(θ - h)) / 2h at the same eps, h = {H:e}:");
    for Check { of, cotangent, difference } in checks {
        let error = (cotangent - difference).abs();
        say!("{of:<9}  cotangent {cotangent:.9}  difference {difference:.9}  apart by {error:.1e}");
    }
}

fn object(
    args: &TraceArgs,
    step: &Step,
    graph: &Graph<f64>,
    units: &[Unit],
    checks: &[Check],
) -> Value {
    let node = |node: &GraphNode<f64>| {
        let [value, cotangent] =
            [&node.value, &node.cotangent].map(|tensor| tensor.as_ref().map(|x| x.to_vec()));
        let inputs: Vec<String> =
            node.inputs.iter().map(|&input| graph.nodes()[input].label()).collect();
        json!({
            "label": node.label(),
            "operation": node.op,
            "rule": node.rule,
            "shape": node.shape.to_vec(),
            "inputs": inputs,
            "stochastic": node.role == elbo_tensor::NodeRole::Noise,
            "on_path": node.on_path,
            "value": value,
            "cotangent": cotangent,
        })
    };
    json!({
        "inputs": args.inputs,
        "hidden": args.hidden,
        "latent": args.latent,
        "seed": args.seed,
        "path": args.path,
        "loss": step.end.loss.item(),
        "recon": step.end.recon.item(),
        "kl": step.end.kl.item(),
        "nodes": graph.nodes().iter().map(node).collect::<Vec<_>>(),
        "units": units,
        "checks": checks,
    })
}

fn write(out: &Path, graph: &Graph<f64>, all: &Value) -> Result<()> {
    let diagram = drawing::diagram(graph);
    let text = serde_json::to_string_pretty(all).expect("numbers and names");
    write_whole(&out.join("trace.json"), text.as_bytes())?;
    write_whole(&out.join("graph.dot"), graph.to_dot().as_bytes())?;
    write_whole(&out.join("graph.svg"), diagram.svg().as_bytes())?;
    diagram.draw().save(out.join("graph.png"))
}
