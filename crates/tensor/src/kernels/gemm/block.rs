//! A block of A, which meets one panel of B after the other.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::isa::Kernel;
use super::super::vector::Vector;
use super::Matrix;
use super::ahead::{Ahead, Lines, ask_for_c};
use super::finish::{Finish, HALF, PART, WHOLE};
use super::pack::pack_a;
use super::plan::{SHORT, WIDE};
use super::tile::{Operand, Rows, Terms, tile};
use crate::Real;

/// The columns of B that a tile reads, between the same cuts of k.
#[derive(Clone, Copy)]
pub(super) struct Panel<T> {
    pub(super) at: Operand<T>,
    /// Whether there are zeros behind the last column, as far as vectors reach.
    pub(super) is_padded: bool,
    /// Where the first tile is to copy it, for those below.
    pub(super) copy: Option<*mut T>,
}

/// Rows of A between two cuts of k, split into tiles of 8 or 4 rows, and of 4, 2 and 1 for the rest.
#[derive(Clone, Copy)]
pub(super) struct Block<T> {
    k: usize,
    rows: usize,
    /// The most rows of a tile.
    height: usize,
    a: Operand<T>,
    /// Tile after tile, each column by column.
    packed: bool,
}

impl<T: Real> Block<T> {
    /// Rows i and terms p of A, which is not copied.
    #[inline(always)]
    pub(super) fn of(
        a: &Matrix<'_, T>,
        i: &Range<usize>,
        p: &Range<usize>,
        height: usize,
    ) -> Block<T> {
        let a = a.from(i.start, p.start);
        Block { k: p.len(), rows: i.len(), height, a, packed: false }
    }

    /// The height of the tile that begins at row i.
    #[inline(always)]
    fn height<V: Vector<T>>(&self, i: usize) -> usize {
        match self.rows - i {
            8.. if V::TILE.0 == 8 && self.height == 8 => 8,
            4.. => 4,
            2.. => 2,
            _ => 1,
        }
    }

    /// The columns of the tile that begins at row i.
    ///
    /// # Safety
    /// `i` is a row of the block.
    #[inline(always)]
    unsafe fn tile(&self, i: usize, height: usize) -> Operand<T> {
        let Operand { start, row, column } = self.a;
        // SAFETY: row i begins inside the block, and so do the tiles before it.
        unsafe {
            match self.packed {
                true => Operand { start: start.add(i * self.k), row: 1, column: height },
                false => Operand { start: start.add(i * row), row, column },
            }
        }
    }

    /// Replaces the block by a copy.
    ///
    /// # Safety
    /// The block is not packed yet; `to` has room for it.
    #[inline(always)]
    pub(super) unsafe fn pack<V: Vector<T>>(&mut self, to: *mut T) {
        let (k, mut i) = (self.k, 0);
        while i < self.rows {
            let height = self.height::<V>(i);
            // SAFETY: tiles are disjoint in the block, and so are their copies.
            unsafe {
                let (a, to) = (self.tile(i, height), to.add(i * k));
                match height {
                    8 => pack_a::<T, V, 8>(k, a, to),
                    4 => pack_a::<T, V, 4>(k, a, to),
                    2 => pack_a::<T, V, 2>(k, a, to),
                    _ => pack_a::<T, V, 1>(k, a, to),
                }
            }
            i += height;
        }
        (self.a.start, self.packed) = (to, true);
    }

    /// C ← (C +) the block times a panel of B of N vectors, of which the columns of `finish` exist.
    ///
    /// # Safety
    /// The machine has V's instruction set and that of the terms. The panel is good for k × N vectors with columns
    /// next to each other, and has zeros behind the last if it is padded, C for as many rows as the block has; `finish` and the panel's copy
    /// as for [`tile`], of which the first one makes it.
    #[inline(always)]
    pub(super) unsafe fn times<V: Vector<T>, const N: usize, M: Terms<T, V>>(
        &self,
        terms: M,
        b: Panel<T>,
        ahead: Ahead<T>,
        c: (*mut T, usize),
        finish: &Finish<'_, T>,
    ) {
        let by_rows = !self.packed && self.a.column == 1;
        debug_assert!(by_rows || self.packed || self.a.row == 1);
        // SAFETY: the caller's promises.
        unsafe {
            match (by_rows, finish.end::<V, N>(b.is_padded)) {
                (true, HALF) if M::HALVES => {
                    self.tiles::<V, N, M, HALF, true>(terms, (b, ahead), c, finish)
                }
                (true, WHOLE) => self.tiles::<V, N, M, WHOLE, true>(terms, (b, ahead), c, finish),
                (true, _) => self.tiles::<V, N, M, PART, true>(terms, (b, ahead), c, finish),
                (_, HALF) if M::HALVES => {
                    self.tiles::<V, N, M, HALF, false>(terms, (b, ahead), c, finish)
                }
                (_, WHOLE) => self.tiles::<V, N, M, WHOLE, false>(terms, (b, ahead), c, finish),
                _ => self.tiles::<V, N, M, PART, false>(terms, (b, ahead), c, finish),
            }
        }
    }

    /// [`times`](Block::times), for panels that [end](Finish::end) in a vector of so many columns and an A whose columns
    /// [are next to each other](tile), or its rows.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn tiles<
        V: Vector<T>,
        const N: usize,
        M: Terms<T, V>,
        const END: u8,
        const BY_ROWS: bool,
    >(
        &self,
        terms: M,
        (b, ahead): (Panel<T>, Ahead<T>),
        c: (*mut T, usize),
        finish: &Finish<'_, T>,
    ) {
        // SAFETY: the caller's promise. Rows that short tiles leave are those from `short` on.
        unsafe {
            let mut block = *self;
            let (mut c, mut finish) = (c, *finish);
            // Not for all sets and terms: it would be as much code again.
            let may_be_short = V::TILE.0 == 8 && M::CHAIN.is_none();
            let asks = ahead.a || ahead.b.is_some() || ahead.c;
            if may_be_short
                && self.height == HEIGHT_OF_SHORT
                && self.k <= SHORT
                && !asks
                && b.copy.is_none()
            {
                let short = self.rows / HEIGHT_OF_SHORT * HEIGHT_OF_SHORT;
                M::apart(ShortTiles::<T, V, N, M, END, BY_ROWS> {
                    block: Block { rows: short, ..*self },
                    terms,
                    b: b.at,
                    c,
                    finish: &finish,
                    vector: PhantomData,
                });
                if short == self.rows {
                    return;
                }
                block.rows -= short;
                block.a = self.tile(short, 1);
                c.0 = c.0.add(short * c.1);
                finish = finish.below(short);
            }
            M::apart(Tiles::<T, V, N, M, END, BY_ROWS> {
                block: &block,
                terms,
                b,
                ahead,
                c,
                finish: &finish,
                vector: PhantomData,
            })
        }
    }
}

/// The rows of a tile of [`ShortTiles`].
const HEIGHT_OF_SHORT: usize = 4;

/// Tiles of a block whose sums are short, and which ask for nothing. What is done between two tiles takes as long as some terms: with 20, and all
/// that [`Tiles`] distinguishes, a tenth of the time.
struct ShortTiles<'a, T, V, const N: usize, M, const END: u8, const BY_ROWS: bool> {
    /// Rows for whole tiles.
    block: Block<T>,
    terms: M,
    b: Operand<T>,
    c: (*mut T, usize),
    finish: &'a Finish<'a, T>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>, const N: usize, M: Terms<T, V>, const END: u8, const BY_ROWS: bool>
    Kernel for ShortTiles<'_, T, V, N, M, END, BY_ROWS>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ShortTiles { block, terms, b, c: (c, row), finish, .. } = self;
        let rows = Rows::of(block.a);
        for i in (0..block.rows).step_by(HEIGHT_OF_SHORT) {
            // SAFETY: the promises of `times`; the tile has its rows of the block and of C from row i on.
            unsafe {
                let a = (rows.at(block.tile(i, HEIGHT_OF_SHORT)), &Lines::Nothing);
                let c = (c.add(i * row), row);
                let finish = finish.below(i);
                tile::<T, V, M, HEIGHT_OF_SHORT, N, END, BY_ROWS>(
                    terms,
                    block.k,
                    a,
                    (b, None),
                    c,
                    finish,
                );
            }
        }
    }
}

/// A block times a panel as a function of its own: all of them in one function take the compiler twice as long.
struct Tiles<'a, T, V, const N: usize, M, const END: u8, const BY_ROWS: bool> {
    block: &'a Block<T>,
    terms: M,
    b: Panel<T>,
    ahead: Ahead<T>,
    c: (*mut T, usize),
    finish: &'a Finish<'a, T>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>, const N: usize, M: Terms<T, V>, const END: u8, const BY_ROWS: bool>
    Kernel for Tiles<'_, T, V, N, M, END, BY_ROWS>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tiles { block, terms, b, ahead, c: (c, row), finish, .. } = self;
        let (k, rows, mut i) = (block.k, Rows::of(block.a), 0);
        let mut b = (b.at, b.copy);
        while i < block.rows {
            let height = block.height::<V>(i);
            // SAFETY: the promises of `times`; the tile has `height` rows of the block and of C from row i on.
            unsafe {
                let (a, c, finish) =
                    (block.tile(i, height), (c.add(i * row), row), finish.below(i));
                let next = a.start.wrapping_add(height * a.row);
                if ahead.c && ahead.b.is_none() {
                    ask_for_c::<T, V, N>(height, c);
                }
                let lines = match &ahead.b {
                    Some(b) => Lines::InTurn(ahead.in_turn(b, (i, height, block.rows), k, c)),
                    None if ahead.a && i + height < block.rows => match BY_ROWS {
                        true => Lines::OfA(next),
                        false => Lines::OfColumns(next, block.a.column),
                    },
                    None if ahead.panel => Lines::OfPanel,
                    None => Lines::Nothing,
                };
                let a = (rows.at(a), &lines);
                match height {
                    // Not for panels of 4 vectors: nobody needs code for (8, 4).
                    8 if V::TILE.0 == 8 && N <= V::TILE.1 => {
                        tile::<T, V, M, 8, N, END, BY_ROWS>(terms, k, a, b, c, finish);
                    }
                    // Of wider panels, short tiles leave fewer rows: with code for four, which nobody needs, the crate would take 1.3 times as long to compile.
                    4 if N <= WIDE => {
                        tile::<T, V, M, 4, N, END, BY_ROWS>(terms, k, a, b, c, finish);
                    }
                    4.. => unreachable!("{N} vectors are for few terms, and ask and copy nothing"),
                    2 => tile::<T, V, M, 2, N, END, BY_ROWS>(terms, k, a, b, c, finish),
                    _ => tile::<T, V, M, 1, N, END, BY_ROWS>(terms, k, a, b, c, finish),
                }
            }
            if let Some(copy) = b.1.take() {
                b.0 = Operand { start: copy, row: N * V::LANES, column: 1 };
            }
            i += height;
        }
    }
}
