//! Products of few rows, or of columns that do not fill vectors, and a B that is stored transposed: C = (Bᵀ Aᵀ)ᵀ.
//!
//! Such are gradients of a layer's input with a small batch, or of few outputs. A tile meets rows of B in whole vectors, so this B would
//! be transposed while it is copied, which with few rows takes as long as a fourth of the product, and 20 columns would be
//! computed as 24. But its transpose has rows that can be met one number after the other where they lie, as a left factor. What is
//! transposed then is A, and C, which is small. Few columns on Zen 4 do without a copy of A, too (`few_columns.rs`).

use super::super::isa::Isa;
use super::super::permute::permute;
use super::super::vector::MOST_LANES;
use super::{Precision, Product, Then};
use crate::buffer::Buffer;
use crate::{Real, Shape};

/// The rows up to which that takes less time: 32 × 784 × 400 takes 93 µs instead of 114 on two near cores of Zen 4. With 128 rows both ways
/// take as long.
const FEW: usize = 64;

/// And where columns do not fill vectors, but rows do: in `f32`, 32 × 400 × 20 is 1.28 times as fast with copies, 128 × 400 × 20 1.16
/// times, and 512 × 400 × 20 1.08 times; with 4096 rows, memory is waited for.
const MORE: usize = 512;

/// Terms, and columns for each row of [`FEW`], from which on there is enough of B.
const TERMS: usize = 64;
const COLUMNS: usize = 4;

/// The bytes of half a vector, which some processors compute alone.
const HALF: usize = 32;

impl<T: Real> Product<'_, T> {
    /// Whether the product is computed as a transposed one: if it takes less time, and C is not read, nor anything done to it.
    pub(super) fn is_narrow(&self, isa: Isa, step: usize) -> bool {
        let (m, k, n) = (self.a.rows(), self.a.columns(), self.b.columns());
        // All lanes are computed, and few of them may be idle.
        let fills = |count: usize, lanes| count.next_multiple_of(lanes) <= count + count / 8;
        let copies_nothing = self.takes_few_columns(isa);
        let has_few_rows = m <= FEW && (n >= COLUMNS * m || copies_nothing);
        let has_idle_lanes = (m <= MORE || copies_nothing) && !fills(n, HALF / size_of::<T>());
        let pays = (has_few_rows || has_idle_lanes) && fills(m, MOST_LANES) && k >= TERMS;
        let is_stored_so = self.a.steps.1 == 1 && self.b.steps.0 == 1 && self.b.steps.1 != 1;
        let is_plain = matches!(self.then, Then::Nothing) && self.bias.is_none();
        let is_written = self.beta == T::ZERO && step == n;
        pays && is_stored_so && is_plain && is_written && self.precision == Precision::Full
    }

    /// [`multiply`](Product::multiply) of a [narrow](Product::is_narrow) product, to the same bits.
    pub(super) fn multiply_narrow(&self, isa: Isa, c: &mut [T]) {
        if self.takes_few_columns(isa) {
            return self.multiply_few_columns(isa, c);
        }
        let (m, n) = (self.a.rows(), self.b.columns());
        let (a, b) = (self.b.transpose(), self.a.transpose());
        let mut transposed = Buffer::<T>::for_overwrite(m * n);
        Product { a, b, ..*self }.multiply_dense(isa, &mut transposed, m);
        permute(&transposed, &Shape::new(&[n, m]), &[1, 0], c);
    }
}
