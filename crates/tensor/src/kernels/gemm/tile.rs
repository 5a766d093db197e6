//! The microkernel: a tile of C in registers, one row of B and one column of A at a time.

use super::vector::Vector;
use crate::Real;

/// One operand of a tile: where it begins, and its steps from row to row and from column to column.
#[derive(Clone, Copy)]
pub(super) struct Operand<T> {
    pub(super) start: *const T,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// C ← (C +) Σ A B over `k` for R rows and N vectors, of which the first `columns` numbers exist.
///
/// Each element of C is one chain of fused multiply-adds in order of k, from 0; then C, if `add`, is
/// added to it.
///
/// # Safety
/// Call it inline in code for V's instruction set. A is good for R × k, B for k × N vectors (with
/// columns next to each other), and C, whose rows are `row` apart, for R × `columns` numbers;
/// `columns` is at most N vectors and more than N - 1.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
pub(super) unsafe fn tile<T: Real, V: Vector<T>, const R: usize, const N: usize>(
    k: usize,
    a: Operand<T>,
    b: Operand<T>,
    (c, row): (*mut T, usize),
    columns: usize,
    add: bool,
) {
    // SAFETY: the caller's promises cover each read and write below, named at its place.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let (mut a_column, mut b_row) = (a.start, b.start);
        for _ in 0..k {
            let mut x = [V::splat(T::ZERO); N];
            for v in 0..N {
                x[v] = V::load(b_row.add(v * V::LANES)); // within N vectors of a row of B
            }
            for i in 0..R {
                let y = V::splat(*a_column.add(i * a.row)); // row i < R of A
                for v in 0..N {
                    sums[i][v] = y.mul_add(x[v], sums[i][v]);
                }
            }
            a_column = a_column.wrapping_add(a.column);
            b_row = b_row.wrapping_add(b.row);
        }
        // Indices stay constant when the loops are unrolled: one that is not would keep the sums in
        // memory, in the loop over k, too.
        let (last, part) = (N - 1, columns - (N - 1) * V::LANES);
        for i in 0..R {
            for v in 0..N {
                let c = c.add(i * row + v * V::LANES); // row i < R of C
                let mut sum = sums[i][v];
                if v < last || part == V::LANES {
                    if add {
                        sum = V::load(c).add(sum);
                    }
                    sum.store(c);
                } else {
                    if add {
                        sum = V::load_part(c, part).add(sum);
                    }
                    sum.store_part(c, part);
                }
            }
        }
    }
}
