//! Windows over planes: the largest entry of each, and where it is.

use rayon::prelude::*;

use super::GRAIN;
use super::isa::{Kernel, dispatch};
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
    fn is_pairs(&self) -> bool {
        (self.kernel, self.stride, self.padding, self.dilation) == (2, 2, 0, 1)
            && self.output == self.input.div_ceil(2)
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
        for i in 0..rows.output {
            for j in 0..columns.output {
                out[i * columns.output + j] = values[largest(windows, i, j, x)];
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
        for i in 0..rows.output {
            for j in 0..columns.output {
                out[largest(windows, i, j, x)] += values[i * columns.output + j];
            }
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
    out.par_chunks_mut(group * out_area)
        .zip(x.par_chunks(group * input).zip(values.par_chunks(group * values_area)))
        .for_each(|(out, (x, values))| dispatch(Planes { windows, x, values, out, visit }));
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
