//! Sine and cosine: x = n π/2 + r with |r| ≤ π/4.
//!
//! Up to `MODERATE` the reduction is that of Cody and Waite: π/2 in three parts, each product fused
//! with its subtraction. Beyond, `reduce_huge` multiplies with as many bits of 2/π as count (Payne &
//! Hanek 1983); kernels go there for single elements, after their loop (`Shortcut::Numbers`).

use super::polynomial;
use crate::Real;

/// What belongs to a format.
pub trait Trigonometric: Sized + 'static {
    /// π/2 in three parts.
    const PI_2: [Self; 3];
    /// Up to here the three parts are exact enough.
    const MODERATE: Self;
    /// P in sin r = r + r³ P(r²).
    const SIN: &'static [Self];
    /// P in cos r = 1 - r²/2 + r⁴ P(r²).
    const COS: &'static [Self];
}

impl Trigonometric for f32 {
    const PI_2: [f32; 3] = [std::f32::consts::FRAC_PI_2, -4.371139e-8, -1.7151245e-15];
    const MODERATE: f32 = 1e5;
    const SIN: &'static [f32] = &[-0.16666664, 8.332703e-3, -1.9578444e-4];
    const COS: &'static [f32] = &[0.041666664, -1.3888258e-3, 2.4538474e-5];
}

impl Trigonometric for f64 {
    const PI_2: [f64; 3] =
        [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33];
    const MODERATE: f64 = 1e9;
    const SIN: &'static [f64] = &[
        -0.16666666666666663,
        8.333333333330467e-3,
        -1.9841269836043575e-4,
        2.7557315738586845e-6,
        -2.5051057394492127e-8,
        1.5912864224903485e-10,
    ];
    const COS: &'static [f64] = &[
        0.041666666666666664,
        -1.3888888888887096e-3,
        2.4801587298318395e-5,
        -2.755731704403567e-7,
        2.0876099692314926e-9,
        -1.1379338585298136e-11,
    ];
}

/// sin(n π/2 + r) for an integer n and |r| ≤ π/4.
#[inline(always)]
fn quadrant<T: Real>(n: T, r: T) -> T {
    let z = r * r;
    let sin = polynomial(T::SIN, z).mul_add(z * r, r);
    let cos = polynomial(T::COS, z).mul_add(z * z, z.mul_add(T::from_f64(-0.5), T::ONE));
    let y = if n.has_bit(0) { cos } else { sin };
    if n.has_bit(1) { -y } else { y }
}

#[inline(always)]
fn reduce_moderate<T: Real>(x: T) -> (T, T) {
    let n = x.mul_add(T::from_f64(std::f64::consts::FRAC_2_PI), T::ROUND) - T::ROUND;
    let r = n.mul_add(-T::PI_2[0], x);
    let r = n.mul_add(-T::PI_2[1], r);
    (n, n.mul_add(-T::PI_2[2], r))
}

/// sin x for |x| ≤ `MODERATE`.
#[inline(always)]
pub(crate) fn sin_moderate<T: Real>(x: T) -> T {
    let (n, r) = reduce_moderate(x);
    let y = quadrant(n, r);
    // The sign of a zero is lost on the way.
    if x == T::ZERO { x } else { y }
}

/// cos x for |x| ≤ `MODERATE`.
#[inline(always)]
pub(crate) fn cos_moderate<T: Real>(x: T) -> T {
    let (n, r) = reduce_moderate(x);
    quadrant(n + T::ONE, r)
}

/// Both, for |x| ≤ `MODERATE`.
#[inline(always)]
pub(crate) fn sin_cos<T: Real>(x: T) -> (T, T) {
    let (n, r) = reduce_moderate(x);
    (quadrant(n, r), quadrant(n + T::ONE, r))
}

/// Whether `sin_moderate` and `cos_moderate` are right for x.
#[inline(always)]
pub(crate) fn is_moderate<T: Real>(x: T) -> bool {
    x.abs() <= T::MODERATE
}

/// sin x
#[inline(always)]
pub(crate) fn sin<T: Real>(x: T) -> T {
    if is_moderate(x) { sin_moderate(x) } else { T::from_f64(huge(x.to_f64(), 0.0)) }
}

/// cos x
#[inline(always)]
pub(crate) fn cos<T: Real>(x: T) -> T {
    if is_moderate(x) { cos_moderate(x) } else { T::from_f64(huge(x.to_f64(), 1.0)) }
}

/// sin(x + quarters π/2), by way of `f64`.
#[cold]
fn huge(x: f64, quarters: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (n, r) = reduce_huge(x.abs());
    match x < 0.0 {
        true => quadrant(quarters - n, -r),
        false => quadrant(quarters + n, r),
    }
}

/// The bits of 2/π behind the point, after 64 zeros.
const TWO_OVER_PI: [u64; 20] = [
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
];

/// (n mod 4, r) of a finite x ≥ 2¹⁵.
///
/// With x = m 2ᵉ, bits of 2/π of weight 2^(2-e) and more make multiples of four quarters. The 192
/// bits from weight 2^(1-e) on, times m, leave n mod 4 in the two highest bits of 192, and r / (π/2)
/// below.
fn reduce_huge(x: f64) -> (f64, f64) {
    let m = x.to_bits() & ((1 << 52) - 1) | 1 << 52;
    let e = (x.to_bits() >> 52) as i32 - 1075;
    let first = (e - 2 + 64) as usize;
    let (word, shift) = (first / 64, first % 64);
    let window = |i: usize| {
        let pair = u128::from(TWO_OVER_PI[word + i]) << 64
            | u128::from(TWO_OVER_PI.get(word + i + 1).copied().unwrap_or(0));
        (pair << shift >> 64) as u64
    };
    let low = u128::from(window(2)) * u128::from(m);
    let middle = u128::from(window(1)) * u128::from(m) + (low >> 64);
    let high = u128::from(window(0).wrapping_mul(m)) + (middle >> 64);
    // The upper 128 of the 192 bits, the point behind the second: 2⁻¹²⁶ is their unit.
    let product = high << 64 | middle & u128::from(u64::MAX);
    let n = (product >> 125).div_ceil(2) % 4;
    let fraction = product.wrapping_sub(n << 126) as i128;
    let unit = 1.0 / (1u128 << 126) as f64;
    (n as f64, fraction as f64 * unit * std::f64::consts::FRAC_PI_2)
}
