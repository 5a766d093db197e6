//! The most multiply-adds that one thread can do: what products of matrices are measured against.

use std::hint::black_box;
use std::marker::PhantomData;

use super::isa::{self, Kernel, dispatch, dispatch_vectors};
use super::vector::Vector;
use crate::Real;

/// Independent sums. A multiply-add takes some 4 cycles and two begin in each: at least 8 must be on
/// their way, and 12 still fit the 16 registers of AVX2.
const CHAINS: usize = 12;

/// Does `rounds` rounds of multiply-adds that touch no memory, on this thread and the current
/// instruction set. Returns how many floating-point operations that were (a multiply-add is two) and
/// their sum, which the caller should look at lest the compiler leaves them out.
pub fn multiply_adds<T: Real>(rounds: usize) -> (u64, T) {
    dispatch_vectors!(isa::current(), T, vector => {
        let element = PhantomData::<T>;
        Peak { rounds, element, vector }
    })
}

struct Peak<T, V> {
    rounds: usize,
    element: PhantomData<T>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Peak<T, V> {
    type Output = (u64, T);

    #[inline(always)]
    fn run(self) -> (u64, T) {
        let mut lanes = [T::ZERO; 16];
        // SAFETY: this is compiled inline for the set that the vectors belong to, and the line has
        // room for the widest of them.
        unsafe {
            // Each sum nears 1, far from 0 and infinity, where speed may differ. Unknown and different
            // numbers: the compiler would do equal chains once, and leave out one that stands still.
            let unknown = |x: f64| V::splat(black_box(T::from_f64(x)));
            let (x, y) = (unknown(0.999), unknown(0.001));
            let mut sums = [x; CHAINS];
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = unknown(2.0 + i as f64);
            }
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = sum.mul_add(x, y);
                }
            }
            let mut total = V::splat(T::ZERO);
            for sum in sums {
                total = total.add(sum);
            }
            total.store(lanes.as_mut_ptr());
        }
        let sum = lanes.iter().fold(T::ZERO, |sum, &lane| sum + lane);
        ((2 * self.rounds * CHAINS * V::LANES) as u64, sum)
    }
}

/// Goes over numbers as fast as they can be read, and returns the exclusive or of their bits, which
/// the caller should look at lest the compiler leaves it out.
pub fn read(x: &[f32]) -> u32 {
    dispatch(Read(x))
}

struct Read<'a>(&'a [f32]);

impl Kernel for Read<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let mut lanes = [0u32; 128];
        let mut lines = self.0.chunks_exact(128);
        for line in &mut lines {
            for (lane, x) in lanes.iter_mut().zip(line) {
                *lane ^= x.to_bits();
            }
        }
        let rest = lines.remainder().iter().fold(0, |all, x| all ^ x.to_bits());
        lanes.iter().fold(rest, |all, lane| all ^ lane)
    }
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::*;

    #[test]
    fn operations_are_counted_and_done() {
        let lanes = |isa, single: usize| match isa {
            Isa::Avx512 => 4 * single,
            Isa::Avx2 => 2 * single,
            Isa::Portable => single,
        };
        let (count, sum) = multiply_adds::<f64>(40_000);
        let width = lanes(isa::current(), 2);
        assert_eq!(count as usize, 2 * 40_000 * CHAINS * width);
        // 1 is the fixed point of 0.999 x + 0.001.
        assert!((sum - (CHAINS * width) as f64).abs() < 1e-6, "{sum}");
        let (count, sum) = multiply_adds::<f32>(40_000);
        assert_eq!(count as usize, 4 * 40_000 * CHAINS * width);
        assert!((sum - (2 * CHAINS * width) as f32).abs() < 0.1, "{sum}");
    }
}
