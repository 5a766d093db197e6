//! Memory for numbers: whole cache lines, and large pages where there is enough of it.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice::{from_raw_parts, from_raw_parts_mut};

use super::prefetch::LINE;
use crate::Real;

/// A large page of x86-64, and of aarch64 where others have 4 KiB.
///
/// A processor keeps the addresses of some pages at hand, and looks all others up; nor does it foresee what is read behind the end
/// of a page. With large pages, on one thread of Zen 4, a sum of two arrays of 4 MiB takes 0.92 of the time, a loss over as much with
/// its gradient 0.90, and cubes of 1024 and 2048 are 1.01 to 1.03 times as fast.
const PAGE: usize = 2 << 20;

/// Where memory of no lines begins, too.
#[repr(align(64))]
struct Line;

/// A value with two cache lines to itself, as the processor fetches them in pairs: who writes what would lie beside it is not in
/// the way.
#[repr(align(128))]
pub(super) struct Alone<T>(pub(super) T);

/// A run of cache lines, all 0 in the beginning.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    lines: usize,
}

impl Memory {
    /// So many lines of 64 bytes.
    ///
    /// # Panics
    /// If they are more than the address space; the process ends if there is not as much memory.
    pub fn zeroed(lines: usize) -> Memory {
        let layout = layout(lines);
        if lines == 0 {
            return Memory { start: NonNull::<Line>::dangling().cast(), lines };
        }
        let is_large = layout.align() == PAGE;
        // SAFETY: the layout has a size.
        let start = unsafe { if is_large { alloc(layout) } else { alloc_zeroed(layout) } };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        if is_large {
            // Before the first byte is touched: that is when pages are made.
            ask_for_large_pages(start, layout.size());
            // SAFETY: so many bytes were allocated.
            unsafe { start.write_bytes(0, layout.size()) };
        }
        Memory { start, lines }
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// All of it, as numbers.
    pub fn numbers<T: Real>(&self) -> &[T] {
        let count = self.lines * (LINE / size_of::<T>());
        // SAFETY: so many bytes were allocated (or none, of which none is read), and all have been written: any of them are numbers,
        // which begin at a line. Nobody writes them while they are borrowed.
        unsafe { from_raw_parts(self.start.as_ptr().cast(), count) }
    }

    /// All of it, as numbers to be written.
    pub fn numbers_mut<T: Real>(&mut self) -> &mut [T] {
        let count = self.lines * (LINE / size_of::<T>());
        // SAFETY: as above, and nobody else has them.
        unsafe { from_raw_parts_mut(self.start.as_ptr().cast(), count) }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Memory {
        let mut copy = Memory::zeroed(self.lines);
        copy.numbers_mut::<f32>().copy_from_slice(self.numbers());
        copy
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.lines > 0 {
            // SAFETY: it was allocated with this layout.
            unsafe { dealloc(self.start.as_ptr(), layout(self.lines)) };
        }
    }
}

// SAFETY: it owns its lines, which are plain numbers.
unsafe impl Send for Memory {}
// SAFETY: as above; shared, they are only read.
unsafe impl Sync for Memory {}

/// The lines that so many numbers need.
pub fn lines_of<T: Real>(count: usize) -> usize {
    (count * size_of::<T>()).div_ceil(LINE)
}

/// How so many lines lie in memory: from the beginning of a large page on, if they fill one.
fn layout(lines: usize) -> Layout {
    let bytes = lines.saturating_mul(LINE);
    let align = if bytes < PAGE { LINE } else { PAGE };
    Layout::from_size_align(bytes, align).expect("less memory than the address space")
}

/// Has Linux make large pages of memory that begins with one. If it does not, nothing but time is lost.
fn ask_for_large_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the advice changes no byte of this memory, and no other memory.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zero_and_aligned_and_keeps_what_is_written() {
        let page = PAGE / LINE;
        for lines in [0, 1, 2, 1000, page - 1, page, page + 1, 3 * page + 7] {
            let mut memory = Memory::zeroed(lines);
            assert_eq!(memory.lines(), lines);
            assert_eq!(memory.numbers::<f64>().len(), 8 * lines);
            let align = if lines >= page { PAGE } else { LINE };
            assert!(memory.numbers::<f32>().as_ptr().addr().is_multiple_of(align), "{lines}");
            let numbers = memory.numbers_mut::<f64>();
            assert!(numbers.iter().all(|&number| number == 0.0), "{lines}");
            numbers.iter_mut().enumerate().for_each(|(i, number)| *number = i as f64);
            let copy = memory.clone();
            let mut numbers = copy.numbers::<f64>().iter().enumerate();
            assert!(numbers.all(|(i, &number)| number == i as f64), "{lines}");
        }
    }
}
