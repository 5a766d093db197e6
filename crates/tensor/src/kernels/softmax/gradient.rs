//! Gradients of rows: what comes back through softmax and its logarithm, in one pass over each row.
//!
//! Sums of long and of short rows as in [softmax](super).

use super::super::isa::{Kernel, dispatch};
use super::super::lanes::{LANES, filled, folded};
use super::super::permute::permute;
use super::super::threads::{chunks, chunks_mut, for_each_chunk};
use super::super::{GRAIN, even};
use super::{LONGEST, SHORT, TOGETHER};
use crate::buffer::Buffer;
use crate::{Real, Shape};

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

/// Short rows, transposed as those of [softmax](super); y becomes the gradient.
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

/// z = y (g - Σ y g) over rows of n: the gradient of y = softmax(x), if g is the cotangent of y.
pub(crate) fn softmax_gradient<T: Real>(n: usize, y: &[T], g: &[T], z: &mut [T]) {
    for_each_gradient_row(Gradient::Softmax, n, y, g, z);
}

/// z = g - e^y Σ g over rows of n: the gradient of y = log_softmax(x).
pub(crate) fn log_softmax_gradient<T: Real>(n: usize, y: &[T], g: &[T], z: &mut [T]) {
    for_each_gradient_row(Gradient::LogSoftmax, n, y, g, z);
}

#[cfg(test)]
mod tests {
    use super::super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::super::tests::{rows, terms, threads_agree};
    use super::*;
    use proptest::prelude::*;

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
                for ((z, y), g) in z.iter().zip(&y).zip(&g) {
                    let (truth, factor) = match gradient {
                        Gradient::Softmax => (y * (g - sum), y.abs()),
                        Gradient::LogSoftmax => (g - y.exp() * sum, y.exp()),
                    };
                    let bound =
                        epsilon * (factor * (sizes * (terms(n) + 6.0) + g.abs() * 4.0) + g.abs());
                    let off = (z.to_f64() - truth).abs();
                    prop_assert!(off <= bound, "{n}: {z} is not {truth} ± {bound}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn gradients_are_those_of_the_definition((n, numbers) in rows(3.0)) {
            check_gradient::<f32>(n, &numbers, f64::from(f32::EPSILON))?;
            check_gradient::<f64>(n, &numbers, f64::EPSILON)?;
        }
    }

    #[test]
    fn neither_threads_nor_instruction_sets_change_a_bit() {
        fn check<T: Real>() {
            let number = |i: usize| T::from_f64((i * 7919 % 127) as f64 / 9.0 - 7.0);
            let numbers: Vec<T> = (0..MOST_AGREED + 8).map(number).collect();
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
            for (_, of) in both::<T>() {
                threads_agree(|n| {
                    let y = &many[..many.len() / n * n];
                    let mut z = vec![T::ONE; y.len()];
                    of(n, y, &many[many.len() - y.len()..], &mut z);
                    bits(&z)
                });
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
