//! Storage that is recycled, so that a training step allocates no buffer once it is warm.
//!
//! A buffer that is dropped goes back to a shelf for its size, and the next buffer of that size
//! comes from there: if there is one, the last that the same thread gave back, as its lines are in that
//! thread's cache. What is in use and what lies idle are together at most twice what was once in use at
//! the same time (or 64 MiB, if that is more).

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::Real;
use crate::kernels::memory::{Memory, lines_of};
use crate::kernels::prefetch::LINE;

/// A contiguous run of numbers, aligned to a cache line, that returns its memory when dropped.
pub(crate) struct Buffer<T: Real> {
    memory: Memory,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Real> Buffer<T> {
    /// Room for `len` numbers whose values are left over from an earlier use: write all of them.
    pub(crate) fn for_overwrite(len: usize) -> Buffer<T> {
        let needed = lines_of::<T>(len);
        // Small products ask for copies of nothing, and the lock would be a sixteenth of their time.
        let memory = if needed > 0 {
            let here = thread::current().id();
            let (size, idle) = shelves().take(needed, here);
            // New memory is made, and written, after the lock is released.
            idle.unwrap_or_else(|| Memory::zeroed(size))
        } else {
            Memory::zeroed(0)
        };
        Buffer { memory, len, element: PhantomData }
    }

    /// `len` times the same number.
    pub(crate) fn filled(len: usize, value: T) -> Buffer<T> {
        let mut buffer = Buffer::for_overwrite(len);
        buffer.fill(value);
        buffer
    }

    /// A copy of `values`.
    pub(crate) fn copied(values: &[T]) -> Buffer<T> {
        let mut buffer = Buffer::for_overwrite(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl<T: Real> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.memory.numbers()[..self.len]
    }
}

impl<T: Real> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory.numbers_mut()[..self.len]
    }
}

impl<T: Real> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.memory.lines() == 0 {
            return;
        }
        // What does not fit is freed here, after the lock is released.
        let memory = std::mem::replace(&mut self.memory, Memory::zeroed(0));
        let idle = Idle { memory, from: thread::current().id() };
        let _too_much = shelves().put(idle);
    }
}

/// What may be held in any case, in lines: training in small batches has many sizes in turn.
const LEAST: usize = (64 << 20) / LINE;

/// Where a shelf is searched for a thread's own: the end of it. Graphs leave a million small ones.
const LOOKED_AT: usize = 64;

/// A buffer on a shelf.
struct Idle {
    memory: Memory,
    /// Who gave it back.
    from: ThreadId,
}

struct Shelves {
    by_lines: BTreeMap<usize, Vec<Idle>>,
    in_use: usize,
    peak_in_use: usize,
    held: usize,
}

static SHELVES: Mutex<Shelves> =
    Mutex::new(Shelves { by_lines: BTreeMap::new(), in_use: 0, peak_in_use: 0, held: 0 });

fn shelves() -> MutexGuard<'static, Shelves> {
    // No code that can panic runs under the lock, so what it guards is whole in any case.
    SHELVES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelves {
    /// The lines of a buffer that has as many as are needed, and, if there is one, such a buffer.
    fn take(&mut self, needed: usize, here: ThreadId) -> (usize, Option<Memory>) {
        let size = rounded(needed);
        self.in_use += size;
        self.peak_in_use = self.peak_in_use.max(self.in_use);
        let idle = self.by_lines.get_mut(&size).and_then(|shelf| {
            let from = shelf.len().saturating_sub(LOOKED_AT);
            let own = shelf[from..].iter().rposition(|idle| idle.from == here);
            own.map(|i| shelf.remove(from + i)).or_else(|| shelf.pop())
        });
        match idle {
            Some(_) => self.held -= size,
            None => self.make_room(),
        }
        (size, idle.map(|idle| idle.memory))
    }

    /// The most lines in use and idle.
    fn most(&self) -> usize {
        (2 * self.peak_in_use).max(LEAST)
    }

    /// Frees idle buffers, large ones first, until what is held is not too much.
    fn make_room(&mut self) {
        while self.in_use + self.held > self.most() {
            let Some(mut shelf) = self.by_lines.last_entry() else { return };
            self.held -= shelf.get_mut().pop().map_or(0, |idle| idle.memory.lines());
            if shelf.get().is_empty() {
                shelf.remove();
            }
        }
    }

    fn put(&mut self, idle: Idle) -> Option<Idle> {
        let size = idle.memory.lines();
        self.in_use -= size;
        if self.in_use + self.held + size > self.most() {
            return Some(idle);
        }
        self.held += size;
        self.by_lines.entry(size).or_default().push(idle);
        None
    }
}

/// Sizes are rounded up to three significant binary digits, so that a shelf serves its neighbours:
/// at most a quarter is wasted.
fn rounded(lines: usize) -> usize {
    let step = (lines.next_power_of_two() / 8).max(1);
    lines.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_by_at_most_a_quarter() {
        assert_eq!((rounded(0), rounded(1), rounded(8), rounded(9)), (0, 1, 8, 10));
        for lines in 1..5000 {
            assert!(rounded(lines) >= lines && rounded(lines) * 4 <= lines * 5 + 4, "{lines}");
        }
    }

    #[test]
    fn a_buffer_is_aligned_and_as_long_as_asked() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut buffer = Buffer::<f32>::filled(len, 2.5);
            buffer.iter_mut().for_each(|x| *x += 1.0);
            assert_eq!(&*buffer, vec![3.5; len]);
            assert!(len == 0 || buffer.as_ptr().addr().is_multiple_of(LINE));
        }
    }

    #[test]
    fn a_thread_gets_back_what_it_gave() {
        // Of a size that no other test asks for.
        let buffer = || Buffer::<f32>::for_overwrite(7_654_321);
        let (ours, theirs) = (buffer(), buffer());
        let address = ours.as_ptr();
        drop(ours);
        thread::spawn(|| drop(theirs)).join().unwrap();
        assert_eq!(buffer().as_ptr(), address);
    }
}
