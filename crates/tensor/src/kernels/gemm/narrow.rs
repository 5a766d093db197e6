//! Products of few rows and a B that is stored transposed: C = (Bᵀ Aᵀ)ᵀ.
//!
//! Such is the gradient of a layer's input with a small batch. A tile meets rows of B in whole vectors, so this B would be transposed
//! while it is copied, which with few rows takes as long as a fourth of the product. But its transpose has rows that can be
//! met one number after the other where they lie, as a left factor. What is transposed then is A, and C, both of which are small.

use super::super::isa::Isa;
use super::super::permute::permute;
use super::super::vector::MOST_LANES;
use super::{Precision, Product, Then};
use crate::buffer::Buffer;
use crate::{Real, Shape};

/// The rows up to which that takes less time: 32 × 784 × 400 takes 93 µs instead of 114 on two near cores of Zen 4. With 128 rows both ways
/// take as long.
const MOST: usize = 64;

/// Terms, and columns for each row, from which on there is enough of B.
const TERMS: usize = 64;
const COLUMNS: usize = 4;

impl<T: Real> Product<'_, T> {
    /// Whether the product is computed as a transposed one: if it takes less time, and C is not read, nor anything done to it.
    pub(super) fn is_narrow(&self, step: usize) -> bool {
        let (m, k, n) = (self.a.rows(), self.a.columns(), self.b.columns());
        // All lanes of all vectors are computed: 15 rows at least, and few of them idle.
        let fills = m.next_multiple_of(MOST_LANES) <= m + m / 8;
        let is_small = m <= MOST && fills && n >= COLUMNS * m && k >= TERMS;
        let is_stored_so = self.a.steps.1 == 1 && self.b.steps.0 == 1 && self.b.steps.1 != 1;
        let is_plain = matches!(self.then, Then::Nothing) && self.bias.is_none();
        let is_written = self.beta == T::ZERO && step == n;
        is_small && is_stored_so && is_plain && is_written && self.precision == Precision::Full
    }

    /// [`multiply`](Product::multiply) of a [narrow](Product::is_narrow) product, to the same bits.
    pub(super) fn multiply_narrow(&self, isa: Isa, c: &mut [T]) {
        let (m, n) = (self.a.rows(), self.b.columns());
        let (a, b) = (self.b.transpose(), self.a.transpose());
        let mut transposed = Buffer::<T>::for_overwrite(m * n);
        let product = Product { a, b, ..*self };
        // Where zeros might be skipped, no element is -0 (`finish.rs`); the sum with a bias of 0 is none either.
        let zeros = [T::ZERO; MOST];
        let bias = self.may_skip().then_some(&zeros[..m]);
        Product { bias, ..product }.multiply_dense(isa, &mut transposed, m);
        permute(&transposed, &Shape::new(&[n, m]), &[1, 0], c);
    }
}
