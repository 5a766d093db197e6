//! Asking for memory that will be used soon, without waiting for it.

/// The bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Asks for bytes that will be read soon, in all lines that they lie in.
pub fn fetch(x: &[u8]) {
    lines(x).for_each(line_of);
}

/// An address in each cache line of a slice. The first may begin before it.
pub(super) fn lines<T>(x: &[T]) -> impl Iterator<Item = *const u8> {
    let start = x.as_ptr().cast::<u8>();
    let before = if x.is_empty() { 0 } else { start.addr() % LINE };
    (0..before + size_of_val(x))
        .step_by(LINE)
        .map(move |at| start.wrapping_add(at).wrapping_sub(before))
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

/// [`line_of`], to be written: it comes as a core's own, which no other core may have. If this core has it already, together with others,
/// nothing happens.
#[inline(always)]
pub(super) fn line_to_write<T>(address: *const T) {
    // SAFETY: AMD's processors and, from Broadwell on, Intel's have the instruction; for others of 64 bits it does nothing. It changes
    // nothing but caches and takes any address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_slice_comes_once() {
        let bytes = vec![0u8; 10 * LINE];
        let first = bytes.as_ptr().addr();
        for start in 0..2 * LINE {
            for length in [0, 1, 2, LINE - 1, LINE, LINE + 1, 5 * LINE] {
                let own = (first + start) / LINE..(first + start + length).div_ceil(LINE);
                let found = lines(&bytes[start..][..length]).map(|line| line.addr());
                let expected =
                    own.map(|line| line * LINE).take(if length == 0 { 0 } else { usize::MAX });
                assert!(found.eq(expected), "{length} from {start}");
            }
        }
    }
}
