//! [Narrow](Product::is_narrow) products of few columns: lanes are rows of C, and A is transposed in registers.
//!
//! Such is the gradient of a layer's few inputs: 32 × 400 × 20 for the latent variables of a VAE. The sums of all columns, of as
//! many rows as a vector has lanes, fit the registers. So a vector of A, which is one term of these rows, is met by every number of B that it
//! ever meets, where these lie, and a copy would be read once. A few terms of all rows are read at a time and transposed, while
//! those before them are multiplied: on Zen 4, shuffles have a unit of their own beside those of multiply-adds, whose only operand in
//! memory is B. In `f32`, 32 × 400 × 20 does 109 GFLOP/s of 117 on one thread, where copies reach 84; in `f64` 55 of 58, and 47.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::isa::{Isa, Kernel, dispatch_for};
use super::super::processor;
use super::super::vector::{GROUP, MOST_GROUPS, MOST_LANES, Vector, riffled, transpose};
use super::part::cuts;
use super::plan::BLOCK;
use super::{Product, Target};
use crate::Real;

/// The columns whose sums fit 32 registers, with two groups of terms of A.
const MOST: usize = 20;

/// Terms whose columns of A are transposed together.
const TOGETHER: usize = 4;

impl<T: Real> Product<'_, T> {
    /// Whether a [narrow](Product::is_narrow) product has few columns, and each of its multiply-adds, of 512 bits, time for a load. Where two of
    /// them take a cycle, loads would be the limit.
    pub(super) fn takes_few_columns(&self, isa: Isa) -> bool {
        let has_time = isa == Isa::Avx512 && processor::current().computes_in_halves();
        self.b.columns() <= MOST && has_time
    }

    /// [`multiply`](Product::multiply) of a narrow product [of few columns](Product::takes_few_columns), to the same bits.
    ///
    /// # Panics
    /// If the set is not AVX-512.
    pub(super) fn multiply_few_columns(&self, isa: Isa, c: &mut [T]) {
        assert!(isa == Isa::Avx512, "few columns on {isa}");
        self.in_parts(c, self.b.columns(), MOST_LANES, |c, rows, columns| {
            let vector = PhantomData::<T::Avx512>;
            dispatch_for::<T, _, _>(vector, FewColumns { of: self, c, rows, columns, vector });
        });
    }
}

/// Some rows and columns of C.
struct FewColumns<'a, T: Real, V> {
    of: &'a Product<'a, T>,
    c: Target<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for FewColumns<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for first in self.rows.clone().step_by(V::LANES) {
            let rows = first..self.rows.end.min(first + V::LANES);
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe {
                match self.columns.len() {
                    17.. => self.tile::<20>(rows),
                    13.. => self.tile::<16>(rows),
                    9.. => self.tile::<12>(rows),
                    5.. => self.tile::<8>(rows),
                    _ => self.tile::<4>(rows),
                }
            }
        }
    }
}

impl<T: Real, V: Vector<T>> FewColumns<'_, T, V> {
    /// A tile of R columns at most, and of these rows, no more than lanes.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. There are rows, and they and the columns are this part's.
    #[inline(always)]
    unsafe fn tile<const R: usize>(&self, rows: Range<usize>) {
        let Product { a, b, alpha, may_skip, .. } = *self.of;
        // Where zeros are skipped, there are more columns, and the sign of a zero is not that of its sum.
        debug_assert!(!may_skip);
        let (k, b, columns) = (a.columns(), b.transpose(), self.columns.len());
        // Rows and columns that do not exist are the last ones once more, and not written.
        let (mut of_a, mut of_b) = ([std::ptr::null(); MOST_LANES], [std::ptr::null(); R]);
        for (i, of_a) in of_a.iter_mut().enumerate() {
            *of_a = a.row((rows.start + i).min(rows.end - 1), 0..k).as_ptr();
        }
        for (j, of_b) in of_b.iter_mut().enumerate() {
            *of_b = b.row(self.columns.start + j.min(columns - 1), 0..k).as_ptr();
        }
        // SAFETY: the caller's promise; rows and columns have k terms.
        unsafe {
            let mut sums = [V::splat(T::ZERO); R];
            for p in cuts(0..k, 1, BLOCK) {
                let is_first = p.start == 0;
                let block = chain::<T, V, R>(p, of_a, of_b);
                for j in 0..R {
                    let block = V::splat(alpha).mul(block[j]);
                    // The first is not added to 0, which would change the sign of a zero.
                    sums[j] = if is_first { block } else { sums[j].add(block) };
                }
            }
            self.write(&rows, sums);
        }
    }

    /// # Safety
    /// As for [`tile`](FewColumns::tile), whose sums these are.
    #[inline(always)]
    unsafe fn write<const R: usize>(&self, rows: &Range<usize>, sums: [V; R]) {
        let columns = self.columns.len();
        let mut lines = [[T::ZERO; MOST_LANES]; R];
        // SAFETY: the caller's promise; C has these rows and columns, and lines are as long as the longest vector.
        unsafe {
            for (line, sum) in lines.iter_mut().zip(sums) {
                sum.store(line.as_mut_ptr());
            }
            let c = self.c.start.add(rows.start * self.c.step + self.columns.start);
            if rows.len() == V::LANES && columns >= V::LANES {
                // By squares, of which the last one may lie over the one before: what both write is the same.
                for j in (0..columns).step_by(V::LANES) {
                    let j = j.min(columns - V::LANES);
                    transpose::<T, V>(
                        lines.as_flattened()[j * MOST_LANES..].as_ptr(),
                        MOST_LANES,
                        V::LANES,
                        c.add(j),
                        self.c.step,
                    );
                }
                return;
            }
            for (j, line) in lines[..columns].iter().enumerate() {
                for (i, &sum) in line[..rows.len()].iter().enumerate() {
                    *c.add(i * self.c.step + j) = sum;
                }
            }
        }
    }
}

/// Σ A B over these terms, for as many rows of A as there are lanes and R columns of B, each in a row of memory: one chain in order.
///
/// # Safety
/// Call it inline in code for V's instruction set. Rows and columns have all of the terms.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn chain<T: Real, V: Vector<T>, const R: usize>(
    terms: Range<usize>,
    a: [*const T; MOST_LANES],
    b: [*const T; R],
) -> [V; R] {
    let whole = terms.start..terms.start + terms.len() / TOGETHER * TOGETHER;
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [V::splat(T::ZERO); R];
        let mut x = [V::splat(T::ZERO); TOGETHER];
        if !whole.is_empty() {
            for i in 0..TOGETHER {
                x[i] = groups(a, i, whole.start);
            }
            x = transposed(x);
        }
        for p in whole.clone().step_by(TOGETHER) {
            // Behind the last terms, these once more.
            let next = (p + TOGETHER).min(whole.end - TOGETHER);
            let mut y = x;
            for i in 0..TOGETHER {
                y[i] = groups(a, i, next);
                for j in 0..R {
                    sums[j] = x[i].mul_add(V::splat(*b[j].add(p + i)), sums[j]);
                }
            }
            x = transposed(y);
        }
        for p in whole.end..terms.end {
            let mut column = [T::ZERO; MOST_LANES];
            for i in 0..MOST_LANES {
                column[i] = *a[i].add(p);
            }
            let x = V::load(column.as_ptr());
            for j in 0..R {
                sums[j] = x.mul_add(V::splat(*b[j].add(p)), sums[j]);
            }
        }
        sums
    }
}

/// Vector i of those that [`transposed`] takes for the terms from p on: where a group has n numbers, the groups of rows i, i + n, i + 2 n …; from i = n
/// on, of row i - n and so forth, and of the terms behind.
///
/// # Safety
/// Call it inline in code for V's instruction set. The rows are good for these terms.
#[inline(always)]
unsafe fn groups<T: Real, V: Vector<T>>(a: [*const T; MOST_LANES], i: usize, p: usize) -> V {
    let group = GROUP / size_of::<T>();
    let p = p + i / group * group;
    let mut from = [a[i % group].wrapping_add(p); MOST_GROUPS];
    for g in 1..V::LANES / group {
        from[g] = a[g * group + i % group].wrapping_add(p);
    }
    // SAFETY: the caller's promise.
    unsafe { V::groups(from) }
}

/// Columns of A, one for each of the terms whose [`groups`] these are.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
unsafe fn transposed<T: Real, V: Vector<T>>(x: [V; TOGETHER]) -> [V; TOGETHER] {
    let group = GROUP / size_of::<T>();
    let mut columns = x;
    for first in (0..TOGETHER).step_by(group) {
        let mut square = [x[first]; MOST_LANES];
        square[..group].copy_from_slice(&x[first..first + group]);
        // SAFETY: the caller's promise.
        let square = unsafe { riffled::<T, V, true>(square, group) };
        columns[first..first + group].copy_from_slice(&square[..group]);
    }
    columns
}
