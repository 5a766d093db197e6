//! Vectors of AVX-512, and of AVX2 with FMA.

use std::arch::x86_64::*;

use super::super::isa;
use super::{MOST_GROUPS, Vector};

macro_rules! x86 {
    (
        $vector:ty, $type:ty, $lanes:literal, $tile:tt, $splat:ident, $load:ident,
        $store:ident, $add:ident, $mul:ident, $mul_add:ident, $zero:ident, $max:ident,
        |$x:ident, $mask_of:ident| $where_positive:expr,
        |$a:ident, $b:ident| $interleave:expr, $deinterleave:expr,
        |$group:ident| $groups:expr, $interleave_low:ident, $interleave_high:ident,
        |$larger:ident, $other:ident, $yes:ident, $no:ident| $if_larger:expr,
        |$numbers:ident| $non_zeros:expr
        $(; $no_mask:tt)?
        $(
            , $mask:ty, $load_part:ident, $store_part:ident,
            $half:ident, $half_mul_add:ident, $whole:ident, $stream:ident
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
            unsafe fn groups(from: [*const $type; MOST_GROUPS]) -> Self {
                let $group = from;
                // SAFETY: as above, and the caller's pointers are good for a group each.
                unsafe { $groups }
            }
            #[inline(always)]
            unsafe fn interleave_groups(self, other: Self) -> (Self, Self) {
                // SAFETY: the caller runs on a machine with this instruction set.
                unsafe { ($interleave_low(self, other), $interleave_high(self, other)) }
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
            #[inline(always)]
            unsafe fn non_zeros(self) -> u32 {
                let $numbers = self;
                // SAFETY: as above.
                unsafe { $non_zeros as u32 }
            }
            $(
                type Set = isa::Avx2;
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
                #[inline(always)]
                unsafe fn store_past_caches(self, to: *mut $type) {
                    // SAFETY: as above, and the caller's pointer is good for this many numbers and at the beginning of a line.
                    unsafe { $stream(to, self) }
                }
                type Set = isa::Avx512;
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
            )?
        }
    };
}

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
    |group| {
        // By halves, as half a vector is written in half the time on Zen 4.
        let low = _mm256_castps128_ps256(_mm_loadu_ps(group[0]));
        let low = _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(group[1]));
        let high = _mm256_castps128_ps256(_mm_loadu_ps(group[2]));
        let high = _mm256_insertf128_ps::<1>(high, _mm_loadu_ps(group[3]));
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
    },
    _mm512_unpacklo_ps,
    _mm512_unpackhi_ps,
    |x, other, yes, no| {
        let larger = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, other);
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_mask_mov_ps(no, larger | nan, yes)
    },
    |x| _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps()),
    __mmask16,
    _mm512_maskz_loadu_ps,
    _mm512_mask_storeu_ps,
    _mm512_castps512_ps256,
    _mm256_fmadd_ps,
    _mm512_zextps256_ps512,
    _mm512_stream_ps
);

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
    |group| {
        let low = _mm256_castpd128_pd256(_mm_loadu_pd(group[0]));
        let low = _mm256_insertf128_pd::<1>(low, _mm_loadu_pd(group[1]));
        let high = _mm256_castpd128_pd256(_mm_loadu_pd(group[2]));
        let high = _mm256_insertf128_pd::<1>(high, _mm_loadu_pd(group[3]));
        _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high)
    },
    _mm512_unpacklo_pd,
    _mm512_unpackhi_pd,
    |x, other, yes, no| {
        let larger = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, other);
        let nan = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_mask_mov_pd(no, larger | nan, yes)
    },
    |x| _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_pd()),
    __mmask8,
    _mm512_maskz_loadu_pd,
    _mm512_mask_storeu_pd,
    _mm512_castpd512_pd256,
    _mm256_fmadd_pd,
    _mm512_zextpd256_pd512,
    _mm512_stream_pd
);

x86!(
    __m256,
    f32,
    8,
    (4, 2),
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
    |group| {
        let x = _mm256_castps128_ps256(_mm_loadu_ps(group[0]));
        _mm256_insertf128_ps::<1>(x, _mm_loadu_ps(group[1]))
    },
    _mm256_unpacklo_ps,
    _mm256_unpackhi_ps,
    |x, other, yes, no| {
        let larger = _mm256_cmp_ps::<_CMP_GT_OQ>(x, other);
        let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x);
        _mm256_blendv_ps(no, yes, _mm256_or_ps(larger, nan))
    },
    |x| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(x, _mm256_setzero_ps()));
    ()
);

x86!(
    __m256d,
    f64,
    4,
    (4, 2),
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
    |group| {
        let x = _mm256_castpd128_pd256(_mm_loadu_pd(group[0]));
        _mm256_insertf128_pd::<1>(x, _mm_loadu_pd(group[1]))
    },
    _mm256_unpacklo_pd,
    _mm256_unpackhi_pd,
    |x, other, yes, no| {
        let larger = _mm256_cmp_pd::<_CMP_GT_OQ>(x, other);
        let nan = _mm256_cmp_pd::<_CMP_UNORD_Q>(x, x);
        _mm256_blendv_pd(no, yes, _mm256_or_pd(larger, nan))
    },
    |x| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(x, _mm256_setzero_pd()));
    ()
);
