//! Where the numbers of a matrix are that are not 0.
//!
//! Comparing vectors with 0 gives a bit for each number. The places of 16 bits' ones are written behind a list whole, which
//! then grows by as many as count: no branch to guess.

use std::ops::Range;

use super::super::vector::Vector;
use super::matrix::Matrix;
use super::part::{BLOCK, cuts};
use super::tile::Operand;
use crate::Real;
use crate::buffer::Buffer;

/// The numbers that are looked at together.
const TOGETHER: usize = 16;

/// Lists of the numbers of some rows of A that are not 0, for each row and each piece of k.
pub(super) struct NonZeros {
    /// Bytes: where a number is, counted from the beginning of its piece. The list of row i and a piece from `start` on
    /// begins at i · `room` + `start`.
    positions: Buffer<f32>,
    /// Bytes: how many there are.
    counts: Buffer<f32>,
    /// The pieces of k.
    pub(super) pieces: Vec<Piece>,
    /// From one row to the next: its numbers, and what is written behind a list.
    room: usize,
}

/// Terms that are met at once.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) terms: Range<usize>,
    /// The block of k that they are a part of.
    pub(super) block: Range<usize>,
}

// A position is a byte, and so are those that are written in vain.
const _: () = assert!(BLOCK + TOGETHER <= 256);

impl NonZeros {
    /// Room for up to so many rows of k numbers, in pieces of so many at most.
    pub(super) fn room_for(rows: usize, k: usize, piece: usize) -> NonZeros {
        let in_pieces = |block: Range<usize>| {
            cuts(block.clone(), 1, piece).map(move |terms| Piece { terms, block: block.clone() })
        };
        let pieces: Vec<Piece> = cuts(0..k, 1, BLOCK).flat_map(in_pieces).collect();
        let room = k + TOGETHER;
        let bytes = |count: usize| Buffer::for_overwrite(count.div_ceil(size_of::<f32>()));
        NonZeros { positions: bytes(rows * room), counts: bytes(rows * pieces.len()), pieces, room }
    }

    /// What is listed of each row and a piece, by the number of the row.
    #[inline(always)]
    pub(super) fn positions<'a>(&'a self, piece: usize) -> impl Fn(usize) -> &'a [u8] {
        let positions: &[u8] = bytemuck::cast_slice(&self.positions);
        let counts: &[u8] = bytemuck::cast_slice(&self.counts);
        let positions = &positions[self.pieces[piece].terms.start..];
        let counts = &counts[piece..];
        let (room, pieces) = (self.room, self.pieces.len());
        #[inline(always)]
        move |row| &positions[row * room..][..counts[row * pieces] as usize]
    }

    /// Lists these rows of A. The first one will be row 0 here.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. The rows are A's, which has as many columns as there is
    /// [room for](NonZeros::room_for).
    #[inline(always)]
    pub(super) unsafe fn list<T: Real, V: Vector<T>>(
        &mut self,
        a: &Matrix<'_, T>,
        rows: Range<usize>,
    ) {
        let by_columns = a.steps.0 == 1 && a.steps.1 != 1;
        let mut i = 0;
        while i < rows.len() {
            // SAFETY: the caller's promise, and the rows are A's.
            unsafe {
                if by_columns && i + TOGETHER <= rows.len() {
                    self.list_rows::<T, V, TOGETHER>(a, rows.start, i);
                    i += TOGETHER;
                } else {
                    self.list_rows::<T, V, 1>(a, rows.start, i);
                    i += 1;
                }
            }
        }
    }

    /// Lists R rows from row `first` + i of A on as rows from i on, one or, if columns are stored one after the other, 16.
    ///
    /// # Safety
    /// As [`list`](NonZeros::list); the rows are A's.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    unsafe fn list_rows<T: Real, V: Vector<T>, const R: usize>(
        &mut self,
        a: &Matrix<'_, T>,
        first: usize,
        i: usize,
    ) {
        let positions: &mut [u8] = bytemuck::cast_slice_mut(&mut self.positions);
        let all_counts: &mut [u8] = bytemuck::cast_slice_mut(&mut self.counts);
        for (piece, Piece { terms, .. }) in self.pieces.iter().enumerate() {
            let mut counts = [0; R];
            for l in terms.clone().step_by(TOGETHER) {
                let width = TOGETHER.min(terms.end - l);
                let mut bits = [0; R];
                let from = a.from(first + i, l);
                // SAFETY: the caller's promise; columns l to l + width are A's.
                unsafe {
                    if R == 1 {
                        bits[0] = row_bits::<T, V>(from, width);
                    } else {
                        bits.copy_from_slice(&square_bits::<T, V>(from, width));
                    }
                }
                let at = (l - terms.start) as u8;
                for r in 0..R {
                    let list = &mut positions[(i + r) * self.room + terms.start + counts[r]..];
                    // SAFETY: the caller's promise; a list has room for 16 places more than it has terms.
                    unsafe { V::places(bits[r], at, list[..TOGETHER].as_mut_ptr()) };
                    counts[r] += bits[r].count_ones() as usize;
                }
            }
            for r in 0..R {
                all_counts[(i + r) * self.pieces.len() + piece] = counts[r] as u8;
            }
        }
    }
}

/// Which of up to 16 numbers that lie next to each other are not 0, the first in the lowest bit.
///
/// # Safety
/// Call it inline in code for V's instruction set. The pointer is good for the numbers.
#[inline(always)]
unsafe fn bits<T: Real, V: Vector<T>>(from: *const T, count: usize) -> u16 {
    let mut bits = 0;
    for l in (0..count).step_by(V::LANES) {
        // SAFETY: the caller's promise.
        bits |= unsafe { V::load_up_to(from.add(l), count - l).non_zeros() << l };
    }
    bits as u16
}

/// [`bits`] of a row.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn row_bits<T: Real, V: Vector<T>>(from: Operand<T>, count: usize) -> u16 {
    let mut line = [T::ZERO; TOGETHER];
    // SAFETY: the caller's promise, and the line has room for all.
    unsafe {
        if from.column == 1 {
            return bits::<T, V>(from.start, count);
        }
        for (l, x) in line[..count].iter_mut().enumerate() {
            *x = *from.start.add(l * from.column);
        }
        bits::<T, V>(line.as_ptr(), count)
    }
}

/// [`bits`] of 16 rows, of a matrix whose columns are stored one after the other.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn square_bits<T: Real, V: Vector<T>>(from: Operand<T>, columns: usize) -> [u16; TOGETHER] {
    let mut of_columns = [0; TOGETHER];
    for (l, bits_of) in of_columns[..columns].iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *bits_of = unsafe { bits::<T, V>(from.start.add(l * from.column), TOGETHER) };
    }
    let mut of_rows = [[0; 2]; TOGETHER];
    for high in 0..2 {
        for right in 0..2 {
            let square = std::array::from_fn(|l| of_columns[8 * right + l].to_le_bytes()[high]);
            let square = transposed(u64::from_le_bytes(square)).to_le_bytes();
            for r in 0..8 {
                of_rows[8 * high + r][right] = square[r];
            }
        }
    }
    of_rows.map(u16::from_le_bytes)
}

/// Eight bytes of eight bits: bit i of byte j becomes bit j of byte i, as squares of 2 × 2, then 4 × 4, then 8 × 8 bits
/// exchange two of their quarters (Warren, Hacker's Delight, section 7-3).
#[inline(always)]
fn transposed(mut x: u64) -> u64 {
    for (by, which) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0xF0F0_F0F0)]
    {
        let exchanged = (x ^ x >> by) & which;
        x ^= exchanged ^ exchanged << by;
    }
    x
}
