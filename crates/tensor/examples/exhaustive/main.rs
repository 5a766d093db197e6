//! Every `f32`, all 2³² of them, through every function of `kernels::math`, on every instruction set of
//! this machine.
//!
//! `cargo run --release -p elbo-tensor --example exhaustive [FUNCTION...]` prints for each function the
//! largest error in units in the last place and the input that has it, and fails if it is above the
//! bound or if two instruction sets differ in a bit. (NaN counts as one value.) `ELBO_ISA` leaves one set.

mod oracle;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use elbo_tensor::kernels::isa::{self, Isa};
use elbo_tensor::kernels::math::{Function, map_on};
use elbo_tensor::kernels::threads;

/// Inputs in a piece of work.
const BLOCK: u32 = 1 << 16;

/// The inputs that are worst in two ways.
#[derive(Clone, Copy, Default)]
struct Worst {
    /// Error and input.
    error: (f64, f32),
    /// An input on which instruction sets differ, and one of the sets.
    differs: Option<(f32, Isa)>,
}

impl Worst {
    fn join(self, other: Worst) -> Worst {
        Worst {
            error: if other.error.0 > self.error.0 { other.error } else { self.error },
            differs: self.differs.or(other.differs),
        }
    }
}

fn block(function: Function, sets: &[Isa], first: u32) -> Worst {
    let x: Vec<f32> = (first..=first + (BLOCK - 1)).map(f32::from_bits).collect();
    let mut y = vec![0.0; x.len()];
    map_on(sets[0], function, &x, &mut y);
    let mut worst = Worst::default();
    for (&x, &y) in x.iter().zip(&y) {
        let error = oracle::error(y, oracle::exact(function, f64::from(x)));
        worst = worst.join(Worst { error: (error, x), differs: None });
    }
    let mut other = vec![0.0; x.len()];
    for &set in &sets[1..] {
        map_on(set, function, &x, &mut other);
        let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        let differs = (0..x.len()).find(|&i| !same(y[i], other[i])).map(|i| (x[i], set));
        worst = worst.join(Worst { differs, ..worst });
    }
    worst
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let known = |name: &String| Function::ALL.iter().any(|f| f.name() == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        let all: Vec<_> = Function::ALL.iter().map(|f| f.name()).collect();
        eprintln!("{name}: no such function; there are {}", all.join(", "));
        return ExitCode::from(2);
    }
    let sets = match std::env::var_os("ELBO_ISA") {
        Some(_) => vec![isa::current()],
        None => isa::available(),
    };
    let chosen = |f: &&Function| names.is_empty() || names.iter().any(|name| name == f.name());
    println!(
        "{:<10}{:>12}{:>8}  {:<16}{:>9}  bits",
        "function", "worst / ulp", "bound", "at", "seconds"
    );
    let mut failed = false;
    for &function in Function::ALL.iter().filter(chosen) {
        let start = Instant::now();
        let worst = Mutex::new(Worst::default());
        threads::for_each((u32::MAX / BLOCK) as usize + 1, |i| {
            let block = block(function, &sets, i as u32 * BLOCK);
            let mut worst = worst.lock().expect("no thread has panicked");
            *worst = worst.join(block);
        });
        let worst = worst.into_inner().expect("no thread has panicked");
        let (error, at) = worst.error;
        let bound = oracle::bound(function);
        let bits = match worst.differs {
            None => format!("equal on {} instruction sets", sets.len()),
            Some((x, set)) => format!("differ at {x:e} on {set}"),
        };
        let seconds = start.elapsed().as_secs_f64();
        let at = format!("{at:e}");
        println!("{:<10}{error:>12.3}{bound:>8}  {at:<16}{seconds:>9.1}  {bits}", function.name());
        failed |= error > bound || worst.differs.is_some();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
