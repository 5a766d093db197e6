//! Products of long sums, for which each thread computes some of the terms of all of C.
//!
//! Where C is cut by rows, each thread reads all of B. That is half of a layer's weights that another core has written, which has to hand them over, and to take
//! each line back before it writes the next ones. Where sums have several blocks of terms, a thread can take some of the blocks instead, and
//! so the rows of B that it has written itself, as the optimizer gives each thread the same part of all weights (`optimizer.rs`). What is handed over then
//! are the blocks of C, which are added in order: the bits stay.
//!
//! On two near threads of Zen 4, with 100 hidden units, a VAE's first layer takes 45 µs instead of 53, with 3 µs to add up, and
//! Adam for its weights 13.7 instead of 17.3. The gradient of the last layer's input takes 101 instead of 105, and Adam for those weights 14.4 instead of 17.4.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::super::distance;
use super::super::isa::{Isa, Kernel, dispatch_vectors};
use super::super::threads::for_each;
use super::super::vector::Vector;
use super::finish::Finish;
use super::part::cuts;
use super::plan::BLOCK;
use super::{Precision, Product, Target, Then};
use crate::Real;
use crate::buffer::Buffer;

/// The multiply-adds from which on it pays. To add up four blocks of 128 × 100 takes 3 µs on two threads.
const LARGE: usize = 1 << 22;

/// The blocks for each thread up to which it does: with more of them there is more to add up.
const FEW: usize = 2;

/// The vectors of a row that are added up together.
const WIDTH: usize = 4;

impl<T: Real> Product<'_, T> {
    /// Whether each of several threads takes terms of C, and not rows or columns. Where cores are [far](distance) from each other,
    /// weights come from memory, which is sooner than what another core has just written: the first layer would take 80 µs instead of 70.
    pub(super) fn takes_terms(&self, threads: usize) -> bool {
        self.has_long_sums(threads) && !distance::are_far()
    }

    /// Whether it would take rows, sums have enough blocks, and C has fewer rows than blocks have terms, so that less is handed over.
    pub(super) fn has_long_sums(&self, threads: usize) -> bool {
        let (m, k, n) = (self.a.rows(), self.a.columns(), self.b.columns());
        let blocks = k.div_ceil(BLOCK);
        let has_blocks = threads > 1 && (threads..=FEW * threads).contains(&blocks);
        let is_small = n <= m && m < BLOCK && self.work() >= LARGE;
        let is_written = self.beta == T::ZERO && self.precision == Precision::Full;
        has_blocks && is_small && is_written && self.a.steps.1 == 1
    }

    /// Writes C, where `part` writes some rows of a product of some terms, and says whether it could. If one could not, C is as it was, and this says
    /// false.
    pub(super) fn in_terms(
        &self,
        isa: Isa,
        c: Target<T>,
        threads: usize,
        part: impl Fn(&Product<'_, T>, Target<T>, Range<usize>) -> bool + Sync,
    ) -> bool {
        let (m, k, n) = (self.a.rows(), self.a.columns(), self.b.columns());
        let blocks: Vec<Range<usize>> = cuts(0..k, 1, BLOCK).collect();
        // Rows of blocks, one block after the other, cut evenly.
        let cut = |i: usize| blocks.len() * m * i / threads;
        // The first thread adds up its whole blocks, one at least, in the place of the first. Two of them are cut again where they are cut here,
        // three may not be.
        let added = (cut(1) / m).min(2);
        let mut sums = Buffer::<T>::for_overwrite(blocks.len() * m * n);
        let target = Target::of(&mut sums, n);
        let could = AtomicBool::new(true);
        for_each(threads, |i| {
            let write = |first: usize, blocks: &[Range<usize>], rows: Range<usize>| {
                let terms = blocks[0].start..blocks[blocks.len() - 1].end;
                let a = self.a.transpose().only(terms.clone()).transpose();
                let (b, bias, then) = (self.b.only(terms), None, Then::Nothing);
                let product = Product { a, b, bias, then, ..*self };
                if !part(&product, target.after(first * m * n), rows) {
                    could.store(false, Relaxed);
                }
            };
            let (mut at, end) = (cut(i), cut(i + 1));
            if i == 0 {
                write(0, &blocks[..added], 0..m);
                at = added * m;
            }
            while at < end {
                let (block, row) = (at / m, at % m);
                let rows = row..m.min(row + end - at);
                at += rows.len();
                write(block, &blocks[block..=block], rows);
            }
        });
        if !could.into_inner() {
            return false;
        }
        // α is in the sums.
        let of = &Product { alpha: T::ONE, ..*self };
        let sums = &sums[..];
        for_each(threads, |i| {
            let rows = m * i / threads..m * (i + 1) / threads;
            dispatch_vectors!(isa, T, vector => {
                let rows = rows.clone();
                Adding { of, sums, added, c, rows, vector }
            });
        });
        true
    }
}

/// Rows of C as the sum of what threads have computed.
struct Adding<'a, T: Real, V> {
    of: &'a Product<'a, T>,
    /// For each block of terms, a matrix as large as C.
    sums: &'a [T],
    /// The first of them have been added up in the place of the first.
    added: usize,
    c: Target<T>,
    rows: Range<usize>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Adding<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for columns in cuts(0..self.of.b.columns(), V::LANES, WIDTH * V::LANES) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it. The columns exist, and the rows are this part's.
            unsafe {
                match columns.len().div_ceil(V::LANES) {
                    1 => self.add::<1>(columns),
                    2 => self.add::<2>(columns),
                    3 => self.add::<3>(columns),
                    _ => self.add::<WIDTH>(columns),
                }
            }
        }
    }
}

impl<T: Real, V: Vector<T>> Adding<'_, T, V> {
    /// Adds up N vectors of each row.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. The columns are C's, N vectors at most and more than N - 1, and nobody else writes to the rows.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    unsafe fn add<const N: usize>(&self, columns: Range<usize>) {
        let Adding { of, sums, added, c, ref rows, .. } = *self;
        let (n, k) = (of.b.columns(), of.a.columns());
        let finish = Finish::new(of, rows.start, columns.clone(), 0..k);
        let size = of.a.rows() * n;
        let end = columns.len() - (N - 1) * V::LANES;
        for i in rows.clone() {
            let first = &sums[i * n + columns.start..];
            // SAFETY: the caller's promise; as many columns follow in each of the matrices.
            unsafe {
                let mut sum = [V::splat(T::ZERO); N];
                for v in 0..N {
                    let from = first.as_ptr().add(v * V::LANES);
                    sum[v] = if v + 1 < N { V::load(from) } else { V::load_up_to(from, end) };
                }
                let others = first.get(added * size..).unwrap_or_default();
                for other in others.chunks(size) {
                    for v in 0..N {
                        let from = other.as_ptr().add(v * V::LANES);
                        let x = if v + 1 < N { V::load(from) } else { V::load_up_to(from, end) };
                        sum[v] = sum[v].add(x);
                    }
                }
                let to = c.start.add(i * c.step + columns.start);
                finish.below(i - rows.start).write::<V, 1, N>([sum], (to, c.step));
            }
        }
    }
}
