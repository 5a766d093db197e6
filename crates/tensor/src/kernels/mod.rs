//! Slices in, slices out. Kernels know numbers and lengths, no tensors and no graph.
//!
//! Read in this order:
//!
//! - *One algorithm for every instruction set*: [`isa`], [`vector`] where registers are needed by name, and [`once`], which compiles the
//!   largest kernels once for each type.
//! - *Cores and memory*: [`threads`], [`memory`] made of large pages, [`prefetch`], [`distance`] between cores, `evict` out of the
//!   caches where they are far from each other, `processor` for what processors differ in.
//! - *Functions of numbers*: [`math`], `elementwise`, and `lanes`, `reduce`, `softmax` along rows.
//! - *Products*: [`gemm`], with `amx` for its largest instructions.
//! - *Images*: `axis`, `conv`, `pool`, `resample`, and [`bytes`].
//! - *Others*: `permute`, `within`; `noise`, of `chacha`'s words; the fused losses `bce`, `gaussian_kl`, `reparameterize`; [`optimizer`].
//! - What all are measured against: [`peak`].
//!
//! All `unsafe` code of the libraries is in this folder.
//!
//! **The same bits.** Where work is cut for threads, no sum depends on it: an element of a
//! product adds along k in order, and a sum runs over a fixed number of lanes, in blocks of a fixed size. So the result of a kernel
//! does not depend on how many threads took part, nor on the instruction set.

#[cfg(target_arch = "x86_64")]
mod amx;
pub(crate) mod axis;
pub(crate) mod bce;
pub mod bytes;
pub(crate) mod chacha;
pub(crate) mod conv;
pub mod distance;
pub(crate) mod elementwise;
mod evict;
pub(crate) mod gaussian_kl;
pub mod gemm;
pub mod isa;
mod lanes;
pub mod math;
pub mod memory;
pub(crate) mod noise;
pub mod once;
pub mod optimizer;
pub mod peak;
pub(crate) mod permute;
pub(crate) mod pool;
pub mod prefetch;
mod processor;
pub(crate) mod reduce;
pub(crate) mod reparameterize;
pub(crate) mod resample;
pub(crate) mod softmax;
pub mod threads;
pub mod vector;
pub(crate) mod within;

/// Elements that a thread takes at a time. To share work with another thread costs half a microsecond, and two where cores are
/// far from each other: as much as a cheap function of so many.
pub(crate) const GRAIN: usize = 16 * 1024;

/// How many of some units a thread takes at a time, `most` at most: as equal parts as can be, and an even number of them if there are
/// several. Of 51,200 numbers, in parts of [`GRAIN`] and a rest, one of two threads would take 32,768. For
/// work in which no sum depends on where it is cut.
pub(crate) fn even(units: usize, most: usize) -> usize {
    let parts = match units.div_ceil(most.max(1)) {
        parts @ 0..2 => parts.max(1),
        parts => parts.next_multiple_of(2),
    };
    units.div_ceil(parts).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn two_threads_have_as_much(units in 0usize..100_000, most in 0usize..20_000) {
            let size = even(units, most);
            prop_assert!(size <= most.max(1));
            let parts = units.div_ceil(size);
            // The first half of the parts is one thread's: the other one has all of its own but what rounding leaves out.
            let first = (parts / 2 * size).min(units);
            prop_assert!(parts <= 1 || (units - first).abs_diff(first) <= 2 * parts + size * (parts % 2));
            prop_assert!(parts <= units.div_ceil(most.max(1)) + 1);
        }
    }

    #[test]
    fn a_hidden_layer_of_a_batch_is_cut_in_the_middle() {
        assert_eq!(
            [51_200, 100_352, 16_384, 1, 0].map(|n| even(n, GRAIN)),
            [12_800, 12_544, 16_384, 1, 1]
        );
    }
}
