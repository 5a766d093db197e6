//! The most multiply-adds that one thread can do: what products of matrices are measured against.

use std::hint::black_box;
use std::marker::PhantomData;

#[cfg(target_arch = "x86_64")]
use super::amx::{self, Tiles};
#[cfg(target_arch = "x86_64")]
use super::gemm::{Pairs, Terms};
use super::isa::{self, Kernel, dispatch, dispatch_vectors};
use super::vector::Vector;
#[cfg(target_arch = "x86_64")]
use super::vector::Vectors;
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

/// Whether the current instruction set multiplies pairs of bfloat16, on AVX-512 BF16 or AMX.
pub fn has_bf16() -> bool {
    isa::has_bf16(isa::current())
}

/// [`multiply_adds`] of pairs of bfloat16, on AMX if there is.
///
/// # Panics
/// If the machine [has no](has_bf16) instruction for them.
#[cfg(target_arch = "x86_64")]
pub fn multiply_adds_bf16(rounds: usize) -> (u64, f32) {
    if amx::is_available(isa::current()) {
        return Tiles::take().multiply_adds(rounds);
    }
    isa::dispatch_bf16(PairsPeak { rounds })
}

/// [`multiply_adds`] of pairs of bfloat16.
///
/// # Panics
/// Always: no machine of this architecture [has](has_bf16) an instruction for them.
#[cfg(not(target_arch = "x86_64"))]
pub fn multiply_adds_bf16(_: usize) -> (u64, f32) {
    panic!("this machine has no AVX-512 BF16")
}

#[cfg(target_arch = "x86_64")]
struct PairsPeak {
    rounds: usize,
}

#[cfg(target_arch = "x86_64")]
impl Kernel for PairsPeak {
    type Output = (u64, f32);

    #[inline(always)]
    fn run(self) -> (u64, f32) {
        type V = <f32 as Vectors>::Avx512;
        let mut lanes = [0.0; 16];
        // SAFETY: as in `Peak`; `dispatch_bf16` has the instruction.
        unsafe {
            // Pairs of ones, each of which adds 2 to a sum.
            let unknown = |x: f32| V::splat(black_box(x));
            let ones = f32::from_bits(0x3F80_3F80);
            let (x, y) = (unknown(ones), unknown(ones));
            let mut sums = [x; CHAINS];
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = unknown(i as f32);
            }
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = Pairs.add(x, y, *sum);
                }
            }
            let total = sums.into_iter().reduce(|a, b| a.add(b)).expect("several");
            total.store(lanes.as_mut_ptr());
        }
        ((4 * self.rounds * CHAINS * V::LANES) as u64, lanes.iter().sum())
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

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn pairs_are_counted_and_done() {
        if !has_bf16() {
            return;
        }
        let (count, sum) = multiply_adds_bf16(1000);
        if amx::is_available(isa::current()) {
            // 16 × 16 elements of each of 4 tiles.
            assert_eq!(count, 2 * 1000 * 32 * 4 * 256);
            assert_eq!(sum, (1000 * 32 * 4 * 256) as f32);
            return;
        }
        assert_eq!(count as usize, 4 * 1000 * CHAINS * 16);
        let of_chains: usize = (0..CHAINS).map(|i| i + 2 * 1000).sum();
        assert_eq!(sum as usize, 16 * of_chains);
    }
}
