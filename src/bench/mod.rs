//! Timing of short work, and what the machine could do: our kernels and yours, side by side.
//!
//! ```no_run
//! use elbo::bench::{Machine, Work, time};
//!
//! let machine = Machine::measure(1);
//! let (x, mut y) = (vec![1.0f32; 1 << 20], vec![0.0f32; 1 << 20]);
//! let timing = time(|| y.copy_from_slice(&x));
//! let work = Work { flop: 0.0, bytes: 8.0 * x.len() as f64, double: false };
//! println!("{:.1} GB/s, {}", work.bytes / timing.median * 1e-9, machine.bound(&work));
//! ```

mod caches;
mod machine;
mod timing;

pub use machine::{Bound, Level, Machine, Work};
pub use timing::{Timing, time};
