//! z = mu + exp(logvar / 2) eps, and what comes back to logvar, in one pass each.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use crate::Real;

struct Sample<'a, T>(&'a [T], &'a [T], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for Sample<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let half = T::from_f64(0.5);
        let inputs = self.0.iter().zip(self.1).zip(self.2);
        for (z, ((mu, logvar), eps)) in self.3.iter_mut().zip(inputs) {
            *z = (*logvar * half).exp().mul_add(*eps, *mu);
        }
    }
}

/// z = mu + exp(logvar / 2) eps
pub(crate) fn reparameterize<T: Real>(mu: &[T], logvar: &[T], eps: &[T], z: &mut [T]) {
    assert!(mu.len() == z.len() && logvar.len() == z.len() && eps.len() == z.len());
    let inputs = (chunks(mu, GRAIN), chunks(logvar, GRAIN), chunks(eps, GRAIN));
    for_each_chunk((chunks_mut(z, GRAIN), inputs), |_, (z, (mu, logvar, eps))| {
        dispatch(Sample(mu, logvar, eps, z));
    });
}

struct Gradient<'a, T>(&'a [T], &'a [T], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for Gradient<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let half = T::from_f64(0.5);
        let inputs = self.0.iter().zip(self.1).zip(self.2);
        for (g, ((logvar, eps), gz)) in self.3.iter_mut().zip(inputs) {
            *g = (*logvar * half).exp() * *gz * *eps * half;
        }
    }
}

/// g = z̄ eps exp(logvar / 2) / 2
pub(crate) fn reparameterize_gradient<T: Real>(logvar: &[T], eps: &[T], gz: &[T], g: &mut [T]) {
    assert!(logvar.len() == g.len() && eps.len() == g.len() && gz.len() == g.len());
    let inputs = (chunks(logvar, GRAIN), chunks(eps, GRAIN), chunks(gz, GRAIN));
    for_each_chunk((chunks_mut(g, GRAIN), inputs), |_, (g, (logvar, eps, gz))| {
        dispatch(Gradient(logvar, eps, gz, g));
    });
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::super::threads;
    use super::*;

    #[test]
    fn all_instruction_sets_and_threads_give_the_same_bits_of_the_definition() {
        fn check<T: Real>() {
            let numbers = |factor: usize, count: usize| -> Vec<T> {
                (0..count).map(|i| T::from_f64((i * factor % 127) as f64 / 63.0 - 1.0)).collect()
            };
            let all = [7919, 31, 57].map(|factor| numbers(factor, MOST_AGREED + 8));
            let near = |[z, g]: [&[T]; 2], [mu, logvar, eps]: [&[T]; 3]| {
                for (i, (z, g)) in z.iter().zip(g).enumerate() {
                    let [mu, logvar, eps] = [mu[i], logvar[i], eps[i]].map(T::to_f64);
                    let scaled = (logvar / 2.0).exp() * eps;
                    assert!((z.to_f64() - (mu + scaled)).abs() < 1e-6);
                    // With mu as the cotangent of z.
                    assert!((g.to_f64() - mu * scaled / 2.0).abs() < 1e-6);
                }
            };
            agree(|set, length, start| {
                let [mu, logvar, eps] = [0, 1, 2].map(|i| &all[i][(start + i) % 4..][..length]);
                let mut to = [0, 1].map(|_| vec![T::ONE; length + 4]);
                let [z, g] = to.each_mut().map(|to| &mut to[start..][..length]);
                dispatch_to(set, Sample(mu, logvar, eps, z));
                dispatch_to(set, Gradient(logvar, eps, mu, g));
                near([z, g], [mu, logvar, eps]);
                to.map(|to| bits(&to))
            });
            let count = 2 * GRAIN + 5;
            let [mu, logvar, eps] = [7919, 31, 57].map(|factor| numbers(factor, count));
            let on = |threads: usize| {
                let (mut z, mut g) = (vec![T::ONE; count], vec![T::ONE; count]);
                threads::with(threads, || {
                    reparameterize(&mu, &logvar, &eps, &mut z);
                    reparameterize_gradient(&logvar, &eps, &mu, &mut g);
                });
                near([&z, &g], [&mu, &logvar, &eps]);
                (bits(&z), bits(&g))
            };
            assert!(on(1) == on(2) && on(1) == on(3));
        }
        check::<f32>();
        check::<f64>();
    }
}
