//! How far two cores are from each other.
//!
//! Threads hand each other matrices through the cache that they share. Where the host of a virtual machine puts
//! its cores on different chips, there is none, and every line that the other one wrote takes several times as long.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::Instant;

/// A number with two cache lines to itself: the processor fetches them in pairs.
#[repr(align(128))]
struct Line(AtomicU64);

/// Looks at a line before the other thread is given up: some milliseconds.
const LOOKS: usize = 1 << 22;

/// How often two threads are given up before there is no answer: a new one may begin on the core of the old one.
const TRIES: usize = 8;

/// Times that the line goes there and back in a block, and blocks, of which the median counts.
const TRIPS: u64 = 200;
const BLOCKS: u64 = 15;

/// Nanoseconds that a cache line takes from a thread to another one and back, which each adds 1 to. None if the two
/// do not run at the same time.
pub(super) fn round_trip() -> Option<f64> {
    (0..TRIES).find_map(|_| with_a_new_thread())
}

fn with_a_new_thread() -> Option<f64> {
    let line = Line(AtomicU64::new(0));
    let pass = |trip: u64| {
        line.0.store(2 * trip + 1, Release);
        comes(&line, 2 * trip + 2)
    };
    let answer = || {
        (0..=BLOCKS * TRIPS).all(|trip| {
            comes(&line, 2 * trip + 1) && {
                line.0.store(2 * trip + 2, Release);
                true
            }
        })
    };
    thread::scope(|scope| {
        scope.spawn(answer);
        // The first trip waits for the thread.
        let mut trips = 0..=BLOCKS * TRIPS;
        let mut there = trips.next().is_some_and(pass);
        let mut blocks: Vec<f64> = (0..BLOCKS)
            .map(|_| {
                let start = Instant::now();
                there = there && trips.by_ref().take(TRIPS as usize).all(pass);
                start.elapsed().as_secs_f64() * 1e9 / TRIPS as f64
            })
            .collect();
        blocks.sort_by(f64::total_cmp);
        there.then(|| blocks[blocks.len() / 2])
    })
}

/// Waits for a number; false if it does not come.
fn comes(line: &Line, number: u64) -> bool {
    (0..LOOKS).any(|_| line.0.load(Acquire) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_or_is_given_up() {
        assert!(round_trip().is_none_or(|nanoseconds| nanoseconds > 1.0));
        assert!(!comes(&Line(AtomicU64::new(1)), 2));
    }
}
