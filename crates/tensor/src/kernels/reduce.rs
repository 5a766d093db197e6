//! Sums and maxima along one axis of [outer, length, inner], in an order that depends on sizes only.
//!
//! A contiguous run is cut into blocks of [`BLOCK`] elements; a block is summed in [`LANES`] lanes
//! that are folded as a tree; the sums of blocks are summed in the same way. Where `inner` > 1, rows
//! are added in order. The error of a sum is at most (BLOCK / LANES + log₂ LANES) ε Σ|xᵢ| for each
//! level of blocks, and length ε Σ|xᵢ| for rows.

use std::marker::PhantomData;

use super::isa::{self, Kernel, dispatch, dispatch_vectors};
use super::lanes::{self, LANES};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::vector::Vector;
use super::{GRAIN, even};
use crate::Real;
use crate::buffer::Buffer;

/// The most numbers in a block.
const BLOCK: usize = 4096;

/// What is reduced with what.
pub(crate) trait Fold: Copy + Send + Sync {
    fn start<T: Real>(self) -> T;
    fn join<T: Real>(self, a: T, b: T) -> T;
    /// `join` in each lane.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set.
    unsafe fn join_lanes<T: Real, V: Vector<T>>(self, a: V, b: V) -> V;
}

/// Σ
#[derive(Clone, Copy)]
pub(crate) struct Sum;

impl Fold for Sum {
    #[inline(always)]
    fn start<T: Real>(self) -> T {
        T::ZERO
    }
    #[inline(always)]
    fn join<T: Real>(self, a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    unsafe fn join_lanes<T: Real, V: Vector<T>>(self, a: V, b: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { a.add(b) }
    }
}

/// max; NaN if any is.
#[derive(Clone, Copy)]
pub(crate) struct Max;

impl Fold for Max {
    #[inline(always)]
    fn start<T: Real>(self) -> T {
        T::NEG_INFINITY
    }
    #[inline(always)]
    fn join<T: Real>(self, a: T, b: T) -> T {
        a.max_with(b)
    }
    #[inline(always)]
    unsafe fn join_lanes<T: Real, V: Vector<T>>(self, a: V, b: V) -> V {
        // SAFETY: the caller's promise.
        unsafe { b.if_larger(a, b, a) }
    }
}

/// A block, lane by lane.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
unsafe fn folded<F: Fold, T: Real, V: Vector<T>>(fold: F, x: &[T]) -> T {
    let mut lanes = [fold.start::<T>(); LANES];
    let (rows, rest) = x.as_chunks::<LANES>();
    // SAFETY: the caller's promise; rows and lanes are whole vectors.
    unsafe {
        let mut vectors = [V::splat(fold.start()); LANES / 2];
        for row in rows {
            for i in 0..LANES / V::LANES {
                let x = V::load(row.as_ptr().add(i * V::LANES));
                vectors[i] = fold.join_lanes(vectors[i], x);
            }
        }
        for i in 0..LANES / V::LANES {
            vectors[i].store(lanes.as_mut_ptr().add(i * V::LANES));
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = fold.join(*lane, *x);
    }
    lanes::folded(lanes, |a, b| fold.join(a, b))
}

/// y = fold over runs of `length`, a block each at most; the last may be shorter.
struct Runs<'a, F, T, V> {
    fold: F,
    length: usize,
    x: &'a [T],
    y: &'a mut [T],
    vector: PhantomData<V>,
}

impl<F: Fold, T: Real, V: Vector<T>> Kernel for Runs<'_, F, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, x) in self.y.iter_mut().zip(self.x.chunks(self.length)) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            *y = unsafe { folded::<F, T, V>(self.fold, x) };
        }
    }
}

/// [`Runs`] on the calling thread.
fn runs<T: Real>(fold: impl Fold, length: usize, x: &[T], y: &mut [T]) {
    let isa = isa::light();
    dispatch_vectors!(isa, T, vector => Runs { fold, length, x, y: &mut *y, vector });
}

/// One run of contiguous numbers, longer than a block.
fn long_run<T: Real>(fold: impl Fold, x: &[T]) -> T {
    let mut blocks = Buffer::<T>::for_overwrite(x.len().div_ceil(BLOCK));
    // A thread takes several blocks at a time.
    const GROUP: usize = GRAIN / BLOCK;
    let groups = (chunks(x, GROUP * BLOCK), chunks_mut(&mut blocks, GROUP));
    for_each_chunk(groups, |_, (x, y)| runs(fold, BLOCK, x, y));
    if blocks.len() > BLOCK {
        return long_run(fold, &blocks);
    }
    let mut y = [fold.start()];
    runs(fold, BLOCK, &blocks, &mut y);
    y[0]
}

struct Rows<'a, F, T>(F, &'a [T], usize, &'a mut [T]);

impl<F: Fold, T: Real> Kernel for Rows<'_, F, T> {
    type Output = ();
    /// y = fold over rows of x, which lie `stride` apart; x begins at the first column of y.
    #[inline(always)]
    fn run(self) {
        let Rows(fold, x, stride, y) = self;
        y.fill(fold.start());
        for row in x.chunks(stride) {
            for (y, x) in y.iter_mut().zip(row) {
                *y = fold.join(*y, *x);
            }
        }
    }
}

/// y[o, i] = fold of x[o, l, i] over l.
pub(crate) fn reduce<T: Real>(
    fold: impl Fold,
    x: &[T],
    [outer, length, inner]: [usize; 3],
    y: &mut [T],
) {
    assert_eq!((x.len(), y.len()), (outer * length * inner, outer * inner));
    if length == 0 {
        return y.fill(fold.start());
    }
    if y.is_empty() {
        return;
    }
    if inner == 1 {
        let rows = even(y.len(), GRAIN / length);
        let groups = (chunks_mut(y, rows), chunks(x, rows * length));
        return for_each_chunk(groups, |_, (y, x)| {
            if length > BLOCK {
                y.iter_mut().zip(x.chunks(length)).for_each(|(y, x)| *y = long_run(fold, x));
            } else {
                runs(fold, length, x, y);
            }
        });
    }
    // Whole cache lines, so that threads do not share one, and as many for each.
    const LINE: usize = 16;
    const COLUMNS: usize = 256;
    let columns = LINE * even(inner.div_ceil(LINE), COLUMNS / LINE);
    let columns = if x.len() > GRAIN { columns } else { inner };
    for (y, x) in y.chunks_mut(inner).zip(x.chunks(length * inner)) {
        for_each_chunk(chunks_mut(y, columns), |i, y| {
            dispatch(Rows(fold, &x[i * columns..], inner, y));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::isa::{Isa, bits, dispatch_to};
    use super::super::threads;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_loop(
            outer in 0usize..4, length in 0usize..9000, inner in 1usize..4, seed in 0usize..1000,
        ) {
            let number = |i: usize| ((i * 7919 + seed) % 1000) as f64 / 1000.0 - 0.5;
            let x: Vec<f64> = (0..outer * length * inner).map(number).collect();
            let (mut sum, mut max) = (vec![9.0; outer * inner], vec![9.0; outer * inner]);
            reduce(Sum, &x, [outer, length, inner], &mut sum);
            reduce(Max, &x, [outer, length, inner], &mut max);
            for o in 0..outer {
                for i in 0..inner {
                    let terms = (0..length).map(|l| x[(o * length + l) * inner + i]);
                    let naive: f64 = terms.clone().sum();
                    prop_assert!((naive - sum[o * inner + i]).abs() < 1e-10);
                    prop_assert_eq!(terms.fold(f64::NEG_INFINITY, f64::max), max[o * inner + i]);
                }
            }
        }
    }

    /// Compares sums of each column with exact ones of integers. T has `digits` binary digits.
    fn is_within_its_bound<T: Real>(integers: &[i64], offset: usize, inner: usize, digits: u32) {
        // Of several sizes, and each a T.
        let entry = |(i, n): (usize, &i64)| n >> (64 - digits + i as u32 % 7);
        let integers: Vec<i64> = integers.iter().enumerate().map(entry).collect();
        let x: Vec<T> = integers.iter().map(|&n| T::from_f64(n as f64)).collect();
        let length = x.len().saturating_sub(offset) / inner;
        let range = offset.min(x.len())..offset.min(x.len()) + length * inner;
        let mut y = vec![T::from_f64(9.0); inner];
        reduce(Sum, &x[range.clone()], [1, length, inner], &mut y);
        for (i, y) in y.iter().enumerate() {
            let column = integers[range.clone()].iter().skip(i).step_by(inner);
            let (exact, size) = column.fold((0i128, 0i128), |(sum, size), &n| {
                (sum + i128::from(n), size + i128::from(n.abs()))
            });
            let steps = (BLOCK / LANES) as f64 + f64::from(LANES.ilog2());
            let levels = if length <= BLOCK { 1.0 } else { 2.0 };
            let terms = if inner == 1 { levels * steps } else { length as f64 };
            let bound = terms * 2f64.powi(1 - digits as i32) * size as f64;
            // Rounded sums of integers are integers.
            let error = (y.to_f64() as i128 - exact) as f64;
            assert!(error.abs() <= bound, "{y} of {exact}: {length} x {inner}");
        }
    }

    proptest! {
        #[test]
        fn the_error_of_a_sum_is_within_its_bound(
            integers in prop::collection::vec(any::<i64>(), 0..20_000), offset in 0usize..4,
            inner in prop_oneof![Just(1usize), 2usize..100],
        ) {
            is_within_its_bound::<f32>(&integers, offset, inner, 24);
            is_within_its_bound::<f64>(&integers, offset, inner, 53);
        }
    }

    /// Numbers whose sum depends on the order, and whose maximum is 0 or -0, as the order has it.
    fn numbers<T: Real>(count: usize) -> Vec<T> {
        let number = |i: usize| match i * 7919 % 1013 {
            0..20 => T::ZERO,
            20..40 => -T::ZERO,
            n => T::from_f64(-1.0 / n as f64),
        };
        (0..count).map(number).collect()
    }

    fn block_on<T: Real>(isa: Isa, fold: impl Fold, x: &[T]) -> T {
        let mut y = [fold.start()];
        let length = x.len().max(1);
        dispatch_vectors!(isa, T, vector => Runs { fold, length, x, y: &mut y, vector });
        y[0]
    }

    fn rows_on<T: Real>(isa: Isa, fold: impl Fold, x: &[T], stride: usize, width: usize) -> Vec<T> {
        let mut y = vec![T::from_f64(9.0); width];
        dispatch_to(isa, Rows(fold, x, stride, &mut y));
        y
    }

    fn agree<T: Real>(fold: impl Fold) {
        let numbers = numbers::<T>(3 * (BLOCK + 4));
        let sets = isa::available();
        for length in [0, 1, 31, 32, 33, BLOCK - 1, BLOCK, BLOCK + 1] {
            for x in (0..4).map(|start| &numbers[start..]) {
                let blocks = |&set: &Isa| bits(&[block_on(set, fold, &x[..length])]);
                // Of `length` rows, and rows of `length`.
                let rows = |&set: &Isa| {
                    let long = rows_on(set, fold, &x[..3 * length], 3, 2);
                    let wide = rows_on(set, fold, &x[..3 * (length + 1)], length + 1, length);
                    (bits(&long), bits(&wide))
                };
                for set in &sets {
                    assert_eq!(blocks(set), blocks(&sets[0]), "{set}: {length} in a block");
                    assert_eq!(rows(set), rows(&sets[0]), "{set}: rows and {length}");
                }
            }
        }
        for sizes in [[1, 300_000, 1], [3, 50_000, 1], [900, 70, 1], [1, 200, 700], [2, 5000, 20]] {
            let [outer, length, inner] = sizes;
            let x = self::numbers::<T>(outer * length * inner);
            let on = |count: usize| {
                let mut y = vec![T::from_f64(9.0); outer * inner];
                threads::with(count, || reduce(fold, &x, sizes, &mut y));
                bits(&y)
            };
            let alone = on(1);
            for count in [2, 3, 8] {
                assert_eq!(on(count), alone, "{count} threads: {sizes:?}");
            }
        }
    }

    #[test]
    fn all_instruction_sets_and_numbers_of_threads_give_the_same_bits() {
        agree::<f32>(Sum);
        agree::<f32>(Max);
        agree::<f64>(Sum);
        agree::<f64>(Max);
    }

    #[test]
    fn a_million_small_floats_keep_their_digits() {
        // A plain loop in f32 ends at 100958.34: 1 % off.
        let x = vec![0.1f32; 1_000_000];
        let mut y = [0.0];
        reduce(Sum, &x, [1, x.len(), 1], &mut y);
        assert!((f64::from(y[0]) - 1e6 * f64::from(0.1f32)).abs() < 0.2, "{}", y[0]);
    }

    #[test]
    fn nan_is_the_maximum() {
        for position in [0, 17, 40] {
            let mut x = vec![1.0f32; 41];
            x[position] = f32::NAN;
            let mut y = [0.0];
            reduce(Max, &x, [1, 41, 1], &mut y);
            assert!(y[0].is_nan(), "{position}");
        }
    }
}
