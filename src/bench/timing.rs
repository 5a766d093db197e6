//! How long a call takes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cores;

/// Seconds that a sample takes at least: far above the step of the clock.
const SAMPLE: f64 = 0.008;
const SAMPLES: usize = 7;

/// How long calls go on before the first sample, at least: the first of a process takes ten times as long as the next one, as its
/// memory is new, and threads begin.
const WARM_UP: Duration = Duration::from_millis(50);

/// After this, samples of one call are not taken again.
const AGAIN: Duration = Duration::from_secs(4);

/// Seconds per call over several samples.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Timing {
    /// The middle one.
    pub median: f64,
    /// The quickest sample.
    pub least: f64,
    /// The slowest sample.
    pub most: f64,
    /// How many samples.
    pub samples: usize,
    /// Those before or after which the cores did less than 85 % of the multiply-adds of their best moment: they
    /// were shared, or slow.
    pub disturbed: usize,
}

/// What is left of the time to take disturbed samples again.
static PATIENCE: Mutex<Duration> = Mutex::new(Duration::from_secs(60));

/// Sets how long all calls of [`time`] from now on may take samples again, together. At first it is a minute.
pub fn set_patience(patience: Duration) {
    *self::patience() = patience;
}

/// Nothing panics while it is locked.
fn patience() -> MutexGuard<'static, Duration> {
    PATIENCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Times a call: warms up, then takes samples of at least 8 ms each, of as many calls as that needs.
///
/// Between samples, all cores that kernels use are asked for a burst of multiply-adds, and a call of which a sample takes several goes once untimed. A sample before or after
/// which they do less than 85 % of their best is taken again, for some seconds at most, and while there is
/// [patience](set_patience); after that it counts, and is counted as [disturbed](Timing::disturbed).
pub fn time(call: impl FnMut()) -> Timing {
    let (start, most) = (Instant::now(), AGAIN.min(*patience()));
    let (timing, lost) = timing(call, cores::are_whole, || start.elapsed() < most);
    let mut left = patience();
    *left = left.saturating_sub(lost);
    timing
}

/// [`time`] for one of several threads that call it at once: asks nothing.
pub(super) fn time_beside_others(call: impl FnMut()) -> Timing {
    timing(call, || true, || false).0
}

/// The samples, and how long those took that were taken again.
fn timing(
    mut call: impl FnMut(),
    are_whole: impl Fn() -> bool,
    again: impl Fn() -> bool,
) -> (Timing, Duration) {
    let mut sample = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64() / calls as f64
    };
    let (start, mut calls) = (Instant::now(), 1);
    let once = loop {
        let once = sample(calls);
        let is_enough = once * calls as f64 >= SAMPLE / 2.0;
        if is_enough && start.elapsed() >= WARM_UP {
            break once;
        }
        calls *= if is_enough { 1 } else { 2 };
    };
    let calls = (SAMPLE / once).ceil() as usize;
    let samples = if once > 0.1 { 3 } else { SAMPLES };
    let (mut seconds, mut disturbed, mut lost) = (Vec::with_capacity(samples), 0, Duration::ZERO);
    let mut whole = are_whole();
    while seconds.len() < samples {
        let start = Instant::now();
        if calls > 1 {
            // Threads that slept while the cores were asked wake up outside of the sample: 14 steps of a VAE with a batch of 32, which are
            // one, would take 1.04 times as long.
            sample(1);
        }
        let one = sample(calls);
        let before = std::mem::replace(&mut whole, are_whole());
        if before && whole {
            seconds.push(one);
        } else if again() {
            lost += start.elapsed();
        } else {
            seconds.push(one);
            disturbed += 1;
        }
    }
    seconds.sort_by(f64::total_cmp);
    let (least, most) = (seconds[0], seconds[samples - 1]);
    (Timing { median: seconds[samples / 2], least, most, samples, disturbed }, lost)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn calls_warm_up_before_the_first_sample() {
        let (calls, before) = (Cell::new(0), Cell::new(None));
        let call = || {
            calls.set(calls.get() + 1);
            std::thread::sleep(Duration::from_millis(if calls.get() == 1 { 20 } else { 2 }));
        };
        let are_whole = || {
            before.set(before.get().or(Some(calls.get())));
            true
        };
        let start = Instant::now();
        let (timing, _) = timing(call, are_whole, || false);
        assert!(before.get().is_some_and(|before| before > 1), "{before:?}");
        assert!(start.elapsed() >= WARM_UP);
        // A sample is long enough, though the first call took as long as several.
        assert!(calls.get() >= SAMPLES * (SAMPLE / timing.most) as usize);
    }

    #[test]
    fn a_call_takes_at_least_what_it_sleeps() {
        let timing = time(|| std::thread::sleep(Duration::from_millis(2)));
        assert!(timing.least >= 0.002 && timing.least <= timing.median);
        assert!(timing.median <= timing.most && timing.samples == SAMPLES);
    }

    #[test]
    fn what_the_burst_costs_the_next_call_is_not_in_the_sample() {
        let is_first = Cell::new(false);
        let call = || {
            let slow = is_first.replace(false);
            std::thread::sleep(Duration::from_millis(if slow { 50 } else { 1 }));
        };
        let are_whole = || {
            is_first.set(true);
            true
        };
        let (timing, _) = timing(call, are_whole, || false);
        // Eight calls or fewer: 6 ms and more with a slow one among them.
        assert!(timing.least < 0.005, "{timing:?}");
    }

    /// (disturbed samples, calls of 8 ms) when the cores answer so, before the first sample and after each, and
    /// each sample may be taken again or not.
    fn disturbed(answers: &[bool], again: bool) -> (usize, usize) {
        let (mut calls, asked) = (0, Cell::new(0));
        let are_whole = || answers[asked.replace(asked.get() + 1)];
        let call = || {
            // Before the first sample, calls warm up.
            calls += usize::from(asked.get() > 0);
            std::thread::sleep(Duration::from_millis(8));
        };
        let (timing, lost) = timing(call, are_whole, || again);
        assert_eq!(asked.get(), answers.len());
        assert_eq!(timing.samples, SAMPLES);
        assert_eq!(lost >= Duration::from_millis(8), answers.len() > SAMPLES + 1);
        (timing.disturbed, calls)
    }

    #[test]
    fn a_sample_is_disturbed_if_the_cores_are_not_whole_before_it_or_after() {
        let mut answers = [true; SAMPLES + 1];
        assert_eq!(disturbed(&answers, false), (0, SAMPLES));
        answers[0] = false;
        assert_eq!(disturbed(&answers, false), (1, SAMPLES));
        answers[3] = false;
        assert_eq!(disturbed(&answers, false), (3, SAMPLES));
        answers[4] = false;
        assert_eq!(disturbed(&answers, false), (4, SAMPLES));
    }

    #[test]
    fn disturbed_samples_are_taken_again() {
        let mut answers = [true; SAMPLES + 4];
        (answers[3], answers[4]) = (false, false);
        assert_eq!(disturbed(&answers, true), (0, SAMPLES + 3));
    }
}
