//! Binary cross-entropy of one row of logits, and its gradient.

use super::isa::{Kernel, dispatch};
use super::lanes::{LANES, folded};
use crate::Real;

/// Numbers of a lane that share a logarithm. Their product is at most 2⁸, and what is rounded in it is no more than in 8
/// logarithms.
const TOGETHER: usize = 8;

struct Row<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Kernel for Row<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let Row(logits, targets) = self;
        let mut lanes = [T::ZERO; LANES];
        let group = TOGETHER * LANES;
        for (logits, targets) in logits.chunks(group).zip(targets.chunks(group)) {
            // Σ ln(1 + e) = ln Π (1 + e): one logarithm for all of a group. The product is kept less 1, as it would swallow
            // an e that is small.
            let mut product = [T::ZERO; LANES];
            let mut add = |i: usize, l: T, t: T| {
                let positive = if l < T::ZERO { T::ZERO } else { l };
                lanes[i] += positive - l * t;
                let e = (-l.abs()).exp();
                product[i] = product[i].mul_add(e, product[i] + e);
            };
            let (mut l, mut t) = (logits.chunks_exact(LANES), targets.chunks_exact(LANES));
            for (l, t) in (&mut l).zip(&mut t) {
                (0..LANES).for_each(|i| add(i, l[i], t[i]));
            }
            let rest = l.remainder().iter().zip(t.remainder());
            rest.enumerate().for_each(|(i, (l, t))| add(i, *l, *t));
            for (lane, product) in lanes.iter_mut().zip(product) {
                *lane += product.ln_1p();
            }
        }
        folded(lanes, |a, b| a + b)
    }
}

/// Σ ( max(l, 0) - l t + ln(1 + e^(-|l|)) )
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

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::*;
    use proptest::prelude::*;

    /// The sum in `f64`, and the sum of all sizes that are added.
    fn exact(logits: &[f32], targets: &[f32]) -> (f64, f64) {
        let terms = logits.iter().zip(targets).map(|(l, t)| {
            let (l, t) = (f64::from(*l), f64::from(*t));
            let soft = (-l.abs()).exp().ln_1p();
            (l.max(0.0) - l * t + soft, l.max(0.0) + (l * t).abs() + soft)
        });
        terms.fold((0.0, 0.0), |sums, term| (sums.0 + term.0, sums.1 + term.1))
    }

    proptest! {
        /// Lengths around a lane, a group, and several groups with a rest.
        #[test]
        fn a_row_is_the_sum_in_f64(
            numbers in proptest::collection::vec((-60.0..60.0f32, 0.0..=1.0f32), 0..3 * TOGETHER * LANES),
            length in prop::sample::select(vec![0, 1, LANES - 1, LANES, LANES + 1, TOGETHER * LANES, 600]),
        ) {
            let numbers = &numbers[..numbers.len().min(length)];
            let (l, t): (Vec<f32>, Vec<f32>) = numbers.iter().copied().unzip();
            let (sum, sizes) = exact(&l, &t);
            let bound = 16.0 * f64::from(f32::EPSILON) * sizes;
            let found = f64::from(bce_row(&l, &t));
            prop_assert!((found - sum).abs() <= bound, "{found} instead of {sum} ± {bound}");
        }
    }

    /// What a product that is not kept less 1 would round away.
    #[test]
    fn a_row_that_is_all_but_right_has_all_its_digits() {
        let (l, t) = (vec![-30.0f32; 784], vec![0.0; 784]);
        let sum = exact(&l, &t).0;
        let found = f64::from(bce_row(&l, &t));
        assert!((found / sum - 1.0).abs() < 1e-6, "{found} instead of {sum}");
    }

    #[test]
    fn large_logits_and_numbers_that_are_none() {
        let one = |l: f32, t: f32| bce_row(&[l], &[t]);
        assert_eq!([one(1e30, 0.0), one(1e30, 1.0), one(-1e30, 0.0)], [1e30, 0.0, 0.0]);
        assert!(one(f32::NAN, 0.5).is_nan() && one(0.0, f32::NAN).is_nan());
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits_and_the_gradient_is_the_derivative() {
        fn check<T: Real>() {
            let numbers = |factor: usize, size: f64| -> Vec<T> {
                let number =
                    |i: usize| T::from_f64(((i * factor % 127) as f64 / 63.0 - 1.0) * size);
                (0..MOST_AGREED + 8).map(number).collect()
            };
            let (logits, targets) = (numbers(7919, 9.0), numbers(31, 1.0));
            agree(|set, length, start| {
                let (l, t) = (&logits[start..][..length], &targets[start + 1..][..length]);
                let mut z = vec![T::ONE; length + 4];
                let loss = dispatch_to(set, Row(l, t));
                dispatch_to(set, GradientRow(l, t, T::from_f64(0.3), &mut z[start..][..length]));
                for ((l, t), z) in l.iter().zip(t).zip(&z[start..]) {
                    let (l, t, z) = (l.to_f64(), t.to_f64(), z.to_f64());
                    assert!((z - 0.3 * (1.0 / (1.0 + (-l).exp()) - t)).abs() < 1e-6, "{l} {t} {z}");
                }
                (bits(&[loss]), bits(&z))
            });
        }
        check::<f32>();
        check::<f64>();
    }
}
