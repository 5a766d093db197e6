//! Slices in, slices out. Kernels know numbers and lengths, no tensors and no graph.
//!
//! Read in this order: [`isa`] (one algorithm, compiled for every instruction set), [`threads`],
//! [`math`] (functions of one number), `elementwise`, `reduce`, `permute`, [`gemm`], `conv`, `pool`,
//! `resample`, `within`, and the fused ones: `bce`, `reparameterize`, `noise`, [`optimizer`]. [`prefetch`] asks
//! for memory ahead; `evict` takes it out of the caches, where cores are far from each other ([`distance`]);
//! `processor` knows where processors differ; [`peak`] is what all are measured against.
//! All `unsafe` code of the libraries is in this folder.
//!
//! **The same bits.** Work is split by size and never by the number of threads; an element of a
//! product adds along k in order; a sum runs over a fixed number of lanes. So the result of a kernel
//! does not depend on how many threads took part, nor on the instruction set.

#[cfg(target_arch = "x86_64")]
mod amx;
pub(crate) mod bce;
pub mod bytes;
pub(crate) mod chacha;
pub(crate) mod conv;
pub mod distance;
pub(crate) mod elementwise;
mod evict;
pub mod gemm;
pub mod isa;
pub mod math;
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
pub mod threads;
pub mod vector;
pub(crate) mod within;

/// Elements that a thread takes at a time. To share work with another thread costs half a microsecond, and two where cores are
/// far from each other: as much as a cheap function of so many.
pub(crate) const GRAIN: usize = 16 * 1024;
