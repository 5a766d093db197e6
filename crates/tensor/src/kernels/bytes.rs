//! Bytes to numbers.

use super::distance::are_far;
use super::evict::evict;
use super::isa::{Kernel, dispatch};

const INVERSE: f32 = 1.0 / 255.0;

struct OverMost<'a>(&'a [u8], &'a mut [f32]);

impl Kernel for OverMost<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.1.iter_mut().zip(self.0) {
            // x times 1/255 is off by one bit for many bytes; with what is left of x after it, it is the
            // quotient rounded once (Markstein 1990), in a third of the time of a division.
            let x = f32::from(x);
            let quotient = x * INVERSE;
            let left = quotient.mul_add(-255.0, x);
            *y = left.mul_add(INVERSE, quotient);
        }
    }
}

/// y = x / 255, rounded once: bytes become numbers in [0, 1].
///
/// # Panics
/// If the lengths differ.
pub fn over_255(x: &[u8], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "over_255: lengths");
    // Of a batch: the other threads have read the last one.
    if are_far() {
        evict(y);
    }
    dispatch(OverMost(x, y));
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::*;

    #[test]
    fn every_byte_is_divided_and_rounded_once() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut y = vec![f32::NAN; 256];
        over_255(&bytes, &mut y);
        assert!(bytes.iter().zip(&y).all(|(x, y)| *y == f32::from(*x) / 255.0));
    }

    #[test]
    fn every_length_and_start_is_divided_on_every_instruction_set() {
        let bytes: Vec<u8> = (0..MOST_AGREED + 4).map(|i| (i * 7919 % 256) as u8).collect();
        agree(|set, length, start| {
            let x = &bytes[start..][..length];
            let mut y = vec![1.0; length + 4];
            dispatch_to(set, OverMost(x, &mut y[3 - start..][..length]));
            assert!(x.iter().zip(&y[3 - start..]).all(|(x, y)| *y == f32::from(*x) / 255.0));
            bits(&y)
        });
    }
}
