//! Products whose left factor has many zeros.
//!
//! 81 % of the pixels of MNIST are 0, and so are 81 % of the terms of a first layer's product and
//! of its weight gradient; behind a rectifier about half of the numbers are. What is not 0 is marked once, a bit for each
//! number. A panel of B, as many rows as a block of k has and a few vectors wide, is copied into a near cache, in
//! smaller pieces if most of it will be read; then two rows of C in registers meet the rows of the piece that their bits
//! name, each its own, or both those of either if they are mostly the same.
//!
//! The bits are those of the dense product. A term of 0 changes no sum but one that has underflowed to -0, and of that only
//! the sign, which no later term but another 0 sees. So all products that [may skip](may_skip) zeros, whether they do
//! or not, add +0 to the sums of their first block (`finish.rs`): what is 0 there is +0, and another block's -0 leaves it so.
//! If B is infinite or NaN somewhere, which is looked at, the dense product is taken.
//!
//! Threads take whole columns, or, if C is higher than wide or a gradient of weights, rows that have as many terms together. Each marks
//! its rows itself: to write what others read takes longer.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::super::GRAIN;
use super::super::isa::{Isa, Kernel, dispatch_vectors};
use super::super::prefetch::line_of;
use super::super::processor::Processor;
use super::super::threads::for_each;
use super::super::vector::{MOST_LANES, Vector};
use super::ahead::{ask_for_c, asks_for_c};
use super::finish::Finish;
use super::matrix::Matrix;
use super::nonzeros::{NonZeros, Piece, WORD};
use super::part::cuts;
use super::plan::BLOCK;
use super::share::{share_by_cost, takes_rows};
use super::tile::Operand;
use super::{Precision, Product, Target, work};
use crate::Real;
use crate::buffer::Buffer;

/// Products with fewer multiply-adds are not worth a look at A.
const LARGE: usize = 1 << 22;

/// The columns below which looking at A costs more than it saves.
const COLUMNS: usize = 96;

/// Elements of A that are looked at, and how many of them lie next to each other: a place costs what its cache line does,
/// which another core may have written. With 512 places, a thread was alone for 4 to 7 µs before each product of a VAE.
const SAMPLE: usize = 512;
const NEAR: usize = 8;

/// How many of them may differ from 0 so that whole blocks of k are met at once.
const FEW: usize = SAMPLE / 3;

/// How many so that zeros are skipped at all, and the rows that a copy of B must then be worth.
const MOST: usize = SAMPLE * 5 / 8;
pub(super) const ROWS_FOR_MOST: usize = 32;

/// The rows of B that are met at once if zeros are many: a block of k, of which images read what is not always 0. Its
/// panels are 62 KiB.
pub(super) const WHOLE: usize = BLOCK;

/// And if they are as many as other numbers: half a block, or 31 KiB, which mostly stay in the first-level cache. Products
/// of 128 × 400 × 784 with half of A are 1.3 times as fast as dense ones on one thread, and 1.1 times with whole blocks;
/// pieces of 64 and 80 rows are 2 % slower than of 100, as more sums wait.
pub(super) const PIECE: usize = BLOCK / 2;

/// The vectors of a panel: two rows of C are 10 sums, and a number of A is fetched for five multiply-adds. Wider ones, with
/// one row or two, are not faster by more than 3 %, and 14 sums are too many for 16 registers.
const WIDTH: usize = 5;

/// The rows of A that are looked at together.
const ROWS: usize = 512;

/// Whether a product of m × k and k × n numbers is so large that zeros may be skipped.
pub(super) fn may_skip([m, k, n]: [usize; 3]) -> bool {
    work([m, k, n]) >= LARGE && n >= COLUMNS
}

impl<T: Real> Product<'_, T> {
    /// How many rows of B are to be met at once if zeros of A are skipped; nothing if that does not pay, as A has too few
    /// or B is too narrow.
    pub(super) fn sparse(&self, on: Processor) -> Option<usize> {
        if !self.may_skip || self.b.steps.1 != 1 {
            return None;
        }
        // As it is stored: neighbours in a row lie next to each other.
        let stored = if self.a.steps.0 < self.a.steps.1 { self.a.transpose() } else { self.a };
        let (rows, columns) = (stored.rows(), stored.columns());
        // Steps without a common factor with the size come by all rows and columns.
        let (mut i, mut l, mut count) = (0, 0, 0);
        for _ in 0..SAMPLE / NEAR {
            let near = (l..l + NEAR).map(|l| stored.at(i, l.min(columns - 1)));
            count += near.filter(|&x| x != T::ZERO).count();
            (i, l) = (i + 7919 % rows, l + 104_729 % columns);
            (i, l) =
                (if i < rows { i } else { i - rows }, if l < columns { l } else { l - columns });
        }
        // Rounded to bfloat16, a dense product may be twice as fast.
        let pays = self.precision == Precision::Full && on.gains_by_skipping_half();
        match count {
            ..=FEW => Some(WHOLE),
            ..=MOST if pays && self.a.rows() >= ROWS_FOR_MOST => Some(PIECE),
            _ => None,
        }
    }

    /// [`multiply`](Product::multiply) without the zeros of A, with [so many](Product::sparse) rows of B at once. If
    /// B is not finite, it says false, and C has what the dense product needs of it.
    pub(super) fn multiply_sparse(&self, isa: Isa, c: &mut [T], step: usize, piece: usize) -> bool {
        // What the dense product shall add to may not be written before all of B was looked at.
        if self.beta != T::ZERO && !is_finite(&self.b, isa) {
            return false;
        }
        let c = Target::of(c, step);
        let threads = self.threads();
        let evicts = self.evicts();
        let skip = |of: &Product<'_, T>, c, rows: Range<usize>, columns: Range<usize>, evicts| {
            dispatch_vectors!(isa, T, vector => {
                let (rows, columns) = (rows.clone(), columns.clone());
                Skipping { of, piece, c, rows, columns, evicts, vector }
            })
        };
        let n = self.b.columns();
        if self.takes_terms(threads) {
            return self.in_terms(isa, c, threads, |of, c, rows| skip(of, c, rows, 0..n, false));
        }
        // Once for all threads: how far they are from each other may change at any time.
        let by_columns = n > self.a.rows() && !takes_rows(&self.a, n, threads) || threads == 1;
        let is_finite = AtomicBool::new(true);
        let of = self.shares(threads);
        of.for_each(|i| {
            let [rows, columns] = share_by_cost(&self.a, n, by_columns, (i, &of));
            if !skip(self, c, rows, columns, evicts) {
                is_finite.store(false, Relaxed);
            }
        });
        is_finite.into_inner()
    }
}

/// A thread's part of a product.
struct Skipping<'a, T: Real, V> {
    of: &'a Product<'a, T>,
    /// The most rows of B that are met at once.
    piece: usize,
    c: Target<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    /// Whether C is taken out of all caches before.
    evicts: bool,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Skipping<'_, T, V> {
    /// Whether what it read of B is finite.
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Skipping { of, piece, c, rows, columns, evicts, .. } = self;
        if rows.is_empty() || columns.is_empty() {
            return true;
        }
        if evicts {
            c.evict(&rows, &columns);
        }
        let k = of.a.columns();
        let mut zeros = NonZeros::room_for(ROWS.min(rows.len()), k, piece);
        let mut copy = Buffer::<T>::for_overwrite(piece.min(k) * WIDTH * V::LANES);
        let mut sums = Buffer::<T>::for_overwrite(ROWS.min(rows.len()) * WIDTH * V::LANES);
        let first = of.b.from(0, 0).start;
        for rows in cuts(rows, MOST_LANES, ROWS) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe { zeros.look::<T, V>(&of.a, rows.clone()) };
            for j in cuts(columns.clone(), V::LANES, WIDTH * V::LANES) {
                let vectors = j.len().div_ceil(V::LANES);
                for (piece, Piece { terms: p, .. }) in zeros.pieces.iter().enumerate() {
                    let b = of.b.from(p.start, j.start);
                    // SAFETY: as above. The panel lies in B, and the copy has room for the largest.
                    if !unsafe { copy_finite::<T, V>(p.len(), j.len(), b, copy.as_mut_ptr()) } {
                        return false;
                    }
                    let next = if p.end < k { (p.end, j.start) } else { (0, j.end) };
                    let next = first.wrapping_add(next.0 * of.b.steps.0 + next.1);
                    let (zeros, sums) = (&zeros, sums.as_mut_ptr());
                    let (rows, j, copy) = (&rows, &j, &copy);
                    let panel = Panel { of, zeros, c, rows, j, piece, copy, next, sums };
                    // SAFETY: as above. The columns exist, and these rows of C are this part's.
                    unsafe {
                        match vectors {
                            1 => panel.multiply::<V, 1>(),
                            2 => panel.multiply::<V, 2>(),
                            3 => panel.multiply::<V, 3>(),
                            4 => panel.multiply::<V, 4>(),
                            _ => panel.multiply::<V, WIDTH>(),
                        }
                    }
                }
            }
        }
        true
    }
}

/// Copies k rows of some columns of B, as [`pack_b`](super::pack::pack_b) does, and says whether they are finite.
///
/// # Safety
/// As there; the columns of B lie next to each other.
#[inline(always)]
unsafe fn copy_finite<T: Real, V: Vector<T>>(
    k: usize,
    columns: usize,
    b: Operand<T>,
    mut to: *mut T,
) -> bool {
    // SAFETY: the caller's promises.
    unsafe {
        let zero = V::splat(T::ZERO);
        let mut sum = zero;
        for p in 0..k {
            let from = b.start.add(p * b.row);
            for j in (0..columns).step_by(V::LANES) {
                let x = V::load_up_to(from.add(j), columns - j);
                // 0 for a finite number, and NaN for others.
                sum = zero.mul_add(x, sum);
                x.store(to);
                to = to.add(V::LANES);
            }
        }
        let mut lanes = [T::ZERO; MOST_LANES];
        sum.store(lanes.as_mut_ptr());
        lanes.iter().all(|&lane| lane == T::ZERO)
    }
}

/// A copy of some columns j of B and a piece of k, which all rows meet.
struct Panel<'a, T: Real> {
    of: &'a Product<'a, T>,
    zeros: &'a NonZeros,
    c: Target<T>,
    rows: &'a Range<usize>,
    j: &'a Range<usize>,
    /// The number of the piece.
    piece: usize,
    copy: &'a [T],
    /// Where the next one begins in B; past its end behind the last.
    next: *const T,
    /// Where sums wait for the next piece.
    sums: *mut T,
}

impl<T: Real> Panel<'_, T> {
    /// Adds the panel's terms to these rows of C, two at a time.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. The panel is N vectors wide, as are its copy and the room for
    /// the sums of each row; the rows of A are those that were looked at, and nobody else writes to these of C.
    #[inline(always)]
    unsafe fn multiply<V: Vector<T>, const N: usize>(&self) {
        let Panel { of, c, rows, j, piece, .. } = *self;
        let Piece { terms: p, block, .. } = &self.zeros.pieces[piece];
        let words = self.zeros.words(piece);
        let finish = Finish::new(of, rows.start, j.clone(), block.clone());
        let from = of.a.from(rows.start, p.start);
        let terms = |i: usize| {
            // Row i of these is A's.
            let start = from.start.wrapping_add(i * from.row);
            Terms { words: words(i), start, step: from.column }
        };
        let (begin, end) = (p.start == block.start, p.end == block.end);
        let asks_for_c = end && asks_for_c(of, block.len());
        // The next piece is asked for meanwhile: its rows lie pages apart, where no processor foresees them. And nothing more: what lies
        // behind B may be what another core writes to, which would have to call it back first.
        let (mut next, mut left) = (self.next, p.len());
        let at_once = left.div_ceil(rows.len().div_ceil(2));
        for i in (0..rows.len()).step_by(2) {
            let now = at_once.min(left);
            left -= now;
            for _ in 0..now {
                (0..N).for_each(|v| line_of(next.wrapping_add(v * V::LANES)));
                next = next.wrapping_add(of.b.steps.0);
            }
            let room = self.sums.wrapping_add(i * N * V::LANES);
            let sums = Sums { begin, end, asks_for_c, room };
            // SAFETY: the bits are of terms of p, the columns exist, and rows i and i + 1 of C are the caller's.
            unsafe {
                let c = (c.start.add((rows.start + i) * c.step + j.start), c.step);
                let (panel, finish) = (self.copy.as_ptr(), finish.below(i));
                if i + 1 == rows.len() {
                    multiply::<T, V, 1, N, false>([terms(i)], panel, sums, c, finish);
                    continue;
                }
                let both = [terms(i), terms(i + 1)];
                if share_rows(both[0].words, both[1].words) {
                    multiply::<T, V, 2, N, true>(both, panel, sums, c, finish);
                } else {
                    multiply::<T, V, 2, N, false>(both, panel, sums, c, finish);
                }
            }
        }
    }
}

/// Whether two rows of A have so many terms of the same numbers that it pays to meet each row of B that one of them
/// needs with both: a row that both need is loaded once. That takes 1.2 cycles for each multiply-add on Zen 4, and
/// 1.5 to 1.8 where each loads a number. It is so for the pixels of MNIST next to each other, not for two images.
#[inline(always)]
fn share_rows(one: &[u64], other: &[u64]) -> bool {
    let (mut either, mut all) = (0, 0);
    for (one, other) in one.iter().zip(other) {
        either += (one | other).count_ones();
        all += one.count_ones() + other.count_ones();
    }
    3 * either <= 2 * all
}

/// What becomes of the sums of a piece of a block: the first piece begins them, the last one hands them to C.
#[derive(Clone, Copy)]
struct Sums<T> {
    begin: bool,
    end: bool,
    /// Whether C is asked for before the last piece.
    asks_for_c: bool,
    /// Where they wait in between.
    room: *mut T,
}

/// What is not 0 in a row and piece of A.
#[derive(Clone, Copy)]
struct Terms<'a, T> {
    /// A bit for each number.
    words: &'a [u64],
    /// The first number of that piece, and the step to the next.
    start: *const T,
    step: usize,
}

/// R rows of C: each the sum of the rows of a panel that its terms name, or, if `SHARED`, those of any of them: what one
/// does not need is times 0.
///
/// # Safety
/// Call it inline in code for V's instruction set. The bits are of rows of the panel, which is N vectors wide and finite, and
/// of numbers of A; where sums wait there is room for R × N vectors; C as for [`Finish::write`].
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn multiply<T: Real, V: Vector<T>, const R: usize, const N: usize, const SHARED: bool>(
    terms: [Terms<'_, T>; R],
    panel: *const T,
    waiting: Sums<T>,
    c: (*mut T, usize),
    finish: Finish<'_, T>,
) {
    // SAFETY: the caller's promises; all rows have as many words, and numbers where only another's bit is set.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); N]; R];
        if !waiting.begin {
            for i in 0..R {
                for v in 0..N {
                    sums[i][v] = V::load(waiting.room.add((i * N + v) * V::LANES));
                }
            }
        }
        if waiting.asks_for_c {
            ask_for_c::<T, V, N>(R, c);
        }
        let row = |position: usize| panel.add(position * (N * V::LANES));
        let number = |i: usize, position: usize| {
            let Terms { start, step, .. } = terms[i];
            V::splat(*start.add(position * step))
        };
        for w in 0..terms[0].words.len() {
            let first = w * WORD;
            let mut left = [0; R];
            for i in 0..R {
                left[i] = *terms[i].words.get_unchecked(w);
            }
            if SHARED {
                let mut any = 0;
                for i in 0..R {
                    any |= left[i];
                }
                while any != 0 {
                    let position = first + any.trailing_zeros() as usize;
                    any &= any - 1;
                    let mut x = [V::splat(T::ZERO); R];
                    for i in 0..R {
                        x[i] = number(i, position);
                    }
                    for v in 0..N {
                        let b = V::load(row(position).add(v * V::LANES));
                        for i in 0..R {
                            sums[i][v] = x[i].mul_add(b, sums[i][v]);
                        }
                    }
                }
                continue;
            }
            let add = |i: usize, sums: &mut [V; N], left: &mut u64| {
                let position = first + left.trailing_zeros() as usize;
                *left &= *left - 1;
                let x = number(i, position);
                for v in 0..N {
                    sums[v] = x.mul_add(V::load(row(position).add(v * V::LANES)), sums[v]);
                }
            };
            let mut both = u32::MAX;
            for i in 0..R {
                both = both.min(left[i].count_ones());
            }
            for _ in 0..both {
                for i in 0..R {
                    add(i, &mut sums[i], &mut left[i]);
                }
            }
            for i in 0..R {
                while left[i] != 0 {
                    add(i, &mut sums[i], &mut left[i]);
                }
            }
        }
        if waiting.end {
            finish.write::<V, R, N>(sums, c);
        } else {
            for i in 0..R {
                for v in 0..N {
                    sums[i][v].store(waiting.room.add((i * N + v) * V::LANES));
                }
            }
        }
    }
}

/// Whether all of B, whose columns lie next to each other, is finite: a product with 0 is 0 for a finite number, and NaN
/// for others.
fn is_finite<T: Real>(b: &Matrix<'_, T>, isa: Isa) -> bool {
    let is_finite = AtomicBool::new(true);
    let rows = (GRAIN / b.columns()).max(1);
    for_each(b.rows().div_ceil(rows), |i| {
        let rows = i * rows..((i + 1) * rows).min(b.rows());
        if !dispatch_vectors!(isa, T, vector => Finite { b, rows: rows.clone(), vector }) {
            is_finite.store(false, Relaxed);
        }
    });
    is_finite.into_inner()
}

struct Finite<'a, T, V> {
    b: &'a Matrix<'a, T>,
    rows: Range<usize>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Finite<'_, T, V> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        // SAFETY: the kernel runs on V's instruction set, and this is inlined into it; loads stay within a row.
        unsafe {
            let zero = V::splat(T::ZERO);
            let mut sums = [zero; 4];
            for l in self.rows {
                let mut fours = self.b.row(l, 0..self.b.columns()).chunks_exact(4 * V::LANES);
                for four in &mut fours {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = zero.mul_add(V::load(four.as_ptr().add(i * V::LANES)), *sum);
                    }
                }
                for vector in fours.remainder().chunks(V::LANES) {
                    let x = V::load_up_to(vector.as_ptr(), vector.len());
                    sums[0] = zero.mul_add(x, sums[0]);
                }
            }
            let sum = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
            let mut lanes = [T::ZERO; MOST_LANES];
            sum.store(lanes.as_mut_ptr());
            lanes.iter().all(|&lane| lane == T::ZERO)
        }
    }
}
