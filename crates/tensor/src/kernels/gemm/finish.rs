//! What becomes of the sums in a tile's registers: they are scaled, added to C, biased, rectified or masked, and written.

use std::ops::Range;

use super::super::processor;
use super::super::vector::Vector;
use super::{Precision, Product, Then};
use crate::Real;

/// All lanes of a tile's last vector of B are read and multiplied.
pub(super) const WHOLE: u8 = 0;
/// Those that are columns are read.
pub(super) const PART: u8 = 1;
/// Those that are columns are read, which are no more than half, and only this half is multiplied.
pub(super) const HALF: u8 = 2;

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a, T> {
    /// The columns that exist.
    pub(super) columns: usize,
    alpha: T,
    /// What C is multiplied with before it is added; `None` if it is not read.
    keep: Option<T>,
    /// Whether an element that is -0 so far becomes +0, as it may be either where zeros are skipped; of rounded factors none are.
    unsigned_zeros: bool,
    /// The part of the bias for these columns.
    bias: Option<&'a [T]>,
    /// Of a mask, what follows the first element of the tile; rows are `mask_step` apart.
    then: Then<'a, T>,
    mask_step: usize,
    /// Whether what is written [passes](Vector::store_past_caches) the caches.
    pub(super) passes_caches: bool,
    /// Whether half a vector takes half the time.
    is_halved: bool,
}

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
            unsigned_zeros: p.start == 0 && of.precision == Precision::Full && of.may_skip,
            bias: of.bias.filter(|_| last).map(|bias| &bias[columns]),
            then: if last { then } else { Then::Nothing },
            mask_step: n,
            passes_caches: false,
            is_halved: processor::current().computes_in_halves(),
        }
    }

    /// How the last of N vectors of B is read and multiplied: [`WHOLE`], [`PART`] or [`HALF`]. A padded panel has zeros
    /// behind the last column.
    #[inline(always)]
    pub(super) fn end<V: Vector<T>, const N: usize>(&self, is_padded: bool) -> u8 {
        match N * V::LANES - self.columns {
            0 => WHOLE,
            left_out if V::HALVES && self.is_halved && left_out >= V::LANES / 2 => HALF,
            _ if is_padded => WHOLE,
            _ => PART,
        }
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

    /// Writes R rows of N vectors of sums.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. C is good for R × `columns` numbers with rows
    /// `row` apart, the mask for as many with rows `mask_step` apart; `columns` is at most N vectors and more than N - 1. If C is written past
    /// the caches, each vector of it begins where a multiple of its size does.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
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
            if self.unsigned_zeros {
                let zero = V::splat(T::ZERO);
                for i in 0..R {
                    for v in 0..N {
                        sums[i][v] = sums[i][v].add(zero);
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
            if self.passes_caches && part == V::LANES {
                for i in 0..R {
                    for v in 0..N {
                        sums[i][v].store_past_caches(c.add(i * row + v * V::LANES));
                    }
                }
                return;
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
