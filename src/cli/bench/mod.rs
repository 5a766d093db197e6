//! `elbo bench`: what the machine could do, and how much of it the kernels do.

mod gemm;
mod math;
mod step;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use elbo::bench::{Machine, Timing, Work};
use elbo_models::{Error, Result};
use elbo_tensor::kernels::{isa, threads};
use serde_json::{Value, json};

use super::say::say;

/// What to measure, and with what.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// The family of kernels
    #[arg(value_enum, default_value = "all")]
    family: Family,

    /// Instruction set: avx512, avx2 or portable [default: the best that the machine has]
    #[arg(long, value_name = "SET")]
    isa: Option<String>,

    /// Fewer and smaller shapes: seconds instead of minutes
    #[arg(long)]
    quick: bool,

    /// A folder for bench.json [default: none is written]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Family {
    /// Products of matrices
    Gemm,
    /// Functions of one number, losses, noise
    Math,
    /// Whole training steps of a VAE
    Step,
    /// All of them
    All,
}

/// One line of the table.
struct Row {
    family: &'static str,
    work: &'static str,
    shape: String,
    amount: Work,
    timing: Timing,
}

pub(super) fn run(args: &BenchArgs) -> Result<()> {
    if let Some(name) = &args.isa {
        isa::choose(name).map_err(|what| Error::Settings {
            what: format!("--isa {what}"),
            help: "choose one of these".into(),
        })?;
    }
    let machine = Machine::measure(threads::count());
    if !args.json {
        print_machine(&machine);
    }
    let mut rows = Vec::new();
    let mut report = |row: Row| {
        if !args.json {
            say!("{}", line(&machine, &row));
        }
        rows.push(row);
    };
    let wanted = |family| args.family == family || args.family == Family::All;
    if wanted(Family::Gemm) {
        gemm::measure(args.quick, &mut report);
    }
    if wanted(Family::Math) {
        math::measure(args.quick, &mut report);
    }
    if wanted(Family::Step) {
        step::measure(args.quick, &mut report);
    }
    let drift = machine.drift();
    let rows: Vec<Value> = rows.iter().map(|row| object(&machine, row)).collect();
    let all = json!({ "machine": machine, "drift": drift, "rows": rows });
    if args.json {
        say!("{all}");
    } else {
        say!("\nThe peak has moved by {:+.1} % since the beginning.", 100.0 * drift);
    }
    if let Some(out) = &args.out {
        write(out, &all)?;
    }
    Ok(())
}

/// Whole at the end: an interrupted benchmark leaves nothing behind.
fn write(out: &std::path::Path, all: &Value) -> Result<()> {
    let failed = |source| Error::Io {
        path: out.into(),
        source,
        help: "choose another folder with --out".into(),
    };
    std::fs::create_dir_all(out).map_err(failed)?;
    let text = serde_json::to_string_pretty(all).expect("numbers and names");
    elbo_models::write_whole(&out.join("bench.json"), text.as_bytes())
}

fn print_machine(machine: &Machine) {
    say!("{}, {}, {} threads", machine.cpu, machine.isa, machine.threads);
    for (kind, [one, all]) in [("f32", machine.single), ("f64", machine.double)] {
        say!("multiply-adds in {kind}: {one:.0} GFLOP/s on 1 thread, {all:.0} on all");
    }
    for level in &machine.bandwidth {
        let size = level.size >> 10;
        say!("{size:>7} KiB: read {:.0} GB/s, copy {:.0} GB/s", level.read, level.copy);
    }
    say!(
        "\n{:<16} {:<24} {:>10} {:>17} {:>8} {:>7} {:>5} {:>8}  bound",
        "work",
        "shape",
        "median",
        "min - max",
        "GFLOP/s",
        "GB/s",
        "peak",
        "flop/B"
    );
}

fn line(machine: &Machine, row: &Row) -> String {
    let Timing { median, least, most, .. } = row.timing;
    let micro = |seconds: f64| 1e6 * seconds;
    let rate = row.amount.flop / median * 1e-9;
    format!(
        "{:<16} {:<24} {:>7.1} µs {:>8.1}-{:<8.1} {:>8.1} {:>7.1} {:>3.0} % {:>8.2}  {}",
        row.work,
        row.shape,
        micro(median),
        micro(least),
        micro(most),
        rate,
        row.amount.bytes / median * 1e-9,
        100.0 * rate / machine.peak(row.amount.double),
        row.amount.intensity(),
        machine.bound(&row.amount),
    )
}

fn object(machine: &Machine, row: &Row) -> Value {
    let rate = row.amount.flop / row.timing.median * 1e-9;
    json!({
        "family": row.family,
        "work": row.work,
        "shape": row.shape,
        "kind": if row.amount.double { "f64" } else { "f32" },
        "seconds": row.timing,
        "gflops": rate,
        "gbytes_per_second": row.amount.bytes / row.timing.median * 1e-9,
        "share_of_peak": rate / machine.peak(row.amount.double),
        "flop": row.amount.flop,
        "bytes": row.amount.bytes,
        "intensity": row.amount.intensity(),
        "bound": machine.bound(&row.amount),
    })
}
