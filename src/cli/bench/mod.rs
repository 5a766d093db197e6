//! `elbo bench`: what the machine could do, and how much of it the kernels do.

mod conv;
mod gemm;
mod math;
mod roofline;
mod row;
mod step;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use elbo::bench::{Machine, set_patience};
use elbo_models::{Result, write_whole};
use elbo_tensor::kernels::{isa, threads};
use serde_json::{Value, json};

use self::gemm::Shape;
use self::row::Row;
use super::folder::Empty;
use super::say::say;
use super::{Done, interrupt};

/// What to measure, and with what.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// The family of kernels
    #[arg(value_enum, default_value = "all")]
    family: Family,

    /// Instruction set: avx512, avx2 or portable [default: the best that the machine has]
    #[arg(long, value_name = "SET")]
    isa: Option<String>,

    /// Products of these sizes M x K x N instead of those of a VAE, such as 128x784x400:NT, separated by commas; T is a factor that
    /// is stored transposed
    #[arg(long, value_name = "MxKxN:AB", value_delimiter = ',', conflicts_with = "quick")]
    shapes: Vec<Shape>,

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

/// What is found, and written.
struct Report {
    machine: Machine,
    rows: Vec<Row>,
    /// After each family, as the clock moves with temperature and neighbours, the cores with their host.
    drift: Vec<f64>,
    round_trips: Vec<Option<f64>>,
    overhead: Option<step::Overhead>,
    is_written: bool,
}

pub(super) fn run(args: &BenchArgs) -> Result<Done> {
    if !args.shapes.is_empty() && args.family != Family::Gemm {
        return Ok(Done::Refused(
            "--shapes are those of products; use it with: elbo bench gemm".into(),
        ));
    }
    if let Some(Err(what)) = args.isa.as_ref().map(|name| isa::choose(name)) {
        return Ok(Done::Refused(format!("--isa {what}")));
    }
    // Before minutes of measuring, not after.
    let out = Empty::make(args.out.as_deref(), "bench")?;
    set_patience(Duration::from_secs(args.patience));
    let report = Arc::new(OnceLock::new());
    save_on_ctrl_c(&report, &out);
    let machine = Machine::measure(threads::count());
    if !args.json {
        print_machine(&machine);
    }
    let report = report.get_or_init(|| Mutex::new(Report::of(machine.clone())));
    measure(args, &machine, report);
    // Ctrl-C may come at any time, and must find the lock free before long: nothing is printed under it.
    let (object, end) = {
        let mut report = lock(report);
        report.write(&out.path, false)?;
        report.is_written = true;
        (report.object(false), report.end())
    };
    if args.json {
        say!("{object}");
    } else {
        say!("\n{end}\n{}: bench.json, roofline.svg, roofline.png", out.path.display());
    }
    Ok(Done::Completely)
}

/// What one panicked over is of no use, but Ctrl-C may still save what was found.
fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Measures row for row, without a lock while it does.
fn measure(args: &BenchArgs, machine: &Machine, report: &Mutex<Report>) {
    let mut add = |row: Row| {
        let line = row.line(machine);
        lock(report).rows.push(row);
        if !args.json {
            say!("{line}");
        }
    };
    let families = match args.family {
        Family::All => vec![Family::Gemm, Family::Math, Family::Conv, Family::Step],
        one => vec![one],
    };
    for family in families {
        match family {
            Family::Gemm => gemm::measure(args.quick, &args.shapes, &mut add),
            Family::Math => math::measure(args.quick, &mut add),
            Family::Conv => conv::measure(args.quick, &mut add),
            Family::Step => step::measure(args.quick, &mut add),
            Family::All => unreachable!("one of the others"),
        }
        let (drift, trip) = (machine.drift(), machine.round_trip_now());
        let mut report = lock(report);
        report.drift.push(drift);
        report.round_trips.push(trip);
    }
    if matches!(args.family, Family::Step | Family::All) {
        let overhead = step::overhead();
        lock(report).overhead = Some(overhead);
    }
}

/// On Ctrl-C, writes the rows that there are, if there are any and they are not written.
fn save_on_ctrl_c(report: &Arc<OnceLock<Mutex<Report>>>, out: &Empty) {
    let (report, out) = (Arc::clone(report), out.clone());
    interrupt::ends_with(move || {
        let report = report.get().map(lock).filter(|report| !report.rows.is_empty());
        let Some(report) = report else {
            out.give_up();
            return "nothing was measured yet".into();
        };
        let written = if report.is_written { Ok(()) } else { report.write(&out.path, true) };
        match written {
            Ok(()) => {
                format!("the {} rows so far are in {}", report.rows.len(), out.path.display())
            }
            Err(error) => error.to_string(),
        }
    });
}

impl Report {
    /// Nothing yet, but the machine.
    fn of(machine: Machine) -> Report {
        Report {
            machine,
            rows: Vec::new(),
            drift: Vec::new(),
            round_trips: Vec::new(),
            overhead: None,
            is_written: false,
        }
    }

    fn object(&self, is_interrupted: bool) -> Value {
        let Report { machine, rows, drift, round_trips, overhead, .. } = self;
        let rows: Vec<Value> = rows.iter().map(|row| row.object(machine)).collect();
        json!({
            "machine": machine, "drift": drift, "round_trips": round_trips, "overhead": overhead,
            "interrupted": is_interrupted, "rows": rows
        })
    }

    /// Each file whole, at the end: an interrupted benchmark leaves no half of one behind.
    fn write(&self, out: &Path, is_interrupted: bool) -> Result<()> {
        let object = self.object(is_interrupted);
        let text = serde_json::to_string_pretty(&object).expect("numbers and names");
        write_whole(&out.join("bench.json"), text.as_bytes())?;
        let roofline = roofline::roofline(&self.machine, &self.rows);
        write_whole(&out.join("roofline.svg"), roofline.svg().as_bytes())?;
        roofline.draw().save(out.join("roofline.png"))
    }

    /// What is said behind the table.
    fn end(&self) -> String {
        let Report { machine, rows, drift, round_trips, overhead, .. } = self;
        let mut lines = Vec::new();
        if let Some(step::Overhead { nodes, seconds, share }) = overhead {
            let (micro, percent) = (1e6 * seconds, 100.0 * share);
            lines.push(format!(
                "A step's graph of {nodes} nodes costs {micro:.1} µs: {percent:.1} % of 784-400-20, batch 128."
            ));
        }
        let [disturbed, samples] =
            rows.iter().map(Row::disturbed).fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
        if disturbed > 0 {
            lines.push(format!(
                "Around {disturbed} of {samples} samples the cores did less than 85 % of their best: shared, or slow."
            ));
        }
        let moved: Vec<String> =
            drift.iter().map(|share| format!("{:+.0} %", 100.0 * share)).collect();
        lines.push(format!(
            "The peak after each family, against the beginning: {}",
            moved.join(", ")
        ));
        if machine.round_trip.is_some() {
            let nanoseconds =
                |trip: &Option<f64>| trip.map_or("none".into(), |ns| format!("{ns:.0} ns"));
            let trips: Vec<String> = round_trips.iter().map(nanoseconds).collect();
            lines.push(format!(
                "A cache line between two threads, there and back, after each family: {}",
                trips.join(", ")
            ));
        }
        lines.join("\n")
    }
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
    say!("\n{}\n\n{}", Row::LEGEND, Row::columns());
}
