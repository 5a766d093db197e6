//! z = mu + exp(logvar / 2) eps in one pass.

use super::isa::{Kernel, dispatch};
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
    dispatch(Sample(mu, logvar, eps, z));
}
