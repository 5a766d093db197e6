//! The microkernel: a tile of C in registers, one row of B and one column of A at a time.

use std::ops::Range;

use super::super::prefetch::line_of;
use super::super::vector::Vector;
use super::{Product, Then};
use crate::Real;

/// One operand of a tile: where it begins, and its steps from row to row and from column to column.
#[derive(Clone, Copy)]
pub(super) struct Operand<T> {
    pub(super) start: *const T,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    /// The columns that exist.
    columns: usize,
    alpha: T,
    /// What C is multiplied with before it is added; `None` if it is not read.
    keep: Option<T>,
    /// The part of the bias for these columns.
    bias: Option<&'a [T]>,
    /// Of a mask, what follows the first element of the tile; rows are `mask_step` apart.
    then: Then<'a, T>,
    mask_step: usize,
    /// Whether C is asked for before it is written.
    is_fetched: bool,
}

/// The bytes of C from which on it is fetched while the sums of a tile are computed: it is hardly in the second-level
/// cache then. A VAE's products with cold caches take 2 to 9 % less time on one thread (32 KiB and 1 MiB of cache), those
/// of `f64` with 512 and 4096 rows 2 to 7 %, 4096 × 20 × 400 24 %; small ones would take 1 to 3 % more.
const FETCHED: usize = 1 << 18;

impl<'a, T: Real> Finish<'a, T> {
    /// For tiles that begin at `row`, have these columns, and terms `p` of the product.
    #[inline(always)]
    pub(super) fn new(
        of: &Product<'a, T>,
        row: usize,
        columns: Range<usize>,
        p: Range<usize>,
    ) -> Finish<'a, T> {
        let (n, last) = (of.b.columns(), p.end == of.a.columns());
        let keep = match p.start {
            0 if of.beta == T::ZERO => None,
            0 => Some(of.beta),
            _ => Some(T::ONE),
        };
        let then = match of.then {
            Then::Mask(mask) => Then::Mask(&mask[row * n + columns.start..]),
            then => then,
        };
        Finish {
            columns: columns.len(),
            alpha: of.alpha,
            keep,
            bias: of.bias.filter(|_| last).map(|bias| &bias[columns]),
            then: if last { then } else { Then::Nothing },
            mask_step: n,
            is_fetched: of.a.rows() * n * size_of::<T>() >= FETCHED,
        }
    }

    /// Whether the last of N vectors has no more columns than half of it holds.
    #[inline(always)]
    pub(super) fn ends_half<V: Vector<T>, const N: usize>(&self) -> bool {
        self.columns <= N * V::LANES - V::LANES / 2
    }

    /// For a tile `rows` below.
    #[inline(always)]
    pub(super) fn below(self, rows: usize) -> Finish<'a, T> {
        let then = match self.then {
            Then::Mask(mask) => Then::Mask(&mask[rows * self.mask_step..]),
            then => then,
        };
        Finish { then, ..self }
    }

    /// Asks for where R rows of N vectors will be written, if C is large.
    #[inline(always)]
    pub(super) fn fetch<V: Vector<T>, const R: usize, const N: usize>(
        &self,
        (c, row): (*mut T, usize),
    ) {
        if !self.is_fetched {
            return;
        }
        for i in 0..R {
            for v in 0..N {
                line_of(c.wrapping_add(i * row + v * V::LANES).cast_const());
            }
        }
    }

    /// Writes R rows of N vectors of sums.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. C is good for R × `columns` numbers with rows
    /// `row` apart, as is the mask; `columns` is at most N vectors and more than N - 1.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // as in `tile`
    pub(super) unsafe fn write<V: Vector<T>, const R: usize, const N: usize>(
        self,
        mut sums: [[V; N]; R],
        (c, row): (*mut T, usize),
    ) {
        // Indices stay constant when the loops are unrolled: one that is not would keep the sums in
        // memory, in the loop over k, too. So each step is a loop of its own.
        let part = self.columns - (N - 1) * V::LANES;
        let whole = |v: usize| v < N - 1 || part == V::LANES;
        // SAFETY: reads and writes are of the columns that exist, in rows below R.
        unsafe {
            let load = |from: *const T, v: usize| {
                let from = from.add(v * V::LANES);
                if whole(v) { V::load(from) } else { V::load_part(from, part) }
            };
            if self.alpha != T::ONE {
                let alpha = V::splat(self.alpha);
                for i in 0..R {
                    for v in 0..N {
                        sums[i][v] = alpha.mul(sums[i][v]);
                    }
                }
            }
            if let Some(keep) = self.keep {
                let keep = V::splat(keep);
                for i in 0..R {
                    for v in 0..N {
                        sums[i][v] = keep.mul_add(load(c.add(i * row), v), sums[i][v]);
                    }
                }
            }
            if let Some(bias) = self.bias {
                for v in 0..N {
                    let bias = load(bias.as_ptr(), v);
                    for i in 0..R {
                        sums[i][v] = sums[i][v].add(bias);
                    }
                }
            }
            match self.then {
                Then::Nothing => {}
                Then::Relu => {
                    for i in 0..R {
                        for v in 0..N {
                            sums[i][v] = sums[i][v].relu();
                        }
                    }
                }
                Then::Mask(mask) => {
                    for i in 0..R {
                        for v in 0..N {
                            let mask = load(mask.as_ptr().add(i * self.mask_step), v);
                            sums[i][v] = sums[i][v].where_positive(mask);
                        }
                    }
                }
            }
            for i in 0..R {
                for v in 0..N {
                    let c = c.add(i * row + v * V::LANES);
                    if whole(v) { sums[i][v].store(c) } else { sums[i][v].store_part(c, part) }
                }
            }
        }
    }
}

/// How terms are added to sums.
pub(in super::super) trait Terms<T, V>: Copy {
    /// The terms that the end of a block of k does not take apart; a block has as many times as much.
    const TOGETHER: usize;
    /// sum + a b, in each lane.
    ///
    /// # Safety
    /// Call it inline in code for the instruction set of V and of these terms.
    unsafe fn add(self, a: V, b: V, sum: V) -> V;
    /// Whether [`add_half`](Terms::add_half) may cost less than [`add`](Terms::add).
    const HALVES: bool = false;
    /// [`add`](Terms::add) in the first half of the lanes; what the others hold has no meaning.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn add_half(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { self.add(a, b, sum) }
    }
}

/// One fused multiply-add.
#[derive(Clone, Copy)]
pub(super) struct Single;

impl<T, V: Vector<T>> Terms<T, V> for Single {
    const TOGETHER: usize = 1;
    const HALVES: bool = V::HALVES;
    #[inline(always)]
    unsafe fn add(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.mul_add(b, sum) }
    }
    #[inline(always)]
    unsafe fn add_half(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.mul_add_half(b, sum) }
    }
}

/// Σ A B over `k` for R rows and N vectors, written to C as `finish` says.
///
/// Each element is one chain of terms in order of k, from 0. With `ENDS_HALF` the last vector has no more columns than
/// half of it holds, and costs half where registers are computed in halves.
///
/// # Safety
/// Call it inline in code for V's instruction set and that of the terms. A is good for R × k, B for k × N vectors, or, if V
/// [leaves out](Vector::LEAVES_OUT) lanes, the columns of `finish` (next to each other), C and `finish` as for [`Finish::write`].
/// `next`, where as many rows of A begin as this tile has, is asked for, and need not be good for anything.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
pub(super) unsafe fn tile<
    T: Real,
    V: Vector<T>,
    const R: usize,
    const N: usize,
    const ENDS_HALF: bool,
>(
    terms: impl Terms<T, V>,
    k: usize,
    (a, next): (Operand<T>, Option<*const T>),
    b: Operand<T>,
    c: (*mut T, usize),
    finish: Finish<'_, T>,
) {
    // SAFETY: the caller's promises cover each read and write below, named at its place.
    unsafe {
        finish.fetch::<V, R, N>(c);
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let (mut a_column, mut b_row) = (a.start, b.start);
        let last = V::first(finish.columns - (N - 1) * V::LANES);
        for p in 0..k {
            if let Some(next) = next {
                // A line of each of R rows in R terms, which are at most a line.
                line_of(next.wrapping_add(p % R * a.row + p / R * R));
            }
            let mut x = [V::splat(T::ZERO); N];
            for v in 0..N - 1 {
                x[v] = V::load(b_row.add(v * V::LANES)); // within N vectors of a row of B
            }
            x[N - 1] = V::load_first(b_row.add((N - 1) * V::LANES), last);
            for i in 0..R {
                let y = V::splat(*a_column.add(i * a.row)); // row i < R of A
                for v in 0..N {
                    sums[i][v] = if ENDS_HALF && v == N - 1 {
                        terms.add_half(y, x[v], sums[i][v])
                    } else {
                        terms.add(y, x[v], sums[i][v])
                    };
                }
            }
            a_column = a_column.wrapping_add(a.column);
            b_row = b_row.wrapping_add(b.row);
        }
        finish.write::<V, R, N>(sums, c);
    }
}
