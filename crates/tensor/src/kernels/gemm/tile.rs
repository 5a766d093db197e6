//! The microkernel: a tile of C in registers, one row of B and one column of A at a time.

use std::hint::black_box;

use super::super::isa::{Kernel, Set};
use super::super::prefetch::line_of;
use super::super::vector::Vector;
use super::ahead::{EARLY, Lines};
use super::finish::{Finish, HALF, WHOLE};
use super::plan::BLOCK;
use crate::Real;

/// One operand of a tile: where it begins, and its steps from row to row and from column to column.
#[derive(Clone, Copy)]
pub(super) struct Operand<T> {
    pub(super) start: *const T,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// The rows of A that a tile meets.
#[derive(Clone, Copy)]
pub(super) struct Rows<T> {
    start: *const T,
    /// Once, three, five and seven times the step from row to row.
    steps: [usize; 4],
    /// The step from column to column.
    column: usize,
}

impl<T: Copy> Rows<T> {
    /// The first ones of a block.
    #[inline(always)]
    pub(super) fn of(a: Operand<T>) -> Rows<T> {
        // What the compiler cannot see through, it keeps in registers: all eight rows are addresses of one pointer and one
        // of these then. It would add the step to the pointer, row for row, which takes the time of multiply-adds: 4 % on Intel.
        let steps = black_box([1, 3, 5, 7].map(|times| a.row.wrapping_mul(times)));
        Rows { start: a.start, steps, column: a.column }
    }

    /// Those of a tile of the block, which are as far from each other.
    #[inline(always)]
    pub(super) fn at(self, tile: Operand<T>) -> Rows<T> {
        Rows { start: tile.start, column: tile.column, ..self }
    }

    /// How far row i of eight is behind the first.
    #[inline(always)]
    fn row(self, i: usize) -> usize {
        let [one, three, five, seven] = self.steps;
        match i {
            3 => three,
            5 => five,
            6 => 2 * three,
            7 => seven,
            _ => i * one,
        }
    }
}

/// The fewest rows of a tile that may copy B.
pub(super) const COPYING: usize = 4;

/// How terms are added to sums.
pub(in super::super) trait Terms<T, V: Vector<T>>: Copy {
    /// The most terms of a block.
    const BLOCK: usize = BLOCK;
    /// The terms of a chain of multiply-adds, unless one is as long as the block: then two at a time begin at 0 and are
    /// [added](Terms::plus) up, and to the sum of those before.
    const CHAIN: Option<usize> = None;
    /// The terms that the end of a block does not take apart.
    const TOGETHER: usize = match Self::CHAIN {
        Some(chain) => 2 * chain,
        None => 1,
    };
    /// Runs a kernel as a function of its own, for the instruction set of V and of these terms.
    ///
    /// # Safety
    /// The machine has it.
    #[inline(always)]
    unsafe fn apart<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { V::Set::run(kernel) }
    }
    /// sum + a b, in each lane.
    ///
    /// # Safety
    /// Call it inline in code for the instruction set of V and of these terms.
    unsafe fn add(self, a: V, b: V, sum: V) -> V;
    /// The sum of two sums, in each lane.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn plus(self, a: V, b: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.add(b) }
    }
    /// Whether [`add_half`](Terms::add_half) may cost less than [`add`](Terms::add).
    const HALVES: bool = false;
    /// [`add`](Terms::add) in the first half of the lanes; what the others hold has no meaning.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn add_half(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { self.add(a, b, sum) }
    }
}

/// One fused multiply-add.
#[derive(Clone, Copy)]
pub(super) struct Single;

impl<T, V: Vector<T>> Terms<T, V> for Single {
    const HALVES: bool = V::HALVES;
    #[inline(always)]
    unsafe fn add(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.mul_add(b, sum) }
    }
    #[inline(always)]
    unsafe fn add_half(self, a: V, b: V, sum: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.mul_add_half(b, sum) }
    }
}

/// Σ A B over `k` for R rows and N vectors, written to C as `finish` says. What it reads of B it writes to `copy`, if there is one, as
/// rows of N vectors, for the tiles below: to copy a panel before took a twentieth of 400 × 128 × 784 and of cubes of 512 on a Xeon (Emerald Rapids), and
/// takes half of that among multiply-adds.
///
/// Each element is one chain of terms in order of k, from 0, or the sum of [several](Terms::CHAIN). `END` says how many
/// columns the last vector has. Only one that is not [`WHOLE`] leaves out lanes when it is read (which takes the time of a multiply-add on Intel: 4 % of all); a
/// [`HALF`] costs half where registers are computed in halves. Of A, the columns are next to each other (`BY_ROWS`), or the rows.
///
/// # Safety
/// Call it inline in code for V's instruction set and that of the terms. A is good for R × k, B for k × N vectors, or, if `END` is
/// not [`WHOLE`] and V [leaves out](Vector::LEAVES_OUT) lanes, the columns of `finish` (next to each other), C and `finish` as for [`Finish::write`].
/// A copy is for tiles of [`COPYING`] rows or more whose terms are one chain and whose columns are `WHOLE`, and has room for k × N vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
pub(super) unsafe fn tile<
    T: Real,
    V: Vector<T>,
    M: Terms<T, V>,
    const R: usize,
    const N: usize,
    const END: u8,
    const BY_ROWS: bool,
>(
    terms: M,
    k: usize,
    (a, lines): (Rows<T>, &Lines<T>),
    (b, copy): (Operand<T>, Option<*mut T>),
    c: (*mut T, usize),
    finish: Finish<'_, T>,
) {
    // SAFETY: the caller's promises cover A and B, as `p` stays below k, and C.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let last = V::first(finish.columns - (N - 1) * V::LANES);
        let rows = std::array::from_fn(|i| if BY_ROWS { a.row(i) } else { i });
        let column = if BY_ROWS { 1 } else { a.column };
        let (mut a, mut b_row) = (a.start, b.start);
        if let Some(chain) = M::CHAIN {
            // No closure: one that is not inlined is not compiled for the instruction set.
            macro_rules! chained {
                () => {{
                    let mut sums = [[V::splat(T::ZERO); N]; R];
                    for _ in 0..chain {
                        sums = add::<T, V, R, N, END>(terms, sums, (a, rows), (b_row, last));
                        (a, b_row) = (a.wrapping_add(column), b_row.wrapping_add(b.row));
                    }
                    sums
                }};
            }
            for _ in 0..k / (2 * chain) {
                let first = chained!();
                let second = chained!();
                for i in 0..R {
                    for v in 0..N {
                        sums[i][v] = terms.plus(sums[i][v], terms.plus(first[i][v], second[i][v]));
                    }
                }
            }
            return finish.write::<V, R, N>(sums, c);
        }
        if let Some(mut to) = copy.filter(|_| R >= COPYING) {
            let last_row = b_row.wrapping_add((k - 1) * b.row);
            let mut early = b_row.wrapping_add(EARLY.min(k - 1) * b.row);
            for _ in 0..k {
                for v in 0..N {
                    line_of(early.wrapping_add(v * V::LANES));
                    V::load(b_row.add(v * V::LANES)).store(to.add(v * V::LANES));
                }
                sums = add::<T, V, R, N, END>(terms, sums, (a, rows), (b_row, last));
                (a, b_row) = (a.wrapping_add(column), b_row.wrapping_add(b.row));
                // Nothing behind the panel is asked for.
                early = if early == last_row { early } else { early.wrapping_add(b.row) };
                to = to.wrapping_add(N * V::LANES);
            }
            return finish.write::<V, R, N>(sums, c);
        }
        // A copy: behind a reference it would stay in memory, and cubes of 512 take 3 % longer.
        let mut lines = *lines;
        let asks = R == 8 && matches!(lines, Lines::OfPanel);
        let chunk = lines.chunk(k);
        let mut p = 0;
        while p < k {
            lines.ask::<V, R, N>(p, rows);
            let count = chunk.min(k - p);
            // Two terms at a time in large tiles: counting takes the time of multiply-adds, too.
            let pairs = if R == 8 || R * N >= 16 { count / 2 } else { 0 };
            // No closure: one that is not inlined is not compiled for the instruction set.
            macro_rules! pair {
                () => {{
                    sums = add::<T, V, R, N, END>(terms, sums, (a, rows), (b_row, last));
                    let second = (a.wrapping_add(column), b_row.wrapping_add(b.row));
                    sums = add::<T, V, R, N, END>(terms, sums, (second.0, rows), (second.1, last));
                    (a, b_row) = (a.wrapping_add(2 * column), b_row.wrapping_add(2 * b.row));
                }};
            }
            // Nothing behind the panel is asked for.
            let asking = if asks { pairs.saturating_sub(EARLY / 2) } else { 0 };
            for _ in 0..asking {
                for row in [EARLY, EARLY + 1] {
                    for v in 0..N {
                        line_of(b_row.wrapping_add(row * b.row + v * V::LANES));
                    }
                }
                pair!();
            }
            for _ in asking..pairs {
                pair!();
            }
            for _ in 0..count - 2 * pairs {
                sums = add::<T, V, R, N, END>(terms, sums, (a, rows), (b_row, last));
                (a, b_row) = (a.wrapping_add(column), b_row.wrapping_add(b.row));
            }
            p += count;
        }
        finish.write::<V, R, N>(sums, c);
    }
}

/// Sums with the term of R numbers of A, so far behind `a`, and N vectors of B.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn add<T: Real, V: Vector<T>, const R: usize, const N: usize, const END: u8>(
    terms: impl Terms<T, V>,
    mut sums: [[V; N]; R],
    (a, rows): (*const T, [usize; R]),
    (b, last): (*const T, V::Lanes),
) -> [[V; N]; R] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut x = [V::splat(T::ZERO); N];
        for v in 0..N {
            let b = b.add(v * V::LANES);
            let is_whole = END == WHOLE || v < N - 1;
            x[v] = if is_whole { V::load(b) } else { V::load_first(b, last) };
        }
        for i in 0..R {
            let y = V::splat(*a.add(rows[i]));
            for v in 0..N {
                sums[i][v] = if END == HALF && v == N - 1 {
                    terms.add_half(y, x[v], sums[i][v])
                } else {
                    terms.add(y, x[v], sums[i][v])
                };
            }
        }
        sums
    }
}
