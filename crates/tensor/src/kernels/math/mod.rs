//! Functions of one `f32` that the compiler can turn into vector code: no branches, no tables.
//!
//! Each is accurate to a few units in the last place; the tests state the bound and compare with
//! `f64` over the whole range.

mod function;

pub use function::{Function, map};

use std::f32::consts::LOG2_E;

/// ln 2 in two parts; the first has few enough digits that its product with an exponent is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// Adding and subtracting 1.5 · 2²³ rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;

/// 2ⁿ for n in -127..=127 (0 at -127).
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2, eʳ by its Taylor polynomial of degree 7.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these ends the result is 0 or infinite. NaN fails both comparisons and passes through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x.mul_add(LOG2_E, ROUND);
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let exponent = rounded - ROUND;
    let r = exponent.mul_add(-LN2_HIGH, x);
    let r = exponent.mul_add(-LN2_LOW, r);
    let p = 1.0f32 / 5040.0;
    let p = p.mul_add(r, 1.0 / 720.0);
    let p = p.mul_add(r, 1.0 / 120.0);
    let p = p.mul_add(r, 1.0 / 24.0);
    let p = p.mul_add(r, 1.0 / 6.0);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r, 1.0);
    let p = p.mul_add(r, 1.0);
    // In two steps, since n reaches from -150 to 128.
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// eˣ - 1 = (u - 1) x / ln u with u = eˣ: the errors of u cancel (Higham 2002, section 1.14.1).
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let u = exp(x);
    let less = u - 1.0;
    // Divided first: the product may overflow.
    let y = less * (x / ln(u));
    let y = if u == 1.0 { x } else { y };
    let y = if less == -1.0 { -1.0 } else { y };
    if u == f32::INFINITY { u } else { y }
}

/// ln x = e ln 2 + ln m with m in [√½, √2), the second by a polynomial in m - 1 (Cephes, `logf`).
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let scaled = if denormal { x * 8_388_608.0 } else { x };
    // Subtracting the bits of √½ puts the boundary between exponents there.
    let bits = scaled.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32) >> 23;
    let m = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3) - 1.0;
    let exponent = exponent as f32 - if denormal { 23.0 } else { 0.0 };
    let p = 7.037_683_6e-2_f32;
    let p = p.mul_add(m, -1.151_461e-1);
    let p = p.mul_add(m, 1.167_699_9e-1);
    let p = p.mul_add(m, -1.242_014_1e-1);
    let p = p.mul_add(m, 1.424_932_3e-1);
    let p = p.mul_add(m, -1.666_805_8e-1);
    let p = p.mul_add(m, 2.000_071_5e-1);
    let p = p.mul_add(m, -2.499_999_4e-1);
    let p = p.mul_add(m, 3.333_333e-1);
    let square = m * m;
    let y = p * m * square;
    let y = exponent.mul_add(LN2_LOW, y);
    let y = square.mul_add(-0.5, y);
    let y = exponent.mul_add(LN2_HIGH, m + y);
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    // True for negative numbers and for NaN.
    if x >= 0.0 { y } else { f32::NAN }
}

/// ln(1 + x) = ln u + (x - (u - 1)) / u with u = 1 + x: the second term is what rounding u lost.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    let lost = if lost.abs() < 1.0 { lost } else { 0.0 };
    ln(u) + lost
}

/// tanh |x| = -t / (t + 2) with t = e^(-2|x|) - 1 near 0, and 1 - 2 / (e^(2|x|) + 1) elsewhere.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let t = exp_m1(-2.0 * x.abs());
    let near = -t / (t + 2.0);
    let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    let y = if x.abs() < 0.4 { near } else { far };
    y.copysign(x)
}

#[cfg(test)]
mod tests {
    /// The error of `f` in units in the last place of the exact value, over every 509th float.
    fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        for bits in (0..=u32::MAX).step_by(509) {
            let x = f32::from_bits(bits);
            let (y, truth) = (f(x), exact(f64::from(x)));
            let nearest = truth as f32;
            if nearest.is_nan() || nearest.is_infinite() || nearest == 0.0 {
                let same = y == nearest || (y.is_nan() && nearest.is_nan());
                // The border of overflow and underflow belongs to both neighbours.
                let near = y.abs() > 3.4e38 || y.abs() < 2e-45;
                assert!(same || near, "{x:e}: {y:e} instead of {nearest:e}");
                continue;
            }
            let ulp =
                f64::from(f32::from_bits((nearest.abs().to_bits() & 0x7f80_0000).max(1 << 23)));
            let error = (f64::from(y) - truth).abs() / (ulp * f64::from(f32::EPSILON));
            if error.is_nan() || error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    #[test]
    fn every_function_stays_within_its_bound() {
        type Case = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f64);
        let cases: [Case; 5] = [
            ("exp", super::exp, f64::exp, 2.0),
            ("ln", super::ln, f64::ln, 2.0),
            ("exp_m1", super::exp_m1, f64::exp_m1, 4.0),
            ("ln_1p", super::ln_1p, f64::ln_1p, 4.0),
            ("tanh", super::tanh, f64::tanh, 4.0),
        ];
        for (name, f, exact, bound) in cases {
            let (error, x) = worst(f, exact);
            println!("{name}: {error:.2} ulp at {x:e}");
            assert!(error <= bound, "{name}: {error} ulp at {x:e}, allowed {bound}");
        }
    }
}
