//! Windows over planes: the largest entry of each, and where it is.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use crate::Real;

/// One axis of pooling: window i has the positions i · stride + k · dilation - padding that exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Window {
    /// The position of entry k of a window, if it exists.
    #[inline(always)]
    fn position(&self, i: usize, k: usize) -> Option<usize> {
        let at = (i * self.stride + k * self.dilation).checked_sub(self.padding)?;
        (at < self.input).then_some(at)
    }

    /// Whether every window has an entry: with dilation, all may lie in the padding.
    pub(crate) fn has_entries(&self) -> bool {
        (0..self.output).all(|i| (0..self.kernel).any(|k| self.position(i, k).is_some()))
    }

    /// Whether windows are pairs next to each other, the last perhaps of one.
    #[inline(always)]
    fn is_pairs(&self) -> bool {
        (self.kernel, self.stride, self.padding, self.dilation) == (2, 2, 0, 1)
    }
}

/// Where the largest entry of a window is: the first of equal ones, and the last NaN if there are
/// any, as in PyTorch.
#[inline(always)]
fn largest<T: Real>([y, x]: [Window; 2], i: usize, j: usize, plane: &[T]) -> usize {
    let mut best = None;
    for k in 0..y.kernel {
        let Some(row) = y.position(i, k) else { continue };
        for l in 0..x.kernel {
            let Some(column) = x.position(j, l) else { continue };
            let at = row * x.input + column;
            let replaces = |best: usize| plane[at] > plane[best] || plane[at].is_nan();
            if best.is_none_or(replaces) {
                best = Some(at);
            }
        }
    }
    best.expect("a window has an entry")
}

/// What is done with a window's largest entry.
trait Visit<T>: Send + Sync {
    fn visit(windows: [Window; 2], x: &[T], values: &[T], out: &mut [T]);
}

/// out = the entry of `values` where x is largest.
struct Gather;

impl<T: Real> Visit<T> for Gather {
    #[inline(always)]
    fn visit(windows: [Window; 2], x: &[T], values: &[T], out: &mut [T]) {
        let [rows, columns] = windows;
        for (i, out) in out.chunks_exact_mut(columns.output).enumerate() {
            let whole = whole_pairs(windows, i);
            if whole > 0 {
                let start = 2 * i * columns.input;
                let [x, values] = [x, values]
                    .map(|plane| [0, columns.input].map(|row| &plane[start + row..][..2 * whole]));
                let out = &mut out[..whole];
                match whole {
                    8.. => gather_row::<T, 8>(x, values, out),
                    4.. => gather_row::<T, 4>(x, values, out),
                    _ => gather_row::<T, 1>(x, values, out),
                }
            }
            for j in whole..columns.output {
                out[j] = values[largest([rows, columns], i, j, x)];
            }
        }
    }
}

/// `out` where x is largest += the window's entry of `values`, from 0.
struct Scatter;

impl<T: Real> Visit<T> for Scatter {
    #[inline(always)]
    fn visit(windows: [Window; 2], x: &[T], values: &[T], out: &mut [T]) {
        let [rows, columns] = windows;
        out.fill(T::ZERO);
        for (i, values) in values.chunks_exact(columns.output).enumerate() {
            let whole = whole_pairs(windows, i);
            if whole > 0 {
                let start = 2 * i * columns.input;
                let x = [0, columns.input].map(|row| &x[start + row..][..2 * whole]);
                let (first, second) = out[start..].split_at_mut(columns.input);
                let out = &mut [&mut first[..2 * whole], &mut second[..2 * whole]];
                let values = &values[..whole];
                match whole {
                    8.. => scatter_row::<T, 8>(x, values, out),
                    4.. => scatter_row::<T, 4>(x, values, out),
                    _ => scatter_row::<T, 1>(x, values, out),
                }
            }
            for j in whole..columns.output {
                out[largest([rows, columns], i, j, x)] += values[j];
            }
        }
    }
}

/// How many windows of row i, from the left, are whole squares of 2 × 2 next to each other: these
/// have loops without branches.
#[inline(always)]
fn whole_pairs([rows, columns]: [Window; 2], i: usize) -> usize {
    let pairs = rows.is_pairs() && columns.is_pairs() && 2 * i + 1 < rows.input;
    if pairs { columns.input / 2 } else { 0 }
}

/// Where blocks of `n` windows begin. What would go beyond the end begins before it instead: some
/// windows are done twice.
#[inline(always)]
fn blocks(count: usize, n: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(n).map(move |at| at.min(count - n))
}

/// Entries first, first + 2, …: blocks are copied into arrays, or the compiler, which cannot know
/// that operands do not overlap, makes no vectors of them.
#[inline(always)]
fn every_other<T: Real, const N: usize>(row: &[T], first: usize) -> [T; N] {
    let row = &row[first..first + 2 * N - 1];
    std::array::from_fn(|j| row[2 * j])
}

/// N squares of 2 × 2 by their places, in order.
#[inline(always)]
fn squares<T: Real, const N: usize>([top, bottom]: [&[T]; 2], at: usize) -> [[T; N]; 4] {
    let (left, right) = (2 * at, 2 * at + 1);
    [
        every_other(top, left),
        every_other(top, right),
        every_other(bottom, left),
        every_other(bottom, right),
    ]
}

/// Whether x takes the place of the largest so far.
#[inline(always)]
fn replaces<T: Real>(x: T, best: T) -> bool {
    (x > best) | x.is_nan()
}

// Closures are not inlined for certain, and would be compiled for the portable set: loops here.

#[inline(always)]
fn gather_row<T: Real, const N: usize>(x: [&[T]; 2], v: [&[T]; 2], out: &mut [T]) {
    for at in blocks(out.len(), N) {
        let (x, v) = (squares::<T, N>(x, at), squares::<T, N>(v, at));
        let (mut best, mut value) = (x[0], v[0]);
        for place in 1..4 {
            for j in 0..N {
                let replaces = replaces(x[place][j], best[j]);
                value[j] = if replaces { v[place][j] } else { value[j] };
                best[j] = if replaces { x[place][j] } else { best[j] };
            }
        }
        out[at..at + N].copy_from_slice(&value);
    }
}

#[inline(always)]
fn scatter_row<T: Real, const N: usize>(
    x: [&[T]; 2],
    values: &[T],
    [top, bottom]: &mut [&mut [T]; 2],
) {
    for at in blocks(values.len(), N) {
        let x = squares::<T, N>(x, at);
        let mut value = [T::ZERO; N];
        value.copy_from_slice(&values[at..at + N]);
        let mut best = x[0];
        let mut parts = [value, [T::ZERO; N], [T::ZERO; N], [T::ZERO; N]];
        for place in 1..4 {
            for j in 0..N {
                let replaces = replaces(x[place][j], best[j]);
                best[j] = if replaces { x[place][j] } else { best[j] };
                for part in &mut parts[..place] {
                    part[j] = if replaces { T::ZERO } else { part[j] };
                }
                parts[place][j] = if replaces { value[j] } else { T::ZERO };
            }
        }
        let (top, bottom) = (&mut top[2 * at..][..2 * N], &mut bottom[2 * at..][..2 * N]);
        for j in 0..N {
            (top[2 * j], top[2 * j + 1]) = (parts[0][j], parts[1][j]);
            (bottom[2 * j], bottom[2 * j + 1]) = (parts[2][j], parts[3][j]);
        }
    }
}

struct Planes<'a, T, V> {
    windows: [Window; 2],
    x: &'a [T],
    values: &'a [T],
    out: &'a mut [T],
    visit: std::marker::PhantomData<V>,
}

impl<T: Real, V: Visit<T>> Kernel for Planes<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Planes { windows, x, values, out, .. } = self;
        let input = windows[0].input * windows[1].input;
        let planes = x.len() / input;
        let (values_area, out_area) = (values.len() / planes, out.len() / planes);
        let operands = x.chunks_exact(input).zip(values.chunks_exact(values_area));
        for ((x, values), out) in operands.zip(out.chunks_exact_mut(out_area)) {
            V::visit(windows, x, values, out);
        }
    }
}

/// Calls the kernel for planes in parallel.
fn planes<T: Real, V: Visit<T>>(windows: [Window; 2], x: &[T], values: &[T], out: &mut [T]) {
    let input = windows[0].input * windows[1].input;
    if x.is_empty() || out.is_empty() {
        return out.fill(T::ZERO);
    }
    let count = x.len() / input;
    let (values_area, out_area) = (values.len() / count, out.len() / count);
    let group = (GRAIN / input).max(1);
    let visit = std::marker::PhantomData::<V>;
    let groups = (
        chunks_mut(out, group * out_area),
        chunks(x, group * input),
        chunks(values, group * values_area),
    );
    for_each_chunk(groups, |_, (out, x, values)| {
        dispatch(Planes { windows, x, values, out, visit });
    });
}

/// y = the entry of `values` where x is largest, in each window of each plane.
pub(crate) fn gather<T: Real>(windows: [Window; 2], x: &[T], values: &[T], y: &mut [T]) {
    assert_eq!(x.len(), values.len());
    planes::<T, Gather>(windows, x, values, y);
}

/// Adds each entry of `gy` to `gx` where x is largest in its window; 0 elsewhere.
pub(crate) fn scatter<T: Real>(windows: [Window; 2], x: &[T], gy: &[T], gx: &mut [T]) {
    assert_eq!(x.len(), gx.len());
    planes::<T, Scatter>(windows, x, gy, gx);
}
