//! One number in, one number out; and two in, one out, with broadcasting.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use crate::Real;
use crate::shape::{MAX_RANK, Shape};

/// A function of one number, given as a value so that kernels can inline it.
pub(crate) trait Function1: Copy + Send + Sync {
    fn call<T: Real>(self, x: T) -> T;

    /// Whether [`is_rare`](Function1::is_rare) is ever true.
    const HAS_RARE: bool = false;

    /// Whether `call` is wrong for x, so that the kernel comes back with `call_rare`.
    fn is_rare<T: Real>(self, _x: T) -> bool {
        false
    }

    /// The function where it needs more than a loop of vector instructions can do.
    fn call_rare<T: Real>(self, x: T) -> T {
        self.call(x)
    }
}

/// Numbers in a chunk: a few vectors of the widest kind.
const CHUNK: usize = 64;

/// f(x) for one chunk. By value, so that the compiler need not ask whether x and y overlap.
#[inline(always)]
fn chunk<F: Function1, T: Real>(f: F, x: [T; CHUNK]) -> [T; CHUNK] {
    let mut y = x;
    for y in &mut y {
        *y = f.call(*y);
    }
    if F::HAS_RARE && x.iter().fold(false, |any, x| any | f.is_rare(*x)) {
        for (y, x) in y.iter_mut().zip(x).filter(|(_, x)| f.is_rare(*x)) {
            *y = f.call_rare(x);
        }
    }
    y
}

/// f(x) for less than a chunk, filled up so that the loop exists once.
#[inline(always)]
fn rest<F: Function1, T: Real>(f: F, x: &[T]) -> [T; CHUNK] {
    let mut filled = [T::ZERO; CHUNK];
    filled[..x.len()].copy_from_slice(x);
    chunk(f, filled)
}

/// A function of two numbers.
pub(crate) trait Function2: Copy + Send + Sync {
    fn call<T: Real>(self, a: T, b: T) -> T;
}

pub(super) struct Map<'a, F, T>(pub(super) F, pub(super) &'a [T], pub(super) &'a mut [T]);

impl<F: Function1, T: Real> Kernel for Map<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Map(f, x, y) = self;
        let (x, x_rest) = x.as_chunks();
        let (y, y_rest) = y.as_chunks_mut();
        for (y, x) in y.iter_mut().zip(x) {
            *y = chunk(f, *x);
        }
        if !x_rest.is_empty() {
            y_rest.copy_from_slice(&rest(f, x_rest)[..x_rest.len()]);
        }
    }
}

struct MapAssign<'a, F, T>(F, &'a mut [T]);

impl<F: Function1, T: Real> Kernel for MapAssign<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let MapAssign(f, x) = self;
        let (chunks, x_rest) = x.as_chunks_mut();
        for x in chunks {
            *x = chunk(f, *x);
        }
        if !x_rest.is_empty() {
            x_rest.copy_from_slice(&rest(f, x_rest)[..x_rest.len()]);
        }
    }
}

/// y = f(x)
pub(crate) fn map<T: Real>(f: impl Function1, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len());
    let pieces = (chunks(x, GRAIN), chunks_mut(y, GRAIN));
    for_each_chunk(pieces, |_, (x, y)| dispatch(Map(f, x, y)));
}

/// x = f(x)
pub(crate) fn map_assign<T: Real>(f: impl Function1, x: &mut [T]) {
    for_each_chunk(chunks_mut(x, GRAIN), |_, x| dispatch(MapAssign(f, x)));
}

/// A run of an operand: as long as the result, or one number that is repeated.
struct Zip<'a, F, T>(F, &'a [T], &'a [T], &'a mut [T]);

impl<F: Function2, T: Real> Kernel for Zip<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Zip(f, a, b, y) = self;
        if a.len() == y.len() && b.len() == y.len() {
            for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                *y = f.call(*a, *b);
            }
        } else if a.len() == y.len() {
            let b = b[0];
            for (y, a) in y.iter_mut().zip(a) {
                *y = f.call(*a, b);
            }
        } else if b.len() == y.len() {
            let a = a[0];
            for (y, b) in y.iter_mut().zip(b) {
                *y = f.call(a, *b);
            }
        } else {
            y.fill(f.call(a[0], b[0]));
        }
    }
}

struct ZipAssign<'a, F, T>(F, &'a mut [T], &'a [T]);

impl<F: Function2, T: Real> Kernel for ZipAssign<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let ZipAssign(f, a, b) = self;
        if b.len() == a.len() {
            for (a, b) in a.iter_mut().zip(b) {
                *a = f.call(*a, *b);
            }
        } else {
            let b = b[0];
            for a in a {
                *a = f.call(*a, b);
            }
        }
    }
}

/// The walk of a result that is cut into runs along which each operand either advances by one or
/// stands still. Neighbouring axes are merged as far as both operands allow.
struct Walk {
    /// Sizes of the outer axes.
    outer: Shape,
    /// Steps of the two operands along the outer axes.
    steps: [[usize; MAX_RANK]; 2],
    /// Length of a run.
    run: usize,
    /// Whether each operand advances along a run.
    advances: [bool; 2],
}

impl Walk {
    fn new(a: &Shape, b: &Shape, y: &Shape) -> Walk {
        let strides = [a.strides_within(y), b.strides_within(y)];
        // Merged axes, innermost first: (size, steps).
        let mut merged: Vec<(usize, [usize; 2])> = Vec::with_capacity(MAX_RANK);
        for axis in (0..y.rank()).rev().filter(|&axis| y[axis] != 1) {
            let steps = [strides[0][axis], strides[1][axis]];
            match merged.last_mut() {
                Some((size, inner)) if (0..2).all(|i| steps[i] == inner[i] * *size) => {
                    *size *= y[axis];
                }
                _ => merged.push((y[axis], steps)),
            }
        }
        let (run, inner) = merged.first().copied().unwrap_or((1, [1, 1]));
        let mut walk = Walk {
            outer: Shape::new(&[]),
            steps: [[0; MAX_RANK]; 2],
            run,
            advances: inner.map(|step| step == 1),
        };
        let mut sizes = [0; MAX_RANK];
        let outer = merged.get(1..).unwrap_or_default();
        for (axis, (size, steps)) in outer.iter().rev().enumerate() {
            sizes[axis] = *size;
            (walk.steps[0][axis], walk.steps[1][axis]) = (steps[0], steps[1]);
        }
        walk.outer = Shape::new(&sizes[..outer.len()]);
        walk
    }

    /// Where both operands stand at the beginning of a run.
    fn start(&self, run: usize) -> [usize; 2] {
        let (mut left, mut at) = (run, [0, 0]);
        for axis in (0..self.outer.rank()).rev() {
            let index = left % self.outer[axis];
            left /= self.outer[axis];
            at[0] += index * self.steps[0][axis];
            at[1] += index * self.steps[1][axis];
        }
        at
    }

    fn slice<'a, T>(
        &self,
        operand: usize,
        data: &'a [T],
        at: usize,
        from: usize,
        len: usize,
    ) -> &'a [T] {
        if self.advances[operand] { &data[at + from..][..len] } else { &data[at..=at] }
    }

    /// Calls `visit(range of the result, start of a, start of b, offset in the run)` for pieces of
    /// at most [`GRAIN`] elements of one run each.
    fn for_each_piece<T: Real>(
        &self,
        y: &mut [T],
        visit: impl Fn(&mut [T], [usize; 2], usize) + Sync,
    ) {
        if y.is_empty() {
            return;
        }
        if self.run >= GRAIN {
            y.chunks_mut(self.run).enumerate().for_each(|(run, y)| {
                let at = self.start(run);
                for_each_chunk(chunks_mut(y, GRAIN), |i, y| visit(y, at, i * GRAIN));
            });
            return;
        }
        let runs = (GRAIN / self.run).max(1);
        let group = |group: usize, y: &mut [T]| {
            for (i, y) in y.chunks_mut(self.run).enumerate() {
                visit(y, self.start(group * runs + i), 0);
            }
        };
        for_each_chunk(chunks_mut(y, runs * self.run), group);
    }
}

/// y = f(a, b), both stretched to the shape of y.
pub(crate) fn zip<T: Real>(
    f: impl Function2,
    (a, a_shape): (&[T], &Shape),
    (b, b_shape): (&[T], &Shape),
    (y, y_shape): (&mut [T], &Shape),
) {
    assert_eq!(y.len(), y_shape.count());
    let walk = Walk::new(a_shape, b_shape, y_shape);
    walk.for_each_piece(y, |y, at, from| {
        let a = walk.slice(0, a, at[0], from, y.len());
        let b = walk.slice(1, b, at[1], from, y.len());
        dispatch(Zip(f, a, b, y));
    });
}

/// a = f(a, b), b stretched to the shape of a.
pub(crate) fn zip_assign<T: Real>(
    f: impl Function2,
    (a, a_shape): (&mut [T], &Shape),
    (b, b_shape): (&[T], &Shape),
) {
    assert_eq!(a.len(), a_shape.count());
    let walk = Walk::new(a_shape, b_shape, a_shape);
    walk.for_each_piece(a, |a, at, from| {
        let b = walk.slice(1, b, at[1], from, a.len());
        dispatch(ZipAssign(f, a, b));
    });
}
