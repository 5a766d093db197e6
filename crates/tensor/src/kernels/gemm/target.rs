//! Where a product goes. Threads write disjoint parts of it.

use std::ops::Range;

use super::super::evict::evict;

/// Where a product goes.
#[derive(Clone, Copy)]
pub(super) struct Target<T> {
    pub(super) start: *mut T,
    /// From one row to the next.
    pub(super) step: usize,
}

impl<T> Target<T> {
    pub(super) fn of(c: &mut [T], step: usize) -> Target<T> {
        Target { start: c.as_mut_ptr(), step }
    }

    /// What begins so many numbers later.
    pub(super) fn after(self, numbers: usize) -> Target<T> {
        Target { start: self.start.wrapping_add(numbers), ..self }
    }

    /// Takes some rows and columns out of all caches.
    pub(super) fn evict(&self, rows: &Range<usize>, columns: &Range<usize>) {
        for row in rows.clone() {
            // SAFETY: the columns of a row of C, which were handed to this part only.
            let columns = unsafe {
                let start = self.start.add(row * self.step + columns.start);
                std::slice::from_raw_parts_mut(start, columns.len())
            };
            evict(columns);
        }
    }
}

// SAFETY: a `Target` lives only as long as the function that made it from a slice that it had borrowed mutably, or owned, for all of that time: C,
// or what `in_terms` and `multiply_narrow` compute before they write C. Each hands every element to exactly one part.
unsafe impl<T> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Target<T> {}
