//! Which part of C a thread computes.

use std::ops::Range;

use super::super::distance;
use super::super::isa::{Kernel, dispatch};
use super::super::processor;
use super::super::threads::Shares;
use super::super::vector::MOST_LANES;
use super::Matrix;
use super::plan::{BLOCK, IN_PLACE};
use crate::Real;

/// Rows and columns of C.
type Rectangle = (Range<usize>, Range<usize>);

/// Columns of a vector, at which C is cut.
pub(super) const COLUMNS: usize = 16;

/// Numbers of B from which on two threads should not copy all of it each, but its columns be cut, if A is read in place
/// and has not many more rows than B has columns: cubes of 1024 and 2048 become 1.04 times as fast on Zen 4, 512 × 784 × 512
/// would become 3 to 6 % slower.
const WIDE: usize = 1 << 20;

/// The rows of a transposed A for each thread from which on threads may take rows of C, if C is at most [`FLAT`] times as wide as
/// high: 64 × 4096 × 784 would be 0.85 times as fast, 300 × 4096 × 784 is 1.1 times.
const TALL: usize = 96;

/// See [`TALL`]: between 2.6, where rows win, and 12, where columns do.
const FLAT: usize = 4;

/// How many times as wide as high C may be for threads to take rows of it where A, too, would be copied: between 2, where rows win, and 3, where both are equal.
const BROAD: usize = 2;

/// Whether each of several threads takes columns of C, n in all, and not rows: of what is cut, each need not copy all. So it is mostly the longer side.
///
/// But a processor that [foresees rows](processor::Processor::foresees_rows) copies A, too, and B by the first tile that meets it: more copies of that cost hardly
/// anything. On two threads of a Xeon (Emerald Rapids) cubes of 1024 are 1.07 and 1.06 times as fast with rows, in `f32` and `f64`, cubes of 2048 1.03
/// and 1.1, 512 × 400 × 784 1.03 and 1.06. With fewer rows for each, B is not copied at all, and 256 × 400 × 500 would be 0.96 and 0.98 times as fast.
pub(super) fn takes_columns<T>(a: &Matrix<'_, T>, n: usize, threads: usize) -> bool {
    let (m, k) = (a.rows(), a.columns());
    if a.steps.0 == 1 {
        return n > m && !takes_rows(a, n, threads);
    }
    let copies_a = m > IN_PLACE * threads && processor::current().foresees_rows();
    let is_wide = 2 * n >= m && k.saturating_mul(n) >= WIDE;
    if copies_a { n > BROAD * m } else { n > m || is_wide }
}

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

/// Rectangles for thread i: together all of C, each thread's as large as its share, cut at `height` rows of a tile.
///
/// 400 columns are 25 vectors: of equal shares, two threads take 12 each, and half of the rows of the one between them.
pub(super) fn shares(
    [m, n]: [usize; 2],
    height: usize,
    by_columns: bool,
    (i, of): (usize, &Shares),
) -> impl Iterator<Item = Rectangle> {
    let (tiles, vectors) = (m.div_ceil(height), n.div_ceil(COLUMNS));
    let rectangle = move |tiles: Range<usize>, vectors: Range<usize>| {
        let rows = tiles.start * height..(tiles.end * height).min(m);
        (rows, vectors.start * COLUMNS..(vectors.end * COLUMNS).min(n))
    };
    // Tiles below each other, one vector after the other, cut evenly.
    let cut = |i: usize, units: usize| of.cut(i, units);
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

/// The rows and columns of C, as high as A and n wide, for thread i if zeros of A are skipped: rows that have as many terms
/// together as its share says.
pub(super) fn share_by_cost<T: Real>(
    a: &Matrix<'_, T>,
    n: usize,
    by_columns: bool,
    (i, of): (usize, &Shares),
) -> [Range<usize>; 2] {
    let m = a.rows();
    if by_columns {
        let vectors = n.div_ceil(MOST_LANES);
        let cut = |i: usize| (of.cut(i, vectors) * MOST_LANES).min(n);
        return [0..m, cut(i)..cut(i + 1)];
    }
    let costs = dispatch(Costs(a));
    let all: usize = costs.iter().map(|&cost| cost as usize).sum();
    // A thread begins with the first row before which its share of the costs has come.
    let begin = |i: usize| {
        let (mut before, share) = (0, of.cut(i, all));
        let is_reached = |cost: &u32| {
            let is_reached = before >= share;
            before += *cost as usize;
            is_reached
        };
        costs.iter().position(is_reached).unwrap_or(m)
    };
    [begin(i)..begin(i + 1), 0..n]
}

/// What a row costs besides its terms, in terms: its end cannot be foreseen.
pub(super) const ROW: usize = 12;

/// The numbers of a row, if it has as many, by which its cost is estimated; twice as many at most. Each
/// thread looks at those of all rows: with twice as many, and a search that does not end where a share begins, a step with 100 hidden units took 548 µs
/// instead of 544 on two near threads of Zen 4, in turn.
const ESTIMATED: usize = 16;

/// What each row of A costs, in terms, estimated from some of its numbers.
struct Costs<'a, T>(&'a Matrix<'a, T>);

impl<T: Real> Kernel for Costs<'_, T> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn run(self) -> Vec<u32> {
        let Costs(a) = self;
        let (m, k) = (a.rows(), a.columns());
        let step = (k / ESTIMATED).max(1);
        // No row is free, as the last thread ends behind the last row that costs something.
        let mut costs = vec![ROW as u32; m];
        // In the order in which A is stored.
        if a.steps.0 == 1 {
            for l in (0..k).step_by(step) {
                for (cost, x) in costs.iter_mut().zip(a.transpose().row(l, 0..m)) {
                    *cost += if *x != T::ZERO { step as u32 } else { 0 };
                }
            }
        } else {
            for (i, cost) in costs.iter_mut().enumerate() {
                let terms = (0..k).step_by(step).filter(|&l| a.at(i, l) != T::ZERO);
                *cost += (terms.count() * step) as u32;
            }
        }
        costs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_element_has_one_thread_and_all_have_as_much_as_they_are_fast(
            m in 1usize..200, n in 1usize..900, by_columns in any::<bool>(),
            speeds in prop_oneof![(1usize..9).prop_map(|threads| vec![1.0; threads]), prop::collection::vec(0.5f32..2.0, 1..9)],
            height in prop::sample::select(vec![8, 16]),
        ) {
            let of = Shares::of(speeds.iter().copied());
            let all: f32 = speeds.iter().sum();
            let units = [m.div_ceil(height), n.div_ceil(COLUMNS)];
            let [unit, count] = if by_columns { [1, units[0] * units[1]] } else { [units[1], units[0]] };
            let mut owners = vec![0; m * n];
            for (i, speed) in speeds.iter().enumerate() {
                let mut tiles = 0;
                for (rows, columns) in shares([m, n], height, by_columns, (i, &of)) {
                    prop_assert!(rows.start % height == 0 && columns.start % COLUMNS == 0);
                    tiles += rows.len().div_ceil(height) * columns.len().div_ceil(COLUMNS);
                    for row in rows {
                        owners[row * n..][columns.clone()].iter_mut().for_each(|owner| *owner += 1);
                    }
                }
                let exact = count as f32 * speed / all;
                let most = if speeds.iter().all(|other| other == speed) { exact.ceil() } else { exact + 1.01 };
                prop_assert!((tiles / unit) as f32 <= most + 1e-3, "{} of {}", tiles, exact);
            }
            prop_assert!(owners.iter().all(|&owner| owner == 1));
        }
    }
}
