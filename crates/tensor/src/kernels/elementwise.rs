//! One number in, one number out; and two in, one out, with broadcasting.

use super::isa::{Kernel, current, dispatch, dispatch_to, light};
use super::prefetch::{LINE, line_of, line_to_write};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::{GRAIN, even, processor};
use crate::Real;
use crate::shape::{MAX_RANK, Shape};

/// A function of one number, given as a value so that kernels can inline it.
pub(crate) trait Function1: Copy + Send + Sync {
    /// Whether it is an instruction or two: then its numbers are waited for, not the function.
    const LIGHT: bool = false;

    fn call<T: Real>(self, x: T) -> T;

    /// When `call_usual` is taken instead.
    const SHORTCUT: Shortcut = Shortcut::None;

    /// Whether a shortcut of chunks is one on this machine.
    #[inline(always)]
    fn pays(self) -> bool {
        true
    }

    /// Whether `call_usual` is right for x, and then the same bits as `call`.
    fn is_usual<T: Real>(self, _x: T) -> bool {
        true
    }

    /// The function of what is [usual](Function1::is_usual), in fewer operations.
    fn call_usual<T: Real>(self, x: T) -> T {
        self.call(x)
    }
}

/// When a shorter way is taken to the values of a function.
pub(crate) enum Shortcut {
    /// There is none.
    None,
    /// For chunks that are usual throughout: both ways are loops of vector instructions.
    Chunks,
    /// For all numbers that are usual: `call` is no loop of vector instructions.
    Numbers,
}

/// The most numbers in a chunk: a few vectors of the widest kind, so that the compiler can keep all of them in registers.
const CHUNK: usize = 64;

/// Whether f takes so many operations in T that a chunk is half as large. In chunks of 64 the loop of a
/// logarithm of `f64` goes through the stack, and takes 1.10 ns instead of 0.78; a rectifier, in chunks of 32, is not made of vectors.
const fn is_long<F: Function1, T>() -> bool {
    !F::LIGHT && size_of::<T>() == 8
}

/// How many of so many numbers a thread takes at a time: whole chunks.
fn grain(count: usize) -> usize {
    CHUNK * even(count.div_ceil(CHUNK), GRAIN / CHUNK)
}

/// f(x) for one chunk. By value, so that the compiler need not ask whether x and y overlap, and can keep both in registers.
/// What it keeps on the stack instead begins with a cache line: where stacks begin in one is chance, and an error function took 0.68 ns in
/// one process, 0.76 in the next.
#[inline(always)]
pub(super) fn chunk<F: Function1, T: Real, const N: usize>(f: F, x: [T; N]) -> [T; N] {
    #[repr(align(64))]
    struct Lines<T, const N: usize>([T; N]);
    let mut y = Lines(x);
    let is_short = match F::SHORTCUT {
        Shortcut::None => false,
        Shortcut::Chunks => f.pays() && are_usual(f, &x),
        Shortcut::Numbers => true,
    };
    // A closure might not become a part of this, and be compiled for the portable set.
    if is_short {
        for y in &mut y.0 {
            *y = f.call_usual(*y);
        }
    } else {
        for y in &mut y.0 {
            *y = f.call(*y);
        }
    }
    y.0
}

/// Whether all of x are usual.
#[inline(always)]
fn are_usual<F: Function1, T: Real>(f: F, x: &[T]) -> bool {
    x.iter().fold(true, |all, x| all & f.is_usual(*x))
}

/// Whether numbers of a chunk have yet to go through [`mend`].
#[inline(always)]
fn has_unusual<F: Function1, T: Real>(f: F, x: &[T]) -> bool {
    matches!(F::SHORTCUT, Shortcut::Numbers) && !are_usual(f, x)
}

/// f(x) where x is not usual. Out of line: chunks that are addressed number by number lie on the stack, and where stacks begin
/// in a line is chance: with such chunks in the loop, a sine took 0.38 ns in one process, 0.74 in the next. So this is
/// compiled for the portable set, with the same bits.
#[cold]
#[inline(never)]
fn mend<F: Function1, T: Real>(f: F, x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x).filter(|(_, x)| !f.is_usual(**x)) {
        *y = f.call(*x);
    }
}

/// f(x) for less than a chunk, filled up so that the loop exists once.
#[inline(always)]
fn rest<F: Function1, T: Real, const N: usize>(f: F, x: &[T]) -> [T; N] {
    let mut filled = [T::ZERO; N];
    filled[..x.len()].copy_from_slice(x);
    let mut y = chunk(f, filled);
    if has_unusual(f, &filled) {
        mend(f, &filled, &mut y);
    }
    y
}

/// A function of two numbers.
pub(crate) trait Function2: Copy + Send + Sync {
    /// Whether it is one instruction: then its numbers are waited for, not the function.
    const LIGHT: bool = false;

    fn call<T: Real>(self, a: T, b: T) -> T;
}

/// The bytes of an array from which on it does not stay in the second-level cache, and how far ahead it is asked for then.
///
/// Many operations for each number leave few numbers in flight, and the processor does not fetch enough ahead by itself. Of a million
/// `f64` on one thread of Zen 4, a logarithm takes 0.81 ns with this, nearly as in the caches, and a logistic function 0.94, where they
/// waited for 0.4 to 1 ns. It costs a tenth where an instruction or two are all, and gains nothing in `f32` there.
/// On a Xeon (Emerald Rapids) functions of a million `f32` take 0.86 to 1.00 of the time on one thread.
const ASKED: usize = 1 << 19;
const AHEAD: usize = 1 << 10;

/// Asks for what lies ahead of a chunk that is read, and of one that is written.
#[inline(always)]
fn ask_ahead<T>(x: &[T], y: &[T]) {
    for at in (0..size_of_val(x)).step_by(LINE) {
        line_of(x.as_ptr().wrapping_byte_add(AHEAD + at));
        line_to_write(y.as_ptr().wrapping_byte_add(AHEAD + at));
    }
}

/// y = f(x) on one thread, of arrays that are asked for or not.
pub(super) struct Map<'a, F, T>(
    pub(super) F,
    pub(super) &'a [T],
    pub(super) &'a mut [T],
    pub(super) bool,
);

impl<F: Function1, T: Real> Kernel for Map<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if is_long::<F, T>() { self.by::<{ CHUNK / 2 }>() } else { self.by::<CHUNK>() }
    }
}

impl<F: Function1, T: Real> Map<'_, F, T> {
    /// By chunks of so many.
    #[inline(always)]
    fn by<const N: usize>(self) {
        let Map(f, x, y, is_asked) = self;
        let (x, x_rest) = x.as_chunks::<N>();
        let (y, y_rest) = y.as_chunks_mut::<N>();
        for (y, x) in y.iter_mut().zip(x) {
            if !F::LIGHT && is_asked {
                ask_ahead(x, y);
            }
            *y = chunk(f, *x);
            if has_unusual(f, x) {
                mend(f, x, y);
            }
        }
        if !x_rest.is_empty() {
            y_rest.copy_from_slice(&rest::<F, T, N>(f, x_rest)[..x_rest.len()]);
        }
    }
}

struct MapAssign<'a, F, T>(F, &'a mut [T]);

impl<F: Function1, T: Real> Kernel for MapAssign<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if is_long::<F, T>() { self.by::<{ CHUNK / 2 }>() } else { self.by::<CHUNK>() }
    }
}

impl<F: Function1, T: Real> MapAssign<'_, F, T> {
    /// By chunks of so many.
    #[inline(always)]
    fn by<const N: usize>(self) {
        let MapAssign(f, x) = self;
        let (chunks, x_rest) = x.as_chunks_mut::<N>();
        for x in chunks {
            if has_unusual(f, x) {
                let old = *x;
                *x = chunk(f, old);
                mend(f, &old, x);
            } else {
                *x = chunk(f, *x);
            }
        }
        if !x_rest.is_empty() {
            x_rest.copy_from_slice(&rest::<F, T, N>(f, x_rest)[..x_rest.len()]);
        }
    }
}

/// y = f(x)
pub(crate) fn map<F: Function1, T: Real>(f: F, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len());
    let grain = grain(x.len());
    let is_waited_for = size_of::<T>() == 8 || processor::current().waits_for_short_numbers();
    let is_asked = is_waited_for && size_of_val(x) >= ASKED;
    let pieces = (chunks(x, grain), chunks_mut(y, grain));
    for_each_chunk(pieces, |_, (x, y)| dispatch(Map(f, x, y, is_asked)));
}

/// x = f(x)
pub(crate) fn map_assign<T: Real>(f: impl Function1, x: &mut [T]) {
    let grain = grain(x.len());
    for_each_chunk(chunks_mut(x, grain), |_, x| dispatch(MapAssign(f, x)));
}

/// y = f(a, b) over one run; an operand is as long as y, or one number that is repeated.
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

    /// Calls `visit(piece of y, [start of a, start of b], offset in the run)` for pieces of at most [`GRAIN`] elements of one run each.
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
                let grain = grain(y.len());
                for_each_chunk(chunks_mut(y, grain), |i, y| visit(y, at, i * grain));
            });
            return;
        }
        let runs = even(y.len() / self.run, GRAIN / self.run);
        let group = |group: usize, y: &mut [T]| {
            for (i, y) in y.chunks_mut(self.run).enumerate() {
                visit(y, self.start(group * runs + i), 0);
            }
        };
        for_each_chunk(chunks_mut(y, runs * self.run), group);
    }
}

/// y = f(a, b), both stretched to the shape of y.
pub(crate) fn zip<F: Function2, T: Real>(
    f: F,
    (a, a_shape): (&[T], &Shape),
    (b, b_shape): (&[T], &Shape),
    (y, y_shape): (&mut [T], &Shape),
) {
    assert_eq!(y.len(), y_shape.count());
    let walk = Walk::new(a_shape, b_shape, y_shape);
    walk.for_each_piece(y, |y, at, from| {
        let a = walk.slice(0, a, at[0], from, y.len());
        let b = walk.slice(1, b, at[1], from, y.len());
        let isa = if F::LIGHT { light() } else { current() };
        dispatch_to(isa, Zip(f, a, b, y));
    });
}

/// a = f(a, b), b stretched to the shape of a.
pub(crate) fn zip_assign<F: Function2, T: Real>(
    f: F,
    (a, a_shape): (&mut [T], &Shape),
    (b, b_shape): (&[T], &Shape),
) {
    assert_eq!(a.len(), a_shape.count());
    let walk = Walk::new(a_shape, b_shape, a_shape);
    walk.for_each_piece(a, |a, at, from| {
        let b = walk.slice(1, b, at[1], from, a.len());
        let isa = if F::LIGHT { light() } else { current() };
        dispatch_to(isa, ZipAssign(f, a, b));
    });
}

#[cfg(test)]
mod tests {
    use super::super::isa::{available, dispatch_to};
    use super::*;
    use proptest::prelude::*;

    /// a - 2 b: to exchange the operands changes it.
    #[derive(Clone, Copy)]
    struct LessTwice;

    impl Function2 for LessTwice {
        #[inline(always)]
        fn call<T: Real>(self, a: T, b: T) -> T {
            b.mul_add(T::from_f64(-2.0), a)
        }
    }

    /// As a square is, but for numbers above 20, which are not usual. By numbers, or by chunks.
    #[derive(Clone, Copy)]
    struct Mostly<const BY_NUMBERS: bool>;

    impl<const BY_NUMBERS: bool> Function1 for Mostly<BY_NUMBERS> {
        const SHORTCUT: Shortcut = if BY_NUMBERS { Shortcut::Numbers } else { Shortcut::Chunks };
        #[inline(always)]
        fn call<T: Real>(self, x: T) -> T {
            if self.is_usual(x) { x * x } else { -x }
        }
        #[inline(always)]
        fn is_usual<T: Real>(self, x: T) -> bool {
            x <= T::from_f64(20.0)
        }
        #[inline(always)]
        fn call_usual<T: Real>(self, x: T) -> T {
            x * x
        }
    }

    #[derive(Clone, Copy)]
    struct Square;

    impl Function1 for Square {
        #[inline(always)]
        fn call<T: Real>(self, x: T) -> T {
            x * x
        }
    }

    fn numbers<T: Real>(count: usize, first: f64) -> Vec<T> {
        (0..count).map(|i| T::from_f64(first + (i % 251) as f64 / 8.0)).collect()
    }

    fn check_lengths<T: Real>(lengths: &[usize]) {
        let (a, b) = (numbers::<T>(300, 1.0), numbers::<T>(300, -3.0));
        for set in available() {
            for &length in lengths {
                for start in 0..4 {
                    let (a, b) = (&a[start..][..length], &b[3 - start..][..length]);
                    let mut all = vec![T::ONE; length + 8];
                    let mut check = |truth: &dyn Fn(usize) -> T, write: &dyn Fn(&mut [T])| {
                        all[start..][..length].copy_from_slice(a);
                        write(&mut all[start..][..length]);
                        let truth: Vec<T> = (0..length).map(truth).collect();
                        assert_eq!(all[start..][..length], truth, "{set} {length} {start}");
                        let mut others = all[..start].iter().chain(&all[start + length..]);
                        assert!(others.all(|&x| x == T::ONE), "{set} {length} {start}");
                    };
                    let f = LessTwice;
                    check(&|i| f.call(a[i], b[i]), &|y| dispatch_to(set, Zip(f, a, b, y)));
                    check(&|i| f.call(a[i], b[i]), &|y| dispatch_to(set, ZipAssign(f, y, b)));
                    check(&|i| a[i] * a[i], &|y| dispatch_to(set, MapAssign(Square, y)));
                    check(&|i| a[i] * a[i], &|y| {
                        dispatch_to(set, Map(Square, a, y, length % 2 == 0))
                    });
                    let mostly = |i: usize| Mostly::<true>.call(a[i]);
                    let odd = length % 2 == 1;
                    check(&mostly, &|y| dispatch_to(set, MapAssign(Mostly::<true>, y)));
                    check(&mostly, &|y| dispatch_to(set, Map(Mostly::<true>, a, y, odd)));
                    check(&mostly, &|y| dispatch_to(set, MapAssign(Mostly::<false>, y)));
                    check(&mostly, &|y| dispatch_to(set, Map(Mostly::<false>, a, y, odd)));
                    if length > 0 {
                        let (x, z) = (&a[..1], &b[..1]);
                        check(&|i| f.call(x[0], b[i]), &|y| dispatch_to(set, Zip(f, x, b, y)));
                        check(&|i| f.call(a[i], z[0]), &|y| dispatch_to(set, Zip(f, a, z, y)));
                        check(&|_| f.call(x[0], z[0]), &|y| dispatch_to(set, Zip(f, x, z, y)));
                        check(&|i| f.call(a[i], z[0]), &|y| dispatch_to(set, ZipAssign(f, y, z)));
                    }
                }
            }
        }
    }

    #[test]
    fn every_length_and_start_agrees_with_a_plain_loop_on_every_instruction_set() {
        let lengths = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129];
        check_lengths::<f32>(&lengths);
        check_lengths::<f64>(&lengths);
    }

    /// The definition of broadcasting: an axis of one element is read again and again.
    fn at(x: &[f64], shape: &[usize], index: &[usize]) -> f64 {
        let step = |at, (&size, &i)| at * size + if size == 1 { 0 } else { i };
        x[shape.iter().zip(&index[index.len() - shape.len()..]).fold(0, step)]
    }

    proptest! {
        #[test]
        fn operands_are_stretched_to_the_result(
            sizes in prop::collection::vec(0usize..6, 1..5), last in prop::sample::select(vec![1, 3, 17, 20_000]),
            [from_a, from_b] in [0usize..5, 0usize..5], [ones_a, ones_b] in any::<[[bool; 5]; 2]>(),
            threads in 1usize..4,
        ) {
            let y_shape = [&sizes[..], &[last]].concat();
            let count = y_shape.iter().product::<usize>();
            prop_assume!(count < 500_000);
            let operand = |from: usize, ones: [bool; 5]| {
                let from = from.min(y_shape.len() - 1);
                let ones = &ones[..y_shape.len() - from];
                let axes = y_shape[from..].iter().zip(ones);
                axes.map(|(&size, &one)| if one { 1 } else { size }).collect::<Vec<usize>>()
            };
            let (a_shape, b_shape) = (operand(from_a, ones_a), operand(from_b, ones_b));
            let a = numbers::<f64>(a_shape.iter().product(), 1.0);
            let b = numbers::<f64>(b_shape.iter().product(), -3.0);
            let (mut y, shape) = (vec![9.0; count], Shape::new(&y_shape));
            let operands = ((&a[..], &Shape::new(&a_shape)), (&b[..], &Shape::new(&b_shape)));
            let mut assigned = numbers::<f64>(count, 2.0);
            super::super::threads::with(threads, || {
                zip(LessTwice, operands.0, operands.1, (&mut y, &shape));
                zip_assign(LessTwice, (&mut assigned, &shape), operands.1);
            });
            let mut index = vec![0; y_shape.len()];
            for i in 0..count {
                let mut left = i;
                for (axis, &size) in y_shape.iter().enumerate().rev() {
                    (index[axis], left) = (left % size, left / size);
                }
                let b = at(&b, &b_shape, &index);
                prop_assert_eq!(y[i], at(&a, &a_shape, &index) - 2.0 * b);
                prop_assert_eq!(assigned[i], 2.0 + (i % 251) as f64 / 8.0 - 2.0 * b);
            }
        }
    }
}
