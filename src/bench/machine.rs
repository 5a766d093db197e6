//! What this machine can do at most: multiply-adds, and bytes.

use std::fmt;
use std::hint::black_box;

use elbo_tensor::kernels::gemm::Precision;
use elbo_tensor::kernels::peak::{self, has_bf16, multiply_adds, multiply_adds_bf16};
use elbo_tensor::kernels::{distance, isa, threads};
use serde::Serialize;

use super::aligned::Aligned;
use super::caches::caches;
use super::timing::time_beside_others;

/// What is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `f32` rounded to bfloat16, with sums in `f32`.
    Bf16,
}

impl Kind {
    /// The word for it in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::F32 => "f32",
            Kind::F64 => "f64",
            Kind::Bf16 => "bf16",
        }
    }

    /// That of products of this kind.
    pub fn precision(self) -> Precision {
        match self {
            Kind::F32 | Kind::F64 => Precision::Full,
            Kind::Bf16 => Precision::Bf16,
        }
    }
}

/// Floating-point operations and bytes of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Work {
    /// Operations; a multiply-add is two.
    pub flop: f64,
    /// Bytes read and written, each once.
    pub bytes: f64,
    /// What the operations are of.
    pub kind: Kind,
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

/// How fast bytes come from one level of the memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// L1, L2, .. or memory.
    pub name: String,
    /// Bytes that it holds for all threads together; none for memory.
    pub holds: Option<usize>,
    /// Bytes that the threads go over, together, to measure it.
    pub measured: usize,
    /// GB/s of summing.
    pub read: f64,
    /// GB/s of copying, reads and writes counted.
    pub copy: f64,
}

impl Level {
    /// GB/s at most.
    pub fn bandwidth(&self) -> f64 {
        self.read.max(self.copy)
    }
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
    /// GFLOP/s of pairs of bfloat16: on one thread, and on all of them; none without an instruction for them.
    pub bf16: Option<[f64; 2]>,
    /// From the first-level cache to memory, on all threads.
    pub levels: Vec<Level>,
    /// Nanoseconds that a cache line takes from one thread to another and back, if there are several.
    pub round_trip: Option<f64>,
}

impl Machine {
    /// Measures this machine, in some seconds.
    pub fn measure(threads: usize) -> Machine {
        Machine {
            cpu: cpu(),
            isa: isa::current().to_string(),
            threads,
            single: peaks(multiply_adds::<f32>, threads),
            double: peaks(multiply_adds::<f64>, threads),
            bf16: has_bf16().then(|| peaks(multiply_adds_bf16, threads)),
            levels: levels(threads),
            round_trip: round_trip(threads),
        }
    }

    /// GFLOP/s on all threads.
    pub fn peak(&self, kind: Kind) -> f64 {
        match kind {
            Kind::F32 => self.single[1],
            Kind::F64 => self.double[1],
            Kind::Bf16 => self.bf16.unwrap_or(self.single)[1],
        }
    }

    /// GFLOP/s of each kind that it has instructions for: on one thread, and on all of them.
    pub fn peaks(&self) -> impl Iterator<Item = (Kind, [f64; 2])> {
        let always = [(Kind::F32, self.single), (Kind::F64, self.double)];
        always.into_iter().chain(self.bf16.map(|peak| (Kind::Bf16, peak)))
    }

    /// How far the `f32` peak on all threads has moved since, as a share: frequencies change with
    /// temperature and with neighbours.
    pub fn drift(&self) -> f64 {
        peak(multiply_adds::<f32>, self.threads) / self.single[1] - 1.0
    }

    /// The [`round_trip`](Machine::round_trip) of a cache line now: cores of a virtual machine may move.
    pub fn round_trip_now(&self) -> Option<f64> {
        round_trip(self.threads)
    }

    /// The level that holds so many bytes.
    ///
    /// # Panics
    /// If no level holds them, not even memory.
    pub fn level(&self, bytes: f64) -> &Level {
        let holds = |level: &&Level| level.holds.is_none_or(|size| bytes <= size as f64);
        self.levels.iter().find(holds).expect("memory holds everything")
    }

    /// Seconds that the work takes at least: those of its operations at the peak, or those of its bytes
    /// from the level that holds them all.
    pub fn least(&self, work: &Work) -> f64 {
        self.seconds(work).into_iter().fold(0.0, f64::max)
    }

    /// Which of the two takes longer.
    pub fn bound(&self, work: &Work) -> Bound {
        let [operations, bytes] = self.seconds(work);
        if bytes > operations { Bound::Memory } else { Bound::Compute }
    }

    /// Of the operations, and of the bytes.
    fn seconds(&self, work: &Work) -> [f64; 2] {
        let bandwidth = self.level(work.bytes).bandwidth();
        [work.flop / self.peak(work.kind), work.bytes / bandwidth].map(|nano| 1e-9 * nano)
    }
}

/// Nanoseconds, if there are several threads: the median of some tries, as one of them may find a thread late.
fn round_trip(threads: usize) -> Option<f64> {
    const TRIES: usize = 25;
    const ROUNDS: u64 = 200;
    let try_once = |_| threads::with(threads, || distance::round_trip(ROUNDS));
    let mut times: Vec<f64> = (0..TRIES).filter_map(try_once).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// GFLOP/s of multiply-adds in registers: on one thread, and on all of them.
fn peaks<T>(multiply_adds: fn(usize) -> (u64, T), threads: usize) -> [f64; 2] {
    // Where all do far less than as many times one, the cores may be shared for a moment: that is no limit.
    const TRIES: usize = 8;
    let one = peak(multiply_adds, 1);
    let mut all = 0.0f64;
    for _ in 0..TRIES {
        all = all.max(peak(multiply_adds, threads));
        if all > 0.9 * threads as f64 * one {
            break;
        }
    }
    [one, all]
}

/// GFLOP/s of multiply-adds in registers, on so many threads.
fn peak<T>(multiply_adds: fn(usize) -> (u64, T), threads: usize) -> f64 {
    const ROUNDS: usize = 200_000;
    let flop = black_box(multiply_adds(black_box(ROUNDS))).0 as f64;
    let one = || {
        let timing = time_beside_others(|| {
            black_box(multiply_adds(black_box(ROUNDS)));
        });
        flop / timing.median * 1e-9
    };
    on_all(threads, one)
}

/// Every cache with slices of half its size, and memory with some far beyond the last cache.
fn levels(threads: usize) -> Vec<Level> {
    const BEYOND: usize = 96 << 20;
    let caches = caches(threads);
    let last = caches.last().map_or(0, |(_, size)| *size);
    let memory = ("memory".into(), None, BEYOND.max(4 * last / threads));
    let each = caches.into_iter().map(|(name, size)| (name, Some(size), size / 2 / threads));
    each.chain([memory]).map(|(name, holds, size)| level(name, holds, size, threads)).collect()
}

/// With `size` bytes for each thread.
fn level(name: String, holds: Option<usize>, size: usize, threads: usize) -> Level {
    let count = size / 8;
    let read = || {
        let x = Aligned::new(2 * count, |_| 1.0f32);
        let timing = time_beside_others(|| {
            black_box(peak::read(black_box(&x)));
        });
        size as f64 / timing.median * 1e-9
    };
    // Two slices of half the size, so that both together fit where one does when reading.
    let copy = || {
        let (x, mut y) = (Aligned::new(count, |_| 1.0f32), Aligned::new(count, |_| 0.0f32));
        let timing = time_beside_others(|| black_box(&mut y).copy_from_slice(black_box(&x)));
        size as f64 / timing.median * 1e-9
    };
    let (read, copy) = (on_all(threads, read), on_all(threads, copy));
    Level { name, holds, measured: size * threads, read, copy }
}

/// The sum of what several threads measure at the same time: the best of some rounds, since limits
/// are asked for, and new threads may begin on one core.
fn on_all(threads: usize, measure: impl Fn() -> f64 + Sync) -> f64 {
    const ROUNDS: usize = 3;
    let round = || -> f64 {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&measure)).collect();
            handles.into_iter().map(|handle| handle.join().expect("no panic")).sum()
        })
    };
    (0..ROUNDS).map(|_| round()).fold(0.0, f64::max)
}

/// The name of the processor, where the system tells it.
fn cpu() -> String {
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH.into(), |(_, name)| name.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_from_the_first_level_that_holds_them() {
        let level = |name: &str, holds, read| Level {
            name: name.into(),
            holds,
            measured: 0,
            read,
            copy: read / 2.0,
        };
        let machine = Machine {
            cpu: String::new(),
            isa: String::new(),
            threads: 1,
            single: [100.0; 2],
            double: [50.0; 2],
            bf16: None,
            levels: vec![level("L1", Some(1000), 200.0), level("memory", None, 20.0)],
            round_trip: None,
        };
        assert_eq!(machine.level(1000.0).name, "L1");
        assert_eq!(machine.level(1001.0).name, "memory");
        // One operation for each byte: the first level is fast enough for 100 GFLOP/s, memory is not,
        // nor for the 50 in f64.
        let work = |size, kind| Work { flop: size, bytes: size, kind };
        assert_eq!(machine.least(&work(1e3, Kind::F32)), 1e-8);
        assert_eq!(machine.least(&work(1e6, Kind::F32)), 5e-5);
        assert_eq!(machine.bound(&work(1000.0, Kind::F32)), Bound::Compute);
        assert_eq!(machine.bound(&work(1e6, Kind::F32)), Bound::Memory);
        assert_eq!(machine.bound(&work(1e6, Kind::F64)), Bound::Memory);
    }
}
