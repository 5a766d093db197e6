//! Sums in lanes: the numbers of a row are added to so many sums in turn, which are folded as a tree at the end.

use super::vector::Vector;
use crate::Real;

/// Lanes of a sum.
pub(super) const LANES: usize = 32;

/// The rest of a row that is no whole chunk, filled up with numbers that change nothing.
#[inline(always)]
pub(super) fn filled<T: Real>(rest: &[T], with: T) -> [T; LANES] {
    let mut filled = [with; LANES];
    filled[..rest.len()].copy_from_slice(rest);
    filled
}

/// The same with zeros: vector by vector, as numbers that are written one by one could not be read as a vector at once.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
pub(super) unsafe fn padded<T: Real, V: Vector<T>>(rest: &[T]) -> [T; LANES] {
    let mut padded = [T::ZERO; LANES];
    for i in (0..rest.len().min(LANES)).step_by(V::LANES) {
        // SAFETY: the caller's promise; LANES is a multiple of V's.
        unsafe {
            V::load_up_to(rest[i..].as_ptr(), rest.len() - i).store(padded[i..].as_mut_ptr())
        };
    }
    padded
}

/// Writes the first of the lanes, as many as fit.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
pub(super) unsafe fn write<T: Real, V: Vector<T>>(lanes: [T; LANES], to: &mut [T]) {
    for i in (0..to.len().min(LANES)).step_by(V::LANES) {
        // SAFETY: the caller's promise; there are as many numbers from there on.
        unsafe { V::load(lanes[i..].as_ptr()).store_up_to(to[i..].as_mut_ptr(), to.len() - i) };
    }
}

#[inline(always)]
pub(super) fn added<T: Real>(mut lanes: [T; LANES], x: [T; LANES]) -> [T; LANES] {
    for i in 0..LANES {
        lanes[i] += x[i];
    }
    lanes
}

/// All lanes in one: as a tree.
#[inline(always)]
pub(super) fn folded<T: Real>(lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    #[inline(always)]
    fn halved<T: Real, const N: usize>(x: &[T], join: impl Fn(T, T) -> T) -> [T; N] {
        let mut half = [T::ZERO; N];
        for i in 0..N {
            half[i] = join(x[i], x[i + N]);
        }
        half
    }
    let lanes: [T; 16] = halved(&lanes, &join);
    let lanes: [T; 8] = halved(&lanes, &join);
    let lanes: [T; 4] = halved(&lanes, &join);
    let lanes: [T; 2] = halved(&lanes, &join);
    join(lanes[0], lanes[1])
}
