//! Asking for memory that will be used soon, without waiting for it.

/// The bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Asks for bytes that will be read soon.
pub fn fetch(x: &[u8]) {
    for line in x.chunks(LINE) {
        line_of(line.as_ptr());
    }
}

/// Asks for the cache line of an address, which need not be good for anything.
#[inline(always)]
pub(super) fn line_of<T>(address: *const T) {
    ask::<T, FIRST>(address);
}

/// [`line_of`], but it need not come closer than the second-level cache.
#[inline(always)]
pub(super) fn line_to_second_level<T>(address: *const T) {
    ask::<T, SECOND>(address);
}

/// The levels of cache, as x86-64 names them (`_MM_HINT_T0`, `_MM_HINT_T1`).
const FIRST: i32 = 3;
const SECOND: i32 = 2;

#[inline(always)]
fn ask<T, const LEVEL: i32>(address: *const T) {
    // SAFETY: every x86-64 has the instruction, which changes nothing but caches and takes any address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<LEVEL>(address.cast())
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
