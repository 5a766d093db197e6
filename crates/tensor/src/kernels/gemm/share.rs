//! Which part of C a thread computes.

use std::ops::Range;

use super::super::distance;
use super::Matrix;
use super::part::BLOCK;

/// Rows and columns of C.
type Rectangle = (Range<usize>, Range<usize>);

/// Columns of a vector, at which C is cut.
pub(super) const COLUMNS: usize = 16;

/// The rows of a transposed A for each thread from which on threads may take rows of C, if C is at most [`FLAT`] times as wide as
/// high: 64 × 4096 × 784 would be 0.85 times as fast, 300 × 4096 × 784 is 1.1 times.
const TALL: usize = 96;

/// See [`TALL`]: between 2.6, where rows win, and 12, where columns do.
const FLAT: usize = 4;

/// Whether threads take rows of C, n columns wide, even if it is wider than high: if A is transposed, has enough rows, and
///
/// - either many terms: columns would let each thread copy all of A, a few numbers from each of many rows of memory. Copying all
///   of B, row by row, costs less: 400 × 4096 × 784 is 1.07 times as fast;
/// - or cores are [far](distance) from each other. Such a product is the gradient of a layer's weights, which the optimizer then reads
///   row by row: cut by columns, half of what a thread reads of it another one wrote, who calls for it again to write the next one.
///   400 × 128 × 784 takes 0.30 ms of a VAE's step instead of 0.39, with batches of 32 0.10 instead of 0.20. On near cores it
///   would take no less.
pub(super) fn takes_rows<T>(a: &Matrix<'_, T>, n: usize, threads: usize) -> bool {
    let m = a.rows();
    let fits = a.steps.0 == 1 && m >= TALL * threads && n <= FLAT * m;
    fits && (a.columns() > BLOCK || distance::are_far())
}

/// Rectangles for thread i of `threads`: together all of C, each thread's as large as the others', cut at `height` rows of a tile.
///
/// 400 columns are 25 vectors: two threads take 12 each, and half of the rows of the one between them.
pub(super) fn shares(
    [m, n]: [usize; 2],
    height: usize,
    by_columns: bool,
    (i, threads): (usize, usize),
) -> impl Iterator<Item = Rectangle> {
    let (tiles, vectors) = (m.div_ceil(height), n.div_ceil(COLUMNS));
    let rectangle = move |tiles: Range<usize>, vectors: Range<usize>| {
        let rows = tiles.start * height..(tiles.end * height).min(m);
        (rows, vectors.start * COLUMNS..(vectors.end * COLUMNS).min(n))
    };
    // Tiles below each other, one vector after the other, cut evenly.
    let cut = |i: usize, units: usize| units * i / threads;
    let parts = if by_columns {
        let units = tiles * vectors;
        let (from, to) = (cut(i, units), cut(i + 1, units));
        let (first, head) = (from / tiles, from % tiles);
        let (last, tail) = (to / tiles, to % tiles);
        if first == last {
            [(head..tail, first..first + 1), (0..0, 0..0), (0..0, 0..0)]
        } else {
            let whole = first + usize::from(head > 0)..last;
            let head = if head > 0 { head..tiles } else { 0..0 };
            [(head, first..first + 1), (0..tiles, whole), (0..tail, last..last + 1)]
        }
    } else {
        [(cut(i, tiles)..cut(i + 1, tiles), 0..vectors), (0..0, 0..0), (0..0, 0..0)]
    };
    let there =
        |(tiles, vectors): &(Range<usize>, Range<usize>)| !tiles.is_empty() && !vectors.is_empty();
    parts.into_iter().filter(there).map(move |(tiles, vectors)| rectangle(tiles, vectors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_element_has_one_thread_and_all_have_as_much(
            m in 1usize..200, n in 1usize..900, by_columns in any::<bool>(), threads in 1usize..9,
            height in prop::sample::select(vec![8, 16]),
        ) {
            let mut owners = vec![0; m * n];
            let mut most = 0;
            for i in 0..threads {
                let mut tiles = 0;
                for (rows, columns) in shares([m, n], height, by_columns, (i, threads)) {
                    prop_assert!(rows.start % height == 0 && columns.start % COLUMNS == 0);
                    tiles += rows.len().div_ceil(height) * columns.len().div_ceil(COLUMNS);
                    for row in rows {
                        owners[row * n..][columns.clone()].iter_mut().for_each(|owner| *owner += 1);
                    }
                }
                most = most.max(tiles);
            }
            prop_assert!(owners.iter().all(|&owner| owner == 1));
            let (tiles, vectors) = (m.div_ceil(height), n.div_ceil(COLUMNS));
            let unit = if by_columns { 1 } else { vectors };
            prop_assert!(most <= (tiles * vectors / unit).div_ceil(threads) * unit);
        }
    }
}
