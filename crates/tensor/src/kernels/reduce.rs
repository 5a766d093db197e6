//! Sums and maxima along one axis of [outer, length, inner], in an order that depends on sizes only.
//!
//! A contiguous run is cut into blocks of [`BLOCK`] elements; a block is summed in [`LANES`] lanes
//! that are folded as a tree; the sums of blocks are summed in the same way. Where `inner` > 1, rows
//! are added in order. The error of a sum is at most (BLOCK / LANES + log₂ LANES) ε Σ|xᵢ| for each
//! level of blocks, and length ε Σ|xᵢ| for rows.

use std::marker::PhantomData;

use super::GRAIN;
use super::isa::{self, Kernel, dispatch, dispatch_vectors};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::vector::Vector;
use crate::Real;
use crate::buffer::Buffer;

const LANES: usize = 32;
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

struct Block<'a, F, T, V> {
    fold: F,
    x: &'a [T],
    vector: PhantomData<V>,
}

impl<F: Fold, T: Real, V: Vector<T>> Kernel for Block<'_, F, T, V> {
    type Output = T;
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    fn run(self) -> T {
        let Block { fold, x, .. } = self;
        let mut lanes = [fold.start::<T>(); LANES];
        let (rows, rest) = x.as_chunks::<LANES>();
        // SAFETY: the kernel runs on V's instruction set, and this is inlined into it; rows and lanes
        // are whole vectors.
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
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] = fold.join(lanes[i], lanes[i + width]);
            }
        }
        lanes[0]
    }
}

fn block<T: Real>(fold: impl Fold, x: &[T]) -> T {
    dispatch_vectors!(isa::current(), T, vector => Block { fold, x, vector })
}

/// One run of contiguous numbers.
fn run<T: Real>(fold: impl Fold, x: &[T]) -> T {
    if x.len() <= BLOCK {
        return block(fold, x);
    }
    let mut blocks = Buffer::<T>::for_overwrite(x.len().div_ceil(BLOCK));
    // A thread takes several blocks at a time.
    const GROUP: usize = GRAIN / BLOCK;
    let groups = (chunks(x, GROUP * BLOCK), chunks_mut(&mut blocks, GROUP));
    for_each_chunk(groups, |_, (x, y)| {
        x.chunks(BLOCK).zip(y).for_each(|(x, y)| *y = block(fold, x));
    });
    run(fold, &blocks)
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
        let rows = (GRAIN / length).max(1);
        let groups = (chunks_mut(y, rows), chunks(x, rows * length));
        return for_each_chunk(groups, |_, (y, x)| {
            y.iter_mut().zip(x.chunks(length)).for_each(|(y, x)| *y = run(fold, x));
        });
    }
    // Columns wide enough for whole cache lines, so that threads do not share one.
    const COLUMNS: usize = 256;
    let columns = if x.len() > GRAIN { COLUMNS } else { inner };
    for (y, x) in y.chunks_mut(inner).zip(x.chunks(length * inner)) {
        for_each_chunk(chunks_mut(y, columns), |i, y| {
            dispatch(Rows(fold, &x[i * columns..], inner, y));
        });
    }
}

#[cfg(test)]
mod tests {
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

    proptest! {
        #[test]
        fn the_error_of_a_sum_is_within_its_bound(
            x in prop::collection::vec(-1e3f32..1e3, 0..20_000), offset in 0usize..4,
        ) {
            let x = &x[offset.min(x.len())..];
            let mut y = [0.0];
            reduce(Sum, x, [1, x.len(), 1], &mut y);
            let exact: f64 = x.iter().map(|x| f64::from(*x)).sum();
            let size: f64 = x.iter().map(|x| f64::from(x.abs())).sum();
            let steps = (BLOCK / LANES) as f64 + f64::from(LANES.ilog2());
            let levels = if x.len() <= BLOCK { 1.0 } else { 2.0 };
            let bound = levels * steps * f64::from(f32::EPSILON) * size;
            prop_assert!((f64::from(y[0]) - exact).abs() <= bound, "{} {exact}", y[0]);
        }
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
