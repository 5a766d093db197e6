//! Products whose left factor is mostly zeros.
//!
//! 81 % of the pixels of MNIST are 0, and so are 81 % of the terms of a first layer's product and
//! of its weight gradient. What is not 0 is listed once, row by row. A panel of B, as many rows as
//! a block of k has and a few vectors wide, is copied to where it stays in the first-level cache;
//! then two rows of C in registers meet the rows of the panel that their lists name.
//!
//! A term of 0 adds nothing to a sum that began with +0, so the bits are those of the dense product,
//! with two exceptions. If B is infinite or NaN somewhere, which is looked at, the dense product is
//! taken. And where a sum so far has underflowed to -0, a term of +0 would make it +0.
//!
//! Threads take whole columns, or, if C is higher than wide, rows that have as many terms together.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::evict::{self, evict};
use super::super::isa::{Isa, Kernel, dispatch_vectors};
use super::super::threads::{chunks_mut, for_each, for_each_chunk};
use super::super::vector::{MOST_LANES, Vector, transpose};
use super::matrix::Matrix;
use super::pack::pack_b;
use super::part::{BLOCK, cuts};
use super::tile::{Finish, Operand};
use super::{Product, Target};
use crate::Real;
use crate::buffer::Buffer;

/// Products with fewer multiply-adds are not worth a look at A.
const LARGE: usize = 1 << 22;

/// The columns below which listing A costs more than it saves.
const COLUMNS: usize = 96;

/// Elements of A that are looked at, and how many of them may differ from 0.
const SAMPLE: usize = 512;
const MOST: usize = SAMPLE / 3;

/// The numbers of A that are not 0, row by row.
pub(super) struct NonZeros<T: Real> {
    /// For each row, and each block of k, where the list ends.
    ends: Buffer<f32>,
    /// k of each number, as the bits of an integer.
    positions: Buffer<f32>,
    values: Buffer<T>,
    blocks: usize,
    /// From one list to the next: a whole row of A, and what a vector writes behind it.
    room: usize,
}

impl<T: Real> NonZeros<T> {
    /// Whether A is so sparse, and B so wide, that the list pays.
    pub(super) fn worth_it(of: &Product<'_, T>) -> bool {
        let (m, k, n) = (of.a.rows(), of.a.columns(), of.b.columns());
        if m * k * n < LARGE || n < COLUMNS || of.b.steps.1 != 1 {
            return false;
        }
        // Steps without a common factor with the size come by all rows and columns.
        let (mut i, mut l, mut count) = (0, 0, 0);
        for _ in 0..SAMPLE {
            count += usize::from(of.a.at(i, l) != T::ZERO);
            (i, l) = (i + 7919 % m, l + 104_729 % k);
            (i, l) = (if i < m { i } else { i - m }, if l < k { l } else { l - k });
        }
        count <= MOST
    }

    /// The lists of a matrix.
    pub(super) fn of(isa: Isa, a: &Matrix<'_, T>) -> NonZeros<T> {
        let (m, k) = (a.rows(), a.columns());
        let (blocks, room) = (k.div_ceil(BLOCK), k + MOST_LANES);
        let mut lists = NonZeros {
            ends: Buffer::for_overwrite(m * blocks),
            positions: Buffer::for_overwrite(m * room),
            values: Buffer::for_overwrite(m * room),
            blocks,
            room,
        };
        let rows = (super::super::GRAIN / k).max(1).next_multiple_of(MOST_LANES);
        let evicts = evict::pays(size_of_val(&*lists.values));
        let lists_of = (
            chunks_mut(&mut lists.ends, rows * blocks),
            chunks_mut(&mut lists.positions, rows * room),
            chunks_mut(&mut lists.values, rows * room),
        );
        for_each_chunk(lists_of, |i, (ends, positions, values)| {
            if evicts {
                // Other threads have read the lists of the last product.
                evict(positions);
                evict(values);
            }
            let ends: &mut [u32] = bytemuck::cast_slice_mut(ends);
            let positions: &mut [u32] = bytemuck::cast_slice_mut(positions);
            dispatch_vectors!(isa, T, vector => {
                let (ends, positions) = (&mut *ends, &mut *positions);
                List { a: *a, first: i * rows, room, ends, positions, values, vector }
            });
        });
        lists
    }

    /// The rows and columns of C, m × n, that thread i of `threads` computes.
    pub(super) fn share(&self, [m, n]: [usize; 2], threads: usize, i: usize) -> [Range<usize>; 2] {
        if n > m {
            let vectors = n.div_ceil(MOST_LANES);
            let cut = |i: usize| (vectors * i / threads * MOST_LANES).min(n);
            return [0..m, cut(i)..cut(i + 1)];
        }
        let ends: &[u32] = bytemuck::cast_slice(&self.ends);
        let costs = || ends.chunks(self.blocks).map(|ends| ROW + ends[self.blocks - 1] as usize);
        let all: usize = costs().sum();
        // A thread begins with the first row before which its share of the costs has come.
        let (mut before, mut from, mut to) = (0, 0, 0);
        for cost in costs() {
            from += usize::from(before * threads < all * i);
            to += usize::from(before * threads < all * (i + 1));
            before += cost;
        }
        [from..to, 0..n]
    }

    /// What is listed of a row and a block of k.
    #[inline(always)]
    fn terms(&self, row: usize, block: usize) -> Terms<'_, T> {
        let ends: &[u32] = bytemuck::cast_slice(&self.ends);
        let positions: &[u32] = bytemuck::cast_slice(&self.positions);
        let ends = &ends[row * self.blocks..][..=block];
        let from = if block == 0 { 0 } else { ends[block - 1] as usize };
        let list = row * self.room + from..row * self.room + ends[block] as usize;
        Terms { positions: &positions[list.clone()], values: &self.values[list] }
    }
}

impl<T: Real> Product<'_, T> {
    /// [`multiply`](Product::multiply), if zeros are [worth it](NonZeros::worth_it).
    pub(super) fn multiply_sparse(self, isa: Isa, c: &mut [T], step: usize) {
        let zeros = &NonZeros::of(isa, &self.a);
        let c = Target::of(c, step);
        let (size, threads) = ([self.a.rows(), self.b.columns()], self.threads());
        for_each(threads, |i| {
            let [rows, columns] = zeros.share(size, threads, i);
            let is_done = dispatch_vectors!(isa, T, vector => {
                let (rows, columns) = (rows.clone(), columns.clone());
                Skipping { of: self, zeros, c, rows, columns, vector }
            });
            if !is_done {
                self.multiply_part(isa, c, rows, columns);
            }
        });
    }
}

/// A part of a product: some rows and some columns of C.
struct Skipping<'a, T: Real, V> {
    of: Product<'a, T>,
    zeros: &'a NonZeros<T>,
    c: Target<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Skipping<'_, T, V> {
    /// False if B is not finite there: then C is to be computed from the start, and has what it had if it is added to.
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Skipping { of, zeros, c, rows, columns, .. } = self;
        // What the dense product shall add to may not be written before all of B was looked at.
        let adds = of.beta != T::ZERO;
        // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
        if adds && !unsafe { is_finite::<T, V>(&of.b, &columns) } {
            return false;
        }
        let mut copy = Buffer::<T>::for_overwrite(BLOCK * WIDTH * V::LANES);
        for j in cuts(columns, V::LANES, WIDTH * V::LANES) {
            let vectors = j.len().div_ceil(V::LANES);
            let row = vectors * V::LANES;
            for (block, p) in cuts(0..of.a.columns(), 1, BLOCK).enumerate() {
                // SAFETY: the kernel runs on V's instruction set, and this is inlined into it. The
                // panel lies in B, and the copy has room for the largest.
                unsafe {
                    let b = of.b.from(p.start, j.start);
                    pack_b::<T, V>(p.len(), j.len(), b, copy.as_mut_ptr());
                    let copied = Matrix::new(&copy[..p.len() * row], p.len(), row);
                    if !adds && !is_finite::<T, V>(&copied, &(0..row)) {
                        return false;
                    }
                }
                let panel = Panel { of, zeros, c, j: j.clone(), block, p, copy: &copy };
                // SAFETY: as above. The columns exist, and these rows of C are this part's.
                unsafe {
                    match vectors {
                        1 => panel.multiply::<V, 1>(rows.clone()),
                        2 => panel.multiply::<V, 2>(rows.clone()),
                        3 => panel.multiply::<V, 3>(rows.clone()),
                        4 => panel.multiply::<V, 4>(rows.clone()),
                        _ => panel.multiply::<V, WIDTH>(rows.clone()),
                    }
                }
            }
        }
        true
    }
}

/// A copy of some columns j of B and the block p of k, which all rows meet.
struct Panel<'a, T: Real> {
    of: Product<'a, T>,
    zeros: &'a NonZeros<T>,
    c: Target<T>,
    j: Range<usize>,
    block: usize,
    p: Range<usize>,
    copy: &'a [T],
}

impl<T: Real> Panel<'_, T> {
    /// Adds the panel's terms to these rows of C, two at a time.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. The panel is N vectors wide, and nobody else writes to the rows.
    #[inline(always)]
    unsafe fn multiply<V: Vector<T>, const N: usize>(&self, rows: Range<usize>) {
        let Panel { of, zeros, c, block, .. } = *self;
        // Before the copy begins, as a row p.start is the first: it is never read there.
        let panel = self.copy.as_ptr().wrapping_sub(self.p.start * N * V::LANES);
        for i in rows.clone().step_by(2) {
            let finish = Finish::new(&of, i, self.j.clone(), self.p.clone());
            let first = zeros.terms(i, block);
            // SAFETY: positions are in p, the columns exist, and rows i and i + 1 of C are the caller's.
            unsafe {
                let c = (c.start.add(i * c.step + self.j.start), c.step);
                if i + 1 < rows.end {
                    let terms = [first, zeros.terms(i + 1, block)];
                    multiply::<T, V, 2, N>(terms, panel, c, finish);
                } else {
                    multiply::<T, V, 1, N>([first], panel, c, finish);
                }
            }
        }
    }
}

/// The vectors of a panel. Two rows of C are 10 sums, and a number of A is fetched for five multiply-adds; with a block
/// of k they are 62 KiB, of which images read what is not always 0. 128 images times 784 × 400 and its weight gradient
/// are 1.08 and 1.11 times as fast as with 4; wider ones, with one row or two, are not faster.
const WIDTH: usize = 5;

/// What a row costs besides its terms, in terms: its end cannot be foreseen.
pub(super) const ROW: usize = 12;

/// What is not 0 in a row and block of A.
#[derive(Clone, Copy)]
struct Terms<'a, T> {
    positions: &'a [u32],
    values: &'a [T],
}

/// R rows of C: each the sum of the rows of a panel that its terms name.
///
/// # Safety
/// Call it inline in code for V's instruction set. Positions are rows of the panel, which is N
/// vectors wide; C as for [`Finish::write`].
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn multiply<T: Real, V: Vector<T>, const R: usize, const N: usize>(
    terms: [Terms<'_, T>; R],
    panel: *const T,
    c: (*mut T, usize),
    finish: Finish<'_, T>,
) {
    // SAFETY: the caller's promises; t is below the length of both lists.
    unsafe {
        finish.fetch::<V, R, N>(c);
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let add = |sums: &mut [V; N], of: Terms<'_, T>, t: usize| {
            let position = *of.positions.get_unchecked(t) as usize;
            let x = V::splat(*of.values.get_unchecked(t));
            let row = panel.wrapping_add(position * (N * V::LANES));
            for v in 0..N {
                sums[v] = x.mul_add(V::load(row.add(v * V::LANES)), sums[v]);
            }
        };
        let both = terms.iter().map(|of| of.values.len()).min().unwrap_or(0);
        for t in 0..both {
            for i in 0..R {
                add(&mut sums[i], terms[i], t);
            }
        }
        for i in 0..R {
            for t in both..terms[i].values.len() {
                add(&mut sums[i], terms[i], t);
            }
        }
        finish.write::<V, R, N>(sums, c);
    }
}

/// Lists rows of A from `first` on.
struct List<'a, T, V> {
    a: Matrix<'a, T>,
    first: usize,
    room: usize,
    ends: &'a mut [u32],
    positions: &'a mut [u32],
    values: &'a mut [T],
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for List<'_, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(mut self) {
        let (row, column) = self.a.steps;
        let (mut i, rows) = (0, self.values.len() / self.room);
        while i < rows {
            if row == 1 && column != 1 && i + V::LANES <= rows {
                self.rows::<MOST_LANES>(i, V::LANES);
                i += V::LANES;
            } else {
                self.rows::<1>(i, 1);
                i += 1;
            }
        }
    }
}

impl<T: Real, V: Vector<T>> List<'_, T, V> {
    /// Lists one row, or as many rows of a transposed matrix as a vector has lanes.
    #[inline(always)]
    fn rows<const MOST: usize>(&mut self, i: usize, rows: usize) {
        let k = self.a.columns();
        let mut counts = [0; MOST];
        let mut square = [[T::ZERO; MOST_LANES]; MOST_LANES];
        for (block, p) in cuts(0..k, 1, BLOCK).enumerate() {
            for l in p.clone().step_by(V::LANES) {
                let width = V::LANES.min(p.end - l);
                let Operand { start, column, .. } = self.a.from(self.first + i, l);
                // SAFETY: the kernel runs on V's instruction set, and this is inlined into it. Rows
                // i to i + rows and columns l to l + width are A's; if there are several rows, they
                // are as many as lanes and next to each other. A list has room for a vector behind
                // its k numbers, and its count is l at most.
                unsafe {
                    let mut list = |r: usize, x: V| {
                        let to = (i + r) * self.room + counts[r];
                        let positions = self.positions.as_mut_ptr().add(to);
                        let values = self.values.as_mut_ptr().add(to);
                        counts[r] += x.non_zeros(l as u32, positions, values);
                    };
                    if rows > 1 {
                        let to = square.as_mut_ptr().cast();
                        transpose::<T, V>(start, column, width, to, MOST_LANES);
                        (0..rows).for_each(|r| list(r, V::load(square[r].as_ptr())));
                    } else if column == 1 {
                        list(0, V::load_up_to(start, width));
                    } else {
                        let line = &mut square[0];
                        *line = [T::ZERO; MOST_LANES];
                        (0..width).for_each(|c| line[c] = *start.add(c * column));
                        list(0, V::load(line.as_ptr()));
                    }
                }
            }
            let blocks = k.div_ceil(BLOCK);
            (0..rows).for_each(|r| self.ends[(i + r) * blocks + block] = counts[r] as u32);
        }
    }
}

/// Whether all of some columns are finite: a product with 0 is 0 for a finite number, and NaN for
/// others.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
unsafe fn is_finite<T: Real, V: Vector<T>>(b: &Matrix<'_, T>, columns: &Range<usize>) -> bool {
    // SAFETY: V's set is the caller's promise; loads stay within a row.
    unsafe {
        let zero = V::splat(T::ZERO);
        let mut sums = [zero; 4];
        for l in 0..b.rows() {
            let mut fours = b.row(l, columns.clone()).chunks_exact(4 * V::LANES);
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
