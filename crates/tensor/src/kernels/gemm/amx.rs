//! Products whose factors are rounded to bfloat16 on machines with AMX: sixteen times as many multiply-adds as on AVX-512.
//!
//! So little time is left for them that most is spent on copying: each strip of 16 rows of A, and of 16 columns of B, is rounded
//! once, tile after tile along k. A row of a tile of A has 32 terms of a row of A, of which the first 16 are the lower halves of
//! words, the others the upper ones; in a tile of B they lie below each other. C is computed in squares of 2 × 2 tiles.

use std::ops::Range;

use super::super::amx::{SIDE, Sums, TILE, Tiles};
use super::super::isa::{Kernel, dispatch_bf16};
use super::super::threads::{chunks_mut, for_each_chunk};
use super::super::vector::{Vector, Vectors, transpose};
use super::bf16::{BLOCK, CHAIN, TOGETHER};
use super::finish::Finish;
use super::matrix::Matrix;
use super::part::cuts;
use super::share::COLUMNS;
use super::{Product, Target};
use crate::buffer::Buffer;

type V = <f32 as Vectors>::Avx512;

/// The most rows of A that meet one pair of strips of B after the other: with a block of terms they are 1 MiB, half of the second-level cache.
const ROWS: usize = 512;

/// The strips that are rounded at once: what lies next to each other in a row of B is then several cache lines.
const STRIPS: usize = 4;

impl Product<'_, f32> {
    /// [`multiply`](Product::multiply) with rounded factors, on AMX.
    pub(super) fn multiply_tiles(&self, c: &mut [f32], step: usize) {
        let a = Strips::of(self.a, true);
        let b = Strips::of(self.b.transpose(), false);
        self.in_parts(c, step, SIDE, |c, rows, columns| {
            dispatch_bf16(Square { of: self, a: &a, b: &b, c, rows, columns });
        });
    }
}

/// Rounded rows of A or columns of B, its *lines*, in strips of 16.
struct Strips {
    data: Buffer<f32>,
    /// The tiles of a strip.
    tiles: usize,
}

// Threads take whole strips.
const _: () = assert!(COLUMNS.is_multiple_of(SIDE));

impl Strips {
    /// Of a matrix whose rows are lines. In a tile they are rows, or else columns.
    fn of(x: Matrix<'_, f32>, by_rows: bool) -> Strips {
        let tiles = x.columns().div_ceil(TOGETHER);
        let strip = tiles * TILE;
        let mut data = Buffer::for_overwrite(x.rows().div_ceil(SIDE) * strip);
        for_each_chunk(chunks_mut(&mut data, STRIPS * strip), |i, to| {
            dispatch_bf16(Round { x, first: i * STRIPS * SIDE, by_rows, strip, to });
        });
        Strips { data, tiles }
    }

    /// Where the tiles of the strip that begins with that line begin, from such a term on.
    fn at(&self, line: usize, term: usize) -> *const f32 {
        debug_assert!(line.is_multiple_of(SIDE) && term.is_multiple_of(TOGETHER));
        self.data[(line / SIDE * self.tiles + term / TOGETHER) * TILE..].as_ptr()
    }
}

/// Rounds strips from a line on.
struct Round<'a> {
    x: Matrix<'a, f32>,
    first: usize,
    by_rows: bool,
    /// The words of a strip.
    strip: usize,
    to: &'a mut [f32],
}

impl Kernel for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Round { x, first, by_rows, strip, to } = self;
        for tile in 0..strip / TILE {
            let terms = tile * TOGETHER..x.columns().min((tile + 1) * TOGETHER);
            for (i, strip) in to.chunks_exact_mut(strip).enumerate() {
                let line = first + i * SIDE;
                let lines = line..x.rows().min(line + SIDE);
                let (tiles, _) = strip.as_chunks_mut::<TILE>();
                // SAFETY: `dispatch_bf16` has the instruction set; all is inlined.
                unsafe { round(x, lines, terms.clone(), by_rows, &mut tiles[tile]) }
            }
        }
    }
}

/// Words of 16 terms and the 16 that follow them: `by_rows`, a row for each line, else a column.
///
/// # Safety
/// Call it inline in code for AVX-512 with BF16.
#[inline(always)]
unsafe fn round(
    x: Matrix<'_, f32>,
    lines: Range<usize>,
    terms: Range<usize>,
    by_rows: bool,
    to: &mut [f32; TILE],
) {
    let mut gathered = [0.0; SIDE * TOGETHER];
    let at = x.from(lines.start, terms.start);
    // One line after the other, or one term.
    let (rows, has_lines) = if at.column == 1 {
        (Rows { start: at.start, step: at.row, count: lines.len(), length: terms.len() }, true)
    } else if at.row == 1 {
        (Rows { start: at.start, step: at.column, count: terms.len(), length: lines.len() }, false)
    } else {
        for (to, line) in gathered.chunks_exact_mut(TOGETHER).zip(lines.clone()) {
            to.iter_mut().zip(terms.clone()).for_each(|(to, term)| *to = x.at(line, term));
        }
        let start = gathered.as_ptr();
        (Rows { start, step: TOGETHER, count: SIDE, length: TOGETHER }, true)
    };
    let mut across = [0.0; TILE];
    let transposed = has_lines != by_rows;
    let first = if transposed { &mut across } else { &mut *to };
    // SAFETY: the caller's promise; the rows lie in x or are the gathered ones, and each of the 16 stores fills a row of a tile.
    unsafe {
        for i in 0..SIDE {
            let [lower, upper] = match has_lines {
                true => [rows.load(i, 0), rows.load(i, CHAIN)],
                false => [rows.load(i, 0), rows.load(i + CHAIN, 0)],
            };
            words(lower, upper).store(first.as_mut_ptr().add(i * SIDE));
        }
        if transposed {
            transpose::<f32, V>(across.as_ptr(), SIDE, SIDE, to.as_mut_ptr(), SIDE);
        }
    }
}

/// `count` rows of `length` numbers each, with zeros around.
struct Rows {
    start: *const f32,
    step: usize,
    count: usize,
    length: usize,
}

impl Rows {
    /// Numbers of row i from `begin` on. A closure would not be inlined, and so not be compiled for the instruction set.
    ///
    /// # Safety
    /// Call it inline in code for AVX-512. The rows are good to read.
    #[inline(always)]
    unsafe fn load(&self, i: usize, begin: usize) -> V {
        // SAFETY: only numbers of a row that exist are read.
        unsafe {
            if i >= self.count || begin >= self.length {
                return V::splat(0.0);
            }
            V::load_up_to(self.start.add(i * self.step + begin), self.length - begin)
        }
    }
}

/// Words of the rounded numbers of two vectors, the first ones in the lower halves.
///
/// # Safety
/// Call it inline in code for AVX-512 with BF16.
#[inline(always)]
unsafe fn words(lower: V, upper: V) -> V {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_si512, _mm512_permutexvar_epi16,
    };
    const PLACES: [u16; 32] = {
        let mut places = [0; 32];
        let mut i = 0;
        while i < 32 {
            places[i] = (i / 2 + i % 2 * 16) as u16;
            i += 1;
        }
        places
    };
    // SAFETY: the caller's promise; all of these types are 512 bits of anything.
    unsafe {
        let numbers = _mm512_cvtne2ps_pbh(upper, lower);
        let places = _mm512_loadu_si512(PLACES.as_ptr().cast());
        let words =
            _mm512_permutexvar_epi16(places, std::mem::transmute::<__m512bh, __m512i>(numbers));
        std::mem::transmute::<__m512i, V>(words)
    }
}

/// A part of a product: some rows and some columns of C, which begin with a strip.
struct Square<'a> {
    of: &'a Product<'a, f32>,
    a: &'a Strips,
    b: &'a Strips,
    c: Target<f32>,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Kernel for Square<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let tiles = Tiles::take();
        let mut sums = Sums([0.0; 4 * TILE]);
        for rows in cuts(self.rows.clone(), 2 * SIDE, ROWS) {
            for p in cuts(0..self.of.a.columns(), TOGETHER, BLOCK) {
                for j in cuts(self.columns.clone(), SIDE, 2 * SIDE) {
                    for i in cuts(rows.clone(), SIDE, 2 * SIDE) {
                        self.square(&tiles, [&i, &p, &j], &mut sums);
                    }
                }
            }
        }
    }
}

impl Square<'_> {
    /// C ← (C +) two strips of A times two of B, rows i, terms p and columns j; or one of them twice, if there is no other.
    #[inline(always)]
    fn square(&self, tiles: &Tiles, [i, p, j]: [&Range<usize>; 3], sums: &mut Sums) {
        let Square { of, a, b, c, .. } = *self;
        let both = |strips: &Strips, lines: &Range<usize>| {
            let second = if lines.len() > SIDE { SIDE } else { 0 };
            [lines.start, lines.start + second].map(|line| strips.at(line, p.start))
        };
        let finish = Finish::new(of, i.start, j.clone(), p.clone());
        // SAFETY: strips have a tile for all terms of p. This part of C was handed to this call only by
        // `in_parts`, and bias and mask are as large.
        unsafe {
            tiles.multiply(p.len().div_ceil(TOGETHER), both(a, i), both(b, j), sums);
            let c = (c.start.add(i.start * c.step + j.start), c.step);
            match j.len() > SIDE {
                true => write::<2>(sums, i.len(), &finish, c),
                false => write::<1>(sums, i.len(), &finish, c),
            }
        }
    }
}

/// Writes so many rows of N vectors of sums.
///
/// # Safety
/// Call it inline in code for AVX-512. C is good for the rows, and `finish` as for [`Finish::write`].
#[inline(always)]
unsafe fn write<const N: usize>(
    sums: &Sums,
    rows: usize,
    finish: &Finish<'_, f32>,
    (c, step): (*mut f32, usize),
) {
    let mut i = 0;
    while i < rows {
        // SAFETY: rows below `rows`, and as many vectors as C has columns.
        unsafe {
            let (c, finish) = ((c.add(i * step), step), finish.below(i));
            match rows - i {
                8.. => {
                    finish.write::<V, 8, N>(load(sums, i), c);
                    i += 8;
                }
                _ => {
                    finish.write::<V, 1, N>(load(sums, i), c);
                    i += 1;
                }
            }
        }
    }
}

/// R rows of N vectors of sums.
///
/// # Safety
/// Call it inline in code for AVX-512.
#[inline(always)]
unsafe fn load<const R: usize, const N: usize>(sums: &Sums, row: usize) -> [[V; N]; R] {
    let rows = &sums.0[row * 2 * SIDE..(row + R) * 2 * SIDE];
    // SAFETY: the caller's promise; row i has two vectors.
    unsafe {
        let mut vectors = [[V::splat(0.0); N]; R];
        for (i, vectors) in vectors.iter_mut().enumerate() {
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = V::load(rows[i * 2 * SIDE + v * SIDE..].as_ptr());
            }
        }
        vectors
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::isa::{Isa, has_bf16};
    use super::super::bf16::rounded;
    use super::*;

    proptest! {
        /// Strips need no AMX, so that machines with AVX-512 BF16 alone check them, too.
        #[test]
        fn strips_hold_what_tiles_want(
            [lines, terms] in [1usize..70, 1usize..100],
            steps in prop::sample::select(vec![[100, 1], [1, 70], [200, 2]]),
            by_rows in any::<bool>(), seed in 0usize..1000,
        ) {
            if !has_bf16(Isa::Avx512) {
                return Ok(());
            }
            let numbers: Vec<f32> =
                (0..14_000).map(|i| ((i + seed) * 7919 % 1013) as f32 / 506.5 - 1.0).collect();
            let x = Matrix::with_steps(&numbers, [lines, terms], steps);
            let strips = Strips::of(x, by_rows);
            for line in 0..lines.next_multiple_of(SIDE) {
                for term in 0..terms.next_multiple_of(TOGETHER) {
                    let (tile, half) = (term / TOGETHER, term % TOGETHER / CHAIN);
                    let (line_at, term_at) = (line % SIDE, term % CHAIN);
                    let at = if by_rows { line_at * SIDE + term_at } else { term_at * SIDE + line_at };
                    let word = strips.data[(line / SIDE * strips.tiles + tile) * TILE + at];
                    let exists = line < lines && term < terms;
                    let truth = if exists { rounded(x.at(line, term)) >> 16 } else { 0 };
                    prop_assert_eq!(word.to_bits() >> (16 * half) & 0xFFFF, truth, "({}, {})", line, term);
                }
            }
        }
    }
}
