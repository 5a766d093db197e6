//! How long a call takes, one sample at a time. `python/timing.py` does the same.

use std::time::Instant;

/// Seconds that a sample takes at least: far above the step of the clock, and short enough that what is compared is neighbours.
const SAMPLE: f64 = 0.008;

/// Seconds that calls go on before the first sample: threads and memory are new.
const NEW: f64 = 0.05;

/// Seconds that calls go on before each sample: threads slept, and others had the caches.
const STOOD: f64 = 0.002;

/// A call, and how many of it a sample is.
pub struct Sampler<F> {
    call: F,
    calls: usize,
}

impl<F: FnMut()> Sampler<F> {
    pub fn new(mut call: F) -> Sampler<F> {
        warm_up(&mut call, NEW);
        let mut calls = 1;
        while calls as f64 * seconds(&mut call, calls) < SAMPLE {
            calls *= 2;
        }
        Sampler { call, calls }
    }

    /// Seconds per call.
    pub fn sample(&mut self) -> f64 {
        if self.calls > 1 {
            warm_up(&mut self.call, STOOD);
        }
        seconds(&mut self.call, self.calls)
    }
}

fn warm_up(call: &mut impl FnMut(), least: f64) {
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < least {
        call();
    }
}

fn seconds(call: &mut impl FnMut(), calls: usize) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() / calls as f64
}
