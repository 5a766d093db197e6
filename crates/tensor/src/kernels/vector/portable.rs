//! Vectors as arrays, for machines of which nothing is known.

use super::super::isa;
use super::{GROUP, MOST_GROUPS, Vector};

macro_rules! portable {
    ($type:ty, $lanes:literal) => {
        impl Vector<$type> for [$type; $lanes] {
            type Set = isa::Portable;
            const LANES: usize = $lanes;
            const TILE: (usize, usize) = (4, 2);
            #[inline(always)]
            unsafe fn splat(x: $type) -> Self {
                [x; $lanes]
            }
            #[inline(always)]
            unsafe fn load(from: *const $type) -> Self {
                // SAFETY: the caller's pointer is good for this many numbers.
                unsafe { from.cast::<Self>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $type) {
                // SAFETY: the caller's pointer is good for this many numbers.
                unsafe { to.cast::<Self>().write_unaligned(self) }
            }
            type Lanes = ();
            const LEAVES_OUT: bool = false;
            #[inline(always)]
            unsafe fn first(_: usize) {}
            #[inline(always)]
            unsafe fn load_first(from: *const $type, (): ()) -> Self {
                // SAFETY: the caller's pointer is good for all lanes.
                unsafe { Self::load(from) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                std::array::from_fn(|i| self[i] + other[i])
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                std::array::from_fn(|i| self[i] * other[i])
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                self.map(|x| if x < 0.0 { 0.0 } else { x })
            }
            #[inline(always)]
            unsafe fn where_positive(self, mask: Self) -> Self {
                std::array::from_fn(|i| if mask[i] > 0.0 { self[i] } else { 0.0 })
            }
            #[inline(always)]
            unsafe fn mul_add(self, x: Self, sum: Self) -> Self {
                std::array::from_fn(|i| self[i].mul_add(x[i], sum[i]))
            }
            #[inline(always)]
            unsafe fn interleave(self, other: Self) -> (Self, Self) {
                let at = |i: usize| if i % 2 == 0 { self[i / 2] } else { other[i / 2] };
                (std::array::from_fn(at), std::array::from_fn(|i| at(i + $lanes)))
            }
            #[inline(always)]
            unsafe fn groups(from: [*const $type; MOST_GROUPS]) -> Self {
                const { assert!(size_of::<Self>() == GROUP) }
                // SAFETY: the caller's first pointer is good for a group, which is all.
                unsafe { Self::load(from[0]) }
            }
            #[inline(always)]
            unsafe fn interleave_groups(self, other: Self) -> (Self, Self) {
                // SAFETY: the caller's promise.
                unsafe { self.interleave(other) }
            }
            #[inline(always)]
            unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
                let at = |i: usize| if i < $lanes { self[i] } else { other[i - $lanes] };
                (std::array::from_fn(|i| at(2 * i)), std::array::from_fn(|i| at(2 * i + 1)))
            }
            #[inline(always)]
            unsafe fn if_larger(self, other: Self, yes: Self, no: Self) -> Self {
                let replaces = |i: usize| self[i] > other[i] || self[i].is_nan();
                std::array::from_fn(|i| if replaces(i) { yes[i] } else { no[i] })
            }
            #[inline(always)]
            unsafe fn non_zeros(self) -> u32 {
                (0..$lanes).fold(0, |bits, i| bits | u32::from(self[i] != 0.0) << i)
            }
        }
    };
}

portable!(f32, 4);
portable!(f64, 2);
