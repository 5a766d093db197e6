//! Where the numbers of a matrix are that are not 0: a bit for each.

use std::ops::Range;

use super::super::vector::Vector;
use super::matrix::Matrix;
use super::part::cuts;
use super::plan::BLOCK;
use super::tile::Operand;
use crate::Real;
use crate::buffer::Buffer;

/// The terms of a word; the last of a piece may have fewer.
pub(super) const WORD: usize = u64::BITS as usize;

/// Rows that are looked at together if columns are stored one after the other.
const TOGETHER: usize = 16;

/// Which numbers of some rows of A are not 0: words of up to 64 terms for each row and piece of k.
pub(super) struct NonZeros {
    /// As bits: the words of a row, then those of the next one.
    words: Buffer<f64>,
    /// The pieces of k.
    pub(super) pieces: Vec<Piece>,
    /// How many words a row has.
    row: usize,
}

/// Terms that are met at once.
pub(super) struct Piece {
    pub(super) terms: Range<usize>,
    /// The block of k that they are a part of.
    pub(super) block: Range<usize>,
    /// Which words of a row these are.
    words: Range<usize>,
}

impl NonZeros {
    /// Room for up to so many rows of k numbers, in pieces of so many at most.
    pub(super) fn room_for(rows: usize, k: usize, piece: usize) -> NonZeros {
        let mut pieces = Vec::new();
        let mut row = 0;
        for block in cuts(0..k, 1, BLOCK) {
            for terms in cuts(block.clone(), 1, piece) {
                let count = terms.len().div_ceil(WORD);
                pieces.push(Piece { terms, block: block.clone(), words: row..row + count });
                row += count;
            }
        }
        NonZeros { words: Buffer::for_overwrite(rows * row), pieces, row }
    }

    /// The words of a piece, by the number of the row, the first term in the lowest bit.
    #[inline(always)]
    pub(super) fn words<'a>(&'a self, piece: usize) -> impl Fn(usize) -> &'a [u64] {
        let words: &[u64] = bytemuck::cast_slice(&self.words);
        let (of, row) = (self.pieces[piece].words.clone(), self.row);
        #[inline(always)]
        move |i| &words[i * row..][of.start..of.end]
    }

    /// Looks at these rows of A. The first one will be row 0 here.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. The rows are A's, which has as many columns as there is
    /// [room for](NonZeros::room_for).
    #[inline(always)]
    pub(super) unsafe fn look<T: Real, V: Vector<T>>(
        &mut self,
        a: &Matrix<'_, T>,
        rows: Range<usize>,
    ) {
        let words: &mut [u64] = bytemuck::cast_slice_mut(&mut self.words);
        let by_columns = a.steps.0 == 1 && a.steps.1 != 1;
        let mut i = 0;
        while i < rows.len() {
            let together = if by_columns && i + TOGETHER <= rows.len() { TOGETHER } else { 1 };
            for piece in &self.pieces {
                for (w, l) in piece.words.clone().zip(piece.terms.clone().step_by(WORD)) {
                    let count = WORD.min(piece.terms.end - l);
                    let from = a.from(rows.start + i, l);
                    // SAFETY: the caller's promise; rows i to i + `together` and columns l to l + count are A's.
                    unsafe {
                        if together == 1 {
                            words[i * self.row + w] = bits_of_row::<T, V>(from, count);
                        } else {
                            let bits = bits_of_rows(from, count);
                            for (r, bits) in bits.into_iter().enumerate() {
                                words[(i + r) * self.row + w] = bits;
                            }
                        }
                    }
                }
            }
            i += together;
        }
    }
}

/// Which of up to 64 numbers of a row are not 0, the first in the lowest bit.
///
/// # Safety
/// Call it inline in code for V's instruction set. The pointer is good for the numbers.
#[inline(always)]
unsafe fn bits_of_row<T: Real, V: Vector<T>>(from: Operand<T>, count: usize) -> u64 {
    let mut line = [T::ZERO; WORD];
    let mut start = from.start;
    let mut bits = 0;
    // SAFETY: the caller's promise, and the line has room for all.
    unsafe {
        if from.column != 1 {
            for (l, x) in line[..count].iter_mut().enumerate() {
                *x = *from.start.add(l * from.column);
            }
            start = line.as_ptr();
        }
        for l in (0..count).step_by(V::LANES) {
            let x = V::load_up_to(start.add(l), count - l);
            bits |= u64::from(x.non_zeros()) << l;
        }
    }
    bits
}

/// The same of 16 rows of a matrix whose columns are stored one after the other.
///
/// # Safety
/// The pointer is good for `count` columns of 16 rows.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn bits_of_rows<T: Real>(from: Operand<T>, count: usize) -> [u64; TOGETHER] {
    let mut bits = [0; TOGETHER];
    for l in 0..count {
        for r in 0..TOGETHER {
            // SAFETY: the caller's promise.
            let x = unsafe { *from.start.add(l * from.column + r) };
            bits[r] |= if x != T::ZERO { 1 << l } else { 0 };
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::super::super::isa::{self, Kernel, dispatch_vectors};
    use super::*;
    use proptest::prelude::*;

    /// Looks at rows of a matrix on one instruction set.
    struct Looking<'a, T: Real, V> {
        a: Matrix<'a, T>,
        rows: Range<usize>,
        zeros: &'a mut NonZeros,
        vector: std::marker::PhantomData<V>,
    }

    impl<T: Real, V: Vector<T>> Kernel for Looking<'_, T, V> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe { self.zeros.look::<T, V>(&self.a, self.rows) }
        }
    }

    /// Row by row and piece by piece, the bits are those of the numbers that differ from 0.
    fn check_bits<T: Real>(data: &[T], a: Matrix<'_, T>, rows: Range<usize>, piece: usize) {
        for isa in isa::available() {
            let mut zeros = NonZeros::room_for(rows.len(), a.columns(), piece);
            dispatch_vectors!(isa, T, vector => {
                Looking { a, rows: rows.clone(), zeros: &mut zeros, vector }
            });
            for (number, Piece { terms, .. }) in zeros.pieces.iter().enumerate() {
                let words = zeros.words(number);
                for i in rows.clone() {
                    let mut truth = vec![0u64; terms.len().div_ceil(WORD)];
                    for l in terms.clone().filter(|&l| a.at(i, l) != T::ZERO) {
                        let place = l - terms.start;
                        truth[place / WORD] |= 1 << (place % WORD);
                    }
                    assert_eq!(words(i - rows.start), truth, "{isa} {i} {terms:?} {data:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn bits_are_those_of_what_is_not_0(
            [m, k] in [1..70usize, 1..450usize], [first, step] in [0..40usize, 1..4], form in 0..3usize,
            piece in 1..=BLOCK, bits in prop::collection::vec(0..3usize, 1..200),
        ) {
            // -0 is 0, and neither NaN nor a denormal number is.
            let number = |i: usize| [0.0, -0.0, 1.0, f64::NAN, 5e-324][bits[i % bits.len()] * (1 + i % 2)];
            let steps = [[k, 1], [1, m], [k * step, step]][form];
            let count = (m - 1) * steps[0] + (k - 1) * steps[1] + 1;
            let rows = first % m..m;
            let data: Vec<f64> = (0..count).map(number).collect();
            check_bits(&data, Matrix::with_steps(&data, [m, k], steps), rows.clone(), piece);
            let data: Vec<f32> = data.iter().map(|&x| if x == 5e-324 { 1e-45 } else { x as f32 }).collect();
            check_bits(&data, Matrix::with_steps(&data, [m, k], steps), rows, piece);
        }
    }
}
