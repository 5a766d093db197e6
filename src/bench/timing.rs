//! How long a call takes.

use std::time::Instant;

/// Seconds that a sample takes at least: far above the step of the clock.
const SAMPLE: f64 = 0.008;
const SAMPLES: usize = 7;

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
}

/// Times a call: warms up, then takes samples of at least 8 ms each, of as many calls as that needs.
pub fn time(mut call: impl FnMut()) -> Timing {
    let mut sample = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64() / calls as f64
    };
    let mut calls = 1;
    let mut once = sample(calls);
    while once * (calls as f64) < SAMPLE / 2.0 {
        calls *= 2;
        once = sample(calls);
    }
    let calls = (SAMPLE / once).ceil() as usize;
    let samples = if once > 0.1 { 3 } else { SAMPLES };
    let mut seconds: Vec<f64> = (0..samples).map(|_| sample(calls)).collect();
    seconds.sort_by(f64::total_cmp);
    Timing { median: seconds[samples / 2], least: seconds[0], most: seconds[samples - 1], samples }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_call_takes_at_least_what_it_sleeps() {
        let timing = time(|| std::thread::sleep(Duration::from_millis(2)));
        assert!(timing.least >= 0.002 && timing.least <= timing.median);
        assert!(timing.median <= timing.most && timing.samples == SAMPLES);
    }
}
