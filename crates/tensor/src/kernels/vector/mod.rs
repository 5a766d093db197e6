//! Vectors by name: a handful of instructions, behind one trait.
//!
//! Arrays that the compiler turns into vectors serve most kernels. In products of matrices and
//! convolutions whether the sums stay in registers decides everything, and in pooling the compiler
//! does not see that pairs can be taken apart in registers: there the instructions are named.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

use super::isa::Set;
use crate::Real;

/// The lanes of the widest vector.
pub(crate) const MOST_LANES: usize = 16;

/// The bytes of a *group*: numbers next to each other that the fastest instructions move about among themselves only.
pub(crate) const GROUP: usize = 16;

/// The groups of the widest vector.
pub(crate) const MOST_GROUPS: usize = 4;

/// Several numbers in one register.
///
/// # Safety
/// All functions may only be called inline in code that is compiled for the vector's instruction
/// set, on a machine that has it; pointers must be good for [`Vector::LANES`] numbers.
pub trait Vector<T>: Copy {
    /// How many numbers.
    const LANES: usize;
    /// The rows and the vectors of the largest tile whose sums, with a row of B and a number of A,
    /// fit the registers: 32 on AVX-512, and 16 elsewhere. (6, 2) would be 15 of these 16, but compilers then keep one
    /// sum in memory, and products take twice as long on AVX2; 8 sums are as many as two multiply-adds a cycle need.
    const TILE: (usize, usize);
    /// The same number in all lanes.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn splat(x: T) -> Self;
    /// Numbers in a row.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn load(from: *const T) -> Self;
    /// Writes numbers in a row.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn store(self, to: *mut T);
    /// [`store`](Vector::store), without reading the cache line before and without keeping it, where the set can. Other threads may not see it
    /// before `wait_for_stores`.
    ///
    /// # Safety
    /// See the trait; here the pointer is at the beginning of as many bytes as a vector has.
    #[inline(always)]
    unsafe fn store_past_caches(self, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { self.store(to) }
    }
    /// The first `count` numbers in a row, fewer than the lanes; zeros behind them.
    ///
    /// # Safety
    /// See the trait; here the pointer is good for `count` numbers.
    #[inline(always)]
    unsafe fn load_part(from: *const T, count: usize) -> Self
    where
        T: Real,
    {
        let mut line = [T::ZERO; MOST_LANES];
        // SAFETY: the caller's pointer is good for `count` numbers, and the line for all lanes.
        unsafe {
            line[..count].copy_from_slice(std::slice::from_raw_parts(from, count));
            Self::load(line.as_ptr())
        }
    }
    /// Writes the first `count` numbers, fewer than the lanes, in a row.
    ///
    /// # Safety
    /// See the trait; here the pointer is good for `count` numbers.
    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, count: usize)
    where
        T: Real,
    {
        let mut line = [T::ZERO; MOST_LANES];
        // SAFETY: the caller's pointer is good for `count` numbers, and the line for all lanes.
        unsafe {
            self.store(line.as_mut_ptr());
            std::ptr::copy_nonoverlapping(line[..count].as_ptr(), to, count);
        }
    }
    /// [`load`](Vector::load), or [`load_part`](Vector::load_part) if `count` is below the lanes.
    ///
    /// # Safety
    /// See the trait; here the pointer is good for `count` numbers.
    #[inline(always)]
    unsafe fn load_up_to(from: *const T, count: usize) -> Self
    where
        T: Real,
    {
        // SAFETY: the caller's promise.
        unsafe { if count < Self::LANES { Self::load_part(from, count) } else { Self::load(from) } }
    }
    /// [`store`](Vector::store), or [`store_part`](Vector::store_part) if `count` is below the lanes.
    ///
    /// # Safety
    /// See the trait; here the pointer is good for `count` numbers.
    #[inline(always)]
    unsafe fn store_up_to(self, to: *mut T, count: usize)
    where
        T: Real,
    {
        // SAFETY: the caller's promise.
        unsafe { if count < Self::LANES { self.store_part(to, count) } else { self.store(to) } }
    }
    /// The instruction set.
    type Set: Set;
    /// Names some of the lanes; of no size where [`load_first`](Vector::load_first) knows none.
    type Lanes: Copy;
    /// Whether [`load_first`](Vector::load_first) leaves out what lies behind `count` numbers, at no cost.
    const LEAVES_OUT: bool;
    /// The first `count` lanes.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn first(count: usize) -> Self::Lanes;
    /// The numbers of these lanes, and zeros; all of them if the set cannot [leave out](Vector::LEAVES_OUT) any.
    ///
    /// # Safety
    /// See the trait; here the pointer is good for what is read.
    unsafe fn load_first(from: *const T, lanes: Self::Lanes) -> Self;
    /// self + other
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add(self, other: Self) -> Self;
    /// self · other
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mul(self, other: Self) -> Self;
    /// 0 in place of negative numbers; NaN stays.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn relu(self) -> Self;
    /// 0 where `mask` is not positive.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn where_positive(self, mask: Self) -> Self;
    /// self · x + sum, rounded once.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mul_add(self, x: Self, sum: Self) -> Self;
    /// Whether [`mul_add_half`](Vector::mul_add_half) may cost less than [`mul_add`](Vector::mul_add).
    const HALVES: bool = false;
    /// [`mul_add`](Vector::mul_add) in the first half of the lanes; what the others hold has no meaning.
    ///
    /// # Safety
    /// See the trait.
    #[inline(always)]
    unsafe fn mul_add_half(self, x: Self, sum: Self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { self.mul_add(x, sum) }
    }
    /// a₀ b₀ a₁ b₁ …: the first and the second half.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn interleave(self, other: Self) -> (Self, Self);
    /// A vector of these groups of numbers; those that it has no lanes for are not read.
    ///
    /// # Safety
    /// See the trait; here each pointer that is read is good for a group.
    unsafe fn groups(from: [*const T; MOST_GROUPS]) -> Self;
    /// [`interleave`](Vector::interleave) in each group: the first halves, and the second ones.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn interleave_groups(self, other: Self) -> (Self, Self);
    /// What [`interleave`](Vector::interleave) undoes: of the numbers of both in a row, those in even
    /// places and those in odd ones.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn deinterleave(self, other: Self) -> (Self, Self);
    /// `yes` where self is larger than `other` or NaN, `no` elsewhere.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn if_larger(self, other: Self, yes: Self, no: Self) -> Self;
    /// Which lanes are not 0, the first in the lowest bit.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn non_zeros(self) -> u32;
}

/// A square of lanes × lanes, of which the first `rows` rows exist and the others are zeros.
///
/// # Safety
/// Call it inline in code for V's instruction set. `from` is good for `rows` vectors, `step` apart,
/// and `to` for lanes vectors, `to_step` apart.
#[inline(always)]
pub(crate) unsafe fn transpose<T: Real, V: Vector<T>>(
    from: *const T,
    step: usize,
    rows: usize,
    to: *mut T,
    to_step: usize,
) {
    // SAFETY: the caller's promises.
    unsafe {
        match rows == V::LANES {
            true => transpose_rows::<T, V, true>(from, step, rows, to, to_step),
            false => transpose_rows::<T, V, false>(from, step, rows, to, to_step),
        }
    }
}

/// [`transpose`], where `ALL` says whether all rows exist.
///
/// Group g of a vector that is written holds rows g · n to (g + 1) · n, n being the numbers of a group. So the groups are taken
/// from where these rows are, which is as fast as to read vectors, and transposed in registers, group by group: 32 instructions
/// for 16 × 16 numbers, where moving them across whole vectors takes 64. On Zen 4 that is 14 ns instead of 24.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn transpose_rows<T: Real, V: Vector<T>, const ALL: bool>(
    from: *const T,
    step: usize,
    rows: usize,
    to: *mut T,
    to_step: usize,
) {
    let zeros = [T::ZERO; MOST_LANES];
    let group = GROUP / size_of::<T>();
    let start = |row: usize, column: usize| match ALL || row < rows {
        true => from.wrapping_add(row * step + column),
        false => zeros.as_ptr(),
    };
    for column in (0..V::LANES).step_by(group) {
        // SAFETY: groups begin at columns below the lanes of rows below `rows`, or are zeros; rows below the lanes are written.
        unsafe {
            let mut x = [V::splat(T::ZERO); MOST_LANES];
            for (i, x) in x[..group].iter_mut().enumerate() {
                *x = V::groups(std::array::from_fn(|g| start(g * group + i, column)));
            }
            for (i, x) in riffled::<T, V, true>(x, group)[..group].iter().enumerate() {
                x.store(to.add((column + i) * to_step));
            }
        }
    }
}

/// R rows of a vector, a power of 2, column by column.
///
/// # Safety
/// Call it inline in code for V's instruction set. `from` is good for R vectors, `step` apart, and `to` for as many, one
/// after the other.
#[inline(always)]
pub(crate) unsafe fn interleave<T: Real, V: Vector<T>, const R: usize>(
    from: *const T,
    step: usize,
    to: *mut T,
) {
    const { assert!(R.is_power_of_two() && R <= MOST_LANES) }
    // SAFETY: rows below R are read and vectors below R written, as the caller promises.
    unsafe {
        let mut x = [V::splat(T::ZERO); MOST_LANES];
        for (i, x) in x[..R].iter_mut().enumerate() {
            *x = V::load(from.add(i * step));
        }
        for (i, x) in riffled::<T, V, false>(x, R)[..R].iter().enumerate() {
            x.store(to.add(i * V::LANES));
        }
    }
}

/// So many rows, a power of 2, of which the numbers of each column follow each other; in each group, if `IN_GROUPS`, which have as
/// many numbers as there are rows.
///
/// Interleaving row i with row i + rows / 2 for all i moves the highest bit of a number's place, which is row × lanes + lane, behind
/// the lowest; after log₂ rows rounds the row's number is behind the lane's.
///
/// # Safety
/// Call it inline in code for V's instruction set.
#[inline(always)]
pub(crate) unsafe fn riffled<T: Real, V: Vector<T>, const IN_GROUPS: bool>(
    mut x: [V; MOST_LANES],
    rows: usize,
) -> [V; MOST_LANES] {
    for _ in 0..rows.ilog2() {
        let old = x;
        for i in 0..rows / 2 {
            let (a, b) = (old[i], old[i + rows / 2]);
            // SAFETY: the caller's promise.
            (x[2 * i], x[2 * i + 1]) =
                unsafe { if IN_GROUPS { a.interleave_groups(b) } else { a.interleave(b) } };
        }
    }
    x
}

/// The vectors of each instruction set.
pub trait Vectors: Sized {
    /// For [`super::isa::Isa::Avx512`].
    type Avx512: Vector<Self>;
    /// For [`super::isa::Isa::Avx2`].
    type Avx2: Vector<Self>;
    /// For [`super::isa::Isa::Portable`].
    type Portable: Vector<Self>;
}

#[cfg(target_arch = "x86_64")]
impl Vectors for f32 {
    type Avx512 = __m512;
    type Avx2 = __m256;
    type Portable = [f32; 4];
}

#[cfg(target_arch = "x86_64")]
impl Vectors for f64 {
    type Avx512 = __m512d;
    type Avx2 = __m256d;
    type Portable = [f64; 2];
}

#[cfg(not(target_arch = "x86_64"))]
impl Vectors for f32 {
    type Avx512 = [f32; 4];
    type Avx2 = [f32; 4];
    type Portable = [f32; 4];
}

#[cfg(not(target_arch = "x86_64"))]
impl Vectors for f64 {
    type Avx512 = [f64; 2];
    type Avx2 = [f64; 2];
    type Portable = [f64; 2];
}
/// Waits until other threads see what was [written past the caches](Vector::store_past_caches).
#[inline(always)]
pub(super) fn wait_for_stores() {
    // SAFETY: every x86-64 has the instruction.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
