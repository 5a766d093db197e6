//! `elbo bench`: what the machine could do, and how much of it the kernels do.

mod conv;
mod gemm;
mod math;
mod roofline;
mod row;
mod step;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use elbo::bench::{Machine, set_patience};
use elbo_models::{Error, Result, write_whole};
use elbo_tensor::kernels::{isa, threads};
use serde_json::{Value, json};

use self::row::Row;
use super::next_free::next_free;
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

    /// The folder for bench.json, roofline.svg and roofline.png [default: the next free
    /// runs/bench-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// How long to take samples again, in all, that were taken while the cores did less than 85 % of their best
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,

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
    /// Convolutions, pooling, upsampling, and training steps of a convolutional autoencoder
    Conv,
    /// Training steps of a VAE: how they scale, and what the graph costs
    Step,
    /// All of them
    All,
}

pub(super) fn run(args: &BenchArgs) -> Result<()> {
    if let Some(name) = &args.isa {
        isa::choose(name).map_err(|what| Error::Settings {
            what: format!("--isa {what}"),
            help: "choose one of these".into(),
        })?;
    }
    let out = args.out.clone().unwrap_or_else(|| next_free(Path::new("runs"), "bench"));
    // Before minutes of measuring, not after.
    std::fs::create_dir_all(&out).map_err(|source| Error::Io {
        path: out.clone(),
        source,
        help: "choose another folder with --out".into(),
    })?;
    set_patience(Duration::from_secs(args.patience));
    let machine = Machine::measure(threads::count());
    let talk = !args.json;
    if talk {
        print_machine(&machine);
    }
    let mut rows = Vec::new();
    let mut report = |row: Row| {
        if talk {
            say!("{}", row.line(&machine));
        }
        rows.push(row);
    };
    // Again after each family: the clock moves with temperature and neighbours, the cores with their host.
    let (mut drift, mut round_trips) = (Vec::new(), Vec::new());
    let families = [
        (Family::Gemm, gemm::measure as fn(bool, &mut dyn FnMut(Row))),
        (Family::Math, math::measure),
        (Family::Conv, conv::measure),
        (Family::Step, step::measure),
    ];
    let wanted = |family| args.family == family || args.family == Family::All;
    for (_, measure) in families.into_iter().filter(|(family, _)| wanted(*family)) {
        measure(args.quick, &mut report);
        drift.push(machine.drift());
        round_trips.push(machine.round_trip_now());
    }
    let overhead = wanted(Family::Step).then(step::overhead);
    let objects: Vec<Value> = rows.iter().map(|row| row.object(&machine)).collect();
    let all = json!({
        "machine": machine, "drift": drift, "round_trips": round_trips, "overhead": overhead, "rows": objects
    });
    write(&out, &all, &machine, &rows)?;
    if args.json {
        say!("{all}");
        return Ok(());
    }
    say!("");
    if let Some(step::Overhead { nodes, seconds, share }) = overhead {
        let (micro, percent) = (1e6 * seconds, 100.0 * share);
        say!(
            "A step's graph of {nodes} nodes costs {micro:.1} µs: {percent:.1} % of 784-400-20, batch 128."
        );
    }
    let [disturbed, samples] =
        rows.iter().map(Row::disturbed).fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
    if disturbed > 0 {
        say!(
            "Around {disturbed} of {samples} samples the cores did less than 85 % of their best: shared, or slow."
        );
    }
    let moved: Vec<String> = drift.iter().map(|share| format!("{:+.0} %", 100.0 * share)).collect();
    say!("The peak after each family, against the beginning: {}", moved.join(", "));
    if machine.round_trip.is_some() {
        let nanoseconds =
            |trip: &Option<f64>| trip.map_or("none".into(), |ns| format!("{ns:.0} ns"));
        let trips: Vec<String> = round_trips.iter().map(nanoseconds).collect();
        say!(
            "A cache line between two threads, there and back, after each family: {}",
            trips.join(", ")
        );
    }
    say!("{}: bench.json, roofline.svg, roofline.png", out.display());
    Ok(())
}

/// Each file whole, at the end: an interrupted benchmark leaves no half of one behind.
fn write(out: &Path, all: &Value, machine: &Machine, rows: &[Row]) -> Result<()> {
    let text = serde_json::to_string_pretty(all).expect("numbers and names");
    write_whole(&out.join("bench.json"), text.as_bytes())?;
    let roofline = roofline::roofline(machine, rows);
    write_whole(&out.join("roofline.svg"), roofline.svg().as_bytes())?;
    roofline.draw().save(out.join("roofline.png"))
}

fn print_machine(machine: &Machine) {
    let plural = if machine.threads > 1 { "s" } else { "" };
    say!("{}, {}, {} thread{plural}", machine.cpu, machine.isa, machine.threads);
    for (kind, [one, all]) in machine.peaks() {
        let kind = kind.name();
        say!("multiply-adds in {kind}: {one:.0} GFLOP/s on 1 thread, {all:.0} on all");
    }
    for level in &machine.levels {
        let (name, size) = (&level.name, level.measured >> 10);
        say!("{name:<6} ({size} KiB): read {:.0} GB/s, copy {:.0} GB/s", level.read, level.copy);
    }
    if let Some(nanoseconds) = machine.round_trip {
        say!("a cache line between two threads: {nanoseconds:.0} ns there and back");
    }
    say!("\n{}", Row::columns());
}
