//! Axes in another order.
//!
//! Where the last axis stays the last, runs are copied. Elsewhere planes are transposed: of the last axis of y and of
//! the axis along which x lies in a row, by squares that fit the registers, so that both are read and written in whole
//! vectors.

use std::marker::PhantomData;

use super::GRAIN;
use super::isa::{self, Kernel, dispatch_vectors};
use super::threads::{self, chunks_mut, for_each_chunk};
use super::vector::{MOST_LANES, Vector, transpose};
use crate::Real;
use crate::shape::{MAX_RANK, Shape};

/// Rows of y that are written together, so that x is read in several lines that lie in a row: a multiple of all lanes. A
/// transpose of 1000 × 1000 numbers takes 0.2 ms (f64 0.6 to 0.8) on one thread, 0.33 (1.8) by squares alone, 0.77 (1.6) one
/// by one.
const BAND: usize = 64;

/// Numbers of a transpose that a thread takes at a time: half of the lines that they come from another thread may have
/// written. On near cores of Zen 4, one of two threads that have just written 400 × 32 numbers transposes them in 3.7 µs, a thread that was alone in 1.5.
const GRAIN_OF_TRANSPOSE: usize = GRAIN / 4;

/// How far the neighbours along an axis lie apart, in x and in y.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    size: usize,
    from: usize,
    to: usize,
}

/// The axes of y, without those of size 1; neighbours that are neighbours in x, too, are one.
fn joined(x_shape: &Shape, axes: &[usize]) -> Vec<Axis> {
    let strides = x_shape.strides();
    let mut joined: Vec<Axis> = Vec::with_capacity(axes.len());
    let mut to = 1;
    for &axis in axes.iter().rev() {
        let (size, from) = (x_shape[axis], strides[axis]);
        match joined.last_mut() {
            _ if size == 1 => {}
            Some(inner) if from == inner.from * inner.size => inner.size *= size,
            _ => joined.push(Axis { size, from, to }),
        }
        to *= size;
    }
    joined.reverse();
    joined
}

/// The places in x and in y of all indices into some axes.
struct Places<'a> {
    axes: &'a [Axis],
    index: [usize; MAX_RANK],
    at: Option<[usize; 2]>,
}

impl<'a> Places<'a> {
    fn of(axes: &'a [Axis]) -> Places<'a> {
        Places { axes, index: [0; MAX_RANK], at: Some([0, 0]) }
    }
}

impl Iterator for Places<'_> {
    type Item = [usize; 2];
    #[inline(always)]
    fn next(&mut self) -> Option<[usize; 2]> {
        let here = self.at?;
        // Counts up in the mixed base of the sizes.
        let [mut from, mut to] = here;
        self.at = None;
        for (axis, index) in self.axes.iter().zip(&mut self.index).rev() {
            *index += 1;
            (from, to) = (from + axis.from, to + axis.to);
            if *index < axis.size {
                self.at = Some([from, to]);
                break;
            }
            *index = 0;
            (from, to) = (from - axis.from * axis.size, to - axis.to * axis.size);
        }
        Some(here)
    }
}

/// y has the axes of x in the order `axes`: y.shape[i] = x.shape[axes[i]].
pub(crate) fn permute<T: Real>(x: &[T], x_shape: &Shape, axes: &[usize], y: &mut [T]) {
    assert_eq!(x.len(), y.len());
    if y.is_empty() {
        return;
    }
    let axes = joined(x_shape, axes);
    let Some(&first) = axes.first() else { return y.copy_from_slice(x) };
    // Parts of a transpose are whole bands, or, if these are too few, as high as a square.
    let (grain, multiple) = match first.from {
        1 if first.size < BAND * threads::count() => (GRAIN_OF_TRANSPOSE, MOST_LANES),
        1 => (GRAIN_OF_TRANSPOSE, BAND),
        _ => (GRAIN, 1),
    };
    let rows = (grain / first.to).max(1).next_multiple_of(multiple);
    for_each_chunk(chunks_mut(y, rows * first.to), |i, y| {
        let mut axes = axes.clone();
        axes[0].size = y.len() / first.to;
        part(&x[i * rows * first.from..], axes, y);
    });
}

/// The numbers of y, in one thread.
fn part<T: Real>(x: &[T], mut axes: Vec<Axis>, y: &mut [T]) {
    let Some(last) = axes.pop() else { return };
    // The last axis of x is one of those of y.
    match axes.iter().position(|axis| axis.from == 1) {
        None => {
            for [from, to] in Places::of(&axes) {
                y[to..to + last.size].copy_from_slice(&x[from..from + last.size]);
            }
        }
        Some(row) => {
            let row = axes.remove(row);
            dispatch_vectors!(isa::current(), T, vector => {
                Planes { x, outer: &axes, row, last, y, vector }
            });
        }
    }
}

/// y[to · j + i] = x[from · i + j], where j is along `row` and i along `last`, for all indices into `outer`.
struct Planes<'a, T, V> {
    x: &'a [T],
    outer: &'a [Axis],
    row: Axis,
    last: Axis,
    y: &'a mut [T],
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Planes<'_, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Planes { x, outer, row, last, y, .. } = self;
        for [from, to] in Places::of(outer) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe { plane::<T, V>(&x[from..], row, last, &mut y[to..]) };
        }
    }
}

/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
unsafe fn plane<T: Real, V: Vector<T>>(x: &[T], row: Axis, last: Axis, y: &mut [T]) {
    const { assert!(BAND.is_multiple_of(V::LANES)) };
    let (from, to) = (last.from, row.to);
    assert!(x.len() >= (last.size - 1) * from + row.size);
    assert!(y.len() >= (row.size - 1) * to + last.size);
    let [rows, columns] = [row.size, last.size].map(|size| size / V::LANES * V::LANES);
    for band in (0..rows).step_by(BAND) {
        for i in (0..columns).step_by(V::LANES) {
            for j in (band..rows.min(band + BAND)).step_by(V::LANES) {
                // SAFETY: the caller's promise. Bands are whole squares, so this one ends at the latest at `rows` and
                // `columns`, which are in x and in y by the assertions.
                unsafe {
                    let (x, y) = (x.as_ptr().add(i * from + j), y.as_mut_ptr().add(j * to + i));
                    transpose::<T, V>(x, from, V::LANES, y, to);
                }
            }
        }
    }
    // What is left beside the squares, along its longer side.
    for [js, is] in [[rows..row.size, 0..columns], [0..row.size, columns..last.size]] {
        // SAFETY: j is below the size of `row` and i below that of `last`, which is in x and in y by the assertions.
        let mut copy = |j: usize, i: usize| unsafe {
            *y.as_mut_ptr().add(j * to + i) = *x.as_ptr().add(i * from + j);
        };
        if js.len() < is.len() {
            js.for_each(|j| is.clone().for_each(|i| copy(j, i)));
        } else {
            is.for_each(|i| js.clone().for_each(|j| copy(j, i)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::*;
    use proptest::prelude::*;

    /// Shapes with the lengths around those of vectors, and an order of their axes.
    fn shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        let size =
            prop_oneof![4 => 1usize..5, 3 => 15usize..18, 1 => 31usize..34, 1 => Just(0usize)];
        prop::collection::vec(size, 0..6).prop_flat_map(|sizes| {
            let axes: Vec<usize> = (0..sizes.len()).collect();
            (Just(sizes), Just(axes).prop_shuffle())
        })
    }

    /// The numbers of x in the order of y, place by place.
    fn by_index<T: Real>(x: &[T], shape: &Shape, axes: &[usize]) -> Vec<T> {
        let strides = shape.strides();
        let place = |mut i: usize| {
            let mut from = 0;
            for &axis in axes.iter().rev() {
                from += i % shape[axis] * strides[axis];
                i /= shape[axis];
            }
            x[from]
        };
        (0..shape.count()).map(place).collect()
    }

    fn numbers<T: Real>(count: usize) -> Vec<T> {
        (0..count).map(|i| T::from_f64(i as f64)).collect()
    }

    fn moves<T: Real>(sizes: &[usize], axes: &[usize], offset: usize) -> Result<(), TestCaseError> {
        let shape = Shape::new(sizes);
        let x = numbers::<T>(offset + shape.count());
        let x = &x[offset..];
        let mut y = vec![-T::ONE; shape.count() + offset];
        permute(x, &shape, axes, &mut y[offset..]);
        prop_assert_eq!(&y[offset..], &by_index(x, &shape, axes)[..]);
        prop_assert!(y[..offset].iter().all(|&y| y == -T::ONE));
        Ok(())
    }

    proptest! {
        #[test]
        fn each_number_goes_to_its_place((sizes, axes) in shapes(), offset in 0usize..3) {
            moves::<f32>(&sizes, &axes, offset)?;
            moves::<f64>(&sizes, &axes, offset)?;
        }

        #[test]
        fn planes_are_transposed_on_every_set(
            rows in 1usize..140, columns in 1usize..70, gaps in [0usize..3, 0usize..3], offset in 0usize..3,
        ) {
            for isa in isa::available() {
                transposes::<f32>(isa, [rows, columns], gaps, offset)?;
                transposes::<f64>(isa, [rows, columns], gaps, offset)?;
            }
        }
    }

    /// Rows of y, which lie `gaps` further apart than they are long, as those of x do.
    fn transposes<T: Real>(
        isa: Isa,
        [rows, columns]: [usize; 2],
        gaps: [usize; 2],
        offset: usize,
    ) -> Result<(), TestCaseError> {
        let (from, to) = (rows + gaps[0], columns + gaps[1]);
        let x = numbers::<T>(offset + columns * from);
        let mut y = vec![-T::ONE; offset + rows * to];
        let row = Axis { size: rows, from: 1, to };
        let last = Axis { size: columns, from, to: 1 };
        let (x, out) = (&x[offset..], &mut y[offset..]);
        dispatch_vectors!(isa, T, vector => {
            Planes { x, outer: &[], row, last, y: out, vector }
        });
        for (at, &y) in out.iter().enumerate() {
            let (j, i) = (at / to, at % to);
            let right = if i < columns { x[i * from + j] } else { -T::ONE };
            prop_assert_eq!(y, right, "[{}, {}] on {}", j, i, isa);
        }
        Ok(())
    }

    #[test]
    fn parts_of_several_threads_are_the_whole() {
        let cases: [(&[usize], &[usize]); 6] = [
            (&[300, 500], &[1, 0]),
            (&[3, 200, 130], &[0, 2, 1]),
            (&[70, 3, 500], &[1, 0, 2]),
            (&[40, 30, 50, 2], &[1, 3, 0, 2]),
            (&[9000, 40], &[1, 0]),
            (&[1, 90, 1, 1000], &[3, 2, 1, 0]),
        ];
        for (sizes, axes) in cases {
            let shape = Shape::new(sizes);
            let x = numbers::<f64>(shape.count());
            let right = by_index(&x, &shape, axes);
            for count in [1, 2, 3, 8] {
                let mut y = vec![-1.0; x.len()];
                threads::with(count, || permute(&x, &shape, axes, &mut y));
                assert!(y == right, "{sizes:?} as {axes:?} on {count} threads");
            }
        }
    }

    #[test]
    fn neighbours_that_stay_neighbours_are_one_axis() {
        let axis = |size, from, to| Axis { size, from, to };
        let joined = |sizes: &[usize], axes: &[usize]| joined(&Shape::new(sizes), axes);
        assert_eq!(joined(&[2, 3, 5, 7], &[2, 3, 0, 1]), [axis(35, 1, 6), axis(6, 35, 1)]);
        assert_eq!(joined(&[2, 1, 5], &[1, 0, 2]), [axis(10, 1, 1)]);
        assert_eq!(joined(&[1, 1], &[1, 0]), []);
    }
}
