//! Rows of eˣ / Σ eˣ, of its logarithm, and of ln Σ eˣ, while they are in a near cache.
//!
//! The largest number of a row, m, is subtracted first, so nothing overflows; where it is not finite, 0 is. Sums of long rows run over
//! lanes that are folded as a tree, as in `reduce`. Short ones would not fill the lanes: many of them are transposed, so that
//! a lane is a row, and added number by number. The error of a sum is at most (n / LANES + log₂ LANES) ε of it, and n ε for short rows.

mod gradient;

pub(crate) use self::gradient::{log_softmax_gradient, softmax_gradient};
use super::elementwise::chunk;
use super::isa::{Kernel, dispatch};
use super::lanes::{LANES, added, filled, folded};
use super::math::function::Exp;
use super::permute::permute;
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::{GRAIN, even};
use crate::buffer::Buffer;
use crate::{Real, Shape};

/// The longest row. Those that are longer are worth several threads each.
pub(crate) const LONGEST: usize = GRAIN;

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

#[inline(always)]
fn larger<T: Real>(mut lanes: [T; LANES], x: [T; LANES]) -> [T; LANES] {
    for i in 0..LANES {
        lanes[i] = lanes[i].max_with(x[i]);
    }
    lanes
}

/// e^(x - m)
#[inline(always)]
fn exps<T: Real>(mut x: [T; LANES], m: T) -> [T; LANES] {
    for x in &mut x {
        *x = *x - m;
    }
    chunk(Exp, x)
}

/// Divides all of y by their sum, which is finite: y / sum rounded once, as a rule (Markstein, "Computation of elementary functions on
/// the IBM RISC System/6000 processor", 1990). It takes three operations, and less time than a division of vectors.
#[inline(always)]
fn divide<T: Real>(y: &mut [T], sum: T) {
    let inverse = T::ONE / sum;
    for y in y {
        let quotient = *y * inverse;
        *y = (-quotient).mul_add(sum, *y).mul_add(inverse, quotient);
    }
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
                Function::Softmax if sum.is_finite() => divide(y, sum),
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

/// y = eˣ / Σ eˣ over rows of n.
pub(crate) fn softmax<T: Real>(n: usize, x: &[T], y: &mut [T]) {
    for_each_row(Function::Softmax, n, x, y);
}

/// y = x - ln Σ eˣ over rows of n.
pub(crate) fn log_softmax<T: Real>(n: usize, x: &[T], y: &mut [T]) {
    for_each_row(Function::LogSoftmax, n, x, y);
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
                let bound = epsilon * (terms(n) + 4.0 * size + 8.0);
                for (y, truth) in y.iter().zip(truth(function, &row)) {
                    let scale = if function == Function::Softmax { truth + 1e-30 } else { 1.0 };
                    let off = (y.to_f64() - truth).abs() / scale;
                    prop_assert!(off <= bound, "{n}: {y} is not {truth} ± {bound}");
                }
            }
        }
        Ok(())
    }

    /// Numbers up to some size, and how many of them are a row: around a lane, the longest that is transposed, and more of them than are
    /// transposed at a time.
    pub(super) fn rows(size: f64) -> impl Strategy<Value = (usize, Vec<f64>)> {
        let around = prop::sample::select(vec![31, 32, 33, SHORT, SHORT + 1, 95, 96, 97, 500]);
        let rows = prop_oneof![0..5usize, Just(TOGETHER / 4)];
        let all = (prop_oneof![1..80usize, around], rows, 0.0..size, 0..1000usize);
        all.prop_map(|(n, rows, scale, seed)| {
            let rows = if n > 9 { rows.min(20) } else { rows };
            let number = |i: usize| scale * (((i * 7919 + seed) % 1013) as f64 / 506.5 - 1.0);
            (n, (0..rows * n).map(number).collect())
        })
    }

    /// The terms of a sum's error, in ε, for rows of n.
    pub(super) fn terms(n: usize) -> f64 {
        if n <= SHORT { n as f64 } else { n as f64 / LANES as f64 + 5.0 }
    }

    /// Whether any number of threads computes the same, for rows of several lengths.
    pub(super) fn threads_agree<R: PartialEq>(compute: impl Fn(usize) -> R) {
        for n in [3, 10, 100, 1000] {
            let one = threads::with(1, || compute(n));
            assert!(
                [2, 3, 8].iter().all(|&count| threads::with(count, || compute(n)) == one),
                "{n}"
            );
        }
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_definition((n, numbers) in rows(40.0)) {
            check::<f32>(n, &numbers, f64::from(f32::EPSILON))?;
            check::<f64>(n, &numbers, f64::EPSILON)?;
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
            let many: Vec<T> = (0..300_000).map(number).collect();
            for (function, of) in all::<T>() {
                threads_agree(|n| {
                    let x = &many[..many.len() / n * n];
                    let mut y = vec![T::ONE; x.len() / n * function.width(n)];
                    of(n, x, &mut y);
                    bits(&y)
                });
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
