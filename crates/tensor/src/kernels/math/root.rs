//! The square root by multiply-adds, where the instruction takes longer.
//!
//! y near 1/√x comes from Newton's steps y + y (½ - ½ x y²), which begin with half of the exponent. Then g = x y is near √x and h = y/2 near
//! 1/(2√x); Goldschmidt's step has ½ - g h as the relative error of both, and g + h (x - g²), with a difference that is exact,
//! is √x rounded once (Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor", 1990).

use crate::Real;
use crate::kernels::isa::{self, Isa};
use crate::kernels::processor;

/// What belongs to a format.
pub trait SquareRoot: Sized + 'static {
    /// Newton's steps until half of the digits are right.
    const STEPS: usize;
    /// From where to where no product is denormal or infinite.
    const CENTRE: [Self; 2];

    /// 1/√x within 4 %.
    fn near_inverse_root(self) -> Self;
}

impl SquareRoot for f32 {
    const STEPS: usize = 2;
    const CENTRE: [f32; 2] = [1e-25, 1e25];

    #[inline(always)]
    fn near_inverse_root(self) -> f32 {
        f32::from_bits(0x5f37_5a86_u32.wrapping_sub(self.to_bits() >> 1))
    }
}

impl SquareRoot for f64 {
    const STEPS: usize = 3;
    const CENTRE: [f64; 2] = [1e-250, 1e250];

    #[inline(always)]
    fn near_inverse_root(self) -> f64 {
        f64::from_bits(0x5fe6_eb50_c7b5_37a9_u64.wrapping_sub(self.to_bits() >> 1))
    }
}

/// Whether the instruction takes longer than [`sqrt_of_central`]: with the widest vectors, on some processors.
#[inline]
pub(crate) fn roots_take_long() -> bool {
    isa::current() == Isa::Avx512 && processor::current().roots_take_long()
}

/// Whether x is positive, and neither very small nor very large.
#[inline(always)]
pub(crate) fn is_central<T: Real>(x: T) -> bool {
    let [low, high] = T::CENTRE;
    (x >= low) & (x <= high)
}

/// √x for an x that [`is_central`].
#[inline(always)]
pub(crate) fn sqrt_of_central<T: Real>(x: T) -> T {
    let half = T::from_f64(0.5);
    let negative = x * -half;
    let mut y = x.near_inverse_root();
    for _ in 0..T::STEPS {
        let rest = (negative * y).mul_add(y, half);
        y = y.mul_add(rest, y);
    }
    let (g, h) = (x * y, y * half);
    let rest = (-g).mul_add(h, half);
    let (g, h) = (g.mul_add(rest, g), h.mul_add(rest, h));
    (-g).mul_add(g, x).mul_add(h, g)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<T: Real>(x: T) {
        if is_central(x) {
            assert_eq!(sqrt_of_central(x), x.sqrt(), "{x}");
        }
    }

    #[test]
    fn every_4001st_number_has_the_root_of_the_instruction() {
        (0..=u32::MAX).step_by(4001).for_each(|bits| check(f32::from_bits(bits)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn roots_are_those_of_the_instruction(bits in any::<u64>(), fraction in 1.0f64..2.0, off in -2i64..=2) {
            check(f64::from_bits(bits));
            // Squares, and their neighbours, whose roots are nearest to the middle between two numbers or to a number.
            let near = f64::from_bits((fraction * fraction).to_bits().wrapping_add_signed(off));
            check(near);
            let middle = fraction.mul_add(fraction, fraction * f64::EPSILON / 2.0);
            check(middle);
            check(2.0 * middle);
        }
    }
}
