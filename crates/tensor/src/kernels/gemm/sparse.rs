//! Products whose left factor is mostly zeros.
//!
//! 81 % of the pixels of MNIST are 0, and so are 81 % of the terms of a first layer's product and
//! of its weight gradient. What is not 0 is listed once, row by row; then a row of C in registers
//! meets the rows of B that the list names. A term of 0 adds nothing to a chain of sums that began
//! with +0, so the bits are those of the dense product: unless B is infinite or NaN somewhere, which
//! is looked at, and then the dense product is taken.

use std::ops::Range;

use super::super::isa::{Kernel, dispatch};
use super::super::threads::{chunks_mut, for_each_chunk};
use super::Product;
use super::matrix::Matrix;
use super::part::{BLOCK, Part, cuts};
use super::tile::{Finish, Operand};
use super::vector::{MOST_LANES, Vector};
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
    /// A list has room for a whole row: k of each number, as the bits of an integer.
    positions: Buffer<f32>,
    values: Buffer<T>,
    k: usize,
}

impl<T: Real> NonZeros<T> {
    /// Whether A is so sparse, and B so wide, that the list pays.
    pub(super) fn worth_it(of: &Product<'_, T>) -> bool {
        let (m, k, n) = (of.a.rows(), of.a.columns(), of.b.columns());
        if m * k * n < LARGE || n < COLUMNS || of.b.steps.1 != 1 {
            return false;
        }
        // Steps without a common factor with the size come by all rows and columns.
        let element = |i: usize| of.a.at(i * 7919 % m, i * 104_729 % k);
        (0..SAMPLE).filter(|&i| element(i) != T::ZERO).count() <= MOST
    }

    /// The lists of a matrix.
    pub(super) fn of(a: &Matrix<'_, T>) -> NonZeros<T> {
        let (m, k) = (a.rows(), a.columns());
        let blocks = k.div_ceil(BLOCK);
        let mut lists = NonZeros {
            ends: Buffer::for_overwrite(m * blocks),
            positions: Buffer::for_overwrite(m * k),
            values: Buffer::for_overwrite(m * k),
            k,
        };
        let rows = (super::super::GRAIN / k).max(1);
        let lists_of = (
            chunks_mut(&mut lists.ends, rows * blocks),
            chunks_mut(&mut lists.positions, rows * k),
            chunks_mut(&mut lists.values, rows * k),
        );
        for_each_chunk(lists_of, |i, (ends, positions, values)| {
            let ends = bytemuck::cast_slice_mut(ends);
            let positions = bytemuck::cast_slice_mut(positions);
            dispatch(List { a: *a, first: i * rows, ends, positions, values });
        });
        lists
    }

    /// Computes a part of the product; false, with nothing written, if B is not finite there.
    #[inline(always)]
    pub(super) fn times<V: Vector<T>>(&self, part: &Part<'_, T, V>) -> bool {
        let Part { of, c, rows, columns, .. } = part;
        // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
        if !unsafe { is_finite::<T, V>(&of.b, columns) } {
            return false;
        }
        let blocks = self.k.div_ceil(BLOCK);
        let ends: &[u32] = bytemuck::cast_slice(&self.ends);
        let positions: &[u32] = bytemuck::cast_slice(&self.positions);
        for j in cuts(columns.clone(), V::LANES, WIDEST * V::LANES) {
            for i in rows.clone() {
                let mut from = i * self.k;
                for (block, p) in cuts(0..self.k, 1, BLOCK).enumerate() {
                    let to = i * self.k + ends[i * blocks + block] as usize;
                    let terms = Terms {
                        positions: &positions[from..to],
                        values: &self.values[from..to],
                        b: of.b.from(0, j.start),
                    };
                    from = to;
                    let finish = Finish::new(of, i, j.clone(), p);
                    // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
                    // Positions are below k, and the columns exist; row i of C is this part's.
                    unsafe {
                        let c = c.start.add(i * c.step + j.start);
                        match j.len().div_ceil(V::LANES) {
                            1 => terms.row::<V, 1>(c, finish),
                            2 => terms.row::<V, 2>(c, finish),
                            3 => terms.row::<V, 3>(c, finish),
                            4 => terms.row::<V, 4>(c, finish),
                            5 => terms.row::<V, 5>(c, finish),
                            6 => terms.row::<V, 6>(c, finish),
                            7 => terms.row::<V, 7>(c, finish),
                            8 => terms.row::<V, 8>(c, finish),
                            _ => unreachable!("at most {WIDEST} vectors"),
                        }
                    }
                }
            }
        }
        true
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
            let row = b.row(l, columns.clone());
            let mut vectors = row.chunks_exact(V::LANES);
            for (i, vector) in (&mut vectors).enumerate() {
                sums[i % 4] = zero.mul_add(V::load(vector.as_ptr()), sums[i % 4]);
            }
            let rest = vectors.remainder();
            if !rest.is_empty() {
                sums[0] = zero.mul_add(V::load_part(rest.as_ptr(), rest.len()), sums[0]);
            }
        }
        let sum = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
        let mut lanes = [T::ZERO; MOST_LANES];
        sum.store(lanes.as_mut_ptr());
        lanes.iter().all(|&lane| lane == T::ZERO)
    }
}

/// The most vectors of a row of C in registers. Each term adds to all of them, and an addition takes
/// as long as four others can begin: fewer than 8 leave the processor waiting, more do not fit AVX2.
const WIDEST: usize = 8;

/// What is not 0 in a row and block of A, and the columns of B that it meets.
struct Terms<'a, T> {
    positions: &'a [u32],
    values: &'a [T],
    b: Operand<T>,
}

impl<T: Real> Terms<'_, T> {
    /// # Safety
    /// Call it inline in code for V's instruction set. Positions are rows of B, which is good for the
    /// columns that `finish` names; C as for [`Finish::write`].
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    unsafe fn row<V: Vector<T>, const N: usize>(&self, c: *mut T, finish: Finish<'_, T>) {
        let part = finish.columns() - (N - 1) * V::LANES;
        // SAFETY: the caller's promises.
        unsafe {
            let mut sums = [[V::splat(T::ZERO); N]; 1];
            for (&position, &value) in self.positions.iter().zip(self.values) {
                let row = self.b.start.add(position as usize * self.b.row);
                let x = V::splat(value);
                for v in 0..N {
                    let row = row.add(v * V::LANES);
                    let whole = v < N - 1 || part == V::LANES;
                    let b = if whole { V::load(row) } else { V::load_part(row, part) };
                    sums[0][v] = x.mul_add(b, sums[0][v]);
                }
            }
            finish.write::<V, 1, N>(sums, (c, 0));
        }
    }
}

/// Lists rows of A from `first` on.
struct List<'a, T> {
    a: Matrix<'a, T>,
    first: usize,
    ends: &'a mut [u32],
    positions: &'a mut [u32],
    values: &'a mut [T],
}

impl<T: Real> Kernel for List<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let List { a, first, ends, positions, values } = self;
        let (k, blocks) = (a.columns(), a.columns().div_ceil(BLOCK));
        let lists = positions.chunks_exact_mut(k).zip(values.chunks_exact_mut(k));
        for (i, (positions, values)) in lists.enumerate() {
            let mut count = 0;
            let row = a.from(first + i, 0);
            for (block, p) in cuts(0..k, 1, BLOCK).enumerate() {
                for l in p {
                    // Written in any case, and kept if it is not 0: no branch to guess.
                    // SAFETY: l is a column of A, and `count` at most l, below the length of a list.
                    unsafe {
                        let x = *row.start.add(l * row.column);
                        *positions.get_unchecked_mut(count) = l as u32;
                        *values.get_unchecked_mut(count) = x;
                        count += usize::from(x != T::ZERO);
                    }
                }
                ends[i * blocks + block] = count as u32;
            }
        }
    }
}
