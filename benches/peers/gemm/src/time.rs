//! The one way in which everything short is timed here; `python/timing.py` says the same.

use std::time::Instant;

/// Seconds that a sample takes at least: far above the step of the clock.
const SAMPLE: f64 = 0.008;
const SAMPLES: usize = 7;

/// The median over samples of the seconds that a call takes.
pub fn median(mut call: impl FnMut()) -> f64 {
    let mut sample = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64() / calls as f64
    };
    // Warms up, too.
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
    seconds[samples / 2]
}
