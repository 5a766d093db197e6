//! Rows of eˣ / Σ eˣ, of its logarithm, and of ln Σ eˣ, while they are in a near cache; and the gradients of the first two.
//!
//! The largest number of a row, m, is subtracted first, so nothing overflows; where it is not finite, 0 is. Sums of long rows run over
//! lanes that are folded as a tree, as in `reduce`. Short ones would not fill the lanes: many of them are transposed, so that
//! a lane is a row, and added number by number. The error of a sum is at most (n / LANES + log₂ LANES) ε of it, and n ε for short rows.

use super::isa::{Kernel, dispatch};
use super::permute::permute;
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::{GRAIN, even};
use crate::buffer::Buffer;
use crate::{Real, Shape};

/// The longest row. Those that are longer are worth several threads each.
pub(crate) const LONGEST: usize = GRAIN;

/// Lanes of a sum of a long row.
const LANES: usize = 32;

/// The longest row that is transposed, and how many numbers of such rows are at a time: 32 KiB of `f32`. On one thread of Zen 4,
/// softmax takes 0.7 ns for each of 50 or 16 numbers and 1.1 for each of 10; lane by lane it would be 2.1 and 7.6 of 16 and 10.
const SHORT: usize = 64;
const TOGETHER: usize = 8192;

/// What becomes of a row of n numbers x.
#[derive(Clone, Copy, PartialEq)]
enum Function {
    /// eˣ / Σ eˣ
    Softmax,
    /// x - ln Σ eˣ
    LogSoftmax,
    /// ln Σ eˣ: one number.
    LogSumExp,
}

impl Function {
    /// How many numbers come of a row of n.
    fn width(self, n: usize) -> usize {
        if self == Function::LogSumExp { 1 } else { n }
    }
}

/// The rest of a row that is no whole chunk, filled up with numbers that change nothing.
#[inline(always)]
fn filled<T: Real>(rest: &[T], with: T) -> [T; LANES] {
    let mut filled = [with; LANES];
    filled[..rest.len()].copy_from_slice(rest);
    filled
}

/// All lanes in one: as a tree.
#[inline(always)]
fn folded<T: Real>(lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    #[inline(always)]
    fn halved<T: Real, const N: usize>(x: &[T], join: impl Fn(T, T) -> T) -> [T; N] {
        let mut half = [T::ZERO; N];
        for i in 0..N {
            half[i] = join(x[i], x[i + N]);
        }
        half
    }
    let lanes: [T; 16] = halved(&lanes, &join);
    let lanes: [T; 8] = halved(&lanes, &join);
    let lanes: [T; 4] = halved(&lanes, &join);
    let lanes: [T; 2] = halved(&lanes, &join);
    join(lanes[0], lanes[1])
}

#[inline(always)]
fn larger<T: Real>(mut lanes: [T; LANES], x: [T; LANES]) -> [T; LANES] {
    for i in 0..LANES {
        lanes[i] = lanes[i].max_with(x[i]);
    }
    lanes
}

/// e^(x - m). By value, as in `elementwise`: the compiler need not ask what overlaps.
#[inline(always)]
fn exps<T: Real>(mut x: [T; LANES], m: T) -> [T; LANES] {
    for x in &mut x {
        *x = (*x - m).exp();
    }
    x
}

#[inline(always)]
fn added<T: Real>(mut lanes: [T; LANES], x: [T; LANES]) -> [T; LANES] {
    for i in 0..LANES {
        lanes[i] += x[i];
    }
    lanes
}

/// What is subtracted from all numbers of a row.
#[inline(always)]
fn shift<T: Real>(largest: T) -> T {
    if largest.is_finite() { largest } else { T::ZERO }
}

/// Long rows of n numbers.
struct Long<'a, T>(Function, usize, &'a [T], &'a mut [T]);

impl<T: Real> Kernel for Long<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Long(function, n, x, y) = self;
        for (y, x) in y.chunks_exact_mut(function.width(n)).zip(x.chunks_exact(n)) {
            let (chunks, rest) = x.as_chunks::<LANES>();
            let mut lanes = [T::NEG_INFINITY; LANES];
            for x in chunks {
                lanes = larger(lanes, *x);
            }
            if !rest.is_empty() {
                lanes = larger(lanes, filled(rest, T::NEG_INFINITY));
            }
            let m = shift(folded(lanes, T::max_with));
            let mut lanes = [T::ZERO; LANES];
            if function == Function::Softmax {
                let (y, _) = y.as_chunks_mut::<LANES>();
                for (y, x) in y.iter_mut().zip(chunks) {
                    let e = exps(*x, m);
                    *y = e;
                    lanes = added(lanes, e);
                }
            } else {
                for x in chunks {
                    lanes = added(lanes, exps(*x, m));
                }
            }
            if !rest.is_empty() {
                let e = exps(filled(rest, T::NEG_INFINITY), m);
                lanes = added(lanes, e);
                if function == Function::Softmax {
                    y[n - rest.len()..].copy_from_slice(&e[..rest.len()]);
                }
            }
            let sum = folded(lanes, |a, b| a + b);
            match function {
                Function::Softmax => {
                    for y in y {
                        *y = *y / sum;
                    }
                }
                Function::LogSoftmax => {
                    let log = sum.ln();
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = (*x - m) - log;
                    }
                }
                Function::LogSumExp => y[0] = sum.ln() + m,
            }
        }
    }
}

/// Short rows, transposed: row i is x[i], x[i + w], …, for w rows. In place, or the sums' logarithms in the place of m.
struct Short<'a, T> {
    function: Function,
    x: &'a mut [T],
    m: &'a mut [T],
    sum: &'a mut [T],
}

impl<T: Real> Kernel for Short<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Short { function, x, m, sum } = self;
        let w = m.len();
        m.fill(T::NEG_INFINITY);
        for x in x.chunks_exact(w) {
            for (m, x) in m.iter_mut().zip(x) {
                *m = m.max_with(*x);
            }
        }
        for m in m.iter_mut() {
            *m = shift(*m);
        }
        sum.fill(T::ZERO);
        for x in x.chunks_exact_mut(w) {
            for ((x, m), sum) in x.iter_mut().zip(&*m).zip(&mut *sum) {
                let shifted = *x - *m;
                let e = shifted.exp();
                *sum += e;
                *x = if function == Function::Softmax { e } else { shifted };
            }
        }
        if function == Function::Softmax {
            for x in x.chunks_exact_mut(w) {
                for (x, sum) in x.iter_mut().zip(&*sum) {
                    *x = *x / *sum;
                }
            }
            return;
        }
        for sum in sum.iter_mut() {
            *sum = sum.ln();
        }
        if function == Function::LogSumExp {
            for (m, log) in m.iter_mut().zip(&*sum) {
                *m += *log;
            }
            return;
        }
        for x in x.chunks_exact_mut(w) {
            for (x, log) in x.iter_mut().zip(&*sum) {
                *x = *x - *log;
            }
        }
    }
}

/// Short rows of n numbers.
fn short<T: Real>(function: Function, n: usize, x: &[T], y: &mut [T]) {
    let (together, width) = (TOGETHER / n, function.width(n));
    let mut room = Buffer::<T>::for_overwrite((n + 2) * together.min(x.len() / n));
    for (x, y) in x.chunks(together * n).zip(y.chunks_mut(together * width)) {
        let rows = x.len() / n;
        let (transposed, others) = room.split_at_mut(n * rows);
        let (m, others) = others.split_at_mut(rows);
        permute(x, &Shape::new(&[rows, n]), &[1, 0], transposed);
        dispatch(Short { function, x: &mut *transposed, m: &mut *m, sum: &mut others[..rows] });
        match function {
            Function::LogSumExp => y.copy_from_slice(m),
            _ => permute(transposed, &Shape::new(&[n, rows]), &[1, 0], y),
        }
    }
}

fn for_each_row<T: Real>(function: Function, n: usize, x: &[T], y: &mut [T]) {
    let (Some(all), width) = (x.len().checked_div(n), function.width(n)) else { return };
    let fits = n <= LONGEST && all * n == x.len() && y.len() == all * width;
    assert!(fits, "rows of {n}: {} numbers to {}", x.len(), y.len());
    let rows = even(all, GRAIN / n);
    for_each_chunk((chunks(x, rows * n), chunks_mut(y, rows * width)), |_, (x, y)| {
        if n <= SHORT {
            short(function, n, x, y);
        } else {
            dispatch(Long(function, n, x, y));
        }
    });
}

/// The gradient of a row y, if g is the cotangent of y.
#[derive(Clone, Copy, PartialEq)]
enum Gradient {
    /// y (g - Σ y g)
    Softmax,
    /// g - e^y Σ g
    LogSoftmax,
}

impl Gradient {
    /// What is added to a sum for one number.
    #[inline(always)]
    fn add<T: Real>(self, y: T, g: T, sum: T) -> T {
        if self == Gradient::Softmax { y.mul_add(g, sum) } else { sum + g }
    }

    #[inline(always)]
    fn added<T: Real>(self, mut lanes: [T; LANES], y: [T; LANES], g: [T; LANES]) -> [T; LANES] {
        for i in 0..LANES {
            lanes[i] = self.add(y[i], g[i], lanes[i]);
        }
        lanes
    }

    /// What one number becomes with the sum of its row.
    #[inline(always)]
    fn end<T: Real>(self, y: T, g: T, sum: T) -> T {
        if self == Gradient::Softmax { y * (g - sum) } else { y.exp().mul_add(-sum, g) }
    }
}

/// Long rows of n numbers: y, g, and the gradient.
struct LongGradient<'a, T>(Gradient, usize, &'a [T], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for LongGradient<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let LongGradient(gradient, n, y, g, z) = self;
        for ((z, y), g) in z.chunks_exact_mut(n).zip(y.chunks_exact(n)).zip(g.chunks_exact(n)) {
            let mut lanes = [T::ZERO; LANES];
            let ((ys, y_rest), (gs, g_rest)) = (y.as_chunks::<LANES>(), g.as_chunks::<LANES>());
            for (y, g) in ys.iter().zip(gs) {
                lanes = gradient.added(lanes, *y, *g);
            }
            if !y_rest.is_empty() {
                let [y, g] = [y_rest, g_rest].map(|rest| filled(rest, T::ZERO));
                lanes = gradient.added(lanes, y, g);
            }
            let sum = folded(lanes, |a, b| a + b);
            for ((z, y), g) in z.iter_mut().zip(y).zip(g) {
                *z = gradient.end(*y, *g, sum);
            }
        }
    }
}

/// Short rows, transposed as those of [`Short`]; y becomes the gradient.
struct ShortGradient<'a, T>(Gradient, &'a mut [T], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for ShortGradient<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let ShortGradient(gradient, y, g, sum) = self;
        let w = sum.len();
        sum.fill(T::ZERO);
        for (y, g) in y.chunks_exact(w).zip(g.chunks_exact(w)) {
            for ((sum, y), g) in sum.iter_mut().zip(y).zip(g) {
                *sum = gradient.add(*y, *g, *sum);
            }
        }
        for (y, g) in y.chunks_exact_mut(w).zip(g.chunks_exact(w)) {
            for ((y, g), sum) in y.iter_mut().zip(g).zip(&*sum) {
                *y = gradient.end(*y, *g, *sum);
            }
        }
    }
}

/// Short rows of n numbers.
fn short_gradient<T: Real>(gradient: Gradient, n: usize, y: &[T], g: &[T], z: &mut [T]) {
    let together = TOGETHER / n;
    let mut room = Buffer::<T>::for_overwrite((2 * n + 1) * together.min(y.len() / n));
    let pieces = y.chunks(together * n).zip(g.chunks(together * n));
    for ((y, g), z) in pieces.zip(z.chunks_mut(together * n)) {
        let rows = y.len() / n;
        let shape = Shape::new(&[rows, n]);
        let (y_turned, others) = room.split_at_mut(y.len());
        let (g_turned, others) = others.split_at_mut(y.len());
        permute(y, &shape, &[1, 0], y_turned);
        permute(g, &shape, &[1, 0], g_turned);
        dispatch(ShortGradient(gradient, &mut *y_turned, g_turned, &mut others[..rows]));
        permute(y_turned, &Shape::new(&[n, rows]), &[1, 0], z);
    }
}

fn for_each_gradient_row<T: Real>(gradient: Gradient, n: usize, y: &[T], g: &[T], z: &mut [T]) {
    let Some(all) = y.len().checked_div(n) else { return };
    let fits = n <= LONGEST && all * n == y.len() && g.len() == y.len() && z.len() == y.len();
    assert!(fits, "rows of {n}: {} numbers and {} to {}", y.len(), g.len(), z.len());
    let rows = even(all, GRAIN / n) * n;
    let pieces = (chunks(y, rows), chunks(g, rows), chunks_mut(z, rows));
    for_each_chunk(pieces, |_, (y, g, z)| {
        if n <= SHORT {
            short_gradient(gradient, n, y, g, z);
        } else {
            dispatch(LongGradient(gradient, n, y, g, z));
        }
    });
}

/// y = eˣ / Σ eˣ over rows of n.
pub(crate) fn softmax<T: Real>(n: usize, x: &[T], y: &mut [T]) {
    for_each_row(Function::Softmax, n, x, y);
}

/// y = x - ln Σ eˣ over rows of n.
pub(crate) fn log_softmax<T: Real>(n: usize, x: &[T], y: &mut [T]) {
    for_each_row(Function::LogSoftmax, n, x, y);
}

/// z = y (g - Σ y g) over rows of n: the gradient of y = softmax(x), if g is the cotangent of y.
pub(crate) fn softmax_gradient<T: Real>(n: usize, y: &[T], g: &[T], z: &mut [T]) {
    for_each_gradient_row(Gradient::Softmax, n, y, g, z);
}

/// z = g - e^y Σ g over rows of n: the gradient of y = log_softmax(x).
pub(crate) fn log_softmax_gradient<T: Real>(n: usize, y: &[T], g: &[T], z: &mut [T]) {
    for_each_gradient_row(Gradient::LogSoftmax, n, y, g, z);
}

/// y = ln Σ eˣ of each row of n.
pub(crate) fn log_sum_exp<T: Real>(n: usize, x: &[T], y: &mut [T]) {
    if n == 0 {
        return y.fill(T::NEG_INFINITY);
    }
    for_each_row(Function::LogSumExp, n, x, y);
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::super::threads;
    use super::*;
    use proptest::prelude::*;

    type Of<T> = fn(usize, &[T], &mut [T]);

    fn all<T: Real>() -> [(Function, Of<T>); 3] {
        [
            (Function::Softmax, softmax),
            (Function::LogSoftmax, log_softmax),
            (Function::LogSumExp, log_sum_exp),
        ]
    }

    /// The definition in `f64`.
    fn truth(function: Function, row: &[f64]) -> Vec<f64> {
        let m = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
        let sum: f64 = row.iter().map(|x| (x - m).exp()).sum();
        match function {
            Function::Softmax => row.iter().map(|x| (x - m).exp() / sum).collect(),
            Function::LogSoftmax => row.iter().map(|x| x - m - sum.ln()).collect(),
            Function::LogSumExp => vec![m + sum.ln()],
        }
    }

    fn check<T: Real>(n: usize, numbers: &[f64], epsilon: f64) -> Result<(), TestCaseError> {
        let x: Vec<T> = numbers.iter().map(|&x| T::from_f64(x)).collect();
        for (function, of) in all::<T>() {
            let mut y = vec![T::from_f64(9.0); x.len() / n * function.width(n)];
            of(n, &x, &mut y);
            for (x, y) in x.chunks(n).zip(y.chunks(function.width(n))) {
                let row: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
                // Of the sum, of e^(x - m) with a rounded difference, and of what is rounded last.
                let size = row.iter().fold(1.0f64, |size, x| size.max(x.abs()));
                let terms = if n <= SHORT { n as f64 } else { n as f64 / LANES as f64 + 5.0 };
                let bound = epsilon * (terms + 4.0 * size + 8.0);
                for (y, truth) in y.iter().zip(truth(function, &row)) {
                    let scale = if function == Function::Softmax { truth + 1e-30 } else { 1.0 };
                    let off = (y.to_f64() - truth).abs() / scale;
                    prop_assert!(off <= bound, "{n}: {y} is not {truth} ± {bound}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        /// Rows around a lane, the longest that is transposed, and more of them than are transposed at a time.
        #[test]
        fn rows_are_those_of_the_definition(
            n in prop_oneof![1..80usize, prop::sample::select(vec![31, 32, 33, SHORT, SHORT + 1, 95, 96, 97, 500])],
            rows in prop_oneof![0..5usize, Just(TOGETHER / 4)], scale in 0.0..40.0f64, seed in 0..1000usize,
        ) {
            let rows = if n > 9 { rows.min(20) } else { rows };
            let number = |i: usize| scale * (((i * 7919 + seed) % 1013) as f64 / 506.5 - 1.0);
            let numbers: Vec<f64> = (0..rows * n).map(number).collect();
            check::<f32>(n, &numbers, f64::from(f32::EPSILON))?;
            check::<f64>(n, &numbers, f64::EPSILON)?;
        }
    }

    type GradientOf<T> = fn(usize, &[T], &[T], &mut [T]);

    fn both<T: Real>() -> [(Gradient, GradientOf<T>); 2] {
        [(Gradient::Softmax, softmax_gradient), (Gradient::LogSoftmax, log_softmax_gradient)]
    }

    fn check_gradient<T: Real>(
        n: usize,
        numbers: &[f64],
        epsilon: f64,
    ) -> Result<(), TestCaseError> {
        let y: Vec<T> = numbers.iter().map(|&y| T::from_f64(y)).collect();
        let g: Vec<T> = numbers.iter().map(|&y| T::from_f64((40.0 * y).sin() + 0.3)).collect();
        for (gradient, of) in both::<T>() {
            let mut z = vec![T::from_f64(9.0); y.len()];
            of(n, &y, &g, &mut z);
            for ((z, y), g) in z.chunks(n).zip(y.chunks(n)).zip(g.chunks(n)) {
                let [y, g] = [y, g].map(|x| x.iter().map(|x| x.to_f64()).collect::<Vec<_>>());
                let term =
                    |(y, g): (&f64, &f64)| if gradient == Gradient::Softmax { y * g } else { *g };
                let sum: f64 = y.iter().zip(&g).map(term).sum();
                let sizes: f64 = y.iter().zip(&g).map(|both| term(both).abs()).sum();
                let terms = if n <= SHORT { n as f64 } else { n as f64 / LANES as f64 + 5.0 };
                for ((z, y), g) in z.iter().zip(&y).zip(&g) {
                    let (truth, factor) = match gradient {
                        Gradient::Softmax => (y * (g - sum), y.abs()),
                        Gradient::LogSoftmax => (g - y.exp() * sum, y.exp()),
                    };
                    let bound =
                        epsilon * (factor * (sizes * (terms + 6.0) + g.abs() * 4.0) + g.abs());
                    let off = (z.to_f64() - truth).abs();
                    prop_assert!(off <= bound, "{n}: {z} is not {truth} ± {bound}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_the_definition(
            n in prop_oneof![1..80usize, prop::sample::select(vec![31, 32, 33, SHORT, SHORT + 1, 95, 96, 97, 500])],
            rows in prop_oneof![0..5usize, Just(TOGETHER / 4)], scale in 0.0..3.0f64, seed in 0..1000usize,
        ) {
            let rows = if n > 9 { rows.min(20) } else { rows };
            let number = |i: usize| scale * (((i * 7919 + seed) % 1013) as f64 / 506.5 - 1.0);
            let numbers: Vec<f64> = (0..rows * n).map(number).collect();
            check_gradient::<f32>(n, &numbers, f64::from(f32::EPSILON))?;
            check_gradient::<f64>(n, &numbers, f64::EPSILON)?;
        }
    }

    #[test]
    fn infinite_numbers_and_nan() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let (low, ln2) = (-inf, 2f64.ln());
        for n in [2, 40, SHORT, SHORT + 1, 130] {
            // Two numbers, and others that add nothing.
            let of = |first: f64, second: f64| {
                let mut x = vec![low; n];
                (x[0], x[n - 1]) = (first, second);
                let (mut y, mut logs, mut sum) = (vec![9.0; n], vec![9.0; n], [9.0]);
                softmax(n, &x, &mut y);
                log_softmax(n, &x, &mut logs);
                log_sum_exp(n, &x, &mut sum);
                ([y[0], y[n - 1]], [logs[0], logs[n - 1]], sum[0])
            };
            assert_eq!(of(1e4, 1e4), ([0.5; 2], [-ln2; 2], 1e4 + ln2), "{n}");
            assert_eq!(of(-1e300, 0.0), ([0.0, 1.0], [-1e300, 0.0], 0.0), "{n}");
            assert_eq!(of(3.0, low), ([1.0, 0.0], [0.0, low], 3.0), "{n}");
            let (y, logs, sum) = of(low, low);
            assert!(y[0].is_nan() && logs[0].is_nan() && sum == low, "{n}");
            let (y, logs, sum) = of(inf, 1.0);
            assert!(y[0].is_nan() && y[1] == 0.0 && logs[1] == low && sum == inf, "{n}");
            for (first, second) in [(nan, 1.0), (inf, nan)] {
                let (y, logs, sum) = of(first, second);
                assert!(y[1].is_nan() && logs[0].is_nan() && sum.is_nan(), "{n}");
            }
        }
        let mut none = [9.0; 3];
        log_sum_exp(0, &[], &mut none);
        assert_eq!(none, [low; 3]);
    }

    #[test]
    fn neither_threads_nor_instruction_sets_change_a_bit() {
        fn check<T: Real>() {
            let number = |i: usize| T::from_f64((i * 7919 % 127) as f64 / 9.0 - 7.0);
            let numbers: Vec<T> = (0..MOST_AGREED + 8).map(number).collect();
            for (function, _) in all::<T>() {
                agree(|set, length, start| {
                    let x = &numbers[start..][..length];
                    let mut y = vec![T::ONE; length + 4];
                    if length > 0 {
                        let width = function.width(length);
                        dispatch_to(set, Long(function, length, x, &mut y[start..][..width]));
                    }
                    // As many rows of two numbers.
                    let mut pairs = numbers[start..][..2 * (length / 2)].to_vec();
                    let (mut m, mut sum) = (vec![T::ONE; length / 2], vec![T::ONE; length / 2]);
                    if length > 1 {
                        let (x, m, sum) = (&mut pairs[..], &mut m[..], &mut sum[..]);
                        dispatch_to(set, Short { function, x, m, sum });
                    }
                    (bits(&y), bits(&pairs), bits(&m))
                });
            }
            for (gradient, _) in both::<T>() {
                agree(|set, length, start| {
                    let (y, g) = (&numbers[start..][..length], &numbers[8 - start..][..length]);
                    let mut z = vec![T::ONE; length + 4];
                    if length > 0 {
                        let z = &mut z[start..][..length];
                        dispatch_to(set, LongGradient(gradient, length, y, g, z));
                    }
                    let mut pairs = y[..2 * (length / 2)].to_vec();
                    let mut sum = vec![T::ONE; length / 2];
                    if length > 1 {
                        let (g, sum) = (&g[..pairs.len()], &mut sum[..]);
                        dispatch_to(set, ShortGradient(gradient, &mut pairs, g, sum));
                    }
                    (bits(&z), bits(&pairs))
                });
            }
            let many: Vec<T> = (0..300_000).map(number).collect();
            for (function, of) in all::<T>() {
                for n in [3, 10, 100, 1000] {
                    let on = |count: usize| {
                        let mut y = vec![T::ONE; many.len() / n * function.width(n)];
                        threads::with(count, || of(n, &many[..many.len() / n * n], &mut y));
                        bits(&y)
                    };
                    let one = on(1);
                    assert!(one == on(2) && one == on(3) && one == on(8), "{n}");
                }
            }
            for (_, of) in both::<T>() {
                for n in [3, 10, 100, 1000] {
                    let on = |count: usize| {
                        let y = &many[..many.len() / n * n];
                        let mut z = vec![T::ONE; y.len()];
                        threads::with(count, || of(n, y, &many[many.len() - y.len()..], &mut z));
                        bits(&z)
                    };
                    let one = on(1);
                    assert!(one == on(2) && one == on(3) && one == on(8), "{n}");
                }
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
