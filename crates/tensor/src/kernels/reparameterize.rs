//! z = mu + exp(logvar / 2) eps in one pass.

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
            let near = |z: &[T], [mu, logvar, eps]: [&[T]; 3]| {
                for (i, z) in z.iter().enumerate() {
                    let [mu, logvar, eps] = [mu[i], logvar[i], eps[i]].map(T::to_f64);
                    assert!((z.to_f64() - (mu + (logvar / 2.0).exp() * eps)).abs() < 1e-6);
                }
            };
            agree(|set, length, start| {
                let [mu, logvar, eps] = [0, 1, 2].map(|i| &all[i][(start + i) % 4..][..length]);
                let mut z = vec![T::ONE; length + 4];
                dispatch_to(set, Sample(mu, logvar, eps, &mut z[start..][..length]));
                near(&z[start..][..length], [mu, logvar, eps]);
                bits(&z)
            });
            let count = 2 * GRAIN + 5;
            let [mu, logvar, eps] = [7919, 31, 57].map(|factor| numbers(factor, count));
            let on = |threads: usize| {
                let mut z = vec![T::ONE; count];
                threads::with(threads, || reparameterize(&mu, &logvar, &eps, &mut z));
                near(&z, [&mu, &logvar, &eps]);
                bits(&z)
            };
            assert!(on(1) == on(2) && on(1) == on(3));
        }
        check::<f32>();
        check::<f64>();
    }
}
