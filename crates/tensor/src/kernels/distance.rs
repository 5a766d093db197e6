//! How far the threads' cores are from each other.
//!
//! Cores that share a cache are *near*. On different chips they are *far*: a large processor is made of several, and
//! the host of a virtual machine may put its cores anywhere, and move them at any time. Of two Zen 4 cores that work through
//! half a mebibyte each, in nanoseconds per cache line of 64 bytes:
//!
//! | | near | far |
//! |---|---:|---:|
//! | one's own line, read or written | 0.9 | 1.0 |
//! | a line that the other wrote: read or written | 1.3 | 3.4 |
//! | one's own line, written after the other has read it | 8.7 | 36 |
//! | the same, taken out of all caches before | 8.4 | 5.4 |
//!
//! So it is not reading what another core wrote that costs, but writing what it has read: its copy has to be
//! called back. Where threads are far, what the others may have read is taken out of all caches (`evict.rs`)
//! before it is written. On processors that do not wait like that (`processor.rs`), no threads are far.

use std::sync::Mutex;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use super::memory::Alone;
use super::processor::{self, Processor};
use super::threads;

/// Looks at a line before the others are given up: some 10 microseconds, which is more than a member of the team that
/// is awake is ever late.
const LOOKS: usize = 1 << 14;

/// Nanoseconds that a line takes there and back from which on threads are far. Zen 4: 90 to 100 near, 310 to 325 far.
const FAR_FROM: f64 = 200.0;

/// Tries of a look, of which the fastest counts, as a thread may be interrupted in one; the turns of each; and how long
/// what was seen is believed. On two threads, looking takes less than a thousandth of the time.
const TRIES: usize = 4;
const TURNS: u64 = 16;
const BELIEVED: Duration = Duration::from_millis(20);

/// Nanoseconds that a cache line takes from one thread to the next one and back, if each adds 1 to it when its turn
/// has come: the mean of so many rounds of all threads. None if there is one thread only, or if they do not all
/// run at the same time.
pub fn round_trip(rounds: u64) -> Option<f64> {
    let threads = threads::count() as u64;
    let turns = rounds * threads;
    let (line, time) = (Alone(AtomicU64::new(0)), AtomicU64::new(0));
    threads::for_each(threads as usize, |i| {
        // The first round waits for those who come late.
        let mut start = Instant::now();
        for turn in (i as u64..threads + turns).step_by(threads as usize) {
            if !comes(&line, turn) {
                return;
            }
            if turn == threads {
                start = Instant::now();
            }
            line.0.store(turn + 1, Release);
        }
        if i == 0 && comes(&line, threads + turns) {
            time.store(start.elapsed().as_nanos() as u64, Release);
        }
    });
    let time = time.load(Acquire);
    (threads > 1 && time > 0).then(|| 2.0 * time as f64 / turns as f64)
}

/// Waits for a number; false if it does not come.
fn comes(line: &Alone<AtomicU64>, number: u64) -> bool {
    (0..LOOKS).any(|_| line.0.load(Acquire) == number)
}

static FAR: AtomicBool = AtomicBool::new(false);

/// Whether threads were far from each other at the last [look].
pub(super) fn are_far() -> bool {
    FAR.load(Relaxed)
}

/// Has kernels take the ways of far threads, or of near ones, until the next look.
#[cfg(test)]
pub(super) fn pretend(far: bool) {
    FAR.store(far, Relaxed);
}

/// Looks how far threads are from each other, if nobody has for a while. Optimizers do, so once in a training step.
pub(super) fn look() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    // Who finds somebody else looking does not wait.
    let Ok(mut last) = LAST.try_lock() else {
        return;
    };
    if last.is_some_and(|last| last.elapsed() < BELIEVED) {
        return;
    }
    let rounds = TURNS.div_ceil(threads::count() as u64);
    let time = || (0..TRIES).filter_map(|_| round_trip(rounds)).reduce(f64::min);
    if let Some(far) = decide(threads::count(), processor::current(), time) {
        FAR.store(far, Relaxed);
    }
    *last = Some(Instant::now());
}

/// Whether threads are far, if it can be said; asks for the time of a line only where that matters.
fn decide(
    threads: usize,
    processor: Processor,
    time: impl FnOnce() -> Option<f64>,
) -> Option<bool> {
    if threads == 1 || !processor.has_far_cores() {
        return Some(false);
    }
    Some(time()? > FAR_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_far_where_lines_take_long_and_writing_waits_for_it() {
        for amd in [Processor::Zen4, Processor::Amd] {
            assert_eq!(decide(2, amd, || Some(320.0)), Some(true));
            assert_eq!(decide(2, amd, || Some(95.0)), Some(false));
            // Nobody answered: what was seen before holds.
            assert_eq!(decide(2, amd, || None), None);
            assert_eq!(decide(1, amd, || panic!("there is nobody to ask")), Some(false));
        }
        assert_eq!(decide(2, Processor::Other, || panic!("it does not matter")), Some(false));
    }

    #[test]
    fn a_line_goes_round_or_is_given_up() {
        assert_eq!(threads::with(1, || round_trip(10)), None);
        assert!(!comes(&Alone(AtomicU64::new(1)), 2));
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
            return;
        }
        // Another test may keep the team busy for a while.
        let began = Instant::now();
        let time = loop {
            if let Some(time) = threads::with(2, || round_trip(10)) {
                break time;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nobody answers");
        };
        assert!(time > 1.0 && time < 1e7, "{time} ns");
    }
}
