//! How a part of a product is computed: the tile, what is copied, what is asked for ahead, and how the loops are cut.
//!
//! All of it was measured, and each threshold says on what. None changes a bit, but for [`BLOCK`], which says where sums are cut.

use super::super::prefetch::LINE;
use super::super::processor;
use super::super::vector::Vector;
use super::Product;
use super::ahead::asks_for_c;
use super::part::Part;
use super::tile::Terms;
use crate::Real;

/// The most terms that are added up in registers before they are added to C. So many rows of a
/// panel of B that is 3 vectors wide are 37.5 KiB, which fit a first-level cache of 48 KiB (Intel, Zen 5)
/// with the tiles of A that meet them: cubes of 1024 are 1.17 times as fast as with 256 terms. Zen 4 has 32 KiB, and streams panels from
/// its second level.
pub(super) const BLOCK: usize = 200;

/// The most rows of A in a block of [all terms](BLOCK), and as many more as the terms are fewer, if they are not [few](SHORT): 200 KiB of `f32`, a part of the
/// second-level cache. With 400 rows instead of 256, 400 × 128 × 784 with A transposed is 1.01 and 1.015 times as fast on a thread of a Xeon, in `f32` and `f64`.
pub(super) const ROWS: usize = 256;

/// And with [few terms](SHORT), where a processor [foresees rows](processor::Processor::foresees_rows) and C takes more than half of its second-level cache:
/// the lines of C that a panel meets are on as many pages as there are rows, if these are long. On a Xeon (Emerald Rapids), on one thread and two, 4096 × 20 × 400
/// is 1.07 and 1.03 times as fast as with 256 rows in `f32`, 1.15 and 1.2 times in `f64`, 2048 × 20 × 1600 1.01 and 1.14 times; with 96 rows the same to 1.07
/// times. A smaller C, of 128 × 20 × 400, would take 1.02 to 1.05 times as long as with one block.
const ROWS_OF_SHORT: usize = 48;

/// The most numbers of copies of B that are kept: 8 MiB of `f32`, a part of the third-level cache.
const MOST_KEPT: usize = 2 * 1024 * 1024;

/// The blocks of rows up to which a processor that foresees rows copies panels again for each: copies that are
/// kept take room in the second-level cache, and to copy costs little [while a tile is computed](super::tile::tile). On a thread of a Xeon (Emerald Rapids), cubes of
/// 512 are 1.04 times as fast with it in `f32` and 1.07 times in `f64`, 512 × 784 × 512 1.05 times in both; on two threads the same. Cubes of 1024, with four blocks,
/// would be 0.96 and 0.97 times as fast on two.
const KEPT: usize = 2;

/// The panels of B that a block of rows meets before the next ones, where sums have more than one block and A costs no copy:
/// the part of C that is added to block after block stays in the second-level cache. On two threads, cubes of 1024 are 1.05 times
/// as fast as with all panels in `f32`, 1.09 times in `f64`, and 512 × 784 × 512 is 1.04 times as fast; on one, 512 × 400 × 784
/// is 1.06 and 1.03 times. The next rows begin again with the first group: 4096 × 400 × 784 is 1.02 times as fast
/// as with all rows before the next group, as A is not read from memory again. With an A that is copied for each group, and
/// with hardly more panels than these, products are slower.
const GROUP: usize = 8;

/// The blocks of terms of a transposed A beyond which B is copied for one block at a time, which stays in the
/// second-level cache, instead of for all terms: 400 × 4096 × 784 is 1.14 times as fast as with all of them on two
/// threads, 1.3 times on one.
const DEEP: usize = 4;

/// A row-major B is read in place for at most so many rows of A. In place, products of 16 rows run
/// 1.5 times as fast as with copies, and those of 128 rows 7 % faster; with 1024 columns, where rows
/// of B compete for the same places of the cache, both are equal at 128 rows. With [few terms](SHORT), on a processor that foresees rows, it is read in
/// place for any number of rows: on a Xeon (Emerald Rapids) products of 512 to 4096 rows, and 20 or 60 terms, are 1.03 to 1.17 times as fast.
pub(super) const IN_PLACE: usize = 128;

/// The most terms of a sum for whose tiles the stores count: after 24 vectors the next tile's sums wait on Zen 4, after
/// 16 they do not.
pub(super) const SHORT: usize = 64;

/// The most vectors of a tile of four rows.
pub(super) const WIDE: usize = 4;

/// The same with [few terms](SHORT), where stores do not count. There is code for these only where tiles ask and copy nothing (`ShortTiles`), as all of few terms do there.
const WIDEST: usize = 6;

/// The bytes of an A that is not copied from which on the rows of the next tile are asked for while a tile is computed, where A is
/// read first, unless the [processor] does so itself: rows are pages apart, and where a tile takes few terms of each, Zen 4 does not
/// foresee the next ones.
/// 4096 × 400 × 40 is 1.2 times as fast on one thread in `f32`, 1.14 in `f64`, 4096 × 784 × 40 1.12 and 1.08 times; with
/// many columns it counts for nothing, and in products whose A stays in the second-level cache would cost half a percent. Of a transposed A,
/// columns are pages apart: where those of a tile are a line each, in `f64`, 400 × 4096 × 40 is 1.09 times as fast.
const ASKED_A: usize = 1 << 18;

/// The panels of B from which on a row-major A is copied, if the product leaves the second-level cache of a processor that waits for it: a Xeon whose
/// cores other guests use, too (Emerald Rapids), takes the time of multiply-adds for the addresses of eight rows. In `f32`, on one
/// thread and on two, cubes of 512 are 1.08 and 1.05 times as fast, 512 × 784 × 512 1.06 and 1.02, 4096 × 784 × 400 with nine panels 1.04 and 1.09, and
/// 512 × 784 × 400 0.99 and 1.02 times; in `f64` all 1.00 to 1.07 times.
const MANY: usize = 9;

/// The panels of B up to which a transposed A of many terms is not copied: 400 × 512 × 40 in `f64`, which has two, is 1.26 times as fast
/// without on one thread of Zen 4, and 400 × 4096 × 40 1.16 times.
const FEW: usize = 2;

/// The rows of A up to which the next panel of a B that is read in place and is four times as large as the second-level cache is asked for, unless
/// the [processor] does so itself: 20 × 4096 × 400 with A transposed is 1.2 times as fast on one thread of Zen 4 in `f64`, and no
/// slower in `f32`.
const HANDFUL: usize = 32;

/// What a part copies, and how its loops are cut.
pub(super) struct Plan {
    /// The most rows of a tile, and columns of a panel.
    pub(super) height: usize,
    pub(super) width: usize,
    /// The most terms of a block.
    pub(super) block: usize,
    /// Whether tiles ask for rows of A in the first panel, for the next panel of B, and for C.
    pub(super) ask_a: bool,
    pub(super) ask_b: bool,
    pub(super) ask_c: bool,
    /// Whether each block of A is copied, and each panel of B.
    pub(super) copy_a: bool,
    pub(super) copy_b: bool,
    /// Whether copies of panels are kept for the next block of rows: of so many columns and terms at once.
    pub(super) keep_b: bool,
    pub(super) columns: usize,
    pub(super) depth: usize,
    /// The most columns that a block of rows meets before the next ones.
    pub(super) group: usize,
    /// The most rows of a block.
    pub(super) rows: usize,
    /// Whether C is written past the caches: with [few terms](SHORT) and a C that leaves the second-level cache, on a processor whose next one is as slow as memory
    /// (Xeon, Emerald Rapids: 32 GB/s and 28). 4096 × 20 × 400 is 1.6 times as fast in `f32` on one thread and two, 2.0 and 1.6 times in `f64`, 2048 × 20 × 1600
    /// 1.4 to 2.3 times on one, 4096 × 40 × 400 1.1 to 1.3 times, 4096 × 60 × 400 1.04 to 1.16 times; 784 × 128 × 400 and 4096 × 128 × 400 would be 0.85 times as fast.
    pub(super) passes_caches: bool,
    /// Whether tiles ask for rows of their own panel, if it is not copied.
    pub(super) ask_panel: bool,
}

impl Plan {
    #[inline(always)]
    pub(super) fn of<T: Real, V: Vector<T>, M: Terms<T, V>>(part: &Part<'_, T, V, M>) -> Plan {
        let Part { of: Product { a, b, .. }, rows, columns, .. } = part;
        let k = a.columns();
        let block = M::BLOCK;
        let bytes = |rows: usize, columns: usize| {
            rows.saturating_mul(columns).saturating_mul(size_of::<T>())
        };
        let (of_a, of_b) = (bytes(rows.len(), k), bytes(k, columns.len()));
        let of_c = bytes(rows.len(), columns.len());
        let all_bytes = of_a.saturating_add(of_b).saturating_add(of_c);
        let (foresees, cache) = (processor::current().foresees_rows(), processor::second_level());
        // An instruction that writes past the caches takes whole lines.
        let begins_with_lines = part.c.start.addr().is_multiple_of(LINE)
            && (part.c.step * size_of::<T>()).is_multiple_of(LINE);
        let passes_caches =
            foresees && of_c > cache && k <= SHORT && part.of.beta == T::ZERO && begins_with_lines;
        let (height, vectors) = tile_size::<T, V, M>(k, columns.len(), passes_caches);
        let width = vectors * V::LANES;
        let is_transposed = a.steps.0 == 1;
        // What leaves the second-level cache comes slowly where the next one is slow: from a Xeon's at 15 GB/s.
        // It begins to leave a little before it is full.
        let is_beyond = foresees
            && k > SHORT
            && columns.len() > 2 * width
            && !(is_transposed && k > DEEP * block)
            && all_bytes > cache - cache / 16;
        // Rows of a transposed A lie next to each other, a whole column of C apart for the next
        // term: a copy pays when it is read for more than one panel of B. With one block of terms it does not:
        // weight gradients with batch 128 are 1 to 2 % faster, the narrow 400 × 128 × 40 is 13 % in `f64`. Where memory is waited
        // for, it pays if 8 numbers are a line: 400 × 128 × 784 is 1.05 times as fast with it on a Xeon in `f64`. Copies of
        // other blocks pay when they are read for [many panels](MANY). One with neither rows nor columns next to each other is always copied.
        let is_strided = !is_transposed && a.steps.1 != 1;
        let is_line = size_of::<T>() * 8 >= LINE;
        let copy_a = is_strided
            || is_transposed && columns.len() > FEW * width && (k > block || is_beyond && is_line)
            || is_beyond && k > block && columns.len() >= MANY * width;
        let is_read_in_place = a.steps.1 == 1 || is_transposed && is_line && !copy_a;
        let ask_a = is_read_in_place && bytes(a.rows(), k) >= ASKED_A && !foresees;
        let awaits_c = foresees && k <= SHORT && of_c > cache / 2;
        let rows_of_block = match k {
            _ if awaits_c => ROWS_OF_SHORT,
            ..=SHORT => ROWS,
            // As many numbers of A as in blocks of all terms.
            _ => (ROWS * block / k.min(block)).next_multiple_of(height),
        };
        let copy_b = b.steps.1 != 1 || rows.len() > IN_PLACE && !(foresees && k <= SHORT);
        let is_passed = !copy_b && rows.len() <= HANDFUL && k > SHORT && of_b > 4 * cache;
        // Where the Xeon's cores are its own, asking for C and the next panel makes cubes of 512 1.03 times as fast in `f32` and 1.05 in `f64`, 512 × 784 × 512
        // 1.04 and 1.06, cubes of 1024 in `f32` 1.1; where other guests share them, products are 0.97 to 1.05 times as fast.
        let ask_b = is_beyond || is_passed && !foresees;
        let ask_c = asks_for_c(part.of, k) && (ask_b || !foresees);
        let has_blocks = copy_b && rows.len() > rows_of_block;
        let keep_b = has_blocks && !(foresees && rows.len() <= KEPT * rows_of_block);
        let all = columns.len().next_multiple_of(V::LANES);
        let is_deep = copy_a && k > DEEP * block;
        let depth = if is_deep { block } else { k.next_multiple_of(M::TOGETHER) };
        let columns =
            if keep_b { all.min((MOST_KEPT / depth / width).max(1) * width) } else { all };
        let is_grouped = has_blocks && !copy_a && k > block && all > (GROUP + 1) * width;
        let group = if is_grouped { GROUP * width } else { columns };
        Plan {
            height,
            width,
            block,
            ask_a,
            ask_b,
            ask_c,
            copy_a,
            copy_b,
            keep_b,
            columns,
            depth,
            group,
            rows: rows_of_block,
            passes_caches,
            ask_panel: foresees,
        }
    }
}

/// The rows and vectors of the largest tile of a part of so many columns, whose sums have k terms.
///
/// Where there are 32 registers, (4, 4) instead of (8, 3) is faster if that makes fewer panels. With few terms,
/// products of 20 become 1.05 times as fast on one thread of Zen 4, and cubes of 64 1.02 times. With many, on Zen 4, cubes of
/// 256 to 2048 become 1.01 to 1.03 times as fast, on two threads 1.02 to 1.1 times, and 784 × 512 × 400 with A transposed
/// 1.02 to 1.03 times. Where a panel is not wider for it, 128 × 400 × 40 would take 1.13 times as long.
///
/// A Xeon (Emerald Rapids), on which the stores of 24 vectors hold nothing up unless they pass the caches, takes (4, 6) with few terms: 128 × 20 × 400 and
/// 128 × 40 × 400 are 1.02 to 1.05 times as fast, in `f32` and `f64`, 4096 × 20 × 400, which passes them, would be 0.95 to 1.02 times.
#[inline(always)]
fn tile_size<T, V: Vector<T>, M: Terms<T, V>>(
    k: usize,
    columns: usize,
    passes_caches: bool,
) -> (usize, usize) {
    let processor = processor::current();
    let is_wider = processor.foresees_rows() && M::CHAIN.is_none() && !passes_caches;
    let wide = if is_wider { WIDEST } else { WIDE };
    let panels = |width: usize| columns.div_ceil(V::LANES).div_ceil(width);
    let is_better = k <= SHORT || M::CHAIN.is_none() && processor.computes_in_halves();
    let has_room = V::TILE.0 == 8;
    if has_room && is_better && panels(wide) < panels(V::TILE.1) { (4, wide) } else { V::TILE }
}
