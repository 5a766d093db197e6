//! What this machine can do at most: multiply-adds, and bytes.

use std::fmt;
use std::hint::black_box;

use elbo_tensor::Real;
use elbo_tensor::kernels::{isa, peak};
use serde::Serialize;

use super::timing::time;

/// Floating-point operations and bytes of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Work {
    /// Operations; a multiply-add is two.
    pub flop: f64,
    /// Bytes read and written, each once.
    pub bytes: f64,
    /// Whether the operations are those of `f64`.
    pub double: bool,
}

impl Work {
    /// Operations for each byte.
    pub fn intensity(&self) -> f64 {
        self.flop / self.bytes
    }
}

/// What stands in the way of more speed, by the roofline (Williams, Waterman & Patterson 2009).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Bytes take longer than operations.
    Memory,
    /// Operations take longer than bytes.
    Compute,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Bound::Memory => "memory",
            Bound::Compute => "compute",
        })
    }
}

/// Bytes per second of slices of one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bandwidth {
    /// Bytes that the threads go over, together.
    pub size: usize,
    /// GB/s of summing.
    pub read: f64,
    /// GB/s of copying, reads and writes counted.
    pub copy: f64,
}

/// The facts of a machine, and its limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The name that the processor gives itself.
    pub cpu: String,
    /// The instruction set in use.
    pub isa: String,
    /// Threads that are measured with.
    pub threads: usize,
    /// GFLOP/s in `f32`: on one thread, and on all of them.
    pub single: [f64; 2],
    /// GFLOP/s in `f64`: on one thread, and on all of them.
    pub double: [f64; 2],
    /// From the first-level cache to memory, on all threads.
    pub bandwidth: Vec<Bandwidth>,
}

/// Bytes for each thread, in the caches of common processors and far beyond them.
const SIZES: [usize; 4] = [24 << 10, 384 << 10, 6 << 20, 96 << 20];

impl Machine {
    /// Measures this machine, in about two seconds.
    pub fn measure(threads: usize) -> Machine {
        Machine {
            cpu: cpu(),
            isa: isa::current().to_string(),
            threads,
            single: [peak::<f32>(1), peak::<f32>(threads)],
            double: [peak::<f64>(1), peak::<f64>(threads)],
            bandwidth: SIZES.iter().map(|&size| bandwidth(size, threads)).collect(),
        }
    }

    /// GFLOP/s on all threads.
    pub fn peak(&self, double: bool) -> f64 {
        if double { self.double[1] } else { self.single[1] }
    }

    /// How far the `f32` peak on all threads has moved since, as a share: frequencies change with
    /// temperature and with neighbours.
    pub fn drift(&self) -> f64 {
        peak::<f32>(self.threads) / self.single[1] - 1.0
    }

    /// GB/s of reading what does not fit any cache.
    pub fn memory(&self) -> f64 {
        self.bandwidth.last().map_or(f64::NAN, |slowest| slowest.read)
    }

    /// What limits the work if its bytes come from memory.
    pub fn bound(&self, work: &Work) -> Bound {
        match work.bytes / self.memory() > work.flop / self.peak(work.double) {
            true => Bound::Memory,
            false => Bound::Compute,
        }
    }
}

/// GFLOP/s of multiply-adds in registers, on so many threads.
fn peak<T: Real>(threads: usize) -> f64 {
    const ROUNDS: usize = 200_000;
    let flop = black_box(peak::multiply_adds::<T>(black_box(ROUNDS))).0 as f64;
    let one = || {
        let timing = time(|| {
            black_box(peak::multiply_adds::<T>(black_box(ROUNDS)));
        });
        flop / timing.median * 1e-9
    };
    on_all(threads, one).iter().sum()
}

fn bandwidth(size: usize, threads: usize) -> Bandwidth {
    let count = size / 8;
    let read = || {
        let x = vec![1.0f32; 2 * count];
        let timing = time(|| {
            black_box(peak::read(black_box(&x)));
        });
        size as f64 / timing.median * 1e-9
    };
    // Two slices of half the size, so that both together fit where one does when reading.
    let copy = || {
        let (x, mut y) = (vec![1.0f32; count], vec![0.0f32; count]);
        let timing = time(|| black_box(&mut y).copy_from_slice(black_box(&x)));
        size as f64 / timing.median * 1e-9
    };
    let total = |rates: Vec<f64>| rates.iter().sum();
    Bandwidth {
        size: size * threads,
        read: total(on_all(threads, read)),
        copy: total(on_all(threads, copy)),
    }
}

/// What each of several threads measures at the same time.
fn on_all(threads: usize, measure: impl Fn() -> f64 + Sync) -> Vec<f64> {
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&measure)).collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    })
}

/// The name of the processor, where the system tells it.
fn cpu() -> String {
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH.into(), |(_, name)| name.trim().into())
}
