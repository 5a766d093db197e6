//! Timing of short work, and what the machine could do: our kernels and yours, side by side.
//!
//! ```no_run
//! use elbo::bench::{Aligned, Kind, Machine, Work, time};
//!
//! let machine = Machine::measure(1);
//! let (x, mut y) = (Aligned::new(1 << 20, |_| 1.0f32), Aligned::new(1 << 20, |_| 0.0f32));
//! let timing = time(|| y.copy_from_slice(&x));
//! let work = Work { flop: 0.0, bytes: 8.0 * x.len() as f64, kind: Kind::F32 };
//! println!("{:.1} GB/s, {}", work.bytes / timing.median * 1e-9, machine.bound(&work));
//! ```

mod aligned;
mod caches;
mod cores;
mod machine;
mod timing;

pub use aligned::Aligned;
pub use machine::{Bound, Kind, Level, Machine, Work};
pub use timing::{Timing, set_patience, time};
