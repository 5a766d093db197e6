//! Axiss over planes: the largest entry of each, and where it is.

use std::marker::PhantomData;

use super::GRAIN;
use super::axis::Axis;
use super::isa::{self, Isa, Kernel, dispatch_vectors};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::vector::Vector;
use crate::Real;

impl Axis {
    /// Whether every window has an entry: with dilation, all may lie in the padding.
    pub(crate) fn has_entries(&self) -> bool {
        (0..self.output).all(|i| (0..self.kernel).any(|k| self.meets(i, k).is_some()))
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
fn largest<T: Real>([y, x]: [Axis; 2], i: usize, j: usize, plane: &[T]) -> usize {
    let mut best = None;
    for k in 0..y.kernel {
        let Some(row) = y.meets(i, k) else { continue };
        for l in 0..x.kernel {
            let Some(column) = x.meets(j, l) else { continue };
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
    /// # Safety
    /// Call it inline in code for V's instruction set.
    unsafe fn visit<V: Vector<T>>(windows: [Axis; 2], x: &[T], values: &[T], out: &mut [T]);
}

/// out = the entry of `values` where x is largest.
struct Gather;

impl<T: Real> Visit<T> for Gather {
    #[inline(always)]
    unsafe fn visit<V: Vector<T>>(windows: [Axis; 2], x: &[T], values: &[T], out: &mut [T]) {
        let [rows, columns] = windows;
        for (i, out) in out.chunks_exact_mut(columns.output).enumerate() {
            let whole = whole_pairs(windows, i);
            if whole > 0 {
                let x = two_rows(x, i, columns.input, whole);
                let values = two_rows(values, i, columns.input, whole);
                // SAFETY: the caller's promise.
                unsafe { gather_row::<T, V>(x, values, &mut out[..whole]) }
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
    unsafe fn visit<V: Vector<T>>(windows: [Axis; 2], x: &[T], values: &[T], out: &mut [T]) {
        let [rows, columns] = windows;
        out.fill(T::ZERO);
        for (i, values) in values.chunks_exact(columns.output).enumerate() {
            let whole = whole_pairs(windows, i);
            if whole > 0 {
                let start = 2 * i * columns.input;
                let x = two_rows(x, i, columns.input, whole);
                let (first, second) = out[start..].split_at_mut(columns.input);
                let out = [&mut first[..2 * whole], &mut second[..2 * whole]];
                // SAFETY: the caller's promise.
                unsafe { scatter_row::<T, V>(x, &values[..whole], out) }
            }
            for j in whole..columns.output {
                out[largest([rows, columns], i, j, x)] += values[j];
            }
        }
    }
}

/// The rows of a plane that windows of row i, squares of 2 × 2, cover.
#[inline(always)]
fn two_rows<T>(plane: &[T], i: usize, width: usize, windows: usize) -> [&[T]; 2] {
    let (first, second) = plane[2 * i * width..].split_at(width);
    [&first[..2 * windows], &second[..2 * windows]]
}

/// How many windows of row i, from the left, are whole squares of 2 × 2 next to each other: these
/// have loops without branches.
#[inline(always)]
fn whole_pairs([rows, columns]: [Axis; 2], i: usize) -> usize {
    let pairs = rows.is_pairs() && columns.is_pairs() && 2 * i + 1 < rows.input;
    if pairs { columns.input / 2 } else { 0 }
}

/// `count` squares of 2 × 2 from window `at` on, by their places, in order.
///
/// # Safety
/// Call it inline in code for V's instruction set; there are as many squares, and at most as many as
/// lanes.
#[inline(always)]
unsafe fn squares<T: Real, V: Vector<T>>(rows: [&[T]; 2], at: usize, count: usize) -> [V; 4] {
    // SAFETY: the caller's promises.
    unsafe {
        let top = pairs::<T, V>(rows[0].as_ptr().add(2 * at), count);
        let bottom = pairs::<T, V>(rows[1].as_ptr().add(2 * at), count);
        [top.0, top.1, bottom.0, bottom.1]
    }
}

/// The first and the second numbers of pairs.
///
/// # Safety
/// Call it inline in code for V's instruction set; there are `count` pairs.
#[inline(always)]
unsafe fn pairs<T: Real, V: Vector<T>>(from: *const T, count: usize) -> (V, V) {
    let [first, second] = ends::<T, V>(count);
    // SAFETY: the caller's promises; what is loaded are `first + second` numbers.
    unsafe {
        let rest = match second {
            0 => V::splat(T::ZERO),
            _ => V::load_up_to(from.add(first), second),
        };
        V::load_up_to(from, first).deinterleave(rest)
    }
}

/// Writes the first and the second numbers of pairs.
///
/// # Safety
/// Call it inline in code for V's instruction set; there is room for `count` pairs.
#[inline(always)]
unsafe fn store_pairs<T: Real, V: Vector<T>>(left: V, right: V, to: *mut T, count: usize) {
    let [first, second] = ends::<T, V>(count);
    // SAFETY: the caller's promises; what is stored are `first + second` numbers.
    unsafe {
        let (low, high) = left.interleave(right);
        low.store_up_to(to, first);
        if second > 0 {
            high.store_up_to(to.add(first), second);
        }
    }
}

/// How many of the numbers of `count` pairs are in the first, and in the second vector.
#[inline(always)]
fn ends<T, V: Vector<T>>(count: usize) -> [usize; 2] {
    let first = V::LANES.min(2 * count);
    [first, 2 * count - first]
}

/// # Safety
/// Call it inline in code for V's instruction set; rows are twice as long as `out`.
#[inline(always)]
unsafe fn gather_row<T: Real, V: Vector<T>>(x: [&[T]; 2], values: [&[T]; 2], out: &mut [T]) {
    let mut at = 0;
    while at < out.len() {
        let count = V::LANES.min(out.len() - at);
        // SAFETY: the caller's promises.
        unsafe {
            let (x, values) = (squares::<T, V>(x, at, count), squares::<T, V>(values, at, count));
            let (mut best, mut value) = (x[0], values[0]);
            for place in 1..4 {
                value = x[place].if_larger(best, values[place], value);
                best = x[place].if_larger(best, x[place], best);
            }
            value.store_up_to(out.as_mut_ptr().add(at), count);
        }
        at += count;
    }
}

/// # Safety
/// Call it inline in code for V's instruction set; rows are twice as long as `values`.
#[inline(always)]
unsafe fn scatter_row<T: Real, V: Vector<T>>(x: [&[T]; 2], values: &[T], out: [&mut [T]; 2]) {
    let [top, bottom] = out;
    let mut at = 0;
    while at < values.len() {
        let count = V::LANES.min(values.len() - at);
        // SAFETY: the caller's promises, and `ends` says where the second vector has something.
        unsafe {
            let zero = V::splat(T::ZERO);
            let x = squares::<T, V>(x, at, count);
            let value = V::load_up_to(values.as_ptr().add(at), count);
            let mut best = x[0];
            let mut parts = [value, zero, zero, zero];
            for place in 1..4 {
                for part in &mut parts[..place] {
                    *part = x[place].if_larger(best, zero, *part);
                }
                parts[place] = x[place].if_larger(best, value, zero);
                best = x[place].if_larger(best, x[place], best);
            }
            let (top, bottom) = (top.as_mut_ptr().add(2 * at), bottom.as_mut_ptr().add(2 * at));
            store_pairs(parts[0], parts[1], top, count);
            store_pairs(parts[2], parts[3], bottom, count);
        }
        at += count;
    }
}

struct Planes<'a, T, A, V> {
    windows: [Axis; 2],
    x: &'a [T],
    values: &'a [T],
    out: &'a mut [T],
    visit: PhantomData<A>,
    vector: PhantomData<V>,
}

impl<T: Real, A: Visit<T>, V: Vector<T>> Kernel for Planes<'_, T, A, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Planes { windows, x, values, out, .. } = self;
        let input = windows[0].input * windows[1].input;
        let planes = x.len() / input;
        let (values_area, out_area) = (values.len() / planes, out.len() / planes);
        let operands = x.chunks_exact(input).zip(values.chunks_exact(values_area));
        for ((x, values), out) in operands.zip(out.chunks_exact_mut(out_area)) {
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe { A::visit::<V>(windows, x, values, out) }
        }
    }
}

/// Calls the kernel for planes in parallel.
fn planes<T: Real, A: Visit<T>>(
    isa: Isa,
    windows: [Axis; 2],
    x: &[T],
    values: &[T],
    out: &mut [T],
) {
    let input = windows[0].input * windows[1].input;
    if x.is_empty() || out.is_empty() {
        return out.fill(T::ZERO);
    }
    let count = x.len() / input;
    let (values_area, out_area) = (values.len() / count, out.len() / count);
    let group = (GRAIN / input).max(1);
    let visit = PhantomData::<A>;
    let groups = (
        chunks_mut(out, group * out_area),
        chunks(x, group * input),
        chunks(values, group * values_area),
    );
    for_each_chunk(groups, |_, (out, x, values)| {
        dispatch_vectors!(isa, T, vector => {
            Planes { windows, x, values, out: &mut *out, visit, vector }
        });
    });
}

/// y = the entry of `values` where x is largest, in each window of each plane.
pub(crate) fn gather<T: Real>(windows: [Axis; 2], x: &[T], values: &[T], y: &mut [T]) {
    assert_eq!(x.len(), values.len());
    planes::<T, Gather>(isa::current(), windows, x, values, y);
}

/// Adds each entry of `gy` to `gx` where x is largest in its window; 0 elsewhere.
pub(crate) fn scatter<T: Real>(windows: [Axis; 2], x: &[T], gy: &[T], gx: &mut [T]) {
    assert_eq!(x.len(), gx.len());
    planes::<T, Scatter>(isa::current(), windows, x, gy, gx);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(input: usize, (kernel, stride, padding, dilation): Sizes) -> Axis {
        let span = dilation * (kernel - 1) + 1;
        let output = (input + 2 * padding).saturating_sub(span) / stride + 1;
        Axis { input, output, kernel, stride, padding, dilation }
    }

    type Sizes = (usize, usize, usize, usize);

    /// Squares of 2 × 2 with and without a last one that is cut off, and others.
    fn axis() -> impl Strategy<Value = Axis> {
        let pairs = (1usize..70).prop_map(|input| {
            let window = window(input, (2, 2, 0, 1));
            Axis { output: input.div_ceil(2), ..window }
        });
        let others = (5usize..12, 1usize..4, 1usize..4, 1usize..3).prop_map(
            |(input, kernel, stride, dilation)| {
                window(input, (kernel, stride, kernel / 2, dilation))
            },
        );
        prop_oneof![3 => pairs, 1 => others]
    }

    fn agree<T: Real>(windows: [Axis; 2], numbers: &[u8]) {
        let [rows, columns] = windows;
        let (input, output) = (rows.input * columns.input, rows.output * columns.output);
        // Few different numbers, so that many are equal, and some NaN.
        let number = |i: usize| match numbers[i % numbers.len()] {
            0 => T::from_f64(f64::NAN),
            n => T::from_f64(f64::from(n % 16) - 8.0),
        };
        let x: Vec<T> = (0..2 * input).map(number).collect();
        // With padding there may be more windows than entries.
        let count = 2 * input.max(output);
        let values: Vec<T> = (0..count).map(|i| T::from_f64(i as f64 + 1.0)).collect();
        let (mut gathered, mut scattered) = (vec![T::ZERO; 2 * output], vec![T::ZERO; 2 * input]);
        for plane in 0..2 {
            for (i, j) in (0..rows.output).flat_map(|i| (0..columns.output).map(move |j| (i, j))) {
                let largest = plane * input + largest(windows, i, j, &x[plane * input..][..input]);
                let at = plane * output + i * columns.output + j;
                gathered[at] = values[largest];
                scattered[largest] += values[at];
            }
        }
        for isa in isa::available() {
            // Overwritten whole.
            let mut out = vec![T::from_f64(-5.0); 2 * output];
            planes::<T, Gather>(isa, windows, &x, &values[..2 * input], &mut out);
            assert_eq!(out, gathered, "gather on {isa}, {windows:?}");
            let mut out = vec![T::from_f64(-5.0); 2 * input];
            planes::<T, Scatter>(isa, windows, &x, &values[..2 * output], &mut out);
            assert_eq!(out, scattered, "scatter on {isa}, {windows:?}");
        }
    }

    proptest! {
        #[test]
        fn every_instruction_set_finds_the_largest_entry_of_each_window(
            rows in axis(), columns in axis(), numbers in prop::collection::vec(0u8..64, 1..200),
        ) {
            prop_assume!(rows.has_entries() && columns.has_entries());
            agree::<f32>([rows, columns], &numbers);
            agree::<f64>([rows, columns], &numbers);
        }
    }
}
