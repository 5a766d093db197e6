//! C ← A B, or C + A B, for matrices that may be stored transposed, on all threads.
//!
//! From the inside out. A *tile* of C, 8 rows × 3 vectors on AVX-512, is kept in registers while
//! one row of B (3 vectors) after the other meets one column of A (8 numbers): 24 multiply-adds for
//! 11 loads, so that arithmetic and not the cache is the limit (`tile.rs`). The rows of B that a tile
//! reads, a *panel*, are the same for all tiles below each other. So, unless tiles are few, they are
//! copied next to each other once, where they stay in the first-level cache, transposed on the way
//! if need be; A is copied only when it is stored transposed (`pack.rs`). The *loops* around go over
//! panels from left to right, over k in blocks, and over rows in blocks for the second-level cache
//! (`part.rs`). Sums in registers need vectors by name, for each instruction set (`vector.rs`).
//! Last, threads: each takes some columns or some rows of C, which is all that they write.
//!
//! **The same bits.** k is cut into the fewest blocks of at most 256 terms, as equal as possible. In
//! a block an element is one chain of fused multiply-adds from 0, in order of k; the blocks are
//! added to C one after the other. Neither tiles, copies, threads nor instruction sets have a say in
//! this. The error of an element is at most about (256 + k / 256) ε Σ|aᵢₗ bₗⱼ|, where one chain has
//! k ε.

mod pack;
mod part;
mod tile;
mod vector;

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use self::part::{Part, cut};
pub(crate) use self::vector::Vector;
pub use self::vector::Vectors;
use super::isa::{self, Isa, dispatch_to};
use crate::Real;

/// One operand: row-major storage of `rows` × `columns`, read transposed if `transposed`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// Rows as the product sees them.
    pub rows: usize,
    /// Columns as the product sees them.
    pub columns: usize,
    /// Whether the storage is that of the transpose.
    pub transposed: bool,
}

impl<T> Matrix<'_, T> {
    /// Steps from one row, and from one column, to the next.
    fn strides(&self) -> (usize, usize) {
        if self.transposed { (1, self.rows) } else { (self.columns, 1) }
    }
}

/// Multiply-adds that are worth a thread. Measured on 2 cores: on two threads, cubes of 90 are 8 %
/// slower than on one, cubes of 96 are 1.4 times as fast.
const WORTH_A_THREAD: usize = 400 * 1024;

/// C ← A B, or C ← C + A B if `accumulate`, with C row-major.
///
/// # Panics
/// If the lengths do not fit the sizes.
pub fn gemm<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, accumulate: bool, c: &mut [T]) {
    gemm_on(isa::current(), a, b, accumulate, c);
}

fn gemm_on<T: Real>(isa: Isa, a: Matrix<'_, T>, b: Matrix<'_, T>, accumulate: bool, c: &mut [T]) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(b.rows, k, "gemm: inner dimensions");
    assert_eq!((a.data.len(), b.data.len(), c.len()), (m * k, k * n, m * n), "gemm: lengths");
    if c.is_empty() {
        return;
    }
    if k == 0 {
        if !accumulate {
            c.fill(T::ZERO);
        }
        return;
    }
    let c = Target { start: c.as_mut_ptr(), columns: n };
    let part = |rows: Range<usize>, columns: Range<usize>| match isa {
        Isa::Avx512 => {
            let vector = PhantomData::<T::Avx512>;
            dispatch_to(isa, Part { a, b, c, rows, columns, accumulate, vector });
        }
        Isa::Avx2 => {
            let vector = PhantomData::<T::Avx2>;
            dispatch_to(isa, Part { a, b, c, rows, columns, accumulate, vector });
        }
        Isa::Portable => {
            let vector = PhantomData::<T::Portable>;
            dispatch_to(isa, Part { a, b, c, rows, columns, accumulate, vector });
        }
    };
    // What is cut need not be copied by each thread, so the longer side is; at whole vectors, or
    // whole tiles. One part for each thread: with 4, the larger products are 3 to 25 % slower.
    let (length, unit) = if n > m { (n, 16) } else { (m, 8) };
    let threads = rayon::current_num_threads().min(m * k * n / WORTH_A_THREAD);
    let parts = threads.min(length.div_ceil(unit));
    if parts <= 1 {
        return part(0..m, 0..n);
    }
    (0..parts).into_par_iter().with_max_len(1).for_each(|i| {
        let cut = cut(length, unit, parts, i);
        if n > m { part(0..m, cut) } else { part(cut, 0..n) }
    });
}

/// Where a product goes. Threads write disjoint parts of it.
#[derive(Clone, Copy)]
struct Target<T> {
    start: *mut T,
    columns: usize,
}

// SAFETY: a `Target` lives only inside `gemm_on`, which borrows C mutably for all of that time and
// hands every element to exactly one part.
unsafe impl<T> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Target<T> {}

#[cfg(test)]
mod tests;
