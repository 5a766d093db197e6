//! GFLOP/s or GB/s beside times: criterion knows elements a second.
#![allow(dead_code)] // no benchmark needs all of it

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use elbo_tensor::kernels::threads;

/// Time on a clock, in whose throughput "elements" are floating-point operations.
pub(crate) struct Rate;

/// Floating-point operations of one call, of which a multiply-add is two.
pub(crate) fn flop(operations: usize) -> Throughput {
    Throughput::Elements(operations as u64)
}

/// What one call reads and writes, each byte once in each pass.
pub(crate) fn bytes<T>(numbers: usize) -> Throughput {
    Throughput::BytesDecimal((numbers * size_of::<T>()) as u64)
}

/// Some samples of each piece of work, a second or less for all of them; on one thread, unless `ELBO_THREADS` says otherwise.
pub(crate) fn on_one_thread() -> Criterion<Rate> {
    if std::env::var_os("ELBO_THREADS").is_none() {
        threads::set(1);
    }
    Criterion::default()
        .with_measurement(Rate)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(600))
}

impl Measurement for Rate {
    type Intermediate = <WallTime as Measurement>::Intermediate;
    type Value = <WallTime as Measurement>::Value;

    fn start(&self) -> Self::Intermediate {
        WallTime.start()
    }
    fn end(&self, start: Self::Intermediate) -> Self::Value {
        WallTime.end(start)
    }
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Self::Value {
        WallTime.add(a, b)
    }
    fn zero(&self) -> Self::Value {
        WallTime.zero()
    }
    fn to_f64(&self, value: &Self::Value) -> f64 {
        WallTime.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Rate {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }
    fn scale_throughputs(
        &self,
        _typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let (amount, unit) = match *throughput {
            Throughput::Elements(operations) => (operations, "GFLOP/s"),
            Throughput::BytesDecimal(bytes) => (bytes, "GB/s"),
            _ => unreachable!("`flop` and `bytes` make nothing else"),
        };
        // Times are in nanoseconds.
        values.iter_mut().for_each(|time| *time = amount as f64 / *time);
        unit
    }
    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}
