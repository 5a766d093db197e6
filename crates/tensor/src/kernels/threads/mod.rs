//! Work on all cores: one team of threads that waits for the next job with open eyes.
//!
//! `team.rs` has the threads, `chunks.rs` parts of slices for them, `speed.rs` shares for threads that are not equally fast.

mod chunks;
mod speed;
mod team;

use std::cell::Cell;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

pub use self::chunks::{Chunks, chunks, chunks_mut, for_each_chunk};
pub(crate) use self::speed::Shares;
use self::team::{Job, MOST, TEAM};

/// Threads that kernels use, unless [`with`] says otherwise; 0 until it is known.
static COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OVERRIDE: Cell<usize> = const { Cell::new(0) };
}

/// The number of threads that kernels called from here use: all cores, or what `ELBO_THREADS`,
/// [`set`] or [`with`] says; 64 at most.
///
/// # Panics
/// If `ELBO_THREADS` is not a number from 1 on.
pub fn count() -> usize {
    match (OVERRIDE.get(), COUNT.load(Relaxed)) {
        (0, 0) => {
            let cores = || thread::available_parallelism().map_or(1, usize::from);
            let wanted = from_environment().unwrap_or_else(|error| panic!("{error}"));
            let count = wanted.unwrap_or_else(cores).min(MOST);
            // Somebody may have set it meanwhile.
            COUNT.compare_exchange(0, count, Relaxed, Relaxed).map_or_else(|set| set, |_| count)
        }
        (0, count) => count,
        (count, _) => count,
    }
}

/// What `ELBO_THREADS` says, if it is set.
///
/// # Errors
/// If it is not a number from 1 on.
pub fn from_environment() -> Result<Option<usize>, String> {
    let Ok(text) = std::env::var("ELBO_THREADS") else { return Ok(None) };
    match text.parse() {
        Ok(count @ 1..) => Ok(Some(count)),
        _ => Err(format!("ELBO_THREADS={text}: it must be a number from 1 on")),
    }
}

/// Sets the number of threads for the whole process. It changes no result.
///
/// # Panics
/// If it is 0.
pub fn set(count: usize) {
    assert!(count > 0, "threads::set: 0 threads");
    COUNT.store(count.min(MOST), Relaxed);
}

/// Runs `f` with another number of threads for the kernels that it calls from this thread.
///
/// ```
/// use elbo_tensor::{Stream, kernels::threads};
/// let draw = || Stream::new(1).normal::<f32>([100_000]).sum().item();
/// assert_eq!(threads::with(1, draw), threads::with(3, draw));
/// ```
///
/// # Panics
/// If it is 0.
pub fn with<R>(count: usize, f: impl FnOnce() -> R) -> R {
    assert!(count > 0, "threads::with: 0 threads");
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    let _restore = Restore(OVERRIDE.replace(count.min(MOST)));
    f()
}

/// Calls `part` with 0, 1, … `parts` - 1, in any order, on any thread.
///
/// # Panics
/// If a part panics. Parts that had not been begun may then be left out.
pub fn for_each(parts: usize, part: impl Fn(usize) + Sync) {
    let threads = count().min(parts);
    // SAFETY: the job is made of one closure, which may be called from all threads.
    if threads <= 1 || !unsafe { TEAM.run(Job::new(threads, parts, &part)) } {
        (0..parts).for_each(part);
    }
}
