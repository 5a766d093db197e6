//! Products whose factors are rounded to bfloat16: the sign, the exponent and the 7 first digits of an `f32`.
//!
//! Two numbers along k become one *word*, and instructions multiply words: AVX-512 BF16 adds both products of a pair to an
//! `f32`, twice as many terms in the same time on Zen; AMX adds up to sixteen times as many (`amx.rs`). In words of AVX-512
//! BF16 neighbours meet, the first in the upper half, which is added first; a matrix of words has half the terms, and everything
//! around the microkernel treats it as it does numbers.
//!
//! **The same bits.** They are what AMX makes of a row of a tile: k is filled up with zeros to groups of 32 terms. The first 16 of a
//! group, and the other 16, are a chain of fused multiply-adds from 0, in order; both chains are added to each other, then to
//! the sum of the groups before. A block, whose sum is added to C, is as many groups as 1,024 terms have at most. Whatever number or sum
//! is subnormal becomes 0. Without any of these instructions each number of a word has its own place again, and multiply-adds
//! are followed by that flush: this is slower than the product of `f32`, but has the bits of the fast ones.

#[cfg(target_arch = "x86_64")]
use super::super::amx;
use super::super::isa::{Isa, Kernel, dispatch_to, dispatch_vectors};
#[cfg(target_arch = "x86_64")]
use super::super::isa::{avx512_bf16, dispatch_bf16, has_bf16};
use super::super::processor;
use super::super::threads::{chunks_mut, for_each_chunk};
use super::super::vector::Vector;
#[cfg(target_arch = "x86_64")]
use super::super::vector::Vectors;
use super::matrix::Matrix;
use super::part::Part;
use super::tile::Terms;
use super::{HEIGHT, Precision, Product};
use crate::Real;
use crate::buffer::Buffer;

/// Rows and columns of C, and terms, below which rounding the factors costs more than it saves: 128 × 400 × 40 takes
/// 24 µs instead of 17 on two threads, 32 × 400 × 784 is 1.2 times as fast as in full.
const LEAST: [usize; 3] = [32, 64, 32];

/// The terms of a chain, of two of them, and the most of a block. The first two are what AMX makes of a row of a tile.
pub(super) const CHAIN: usize = 16;
pub(super) const TOGETHER: usize = 2 * CHAIN;
pub(super) const BLOCK: usize = 32 * TOGETHER;

impl<T: Real> Product<'_, T> {
    /// Whether the factors are rounded, if the [precision](Precision::Bf16) says so: not if that takes longer than the product itself,
    /// nor in `f64`. An A that is mostly zeros has a quicker way.
    pub fn is_rounded(&self) -> bool {
        let sizes = [self.a.rows(), self.b.columns(), self.a.columns()];
        self.precision == Precision::Bf16
            && T::NAME == "f32"
            && sizes.iter().zip(LEAST).all(|(size, least)| *size >= least)
            && self.sparse(processor::current()).is_none()
    }
}

impl Product<'_, f32> {
    /// [`multiply`](Product::multiply) with rounded factors.
    pub(in super::super) fn multiply_rounded(&self, isa: Isa, c: &mut [f32], step: usize) {
        #[cfg(target_arch = "x86_64")]
        if amx::is_available(isa) {
            return self.multiply_tiles(c, step);
        }
        self.multiply_words(isa, c, step);
    }

    fn words(&self, isa: Isa) -> [Words; 2] {
        [self.a, self.b.transpose()].map(|x| Words::of(isa, x))
    }

    /// With AVX-512 BF16 if there is, on any instruction set.
    pub(super) fn multiply_words(&self, isa: Isa, c: &mut [f32], step: usize) {
        #[cfg(target_arch = "x86_64")]
        if has_bf16(isa) {
            let [a, b] = self.words(isa);
            let of = Product { a: a.matrix(), b: b.matrix().transpose(), ..*self };
            of.in_parts(c, step, HEIGHT, |c, rows, columns| {
                let vector = std::marker::PhantomData::<<f32 as Vectors>::Avx512>;
                dispatch_bf16(Part { of: &of, c, rows, columns, vector, terms: Pairs });
            });
            return;
        }
        self.multiply_halves(isa, c, step);
    }

    /// Without any instruction for it.
    pub(super) fn multiply_halves(&self, isa: Isa, c: &mut [f32], step: usize) {
        let [a, b] = self.words(isa).map(|words| words.halves());
        let of = Product { a: a.matrix(), b: b.matrix().transpose(), ..*self };
        of.in_parts(c, step, HEIGHT, |c, rows, columns| {
            dispatch_vectors!(isa, f32, vector => {
                let (rows, columns) = (rows.clone(), columns.clone());
                Part { of: &of, c, rows, columns, vector, terms: Flushed }
            });
        });
    }
}

/// Words along one row of A, or along one column of B.
struct Words {
    data: Buffer<f32>,
    rows: usize,
    columns: usize,
    /// Whether rows follow each other; else columns do, as in the matrix they come from.
    by_rows: bool,
}

impl Words {
    /// Of a matrix whose columns are numbered by k. The last chains are filled up with zeros.
    fn of(isa: Isa, x: Matrix<'_, f32>) -> Words {
        let (rows, columns) = (x.rows(), x.columns().next_multiple_of(TOGETHER) / 2);
        let by_rows = x.steps.1 == 1;
        let mut data = Buffer::for_overwrite(rows * columns);
        let line = if by_rows { columns } else { rows };
        let lines = (super::super::GRAIN / line).max(1);
        for_each_chunk(chunks_mut(&mut data, lines * line), |i, words| {
            dispatch_to(isa, Round { x, first: i * lines, line, words });
        });
        Words { data, rows, columns, by_rows }
    }

    fn matrix(&self) -> Matrix<'_, f32> {
        if self.by_rows {
            Matrix::new(&self.data, self.rows, self.columns)
        } else {
            Matrix::new(&self.data, self.columns, self.rows).transpose()
        }
    }

    /// Each number of a word in its own place.
    fn halves(&self) -> Words {
        let columns = 2 * self.columns;
        let mut data = Buffer::for_overwrite(self.rows * columns);
        let halves = |word: &f32| {
            let word = word.to_bits();
            [word & UPPER, word << 16].map(f32::from_bits)
        };
        if self.by_rows {
            let (pairs, _) = data.as_chunks_mut::<2>();
            pairs.iter_mut().zip(&*self.data).for_each(|(pair, word)| *pair = halves(word));
        } else {
            let lines = data.chunks_exact_mut(2 * self.rows).zip(self.data.chunks_exact(self.rows));
            for (pair, words) in lines {
                let (first, second) = pair.split_at_mut(self.rows);
                for ((a, b), word) in first.iter_mut().zip(second).zip(words) {
                    [*a, *b] = halves(word);
                }
            }
        }
        Words { data, columns, ..*self }
    }
}

/// The half of a word that a bfloat16 takes as an `f32`.
const UPPER: u32 = 0xFFFF_0000;

/// The nearest bfloat16, of two the one that ends in 0; subnormal numbers become 0, as the instruction takes them.
#[inline(always)]
pub(super) fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    let finite = if x.is_nan() { bits | 0x0040_0000 } else { nearest };
    let kept = if bits & 0x7F80_0000 == 0 { bits & 0x8000_0000 } else { finite };
    kept & UPPER
}

#[inline(always)]
fn word(first: f32, second: f32) -> f32 {
    f32::from_bits(rounded(first) | rounded(second) >> 16)
}

/// Rounds rows, or pairs of columns, from `first` on.
struct Round<'a> {
    x: Matrix<'a, f32>,
    first: usize,
    /// Words in a row, or rows.
    line: usize,
    words: &'a mut [f32],
}

impl Kernel for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Round { x, first, line, words } = self;
        let (rows, k) = (x.rows(), x.columns());
        for (i, words) in words.chunks_exact_mut(line).enumerate() {
            if x.steps.1 == 1 {
                let (pairs, rest) = x.row(first + i, 0..k).as_chunks::<2>();
                let (whole, behind) = words.split_at_mut(pairs.len());
                whole.iter_mut().zip(pairs).for_each(|(to, [a, b])| *to = word(*a, *b));
                behind.fill(0.0);
                if let [last] = rest {
                    behind[0] = word(*last, 0.0);
                }
                continue;
            }
            let p = 2 * (first + i);
            if x.steps.0 == 1 && p + 1 < k {
                let columns = x.transpose();
                let pairs = columns.row(p, 0..rows).iter().zip(columns.row(p + 1, 0..rows));
                words.iter_mut().zip(pairs).for_each(|(to, (a, b))| *to = word(*a, *b));
            } else {
                let number = |row, p| if p < k { x.at(row, p) } else { 0.0 };
                for (row, to) in words.iter_mut().enumerate() {
                    *to = word(number(row, p), number(row, p + 1));
                }
            }
        }
    }
}

/// Terms of words.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(in super::super) struct Pairs;

#[cfg(target_arch = "x86_64")]
impl Terms<f32, <f32 as Vectors>::Avx512> for Pairs {
    const BLOCK: usize = BLOCK / 2;
    const CHAIN: Option<usize> = Some(CHAIN / 2);
    #[inline(always)]
    unsafe fn apart<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { avx512_bf16(kernel) }
    }
    #[inline(always)]
    unsafe fn add(
        self,
        a: <f32 as Vectors>::Avx512,
        b: <f32 as Vectors>::Avx512,
        sum: <f32 as Vectors>::Avx512,
    ) -> <f32 as Vectors>::Avx512 {
        use std::arch::x86_64::{__m512bh, _mm512_dpbf16_ps};
        // SAFETY: the caller runs on a machine with the instruction; both types are 512 bits of anything.
        unsafe {
            let [a, b] = [a, b].map(|x| std::mem::transmute::<_, __m512bh>(x));
            _mm512_dpbf16_ps(sum, a, b)
        }
    }
    /// The instruction takes a subnormal sum for 0, and two products of -0 leave any other as it is. Testing numbers
    /// and clearing them takes longer on Zen 4.
    #[inline(always)]
    unsafe fn plus(
        self,
        a: <f32 as Vectors>::Avx512,
        b: <f32 as Vectors>::Avx512,
    ) -> <f32 as Vectors>::Avx512 {
        type V = <f32 as Vectors>::Avx512;
        const NEGATIVE_ZEROS: f32 = f32::from_bits(0x8000_8000);
        // SAFETY: the caller's promise.
        unsafe { self.add(V::splat(NEGATIVE_ZEROS), V::splat(0.0), a.add(b)) }
    }
}

/// Terms of what words are made of.
#[derive(Clone, Copy)]
struct Flushed;

impl Flushed {
    /// 0 with the sign of what is subnormal.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set.
    #[inline(always)]
    unsafe fn flush<V: Vector<f32>>(sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            let largest = f32::MIN_POSITIVE.next_down();
            let zero = sum.mul(V::splat(0.0));
            let negative = V::splat(-largest).if_larger(sum, sum, zero);
            sum.if_larger(V::splat(largest), sum, negative)
        }
    }
}

impl<V: Vector<f32>> Terms<f32, V> for Flushed {
    const BLOCK: usize = BLOCK;
    const CHAIN: Option<usize> = Some(CHAIN);
    #[inline(always)]
    unsafe fn add(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { Flushed::flush(a.mul_add(b, sum)) }
    }
    #[inline(always)]
    unsafe fn plus(self, a: V, b: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { Flushed::flush(a.add(b)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_and_ties_to_even() {
        // 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷, as does 1 + 3 · 2⁻⁸ between 1 + 2⁻⁷ and 1 + 2⁻⁶.
        let cases = [
            (1.0, 1.0),
            (1.0 + 2f32.powi(-8), 1.0),
            ((1.0 + 2f32.powi(-8)).next_up(), 1.0 + 2f32.powi(-7)),
            (-1.0 - 3.0 * 2f32.powi(-8), -1.0 - 2f32.powi(-6)),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (-f32::MIN_POSITIVE.next_down(), -0.0),
            (f32::MIN_POSITIVE, f32::MIN_POSITIVE),
        ];
        for (x, truth) in cases {
            assert_eq!(rounded(x), truth.to_bits(), "{x}");
        }
        assert!(f32::from_bits(rounded(f32::from_bits(0x7F80_0001))).is_nan());
        assert!(f32::from_bits(rounded(f32::from_bits(0xFFFF_FFFF))).is_nan());
    }

    proptest! {
        #[test]
        fn no_bfloat16_is_nearer(x in proptest::num::f32::NORMAL) {
            let found = f32::from_bits(rounded(x));
            // Neighbours of the truncated number, which are 2¹⁶ apart.
            let below = x.to_bits() & UPPER;
            let off = |y: f32| (f64::from(y) - f64::from(x)).abs();
            let above = f32::from_bits(below + 0x1_0000);
            let nearest = off(f32::from_bits(below)).min(off(above));
            prop_assert!(off(found) == nearest || (found.is_infinite() && above.is_infinite()));
        }
    }
}
