//! Vectors by name: a handful of instructions, behind one trait.
//!
//! Arrays that the compiler turns into vectors serve most kernels. In products of matrices and
//! convolutions whether the sums stay in registers decides everything, and in pooling the compiler
//! does not see that pairs can be taken apart in registers: there the instructions are named.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use crate::Real;

/// The lanes of the widest vector.
pub(crate) const MOST_LANES: usize = 16;

/// Several numbers in one register.
///
/// # Safety
/// All functions may only be called inline in code that is compiled for the vector's instruction
/// set, on a machine that has it; pointers must be good for [`Vector::LANES`] numbers.
pub trait Vector<T>: Copy {
    /// How many numbers.
    const LANES: usize;
    /// The rows and the vectors of the largest tile whose sums, with a row of B and a number of A,
    /// fit the registers: 32 on AVX-512, and 16 of which compilers need one for themselves.
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
    /// Writes the numbers that are not 0 in a row, and where they were, counted from `first`; how
    /// many. What is written behind them has no meaning.
    ///
    /// # Safety
    /// See the trait, for both pointers.
    #[inline(always)]
    unsafe fn non_zeros(self, first: u32, positions: *mut u32, values: *mut T) -> usize
    where
        T: Real,
    {
        let mut line = [T::ZERO; MOST_LANES];
        let mut count = 0;
        // SAFETY: the line has room for all lanes, and the caller's pointers are good for as many.
        unsafe {
            self.store(line.as_mut_ptr());
            for (lane, &x) in line[..Self::LANES].iter().enumerate() {
                // Written in any case, and kept if it is not 0: no branch to guess.
                *positions.add(count) = first + lane as u32;
                *values.add(count) = x;
                count += usize::from(x != T::ZERO);
            }
        }
        count
    }
}

/// A square of lanes × lanes, of which the first `rows` rows exist and the others are zeros.
///
/// Interleaving row i with row i + lanes / 2 for all i moves one bit of the row's number into the
/// lane's; after log₂ lanes rounds the two have changed places.
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
    // SAFETY: rows below `rows` are read and rows below `LANES` written, as the caller promises.
    unsafe {
        let mut x = [V::splat(T::ZERO); MOST_LANES];
        for (i, x) in x[..V::LANES].iter_mut().enumerate() {
            if i < rows {
                *x = V::load(from.add(i * step));
            }
        }
        for _ in 0..V::LANES.ilog2() {
            let old = x;
            for i in 0..V::LANES / 2 {
                (x[2 * i], x[2 * i + 1]) = old[i].interleave(old[i + V::LANES / 2]);
            }
        }
        for (i, x) in x[..V::LANES].iter().enumerate() {
            x.store(to.add(i * to_step));
        }
    }
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

macro_rules! portable {
    ($type:ty, $lanes:literal) => {
        impl Vector<$type> for [$type; $lanes] {
            const LANES: usize = $lanes;
            const TILE: (usize, usize) = (4, 2);
            #[inline(always)]
            unsafe fn splat(x: $type) -> Self {
                [x; $lanes]
            }
            #[inline(always)]
            unsafe fn load(from: *const $type) -> Self {
                // SAFETY: the caller's pointer is good for this many numbers.
                unsafe { from.cast::<Self>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $type) {
                // SAFETY: the caller's pointer is good for this many numbers.
                unsafe { to.cast::<Self>().write_unaligned(self) }
            }
            type Lanes = ();
            const LEAVES_OUT: bool = false;
            #[inline(always)]
            unsafe fn first(_: usize) {}
            #[inline(always)]
            unsafe fn load_first(from: *const $type, (): ()) -> Self {
                // SAFETY: the caller's pointer is good for all lanes.
                unsafe { Self::load(from) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                std::array::from_fn(|i| self[i] + other[i])
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                std::array::from_fn(|i| self[i] * other[i])
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                self.map(|x| if x < 0.0 { 0.0 } else { x })
            }
            #[inline(always)]
            unsafe fn where_positive(self, mask: Self) -> Self {
                std::array::from_fn(|i| if mask[i] > 0.0 { self[i] } else { 0.0 })
            }
            #[inline(always)]
            unsafe fn mul_add(self, x: Self, sum: Self) -> Self {
                std::array::from_fn(|i| self[i].mul_add(x[i], sum[i]))
            }
            #[inline(always)]
            unsafe fn interleave(self, other: Self) -> (Self, Self) {
                let at = |i: usize| if i % 2 == 0 { self[i / 2] } else { other[i / 2] };
                (std::array::from_fn(at), std::array::from_fn(|i| at(i + $lanes)))
            }
            #[inline(always)]
            unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
                let at = |i: usize| if i < $lanes { self[i] } else { other[i - $lanes] };
                (std::array::from_fn(|i| at(2 * i)), std::array::from_fn(|i| at(2 * i + 1)))
            }
            #[inline(always)]
            unsafe fn if_larger(self, other: Self, yes: Self, no: Self) -> Self {
                let replaces = |i: usize| self[i] > other[i] || self[i].is_nan();
                std::array::from_fn(|i| if replaces(i) { yes[i] } else { no[i] })
            }
        }
    };
}

portable!(f32, 4);
portable!(f64, 2);

#[cfg(target_arch = "x86_64")]
macro_rules! x86 {
    (
        $vector:ty, $type:ty, $lanes:literal, $tile:tt, $splat:ident, $load:ident,
        $store:ident, $add:ident, $mul:ident, $mul_add:ident, $zero:ident, $max:ident,
        |$x:ident, $mask_of:ident| $where_positive:expr,
        |$a:ident, $b:ident| $interleave:expr, $deinterleave:expr,
        |$larger:ident, $other:ident, $yes:ident, $no:ident| $if_larger:expr
        $(; $no_mask:tt)?
        $(
            , $mask:ty, $load_part:ident, $store_part:ident,
            $half:ident, $half_mul_add:ident, $whole:ident,
            |$numbers:ident, $first:ident, $positions:ident, $values:ident| $non_zeros:expr
        )?
    ) => {
        impl Vector<$type> for $vector {
            const LANES: usize = $lanes;
            const TILE: (usize, usize) = $tile;
            #[inline(always)]
            unsafe fn splat(x: $type) -> Self {
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $type) -> Self {
                // SAFETY: as above, and the caller's pointer is good for this many numbers.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $type) {
                // SAFETY: as above, and the caller's pointer is good for this many numbers.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                // The second operand is what a comparison with NaN, or of two zeros, gives.
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $max($zero(), self) }
            }
            #[inline(always)]
            unsafe fn where_positive(self, mask: Self) -> Self {
                let ($x, $mask_of) = (self, mask);
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $where_positive }
            }
            #[inline(always)]
            unsafe fn mul_add(self, x: Self, sum: Self) -> Self {
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $mul_add(self, x, sum) }
            }
            #[inline(always)]
            unsafe fn interleave(self, other: Self) -> (Self, Self) {
                let ($a, $b) = (self, other);
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $interleave }
            }
            #[inline(always)]
            unsafe fn deinterleave(self, other: Self) -> (Self, Self) {
                let ($a, $b) = (self, other);
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $deinterleave }
            }
            #[inline(always)]
            unsafe fn if_larger(self, other: Self, yes: Self, no: Self) -> Self {
                let ($larger, $other, $yes, $no) = (self, other, yes, no);
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { $if_larger }
            }
            $(
                type Lanes = $no_mask;
                const LEAVES_OUT: bool = false;
                #[inline(always)]
                unsafe fn first(_: usize) {}
                #[inline(always)]
                unsafe fn load_first(from: *const $type, (): ()) -> Self {
                    // SAFETY: as above, and the caller's pointer is good for all lanes.
                    unsafe { $load(from) }
                }
            )?
            $(
                const HALVES: bool = true;
                #[inline(always)]
                unsafe fn mul_add_half(self, x: Self, sum: Self) -> Self {
                    // SAFETY: the caller runs on a machine with this instruction set.
                    unsafe { $whole($half_mul_add($half(self), $half(x), $half(sum))) }
                }
                type Lanes = $mask;
                const LEAVES_OUT: bool = true;
                #[inline(always)]
                unsafe fn first(count: usize) -> $mask {
                    ((1u32 << count) - 1) as $mask
                }
                #[inline(always)]
                unsafe fn load_first(from: *const $type, lanes: $mask) -> Self {
                    // SAFETY: as above; lanes that the mask leaves out are not read.
                    unsafe { $load_part(lanes, from) }
                }
                #[inline(always)]
                unsafe fn load_part(from: *const $type, count: usize) -> Self {
                    // SAFETY: as above; lanes that the mask leaves out are not read.
                    unsafe { $load_part(((1u32 << count) - 1) as $mask, from) }
                }
                #[inline(always)]
                unsafe fn store_part(self, to: *mut $type, count: usize) {
                    // SAFETY: as above; lanes that the mask leaves out are not written.
                    unsafe { $store_part(to, ((1u32 << count) - 1) as $mask, self) }
                }
                #[inline(always)]
                unsafe fn non_zeros(
                    self,
                    $first: u32,
                    $positions: *mut u32,
                    $values: *mut $type,
                ) -> usize {
                    let $numbers = self;
                    // SAFETY: as above, and the caller's pointers are good for all lanes.
                    let kept: $mask = unsafe { $non_zeros };
                    kept.count_ones() as usize
                }
            )?
        }
    };
}

#[cfg(target_arch = "x86_64")]
x86!(
    __m512,
    f32,
    16,
    (8, 3),
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_setzero_ps,
    _mm512_max_ps,
    |x, mask| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(mask, _mm512_setzero_ps()), x),
    |a, b| {
        let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
        (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
    },
    {
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
        (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
    },
    |x, other, yes, no| {
        let larger = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, other);
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_mask_mov_ps(no, larger | nan, yes)
    },
    __mmask16,
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    _mm512_castps512_ps256,
    _mm256_fmadd_ps,
    _mm512_zextps256_ps512,
    |x, first, positions, values| {
        let kept = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let at = _mm512_add_epi32(_mm512_set1_epi32(first as i32), lanes);
        _mm512_storeu_si512(positions.cast(), _mm512_maskz_compress_epi32(kept, at));
        _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, x));
        kept
    }
);

#[cfg(target_arch = "x86_64")]
x86!(
    __m512d,
    f64,
    8,
    (8, 3),
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_setzero_pd,
    _mm512_max_pd,
    |x, mask| _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(mask, _mm512_setzero_pd()), x),
    |a, b| {
        let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        let high = _mm512_add_epi64(low, _mm512_set1_epi64(4));
        (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
    },
    {
        let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
        let odd = _mm512_add_epi64(even, _mm512_set1_epi64(1));
        (_mm512_permutex2var_pd(a, even, b), _mm512_permutex2var_pd(a, odd, b))
    },
    |x, other, yes, no| {
        let larger = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, other);
        let nan = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_mask_mov_pd(no, larger | nan, yes)
    },
    __mmask8,
    _mm512_maskz_loadu_pd,
    _mm512_mask_storeu_pd,
    _mm512_castpd512_pd256,
    _mm256_fmadd_pd,
    _mm512_zextpd256_pd512,
    |x, first, positions, values| {
        let kept = _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_pd());
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let at = _mm256_add_epi32(_mm256_set1_epi32(first as i32), lanes);
        _mm256_storeu_si256(positions.cast(), _mm256_maskz_compress_epi32(kept, at));
        _mm512_storeu_pd(values, _mm512_maskz_compress_pd(kept, x));
        kept
    }
);

#[cfg(target_arch = "x86_64")]
x86!(
    __m256,
    f32,
    8,
    (6, 2),
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_setzero_ps,
    _mm256_max_ps,
    |x, mask| _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(mask, _mm256_setzero_ps()), x),
    |a, b| {
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    },
    {
        // Pairs are in order of halves, 0 2 1 3, after the shuffle.
        let in_order = |x| _mm256_castpd_ps(_mm256_permute4x64_pd::<0xD8>(_mm256_castps_pd(x)));
        let (even, odd) = (_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xDD>(a, b));
        (in_order(even), in_order(odd))
    },
    |x, other, yes, no| {
        let larger = _mm256_cmp_ps::<_CMP_GT_OQ>(x, other);
        let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x);
        _mm256_blendv_ps(no, yes, _mm256_or_ps(larger, nan))
    };
    ()
);

#[cfg(target_arch = "x86_64")]
x86!(
    __m256d,
    f64,
    4,
    (6, 2),
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_setzero_pd,
    _mm256_max_pd,
    |x, mask| _mm256_and_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(mask, _mm256_setzero_pd()), x),
    |a, b| {
        let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        (_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high))
    },
    {
        let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        (_mm256_permute4x64_pd::<0xD8>(even), _mm256_permute4x64_pd::<0xD8>(odd))
    },
    |x, other, yes, no| {
        let larger = _mm256_cmp_pd::<_CMP_GT_OQ>(x, other);
        let nan = _mm256_cmp_pd::<_CMP_UNORD_Q>(x, x);
        _mm256_blendv_pd(no, yes, _mm256_or_pd(larger, nan))
    };
    ()
);
