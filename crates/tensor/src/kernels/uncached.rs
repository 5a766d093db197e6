//! Writing past the caches.

use bytemuck::NoUninit;

/// A slice that is overwritten from its beginning to its end, past all caches: for what other cores have read, and
/// will read again, if they are [far](super::distance). What is written is in memory then, from where it
/// costs more to read than from a cache that is near.
pub(super) struct Uncached<'a, T> {
    slice: &'a mut [T],
    written: usize,
}

impl<'a, T: NoUninit> Uncached<'a, T> {
    /// Nothing is written yet.
    pub(super) fn new(slice: &'a mut [T]) -> Uncached<'a, T> {
        Uncached { slice, written: 0 }
    }

    /// What is not written yet.
    #[inline(always)]
    pub(super) fn rest(&self) -> &[T] {
        &self.slice[self.written..]
    }

    /// Writes what comes next.
    ///
    /// # Panics
    /// If it is more than the rest.
    #[inline(always)]
    pub(super) fn write(&mut self, next: &[T]) {
        let to = &mut self.slice[self.written..][..next.len()];
        self.written += next.len();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{__m128, _mm_loadu_ps, _mm_stream_ps};
            let (from, start): (&[u8], *mut f32) =
                (bytemuck::cast_slice(next), to.as_mut_ptr().cast());
            if start.cast::<__m128>().is_aligned() && from.len() % size_of::<__m128>() == 0 {
                for (i, four) in from.chunks_exact(size_of::<__m128>()).enumerate() {
                    // SAFETY: every x86-64 has SSE2. Both are good for as many bytes, and the i-th 16 of them are
                    // within; where they are written is aligned, and is neither read nor written by anybody before
                    // the fence: this slice has the only reference to it.
                    unsafe { _mm_stream_ps(start.add(4 * i), _mm_loadu_ps(four.as_ptr().cast())) }
                }
                return;
            }
        }
        to.copy_from_slice(next);
    }
}

impl<T> Drop for Uncached<'_, T> {
    /// What was written becomes visible to other threads before what this one writes from now on.
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 has SSE.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_number_is_written_once_in_its_place(
            sizes in prop::collection::vec(0usize..70, 0..6), from in 0usize..5, behind in 0usize..3,
        ) {
            let length: usize = sizes.iter().sum();
            let before: Vec<f64> = (0..from + length + behind).map(|i| i as f64).collect();
            let mut after = before.clone();
            let mut slice = Uncached::new(&mut after[from..from + length]);
            for size in sizes {
                let next: Vec<f64> = slice.rest()[..size].iter().map(|x| -x).collect();
                slice.write(&next);
            }
            prop_assert!(slice.rest().is_empty());
            drop(slice);
            for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                let is_inside = (from..from + length).contains(&i);
                prop_assert_eq!(*after, if is_inside { -before } else { *before });
            }
        }
    }
}
