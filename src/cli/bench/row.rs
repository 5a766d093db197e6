//! One line of the table.

use elbo::bench::{Bound, Machine, Timing, Work};
use serde_json::{Value, json};

/// A piece of work, and how long it took.
pub(super) struct Row {
    pub(super) family: &'static str,
    pub(super) work: &'static str,
    pub(super) shape: String,
    /// With 0 operations where nobody counts them: those of a sine, say.
    pub(super) amount: Work,
    pub(super) timing: Timing,
    /// Images that the work is for, if it is for images.
    pub(super) images: Option<usize>,
    /// The same on one thread, where that was measured too.
    pub(super) alone: Option<Timing>,
    /// Seconds that as much of this work would take all threads with numbers that are in their caches, from those of one, where
    /// that says what operations cost that are not counted.
    pub(super) in_cache: Option<f64>,
}

impl Row {
    /// Work that is not for images, and was measured once.
    pub(super) fn new(
        family: &'static str,
        work: &'static str,
        shape: String,
        amount: Work,
        timing: Timing,
    ) -> Row {
        Row { family, work, shape, amount, timing, images: None, alone: None, in_cache: None }
    }

    /// None where operations are not counted.
    pub(super) fn gflops(&self) -> Option<f64> {
        self.counted(self.amount.flop / self.timing.median * 1e-9)
    }

    fn counted(&self, value: f64) -> Option<f64> {
        (self.amount.flop > 0.0).then_some(value)
    }

    fn share_of_peak(&self, machine: &Machine) -> Option<f64> {
        self.gflops().map(|gflops| gflops / machine.peak(self.amount.kind))
    }

    /// By the roofline, or, where operations are not counted, by what they take in caches: memory, if its bytes take longer.
    fn bound(&self, machine: &Machine) -> Bound {
        match self.in_cache {
            Some(seconds) if seconds > machine.least(&self.amount) => Bound::Compute,
            Some(_) => Bound::Memory,
            None => machine.bound(&self.amount),
        }
    }

    /// The share of the speed that the roofline allows.
    fn share_of_roof(&self, machine: &Machine) -> f64 {
        machine.least(&self.amount) / self.timing.median
    }

    fn images_per_second(&self) -> Option<f64> {
        self.images.map(|images| images as f64 / self.timing.median)
    }

    /// How many times as fast all threads are as one.
    fn speed_up(&self) -> Option<f64> {
        self.alone.map(|alone| alone.median / self.timing.median)
    }

    /// Samples around which the cores were not what they were, and all samples.
    pub(super) fn disturbed(&self) -> [usize; 2] {
        let timings = [Some(self.timing), self.alone];
        let sum = |count: fn(Timing) -> usize| timings.into_iter().flatten().map(count).sum();
        [sum(|timing| timing.disturbed), sum(|timing| timing.samples)]
    }

    /// What the columns of [`line`](Row::line) mean.
    pub(super) const LEGEND: &'static str = "Products: M x K times K x N, N as it is, T stored transposed; steps: pixels, hidden and latent units.\n\
        peak: share of the multiply-adds above; roof: share of what these and the memory level that holds the operands allow;\n\
        a zero that is skipped counts as an operation, so both may be above 100 %; flop/B: operations for each byte;\n\
        bound: which of the two is the limit; speed-up: over one thread;\n\
        disturbed: samples around which the cores did less than 85 % of their best.";

    /// The names of the columns of [`line`](Row::line).
    pub(super) fn columns() -> String {
        format!(
            "{:<18} {:<26} {:>11} {:>19} {:>8} {:>7} {:>5} {:>5} {:>7}  {:<7} {:>10} {:>8} {:>9}",
            "work",
            "shape",
            "median",
            "min - max",
            "GFLOP/s",
            "GB/s",
            "peak",
            "roof",
            "flop/B",
            "bound",
            "images/s",
            "speed-up",
            "disturbed"
        )
    }

    pub(super) fn line(&self, machine: &Machine) -> String {
        let [median, least, most] =
            [self.timing.median, self.timing.least, self.timing.most].map(|seconds| 1e6 * seconds);
        let or_nothing = |text: Option<String>| text.unwrap_or_default();
        let gflops = or_nothing(self.gflops().map(|gflops| format!("{gflops:.1}")));
        let peak = self.share_of_peak(machine).map(|share| format!("{:.0} %", 100.0 * share));
        let peak = or_nothing(peak);
        let intensity =
            or_nothing(self.counted(self.amount.intensity()).map(|x| format!("{x:.2}")));
        let images = self.images_per_second().map_or(String::new(), |rate| format!("{rate:.0}"));
        let speed_up = self.speed_up().map_or(String::new(), |times| format!("{times:.2}"));
        let disturbed = match self.disturbed() {
            [0, _] => String::new(),
            [disturbed, samples] => format!("{disturbed} of {samples}"),
        };
        let line = format!(
            "{:<18} {:<26} {median:>8.1} µs {least:>9.1}-{most:<9.1} {gflops:>8} {:>7.1} {peak:>5} {:>3.0} % {intensity:>7}  \
             {:<7} {images:>10} {speed_up:>8} {disturbed:>9}",
            self.work,
            self.shape,
            self.amount.bytes / self.timing.median * 1e-9,
            100.0 * self.share_of_roof(machine),
            self.bound(machine),
        );
        line.trim_end().into()
    }

    pub(super) fn object(&self, machine: &Machine) -> Value {
        json!({
            "family": self.family,
            "work": self.work,
            "shape": self.shape,
            "kind": self.amount.kind,
            "seconds": self.timing,
            "spread": (self.timing.most - self.timing.least) / self.timing.median,
            "gflops": self.gflops(),
            "gbytes_per_second": self.amount.bytes / self.timing.median * 1e-9,
            "images_per_second": self.images_per_second(),
            "share_of_peak": self.share_of_peak(machine),
            "share_of_roof": self.share_of_roof(machine),
            "flop": self.counted(self.amount.flop),
            "bytes": self.amount.bytes,
            "intensity": self.counted(self.amount.intensity()),
            "level": machine.level(self.amount.bytes).name,
            "bound": self.bound(machine),
            "seconds_on_one_thread": self.alone,
            "seconds_in_cache": self.in_cache,
            "speed_up": self.speed_up(),
        })
    }
}

#[cfg(test)]
mod tests {
    use elbo::bench::{Kind, Level};

    use super::*;

    #[test]
    fn a_line_says_how_many_samples_were_disturbed_of_all_that_it_stands_on() {
        let level =
            Level { name: "memory".into(), holds: None, measured: 0, read: 10.0, copy: 10.0 };
        let machine = Machine {
            cpu: String::new(),
            isa: String::new(),
            threads: 2,
            single: [100.0, 200.0],
            double: [50.0, 100.0],
            bf16: None,
            levels: vec![level],
            round_trip: None,
        };
        let timing =
            |disturbed| Timing { median: 1e-3, least: 1e-3, most: 1e-3, samples: 7, disturbed };
        let line = |here, alone: Option<usize>| {
            let amount = Work { flop: 1e6, bytes: 1e6, kind: Kind::F32 };
            let row = Row::new("step", "step", "1-1-1".into(), amount, timing(here));
            let row = Row { alone: alone.map(timing), ..row };
            row.line(&machine)
        };
        assert!(line(2, Some(1)).ends_with(" 3 of 14"), "{}", line(2, Some(1)));
        assert!(line(2, None).ends_with(" 2 of 7"), "{}", line(2, None));
        assert!(line(0, Some(0)).ends_with(" 1.00"), "{}", line(0, Some(0)));
        assert_eq!(line(2, None).chars().count(), Row::columns().chars().count());
    }
}
