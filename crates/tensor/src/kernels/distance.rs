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
//! | the same, past all caches | 4.7 | 2.5 |
//! | a line that was written past all caches: read | 3.4 | 2.2 |
//!
//! So it is not reading what another core wrote that costs, but writing what it has read: its copy has to be
//! called back. Whoever writes what all threads read in between asks here [whether they are far](are_far), and
//! if so writes [past the caches](super::uncached).

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use super::threads;

/// A number with two cache lines to itself: the processor fetches them in pairs.
#[repr(align(128))]
struct Line(AtomicU64);

/// Looks at a line before the others are given up: some 10 microseconds, which is more than a member of the team that
/// is awake is ever late.
const LOOKS: usize = 1 << 14;

/// Nanoseconds that a line takes there and back from which on threads are far. Zen 4: 90 to 100 near, 310 to 325 far.
const FAR: f64 = 200.0;

/// Rounds of a look, and how long what it saw is believed: looking takes a two-thousandth of the time.
const ROUNDS: u64 = 16;
const BELIEVED: Duration = Duration::from_millis(20);

/// Nanoseconds that a cache line takes from one thread to the next one and back, if each adds 1 to it when its turn
/// has come: the mean of so many rounds of all threads. None if there is one thread only, or if they do not all
/// run at the same time.
pub fn round_trip(rounds: u64) -> Option<f64> {
    let threads = threads::count() as u64;
    let turns = rounds * threads;
    let (line, time) = (Line(AtomicU64::new(0)), AtomicU64::new(0));
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
fn comes(line: &Line, number: u64) -> bool {
    (0..LOOKS).any(|_| line.0.load(Acquire) == number)
}

/// Whether the threads were far from each other when that was looked at last, some milliseconds ago at most.
pub(super) fn are_far() -> bool {
    static SEEN: Mutex<Option<(Instant, bool)>> = Mutex::new(None);
    // Who finds somebody else looking does not wait.
    let Ok(mut seen) = SEEN.try_lock() else {
        return false;
    };
    let (at, far) = seen.unzip();
    if at.is_none_or(|at| at.elapsed() > BELIEVED) {
        let far = round_trip(ROUNDS).map_or(far.unwrap_or(false), |time| time > FAR);
        *seen = Some((Instant::now(), far));
    }
    seen.is_some_and(|(_, far)| far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_round_or_is_given_up() {
        for threads in [1, 2, 3] {
            let times: Vec<f64> =
                threads::with(threads, || (0..50).filter_map(|_| round_trip(10)).collect());
            assert!(times.iter().all(|&time| time > 1.0 && threads > 1), "{threads}: {times:?}");
        }
        assert!(!comes(&Line(AtomicU64::new(1)), 2));
    }
}
