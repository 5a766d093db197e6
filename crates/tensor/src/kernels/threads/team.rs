//! One team of threads that waits for the next job with open eyes.
//!
//! The kernels of a training step run for 10 to 300 microseconds each, with little between them. A
//! thread that sleeps is late for such a job, so a member of the team watches for the next one for
//! `PATIENCE` before it goes to sleep. Measured on the reference VAE, 2 cores: an epoch takes
//! 0.93 s when each kernel hands its parts to a general thread pool from outside, 0.72 s from
//! inside the pool, and 0.64 s with this team.
//!
//! Each thread begins with parts of its own, the same in every job, so that what it wrote last is
//! still in its cache; who is done helps the others. The caller does not wait for those who come
//! late: it works until nothing is left, then waits for parts that others have begun. A job that
//! is given while another one runs, or by a part of a job, runs on its own thread alone. Parts of the team's job see one thread, so that they do
//! not cut work for others.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::memory::Alone;
use super::with;

/// The most threads of a job.
pub(super) const MOST: usize = 64;

/// How long a thread watches for the next job before it sleeps.
const PATIENCE: Duration = Duration::from_micros(200);

/// Looks at the state between two looks at the clock: some 10 microseconds.
const LOOKS: usize = 256;

/// What all threads of a job share.
pub(super) struct Team {
    /// Set while a job runs.
    busy: AtomicBool,
    /// Twice the number of jobs so far, plus one while a job may be joined, times 2¹⁶; and the number
    /// of members that work on it, besides the caller.
    state: AtomicU64,
    /// Read by members only, written by the caller when there are none.
    job: UnsafeCell<Option<Job>>,
    /// The next part of each thread's own.
    next: [Alone<AtomicUsize>; MOST],
    /// Members that exist.
    hired: Mutex<usize>,
    /// Members that sleep, or are about to.
    asleep: AtomicUsize,
    bed: (Mutex<()>, Condvar),
    /// The first panic of a member.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A closure without its type, so that what runs it is compiled once.
#[derive(Clone, Copy)]
pub(super) struct Job {
    call: unsafe fn(*const (), usize),
    part: *const (),
    threads: usize,
    parts: usize,
}

impl Job {
    pub(super) fn new<F: Fn(usize) + Sync>(threads: usize, parts: usize, part: &F) -> Job {
        /// # Safety
        /// `part` points to an F.
        unsafe fn call<F: Fn(usize)>(part: *const (), i: usize) {
            // SAFETY: the caller's promise.
            unsafe { (*part.cast::<F>())(i) }
        }
        Job { call: call::<F>, part: std::ptr::from_ref(part).cast(), threads, parts }
    }
}

const OPEN: u64 = 1 << 16;
const MEMBERS: u64 = OPEN - 1;

// SAFETY: `job` is written by the one thread that holds `busy`, while nobody is a member, and read by
// members only; becoming one acquires what the caller released. All else is atomic or locked.
unsafe impl Sync for Team {}

pub(super) static TEAM: Team = Team {
    busy: AtomicBool::new(false),
    state: AtomicU64::new(0),
    job: UnsafeCell::new(None),
    next: [const { Alone(AtomicUsize::new(0)) }; MOST],
    hired: Mutex::new(0),
    asleep: AtomicUsize::new(0),
    bed: (Mutex::new(()), Condvar::new()),
    panic: Mutex::new(None),
};

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(0) };
}

/// Whose parts this thread begins with: 0 for who gives a job.
pub(super) fn place() -> usize {
    PLACE.get()
}

/// No panic happens while one of the locks is held: what it guards is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Team {
    /// Runs a job; false if another one is running.
    ///
    /// # Safety
    /// The job's `call` takes its `part`, with any index below `parts`, on any thread.
    pub(super) unsafe fn run(&'static self, job: Job) -> bool {
        let Job { threads, parts, .. } = job;
        if self.busy.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            return false;
        }
        self.hire(threads - 1);
        for (thread, next) in self.next[..threads].iter().enumerate() {
            next.0.store(own(thread, threads, parts).start, Relaxed);
        }
        // SAFETY: `busy` is ours, and no member is left of the job before.
        unsafe { *self.job.get() = Some(job) };
        self.state.fetch_add(OPEN, SeqCst);
        if self.asleep.load(SeqCst) > 0 {
            drop(lock(&self.bed.0));
            self.bed.1.notify_all();
        }
        // Parts borrow from the caller, who must not unwind before members have left.
        let result = catch_unwind(AssertUnwindSafe(|| with(1, || self.work(job, 0))));
        self.state.fetch_add(OPEN, Relaxed); // closed
        let mut looks = 0;
        while self.state.load(Acquire) & MEMBERS != 0 {
            looks += 1;
            if looks < 100 * LOOKS { std::hint::spin_loop() } else { thread::yield_now() }
        }
        let panic = lock(&self.panic).take();
        self.busy.store(false, Release);
        if let Some(panic) = result.err().or(panic) {
            resume_unwind(panic);
        }
        true
    }

    /// The parts that are left, the thread's own first.
    fn work(&self, job: Job, thread: usize) {
        for other in 0..job.threads {
            let owner = (thread + other) % job.threads;
            let end = own(owner, job.threads, job.parts).end;
            loop {
                let i = self.next[owner].0.fetch_add(1, Relaxed);
                if i >= end {
                    break;
                }
                // SAFETY: the job's closure outlives the job, which does not end before its members
                // have left.
                unsafe { (job.call)(job.part, i) };
            }
        }
    }

    fn hire(&'static self, members: usize) {
        let mut hired = lock(&self.hired);
        while *hired < members {
            let thread = *hired + 1;
            let name = format!("elbo-{thread}");
            // Without it the others do its parts.
            let Ok(_) =
                thread::Builder::new().name(name).spawn(move || with(1, || self.member(thread)))
            else {
                return;
            };
            *hired += 1;
        }
    }

    /// The life of a member.
    fn member(&self, thread: usize) {
        PLACE.set(thread);
        let mut done = 0;
        loop {
            let state = self.watch(done);
            done = state / OPEN;
            if !self.join(state) {
                continue;
            }
            // SAFETY: as a member we may read the job, and have acquired it in `join`.
            let job = unsafe { *self.job.get() };
            if let Some(job) = job.filter(|job| thread < job.threads) {
                let work = AssertUnwindSafe(|| self.work(job, thread));
                if let Err(panic) = catch_unwind(work) {
                    lock(&self.panic).get_or_insert(panic);
                }
            }
            self.state.fetch_sub(1, Release);
        }
    }

    /// Waits for a job after the one that was seen last; returns the state.
    fn watch(&self, done: u64) -> u64 {
        let began = Instant::now();
        loop {
            for _ in 0..LOOKS {
                let state = self.state.load(Acquire);
                if state / OPEN > done && state & OPEN != 0 {
                    return state;
                }
                std::hint::spin_loop();
            }
            if began.elapsed() > PATIENCE {
                break;
            }
            // With more threads than cores, somebody else has work to do.
            thread::yield_now();
        }
        let mut bed = lock(&self.bed.0);
        self.asleep.fetch_add(1, SeqCst);
        let state = loop {
            let state = self.state.load(SeqCst);
            if state / OPEN > done && state & OPEN != 0 {
                break state;
            }
            bed = self.bed.1.wait(bed).unwrap_or_else(PoisonError::into_inner);
        };
        self.asleep.fetch_sub(1, SeqCst);
        state
    }

    /// Becomes a member, if the job of that state may still be joined.
    fn join(&self, state: u64) -> bool {
        let mut now = state;
        while now / OPEN == state / OPEN {
            match self.state.compare_exchange_weak(now, now + 1, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(actual) => now = actual,
            }
        }
        false
    }
}

/// The parts that a thread begins with.
fn own(thread: usize, threads: usize, parts: usize) -> Range<usize> {
    thread * parts / threads..(thread + 1) * parts / threads
}

#[cfg(test)]
mod tests {
    use super::super::for_each;
    use super::*;

    #[test]
    fn every_part_comes_once() {
        for threads in [1, 2, 3, 8] {
            for parts in [0, 1, 2, 7, 1000] {
                let seen: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                with(threads, || {
                    for _ in 0..20 {
                        for_each(parts, |i| {
                            seen[i].fetch_add(1, Relaxed);
                        });
                    }
                });
                assert!(seen.iter().all(|n| n.load(Relaxed) == 20), "{threads} {parts}");
            }
        }
    }

    #[test]
    fn callers_may_be_many_and_jobs_nested() {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let sum = AtomicUsize::new(0);
                        with(3, || {
                            for_each(5, |i| {
                                for_each(4, |j| {
                                    sum.fetch_add(10 * i + j, Relaxed);
                                });
                            });
                        });
                        assert_eq!(sum.load(Relaxed), 4 * 100 + 5 * 6);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        for culprit in 0..8 {
            let done = AtomicUsize::new(0);
            let job = || {
                for_each(8, |i| {
                    assert!(i != culprit, "part {i}");
                    thread::sleep(Duration::from_millis(1));
                    done.fetch_add(1, Relaxed);
                });
            };
            let panic = catch_unwind(AssertUnwindSafe(|| with(4, job))).unwrap_err();
            assert_eq!(*panic.downcast::<String>().unwrap(), format!("part {culprit}"));
        }
        every_part_comes_once();
    }

    #[test]
    fn a_sleeping_team_wakes() {
        let (ids, began) = (Mutex::new(std::collections::HashSet::new()), Instant::now());
        // Another test may keep the team busy for a while: then a job runs on its own thread.
        while ids.lock().unwrap().len() < 2 {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody wakes");
            thread::sleep(2 * PATIENCE);
            with(2, || {
                for_each(2, |_| {
                    thread::sleep(Duration::from_millis(2));
                    ids.lock().unwrap().insert(thread::current().id());
                });
            });
        }
    }
}
