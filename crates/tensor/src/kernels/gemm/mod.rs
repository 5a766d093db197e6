//! C ← α A B + β C, with what comes after it, for matrices with any steps, on all threads.
//!
//! **Ways.** The first that fits computes a product (`Product::multiply`; `kernels/once.rs` for factors that are rounded):
//!
//! | product | way | file |
//! |---|---|---|
//! | factors that may be rounded to bfloat16, and are worth it | pairs of numbers, on AMX where it is | `bf16.rs`, `amx.rs` |
//! | B stored transposed, few rows or idle lanes | Cᵀ = Bᵀ Aᵀ; of few columns, A is transposed in registers | `narrow.rs`, `few_columns.rs` |
//! | an A of many zeros: digits, or what a rectifier leaves | only the other numbers are met | `sparse.rs`, `nonzeros.rs` |
//! | all others | tiles, of all terms | `part.rs` and below |
//!
//! Threads take some columns or some rows of C each (`share.rs`), or some of the terms of few long sums (`by_terms.rs`).
//!
//! **Tiles**, from the inside out:
//!
//! - A *tile* of C, 8 rows × 3 vectors on AVX-512 (4 × 4 on Zen 4, and 4 × 4 or 4 × 6 for short sums), is kept in registers while one row of B
//!   (3 vectors) after the other meets one column of A (8 numbers): 24 multiply-adds for 11 loads, so that arithmetic and not the
//!   cache is the limit (`tile.rs`). Sums in registers need vectors by name (`kernels/vector/`). Bias, activation or mask are applied
//!   before the tile leaves the registers (`finish.rs`), and what it, or the next one, would wait for is asked for meanwhile (`ahead.rs`).
//! - A *panel*, the columns of B that a tile reads, is the same for all tiles below each other. So, unless tiles are few, it is copied, transposed
//!   on the way if need be (`pack.rs`), or by the first tile that meets it, and stays in the first-level cache; A is copied only where that pays.
//! - A *block* of rows of A meets one panel in a function of its own, for each kind of tile (`block.rs`).
//! - The *loops* around go over panels from left to right, over k in blocks, over groups of panels, and over rows in blocks for the
//!   second-level cache (`part.rs`, after the `plan.rs` of a part).
//!
//! **The same bits.** k is cut into the fewest blocks of at most 200 terms, as equal as possible. In
//! a block an element is one chain of fused multiply-adds from 0, in order of k; the blocks are
//! added to C one after the other. Neither tiles, copies, zeros, threads, processors nor instruction sets have a
//! say in this; rounded factors have an order of their own (`bf16.rs`). The error of an element is at most about (200 + k / 200) ε Σ|aᵢₗ bₗⱼ|, where one chain has k ε.

mod ahead;
#[cfg(target_arch = "x86_64")]
mod amx;
mod bf16;
mod block;
mod by_terms;
mod few_columns;
mod finish;
mod matrix;
mod narrow;
mod nonzeros;
mod pack;
mod part;
mod plan;
mod share;
mod sparse;
mod target;
mod tile;

#[cfg(target_arch = "x86_64")]
pub(super) use self::bf16::Pairs;
pub use self::matrix::Matrix;
use self::part::Part;
use self::share::{shares, takes_columns};
use self::sparse::may_skip;
use self::target::Target;
use self::tile::Single;
#[cfg(target_arch = "x86_64")]
pub(super) use self::tile::Terms;
use std::ops::Range;

use super::evict;
use super::isa::{self, Isa, dispatch_vectors};
use super::threads::Shares;
use super::{distance, processor, threads};
use crate::Real;

/// Multiply-adds that are worth a thread: two microseconds of `f32`. On two near cores, cubes of 64 are 1.6 times as fast as on
/// one, and cubes of 48, which are left to one, would be 1.4 times.
const WORTH_A_THREAD: usize = 96 * 1024;

/// And where cores are [far](super::distance): there, 32 × 20 × 400 would take 1.7 times as long on two threads as on one.
const WORTH_A_FAR_THREAD: usize = 4 * WORTH_A_THREAD;

/// Multiply-adds of a product that says how fast threads are: some ten microseconds.
const TIMED: usize = 2 << 20;

/// Rows of the largest tile in registers.
const HEIGHT: usize = 8;

/// Multiply-adds of a batch that a thread takes at a time.
const TOGETHER: usize = 400 * 1024;

/// The most rows, columns and terms: matrices that repeat a number may have any, and what is computed with them may not wrap.
const MOST: usize = 1 << 39;

/// C ← A B, or C ← C + A B if `accumulate`, with C row by row.
///
/// # Panics
/// If the sizes do not fit.
#[track_caller]
pub fn gemm<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, accumulate: bool, c: &mut [T]) {
    let product = Product::new(a, b);
    if accumulate { product.plus(T::ONE).write(c) } else { product.write(c) }
}

/// A product to be written: C ← f(α A B + β C + bias).
///
/// ```
/// use elbo_tensor::kernels::gemm::{Matrix, Product};
/// let a = Matrix::new(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let b = Matrix::new(&[1.0, -1.0, 1.0, 1.0], 2, 2);
/// let mut c = [0.0; 4];
/// Product::new(a, b).bias(&[-5.0, 0.0]).relu().write(&mut c);
/// assert_eq!(c, [0.0, 1.0, 2.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Product<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    alpha: T,
    beta: T,
    bias: Option<&'a [T]>,
    then: Then<'a, T>,
    precision: Precision,
    /// Whether it is so [large](may_skip) that zeros may be skipped. No element is -0 then, in whichever way it is computed.
    may_skip: bool,
}

/// How exactly the factors of a product are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precision {
    /// As they are.
    #[default]
    Full,
    /// `f32` is rounded to bfloat16, whose 8 digits are off by 2⁻⁹ of a number at most; products and sums
    /// have the digits of `f32`. Small products and those of mostly zeros, which would not be faster, are computed in
    /// full, as is `f64`.
    Bf16,
}

/// What is done to an element last.
#[derive(Clone, Copy, Debug)]
enum Then<'a, T> {
    Nothing,
    /// 0 instead of negative numbers.
    Relu,
    /// 0 where the mask, row by row as C, is not positive.
    Mask(&'a [T]),
}

impl<'a, T: Real> Product<'a, T> {
    /// A B.
    ///
    /// # Panics
    /// If A has not as many columns as B has rows, or one of them more than 2³⁹.
    #[track_caller]
    pub fn new(a: Matrix<'a, T>, b: Matrix<'a, T>) -> Product<'a, T> {
        let ([m, k], [inner, n]) = ([a.rows(), a.columns()], [b.rows(), b.columns()]);
        assert!(k == inner, "gemm: {m} × {k} times {inner} × {n}");
        let fits = m.max(k).max(n) <= MOST && m.checked_mul(n).is_some();
        assert!(fits, "gemm: {m} × {k} times {inner} × {n} is too large");
        let then = Then::Nothing;
        let precision = Precision::Full;
        let may_skip = may_skip([m, k, n]);
        Product { a, b, alpha: T::ONE, beta: T::ZERO, bias: None, then, precision, may_skip }
    }

    /// α A B. With α = 0 it is 0 times each product, so NaN and infinity stay, where BLAS writes 0.
    #[must_use]
    pub fn times(self, alpha: T) -> Product<'a, T> {
        Product { alpha, ..self }
    }

    /// … + β C. With β = 0, as in the beginning, C is not read.
    #[must_use]
    pub fn plus(self, beta: T) -> Product<'a, T> {
        Product { beta, ..self }
    }

    /// … + bias, the same for all rows.
    ///
    /// # Panics
    /// If it has not as many elements as C has columns.
    #[must_use]
    #[track_caller]
    pub fn bias(self, bias: &'a [T]) -> Product<'a, T> {
        let columns = self.b.columns();
        assert!(bias.len() == columns, "gemm: a bias of {} for {columns} columns", bias.len());
        Product { bias: Some(bias), ..self }
    }

    /// max(…, 0); NaN stays.
    #[must_use]
    pub fn relu(self) -> Product<'a, T> {
        Product { then: Then::Relu, ..self }
    }

    /// 0 where `mask`, which is as large as C, is not positive: the derivative of the rectifier.
    ///
    /// # Panics
    /// If the mask has another size.
    #[must_use]
    #[track_caller]
    pub fn masked(self, mask: &'a [T]) -> Product<'a, T> {
        let (m, n) = (self.a.rows(), self.b.columns());
        assert!(mask.len() == m * n, "gemm: a mask of {} for {m} × {n}", mask.len());
        Product { then: Then::Mask(mask), ..self }
    }

    /// With factors that are rounded before.
    #[must_use]
    pub fn precision(self, precision: Precision) -> Product<'a, T> {
        Product { precision, ..self }
    }

    /// Some rows of C. They have the bits of the whole, unless factors are [rounded](Precision::Bf16): small products are not.
    ///
    /// # Panics
    /// If there are not as many rows.
    #[must_use]
    #[track_caller]
    pub fn only(self, rows: Range<usize>) -> Product<'a, T> {
        let (m, n) = (self.a.rows(), self.b.columns());
        assert!(rows.start <= rows.end && rows.end <= m, "gemm: rows {rows:?} of {m}");
        let then = match self.then {
            Then::Mask(mask) => Then::Mask(&mask[rows.start * n..rows.end * n]),
            then => then,
        };
        // Whether zeros may be skipped stays as it is for the whole.
        Product { a: self.a.only(rows), then, ..self }
    }

    /// Whether C is what is written, and nothing else: it is not added to, and no factor is rounded.
    pub(super) fn is_plain(&self) -> bool {
        self.beta == T::ZERO && self.precision == Precision::Full
    }

    /// Rows and columns of C.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.a.rows(), self.b.columns()]
    }

    /// Writes C, row by row.
    ///
    /// # Panics
    /// If C has another size.
    #[track_caller]
    pub fn write(self, c: &mut [T]) {
        let (m, n) = (self.a.rows(), self.b.columns());
        assert!(c.len() == m * n, "gemm: C of {} for {m} × {n}", c.len());
        self.write_on(isa::current(), c, n);
    }

    /// Writes C into a larger matrix: its rows are `step` apart. (A C whose columns lie next to each
    /// other is Bᵀ Aᵀ row by row.)
    ///
    /// # Panics
    /// If rows overlap or C ends before the last of them.
    #[track_caller]
    pub fn write_rows(self, c: &mut [T], step: usize) {
        let (m, n) = (self.a.rows(), self.b.columns());
        let end = m.checked_sub(1).map_or(Some(0), |m| m.checked_mul(step)?.checked_add(n));
        let fits = m == 0 || n <= step && end.is_some_and(|end| end <= c.len());
        assert!(fits, "gemm: C of {} for {m} × {n}, rows {step} apart", c.len());
        assert!(!matches!(self.then, Then::Mask(_)) || step == n, "gemm: a mask lies as C does");
        self.write_on(isa::current(), c, step);
    }

    fn write_on(&self, isa: Isa, c: &mut [T], step: usize) {
        T::multiply(isa, self, c, step);
    }

    /// [`write_on`](Product::write_on), to be compiled for each type once.
    pub(super) fn multiply(&self, isa: Isa, c: &mut [T], step: usize) {
        let (m, k, n) = (self.a.rows(), self.a.columns(), self.b.columns());
        if m * n == 0 {
            return;
        }
        let zero = [T::ZERO];
        if k == 0 {
            // A sum of no terms is a sum of one zero.
            let a = Matrix::with_steps(&zero, [m, 1], [0, 0]);
            let b = Matrix::with_steps(&zero, [1, n], [0, 0]);
            return Product { a, b, ..*self }.multiply(isa, c, step);
        }
        if self.is_narrow(isa, step) {
            return self.multiply_narrow(isa, c);
        }
        let piece = self.sparse(processor::current());
        let full = Product { precision: Precision::Full, ..*self };
        if !piece.is_some_and(|piece| full.multiply_sparse(isa, c, step, piece)) {
            full.multiply_dense(isa, c, step);
        }
    }

    /// [`multiply`](Product::multiply), by tiles, whatever is 0.
    fn multiply_dense(&self, isa: Isa, c: &mut [T], step: usize) {
        let (threads, n) = (self.threads(), self.b.columns());
        if self.takes_terms(threads) {
            self.in_terms(isa, Target::of(c, step), threads, |of, c, rows| {
                dispatch_vectors!(isa, T, vector => {
                    Part { of, c, rows: rows.clone(), columns: 0..n, vector, terms: Single }
                });
                true
            });
            return;
        }
        self.in_parts(c, step, HEIGHT, |c, rows, columns| {
            dispatch_vectors!(isa, T, vector => {
                let (rows, columns) = (rows.clone(), columns.clone());
                Part { of: self, c, rows, columns, vector, terms: Single }
            });
        });
    }

    /// Multiply-adds.
    fn work(&self) -> usize {
        work([self.a.rows(), self.a.columns(), self.b.columns()])
    }

    /// The threads that are worth it.
    fn threads(&self) -> usize {
        let worth = if distance::are_far() { WORTH_A_FAR_THREAD } else { WORTH_A_THREAD };
        threads::count().min(self.work() / worth).max(1)
    }

    /// Whether C is taken out of all caches before it is written. It is what a layer hands to the next one,
    /// or back to the one before, and all threads have read what was there; gradients of weights are read by who wrote them.
    fn evicts(&self) -> bool {
        let is_gradient = self.a.steps.0 == 1;
        let bytes = self.a.rows() * self.b.columns() * size_of::<T>();
        let is_read_by_others = threads::count() > 1;
        is_read_by_others && !is_gradient && self.beta == T::ZERO && evict::pays(bytes)
    }

    /// Hands disjoint parts of C, with their rows and columns, to all threads that are worth it; cut at a tile's rows.
    fn in_parts(
        &self,
        c: &mut [T],
        step: usize,
        height: usize,
        part: impl Fn(Target<T>, Range<usize>, Range<usize>) + Sync,
    ) {
        let (m, n) = (self.a.rows(), self.b.columns());
        let c = Target::of(c, step);
        let (threads, evicts) = (self.threads(), self.evicts());
        if threads == 1 {
            if evicts {
                c.evict(&(0..m), &(0..n));
            }
            return part(c, 0..m, 0..n);
        }
        let by_columns = takes_columns(&self.a, n, threads);
        let of = self.shares(threads);
        let share = |i: usize| {
            for (rows, columns) in shares([m, n], height, by_columns, (i, &of)) {
                if evicts {
                    c.evict(&rows, &columns);
                }
                part(c, rows, columns);
            }
        };
        if self.work() >= TIMED { of.for_each_timed(share) } else { of.for_each(share) }
    }

    /// The share of each thread. Where cores are far, each keeps what it has in its caches.
    fn shares(&self, threads: usize) -> Shares {
        if distance::are_far() { Shares::equal(threads) } else { Shares::by_speed(threads) }
    }
}

/// The multiply-adds of a product of m × k and k × n numbers, where m n can be counted.
fn work([m, k, n]: [usize; 3]) -> usize {
    (m * n).saturating_mul(k)
}

/// Many products of one size, where `product(i)` is the i-th and the Cᵢ, row by row, follow each other. Small ones go to
/// different threads, large ones to all of them in turn.
///
/// # Panics
/// If the sizes differ or do not fit.
#[track_caller]
pub fn gemm_batch<'a, T: Real>(
    [m, k, n]: [usize; 3],
    product: impl Fn(usize) -> Product<'a, T> + Sync,
    c: &mut [T],
) {
    if c.is_empty() {
        return;
    }
    let size = m.checked_mul(n).filter(|&size| size > 0 && c.len().is_multiple_of(size));
    let Some(size) = size else { panic!("gemm_batch: C of {} for {m} × {n}", c.len()) };
    let write = |i: usize, c: &mut [T]| {
        let product = product(i);
        let (a, b) = (product.a, product.b);
        assert!((a.rows(), a.columns(), b.columns()) == (m, k, n), "gemm_batch: product {i}");
        product.write(c);
    };
    let work = size.saturating_mul(k).max(1);
    if work >= TOGETHER * threads::count() {
        c.chunks_mut(size).enumerate().for_each(|(i, c)| write(i, c));
    } else {
        let together = (TOGETHER / work).max(1);
        threads::for_each_chunk(threads::chunks_mut(c, together * size), |first, c| {
            let products = c.chunks_mut(size).enumerate();
            products.for_each(|(i, c)| write(first * together + i, c));
        });
    }
}

#[cfg(test)]
mod tests;
