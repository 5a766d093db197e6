//! Asking for memory that will be used soon, without waiting for it.

/// The bytes of a cache line.
pub(super) const LINE: usize = 64;

/// Asks for bytes that will be read soon.
pub fn fetch(x: &[u8]) {
    for line in x.chunks(LINE) {
        line_of(line.as_ptr());
    }
}

/// Asks for the cache line of an address, which need not be good for anything.
#[inline(always)]
pub(super) fn line_of<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has the instruction, which changes nothing but caches and takes any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// [`line_of`], but it need not come closer than the second-level cache.
#[inline(always)]
pub(super) fn line_to_second_level<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
