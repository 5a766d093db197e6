//! How fast the threads of the team are, beside each other.
//!
//! The cores of a virtual machine are not equal: while another guest uses the other hardware thread of one, a Xeon (Emerald Rapids) multiplies
//! 128 × 400 × 784 with 100 GFLOP/s on it and with 147 on the next one, for seconds. Who is done with an equal share then waits for a third of the time. So
//! products, whose parts cannot be small, are cut by what each thread did lately. No bit depends on where they are cut.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Instant;

use super::for_each;
use super::team::{MOST, place};

/// The speed of each thread, as the bits of an `f32`: 1 for the mean of all.
static SPEEDS: [AtomicU32; MOST] = [const { AtomicU32::new(1.0f32.to_bits()) }; MOST];

/// What it holds.
fn speeds() -> [f32; MOST] {
    std::array::from_fn(|i| f32::from_bits(SPEEDS[i].load(Relaxed)))
}

/// How much a share counts beside those before it: a core changes for many products, and one product may be interrupted.
const NEWEST: f32 = 0.125;

/// The least and the largest speed that is believed.
const SLOWEST: f32 = 0.5;
const FASTEST: f32 = 2.0;

/// Shares of some work, one for each thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    threads: usize,
    /// The part of the work that threads before the i-th one have.
    before: [f32; MOST + 1],
}

impl Shares {
    /// Shares of threads that are as fast as these.
    pub(crate) fn of(speeds: impl ExactSizeIterator<Item = f32> + Clone) -> Shares {
        let (threads, all) = (speeds.len(), speeds.clone().sum::<f32>());
        let mut before = [1.0; MOST + 1];
        let mut sum = 0.0;
        for (before, speed) in before.iter_mut().zip(speeds) {
            *before = sum / all;
            sum += speed;
        }
        Shares { threads, before }
    }

    /// Of the same size.
    pub(crate) fn equal(threads: usize) -> Shares {
        Shares::of((0..threads).map(|_| 1.0))
    }

    /// By how fast the threads were lately.
    pub(crate) fn by_speed(threads: usize) -> Shares {
        Shares::of(speeds()[..threads].iter().copied())
    }

    /// Where the share of thread i begins, and that of thread i - 1 ends, in so many units of work.
    pub(crate) fn cut(&self, i: usize, units: usize) -> usize {
        match i {
            i if i >= self.threads => units,
            _ => ((units as f64 * f64::from(self.before[i])).round() as usize).min(units),
        }
    }

    /// Calls `part(i)` for the share of each thread, on all threads.
    pub(crate) fn for_each(&self, part: impl Fn(usize) + Sync) {
        for_each(self.threads, part);
    }

    /// The same, for shares that take as long as they are large: says how fast the threads were.
    pub(crate) fn for_each_timed(&self, part: impl Fn(usize) + Sync) {
        if let Some(new) = self.learned(self.times_of(part), speeds()) {
            for (speed, new) in SPEEDS.iter().zip(new) {
                speed.store(new.to_bits(), Relaxed);
            }
        }
    }

    /// [`for_each`](Shares::for_each), and the nanoseconds that each thread took for its own share; 0 if it did not take it.
    fn times_of(&self, part: impl Fn(usize) + Sync) -> [u64; MOST] {
        let times = [const { AtomicU64::new(0) }; MOST];
        self.for_each(|i| {
            let began = Instant::now();
            part(i);
            // What another thread did for this one says nothing of it.
            if place() == i {
                times[i].store(began.elapsed().as_nanos() as u64, Relaxed);
            }
        });
        times.map(AtomicU64::into_inner)
    }

    /// The speeds after threads took so many nanoseconds for their shares; nothing if one did not take its own.
    fn learned(&self, times: [u64; MOST], old: [f32; MOST]) -> Option<[f32; MOST]> {
        let mut speeds = [0.0; MOST];
        let shares = self.before.windows(2).map(|ends| ends[1] - ends[0]);
        for ((speed, share), time) in speeds[..self.threads].iter_mut().zip(shares).zip(times) {
            if time == 0 || share <= 0.0 {
                return None;
            }
            *speed = share / time as f32;
        }
        let mean = speeds.iter().sum::<f32>() / self.threads as f32;
        let mut new = old;
        for (new, speed) in new.iter_mut().zip(&speeds[..self.threads]) {
            *new += NEWEST * ((speed / mean).clamp(SLOWEST, FASTEST) - *new);
        }
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    proptest! {
        #[test]
        fn shares_are_all_of_the_work_and_as_large_as_the_threads_are_fast(
            speeds in prop::collection::vec(0.5f32..2.0, 1..MOST), units in 0usize..100_000,
        ) {
            let shares = Shares::of(speeds.iter().copied());
            let all: f32 = speeds.iter().sum();
            prop_assert_eq!(shares.cut(0, units), 0);
            prop_assert_eq!(shares.cut(speeds.len(), units), units);
            for (i, speed) in speeds.iter().enumerate() {
                let share = shares.cut(i + 1, units) as f64 - shares.cut(i, units) as f64;
                let exact = units as f64 * f64::from(speed / all);
                prop_assert!((share - exact).abs() < 1.0 + 1e-5 * units as f64, "{} {}", share, exact);
            }
        }
    }

    #[test]
    fn each_thread_says_how_long_it_took() {
        let shares = Shares::equal(2);
        let sleep = [2, 8].map(Duration::from_millis);
        // Another test may have the team; then who asks does all of it, and nothing is known of the second thread.
        let times = (0..200).map(|_| shares.times_of(|i| std::thread::sleep(sleep[i])));
        let times = times.into_iter().find(|times| times[..2].iter().all(|&time| time > 0));
        let times = times.expect("two threads, at least once").map(Duration::from_nanos);
        assert!(times[0] >= sleep[0] && times[1] >= sleep[1], "{times:?}");
        assert!(times[2..].iter().all(Duration::is_zero));
    }

    #[test]
    fn who_takes_longer_gets_less() {
        // The time of the second thread for as much as the first one does in 1.
        let after = |mut speeds: [f32; MOST], second: f64, jobs: usize| {
            for _ in 0..jobs {
                let shares = Shares::of(speeds[..2].iter().copied());
                let first = f64::from(shares.before[1]);
                let mut times = [0; MOST];
                times[..2].copy_from_slice(
                    &[first * 1e6, (1.0 - first) * second * 1e6].map(|time| time as u64),
                );
                speeds = shares.learned(times, speeds).unwrap();
            }
            speeds
        };
        let share = |speeds: [f32; MOST]| Shares::of(speeds[..2].iter().copied()).before[1];
        let slow = after([1.0; MOST], 2.0, 50);
        assert!((share(slow) - 2.0 / 3.0).abs() < 0.01, "{slow:?}");
        let again = after(slow, 1.0, 50);
        assert!((share(again) - 0.5).abs() < 0.01, "{again:?}");
        // One product that was interrupted counts little, and others keep what they had.
        let interrupted = after([1.0; MOST], 1e3, 1);
        assert!((0.5..0.6).contains(&share(interrupted)), "{interrupted:?}");
        assert!(interrupted[2..].iter().all(|&speed| speed == 1.0));
    }

    #[test]
    fn what_one_thread_does_for_another_one_is_not_believed() {
        let mut times = [0; MOST];
        times[0] = 1000;
        assert_eq!(Shares::equal(2).learned(times, [1.0; MOST]), None);
    }
}
