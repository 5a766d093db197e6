//! What a tile asks for while it adds up terms: memory that it, or a later one, would wait for.
//!
//! It is asked for between chunks of terms, so that the loop over terms has nothing to decide. The bits are the same.

use super::super::prefetch::{LINE, line_of, line_to_second_level};
use super::super::processor;
use super::super::vector::Vector;
use super::Product;
use super::plan::SHORT;
use super::tile::Operand;
use crate::Real;

/// The bytes of C from which on it is asked for while the sums of a tile are computed: it is hardly in the second-level
/// cache then. A VAE's products with cold caches take 2 to 9 % less time on one thread (32 KiB and 1 MiB of cache), those
/// of `f64` with 512 and 4096 rows 2 to 7 %, 4096 × 20 × 400 24 %; small ones would take 1 to 3 % more. On a processor that
/// [foresees rows](processor::Processor::foresees_rows), tiles of few terms do not last as long as the wait for
/// what they ask for: 4096 × 20 × 400 would take 6 % more in both types. Nor does it pay there for others, unless they [ask](super::part) for panels, too:
/// 400 × 128 × 784 and 784 × 128 × 400 with A transposed are 1.02 to 1.03 times as fast without, in `f32`.
const LARGE_C: usize = 1 << 18;

/// Whether tiles whose sums have k terms ask for their part of C.
#[inline(always)]
pub(super) fn asks_for_c<T: Real>(of: &Product<'_, T>, k: usize) -> bool {
    of.a.rows() * of.b.columns() * size_of::<T>() >= LARGE_C
        && (k > SHORT || !processor::current().foresees_rows())
}

/// Asks for so many rows of N vectors of C.
#[inline(always)]
pub(super) fn ask_for_c<T: Real, V: Vector<T>, const N: usize>(
    rows: usize,
    (c, step): (*mut T, usize),
) {
    for i in 0..rows {
        for v in 0..N {
            line_of(c.wrapping_add(i * step + v * V::LANES).cast_const());
        }
    }
}

/// The terms, an even number, that a row of a panel is asked for before a tile meets it: some 100 cycles. Where B is read in place on a Xeon
/// (Emerald Rapids), whose first-level cache other guests may share, products of `f32` are faster with this, on one thread and on two: 128 × 784 × 400 1.03 and
/// 1.03 times, 128 × 400 × 784 1.05 and 1.05, 32 × 784 × 400 1.05 and 1.07 times. Asked for several rows at a time, by the first tile of a panel, they
/// would be no faster, and by each tile take 1.2 to 1.6 times as long. A panel that was copied gains nothing.
pub(super) const EARLY: usize = 8;

/// What the tiles of a block ask for.
#[derive(Clone, Copy)]
pub(super) struct Ahead<T> {
    /// Whether each asks for the part of A that the next one meets.
    pub(super) a: bool,
    /// The panel of B that is next, if each is to ask for some of its rows, and then for none of A.
    pub(super) b: Option<Operand<T>>,
    /// Whether each asks for the rows of its own panel, [`EARLY`].
    pub(super) panel: bool,
    /// Whether each asks for its part of C: for all of it before the first term, or, with a panel of B, for row after row before those.
    pub(super) c: bool,
}

/// What one tile asks for between chunks of terms.
#[derive(Clone, Copy)]
pub(super) enum Lines<T> {
    Nothing,
    /// Rows of the panel, with each term.
    OfPanel,
    /// A line of each row of the next tile, of which the first begins there.
    OfA(*const T),
    /// The columns of the next tile, of which the first begins there; each so far behind the one before.
    OfColumns(*const T, usize),
    /// A row of C or of the next panel.
    InTurn(InTurn<T>),
}

/// Rows of as many vectors as a tile has.
#[derive(Clone, Copy)]
pub(super) struct InTurn<T> {
    /// The next one, the step to the one after it, and how many there are before those of the next panel, `b`: no end of
    /// them once it is these.
    at: *const T,
    step: usize,
    before: usize,
    b: Operand<T>,
    /// The terms from one to the next.
    chunk: usize,
}

impl<T: Real> Ahead<T> {
    /// For a tile of `height` rows from row i on of a block of so many, whose part of C is `c`: the tile's rows of C, and
    /// after them some rows of the next panel `b`.
    #[inline]
    pub(super) fn in_turn(
        &self,
        b: &Operand<T>,
        (i, height, rows): (usize, usize, usize),
        k: usize,
        (c, step): (*mut T, usize),
    ) -> InTurn<T> {
        let b = Operand { start: b.start.wrapping_add(i * k / rows * b.row), ..*b };
        let before = if self.c { height } else { 0 };
        // Even, as terms are added two at a time, and the same for all tiles: the processor foresees where it ends.
        let chunk = (k / (before + (height * k).div_ceil(rows))).max(2) / 2 * 2;
        match before {
            0 => InTurn { at: b.start, step: b.row, before: usize::MAX, b, chunk },
            _ => InTurn { at: c.cast_const(), step, before, b, chunk },
        }
    }
}

impl<T: Real> Lines<T> {
    /// How many of k terms follow before more is asked for.
    #[inline(always)]
    pub(super) fn chunk(&self, k: usize) -> usize {
        match self {
            Lines::Nothing | Lines::OfPanel => k,
            Lines::OfA(_) | Lines::OfColumns(..) => LINE / size_of::<T>(),
            Lines::InTurn(rows) => rows.chunk,
        }
    }

    /// Asks, before the chunk of terms from p on, of a tile of N vectors and `R` rows of A which are so far behind the first.
    #[inline(always)]
    pub(super) fn ask<V: Vector<T>, const R: usize, const N: usize>(
        &mut self,
        p: usize,
        rows: [usize; R],
    ) {
        match self {
            Lines::Nothing | Lines::OfPanel => {}
            Lines::OfA(next) => {
                for row in rows {
                    line_of(next.wrapping_add(row + p));
                }
            }
            Lines::OfColumns(next, column) => {
                for term in p..p + LINE / size_of::<T>() {
                    line_of(next.wrapping_add(term * *column));
                }
            }
            Lines::InTurn(InTurn { at, step, before, b, .. }) => {
                for v in 0..N {
                    line_to_second_level(at.wrapping_add(v * V::LANES));
                }
                *at = at.wrapping_add(*step);
                *before -= 1;
                if *before == 0 {
                    (*at, *step, *before) = (b.start, b.row, usize::MAX);
                }
            }
        }
    }
}
