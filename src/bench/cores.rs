//! What the cores give at the moment, beside what they have given at best.
//!
//! The cores of a virtual machine may be two threads of one physical core for some seconds, without a word
//! to the system inside: two threads then do what one does alone. Neighbours and heat take their share, too.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use elbo_tensor::kernels::peak::multiply_adds;
use elbo_tensor::kernels::threads;

/// How long each core is asked.
const BURST: Duration = Duration::from_micros(100);

/// How long threads wait for those that have not begun.
const GATHER: Duration = Duration::from_millis(1);

/// Below this share of their best, the cores are not what they were.
const WHOLE: f64 = 0.85;

/// Whether all cores that kernels use, together, do as many multiply-adds in registers as they did at best
/// since the process began, within 15 %: in two of three bursts, as one can be cut by an interrupt.
pub(super) fn are_whole() -> bool {
    static BEST: Mutex<Vec<f64>> = Mutex::new(Vec::new());
    let threads = threads::count();
    let mut best = BEST.lock().unwrap_or_else(PoisonError::into_inner);
    if best.len() <= threads {
        best.resize(threads + 1, 0.0);
    }
    let best = &mut best[threads];
    let mut burst = || {
        let now = rate(threads);
        *best = best.max(now);
        now >= WHOLE * *best
    };
    let [first, second] = [burst(), burst()];
    if first == second { first } else { burst() }
}

/// Multiply-adds per second of so many threads at once. They are new ones: a team would go on to watch for
/// work beside what is timed next.
fn rate(threads: usize) -> f64 {
    let (rounds, arrived) = (rounds(), AtomicUsize::new(0));
    let one = || {
        let since = Instant::now();
        arrived.fetch_add(1, SeqCst);
        while arrived.load(SeqCst) < threads && since.elapsed() < GATHER {
            spin_loop();
        }
        let start = Instant::now();
        let (flop, _) = black_box(multiply_adds::<f32>(black_box(rounds)));
        flop as f64 / 2.0 / start.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
        one() + others.into_iter().map(|other| other.join().expect("no panic")).sum::<f64>()
    })
}

/// So many rounds take about a `BURST`.
fn rounds() -> usize {
    static ROUNDS: OnceLock<usize> = OnceLock::new();
    *ROUNDS.get_or_init(|| {
        let mut rounds = 16;
        loop {
            let start = Instant::now();
            black_box(multiply_adds::<f32>(black_box(rounds)));
            if start.elapsed() >= BURST {
                return rounds;
            }
            rounds *= 2;
        }
    })
}
