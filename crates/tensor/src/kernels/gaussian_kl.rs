//! The divergence of rows of Gaussians from the standard normal, and what comes back to their log-variances, in one pass each.

use std::marker::PhantomData;

use super::isa::{self, Kernel, dispatch_vectors};
use super::lanes::{self, LANES, added, folded, padded};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use super::vector::Vector;
use super::{GRAIN, even};
use crate::Real;

/// exp(x) - 1 in each lane. By value, as in `elementwise`: the compiler need not ask what overlaps.
#[inline(always)]
fn exp_m1s<T: Real>(mut x: [T; LANES]) -> [T; LANES] {
    for x in &mut x {
        *x = x.exp_m1();
    }
    x
}

/// exp(logvar) - 1 - logvar + mu² in each lane.
#[inline(always)]
fn terms<T: Real>(mu: [T; LANES], logvar: [T; LANES]) -> [T; LANES] {
    // exp(logvar) - 1 - logvar is a small difference near 0: exp_m1 keeps its digits.
    let mut terms = exp_m1s(logvar);
    for i in 0..LANES {
        terms[i] = terms[i] - logvar[i] + mu[i] * mu[i];
    }
    terms
}

/// Rows of n numbers.
struct Rows<'a, T, V> {
    n: usize,
    mu: &'a [T],
    logvar: &'a [T],
    kl: &'a mut [T],
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Rows<'_, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Rows { n, mu, logvar, kl, .. } = self;
        let half = T::from_f64(0.5);
        let rows = mu.chunks_exact(n).zip(logvar.chunks_exact(n));
        for (kl, (mu, logvar)) in kl.iter_mut().zip(rows) {
            let ((mu, mu_rest), (logvar, logvar_rest)) = (mu.as_chunks(), logvar.as_chunks());
            let mut lanes = [T::ZERO; LANES];
            for (mu, logvar) in mu.iter().zip(logvar) {
                lanes = added(lanes, terms(*mu, *logvar));
            }
            if !mu_rest.is_empty() {
                // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
                let (mu, logvar) =
                    unsafe { (padded::<T, V>(mu_rest), padded::<T, V>(logvar_rest)) };
                lanes = added(lanes, terms(mu, logvar));
            }
            *kl = folded(lanes, |a, b| a + b) * half;
        }
    }
}

/// ½ Σ ( exp(logvar) - 1 - logvar + mu² ) of each row of n. The error of a sum is at most (n / LANES + log₂ LANES) ε of it.
pub(crate) fn gaussian_kl<T: Real>(n: usize, mu: &[T], logvar: &[T], kl: &mut [T]) {
    if n == 0 {
        return kl.fill(T::ZERO);
    }
    let count = kl.len() * n;
    assert!(mu.len() == count && logvar.len() == count, "{} rows of {n}", kl.len());
    let rows = even(kl.len(), GRAIN / n);
    let inputs = (chunks(mu, rows * n), chunks(logvar, rows * n));
    for_each_chunk((chunks_mut(kl, rows), inputs), |_, (kl, (mu, logvar))| {
        dispatch_vectors!(isa::current(), T, vector => Rows { n, mu, logvar, kl: &mut *kl, vector });
    });
}

/// (exp(logvar) - 1) g / 2 in each lane.
#[inline(always)]
fn scaled<T: Real>(logvar: [T; LANES], g: T) -> [T; LANES] {
    let half = T::from_f64(0.5);
    let mut scaled = exp_m1s(logvar);
    for x in &mut scaled {
        *x = *x * g * half;
    }
    scaled
}

struct GradientRows<'a, T, V> {
    n: usize,
    logvar: &'a [T],
    g: &'a [T],
    z: &'a mut [T],
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for GradientRows<'_, T, V> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let GradientRows { n, logvar, g, z, .. } = self;
        let rows = z.chunks_exact_mut(n).zip(logvar.chunks_exact(n));
        for ((z, logvar), g) in rows.zip(g) {
            let ((z, z_rest), (logvar, rest)) = (z.as_chunks_mut(), logvar.as_chunks());
            for (z, logvar) in z.iter_mut().zip(logvar) {
                *z = scaled(*logvar, *g);
            }
            // SAFETY: the kernel runs on V's instruction set, and this is inlined into it.
            unsafe { lanes::write::<T, V>(scaled(padded::<T, V>(rest), *g), z_rest) };
        }
    }
}

/// z = (exp(logvar) - 1) g / 2 for rows of n, each with its g.
pub(crate) fn gaussian_kl_gradient<T: Real>(n: usize, logvar: &[T], g: &[T], z: &mut [T]) {
    let count = g.len() * n;
    assert!(logvar.len() == count && z.len() == count, "{} rows of {n}", g.len());
    if n == 0 {
        return;
    }
    let rows = even(g.len(), GRAIN / n);
    let inputs = (chunks(logvar, rows * n), chunks(g, rows));
    for_each_chunk((chunks_mut(z, rows * n), inputs), |_, (z, (logvar, g))| {
        dispatch_vectors!(isa::current(), T, vector => GradientRows { n, logvar, g, z: &mut *z, vector });
    });
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits};
    use super::super::threads;
    use super::*;
    use proptest::prelude::*;

    fn check<T: Real>(n: usize, numbers: &[[f64; 3]], epsilon: f64) -> Result<(), TestCaseError> {
        let of = |i: usize| numbers.iter().map(|x| T::from_f64(x[i])).collect::<Vec<T>>();
        let (mu, logvar) = (of(0), of(1));
        let g: Vec<T> = of(2).into_iter().step_by(n).collect();
        let (mut kl, mut z) = (vec![T::from_f64(9.0); g.len()], vec![T::from_f64(9.0); mu.len()]);
        gaussian_kl(n, &mu, &logvar, &mut kl);
        gaussian_kl_gradient(n, &logvar, &g, &mut z);
        for (i, row) in numbers.chunks(n).enumerate() {
            let [mu, logvar] = [&mu, &logvar].map(|x| x[i * n..][..n].iter().map(|x| x.to_f64()));
            let truth: f64 =
                mu.zip(logvar.clone()).map(|(m, v)| v.exp_m1() - v + m * m).sum::<f64>() / 2.0;
            // Of the sum, and of a term's three operations, of which one may be a difference.
            let size: f64 = logvar.clone().map(|v| v.exp_m1().abs() + v.abs()).sum();
            let bound = epsilon * (truth * (n as f64 / LANES as f64 + 8.0) + 3.0 * size);
            let off = (kl[i].to_f64() - truth).abs();
            prop_assert!(off <= bound, "{}: off by {off} of {truth}, more than {bound}", row.len());
            for (z, v) in z[i * n..].iter().zip(logvar) {
                let truth = v.exp_m1() * g[i].to_f64() / 2.0;
                prop_assert!(
                    (z.to_f64() - truth).abs() <= 4.0 * epsilon * truth.abs(),
                    "{z}, not {truth}"
                );
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_definition(
            n in prop_oneof![1..80usize, prop::sample::select(vec![31, 32, 33, 64, 500])], rows in 0..5usize,
            size in 1e-3..9.0, seed in 0..1000usize,
        ) {
            let number = |i: usize| size * (((i * 7919 + seed) % 1013) as f64 / 506.5 - 1.0);
            let numbers: Vec<_> = (0..rows * n).map(|i| [3 * i, 3 * i + 1, 3 * i + 2].map(number)).collect();
            check::<f32>(n, &numbers, f64::from(f32::EPSILON))?;
            check::<f64>(n, &numbers, f64::EPSILON)?;
        }
    }

    #[test]
    fn rows_of_nothing_and_numbers_that_are_none() {
        let mut kl = [9.0; 2];
        gaussian_kl::<f64>(0, &[], &[], &mut kl);
        gaussian_kl_gradient::<f64>(0, &[], &kl, &mut []);
        assert_eq!(kl, [0.0; 2]);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (mu, logvar) in [(inf, 0.0), (0.0, -inf)] {
            gaussian_kl(2, &[mu, 0.0, 0.0, 1.0], &[logvar, 0.0, 0.0, 0.0], &mut kl);
            assert_eq!(kl, [inf, 0.5], "{mu} {logvar}");
        }
        // An infinite variance is a difference of infinities.
        for (mu, logvar) in [(nan, 0.0), (0.0, nan), (0.0, inf)] {
            gaussian_kl(2, &[0.0, mu, 0.0, 1.0], &[0.0, logvar, 0.0, 0.0], &mut kl);
            assert!(kl[0].is_nan() && kl[1] == 0.5, "{mu} {logvar}");
        }
    }

    #[test]
    fn neither_threads_nor_instruction_sets_change_a_bit() {
        fn check<T: Real>() {
            let numbers = |factor: usize, count: usize| -> Vec<T> {
                (0..count).map(|i| T::from_f64((i * factor % 127) as f64 / 21.0 - 3.0)).collect()
            };
            let (mu, logvar) = (numbers(7919, MOST_AGREED + 8), numbers(31, MOST_AGREED + 8));
            agree(|set, length, start| {
                let (mut kl, mut z) = ([T::ONE], vec![T::ONE; length + 4]);
                if length > 0 {
                    let (mu, logvar) = (&mu[start..][..length], &logvar[start..][..length]);
                    let (n, kl) = (length, &mut kl);
                    dispatch_vectors!(set, T, vector => Rows { n, mu, logvar, kl: &mut *kl, vector });
                    let (g, z) = (&mu[..1], &mut z[start..][..length]);
                    dispatch_vectors!(set, T, vector => GradientRows { n, logvar, g, z: &mut *z, vector });
                }
                (bits(&kl), bits(&z))
            });
            for n in [3, 20, 1000] {
                let [mu, logvar, g] = [7919, 31, 57].map(|factor| numbers(factor, 100_000 / n * n));
                let on = |count: usize| {
                    let (mut kl, mut z) = (vec![T::ONE; mu.len() / n], vec![T::ONE; mu.len()]);
                    threads::with(count, || {
                        gaussian_kl(n, &mu, &logvar, &mut kl);
                        gaussian_kl_gradient(n, &logvar, &g[..kl.len()], &mut z);
                    });
                    (bits(&kl), bits(&z))
                };
                assert!([2, 3, 8].iter().all(|&count| on(count) == on(1)), "{n}");
            }
        }
        check::<f32>();
        check::<f64>();
    }
}
