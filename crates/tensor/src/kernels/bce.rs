//! Binary cross-entropy of one row of logits, and its gradient.

use super::isa::{Kernel, dispatch};
use crate::Real;

const LANES: usize = 32;

struct Row<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Kernel for Row<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let Row(logits, targets) = self;
        let mut lanes = [T::ZERO; LANES];
        let (mut l, mut t) = (logits.chunks_exact(LANES), targets.chunks_exact(LANES));
        for (l, t) in (&mut l).zip(&mut t) {
            for i in 0..LANES {
                lanes[i] += term(l[i], t[i]);
            }
        }
        let rest = l.remainder().iter().zip(t.remainder());
        for (lane, (l, t)) in lanes.iter_mut().zip(rest) {
            *lane += term(*l, *t);
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        lanes[0]
    }
}

#[inline(always)]
fn term<T: Real>(l: T, t: T) -> T {
    l.softplus() - l * t
}

/// Σ ( ln(1 + eˡ) - l t )
pub(crate) fn bce_row<T: Real>(logits: &[T], targets: &[T]) -> T {
    assert_eq!(logits.len(), targets.len());
    dispatch(Row(logits, targets))
}

struct GradientRow<'a, T>(&'a [T], &'a [T], T, &'a mut [T]);

impl<T: Real> Kernel for GradientRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for ((z, l), t) in self.3.iter_mut().zip(self.0).zip(self.1) {
            *z = (l.sigmoid() - *t) * self.2;
        }
    }
}

/// z = (sigmoid(l) - t) g
pub(crate) fn bce_gradient_row<T: Real>(logits: &[T], targets: &[T], g: T, z: &mut [T]) {
    assert!(logits.len() == z.len() && targets.len() == z.len());
    dispatch(GradientRow(logits, targets, g, z));
}
