//! What the functions are held against: `f64`, whose own errors are below 10⁻⁶ units of an `f32`.

use elbo_tensor::kernels::math::Function;

/// The value of a function, from the standard library and the `libm` crate.
pub(crate) fn exact(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::ExpM1 => x.exp_m1(),
        Function::Ln => x.ln(),
        Function::Ln1p => x.ln_1p(),
        Function::Tanh => x.tanh(),
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p() + 0.0 * x.signum(),
        Function::Erf => libm::erf(x),
        Function::Gelu if x == f64::NEG_INFINITY => -0.0,
        Function::Gelu => x * 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Function::NormalCdf => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Function::Silu if x == f64::NEG_INFINITY => -0.0,
        Function::Silu => x / (1.0 + (-x).exp()),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Sqrt => x.sqrt(),
    }
}

/// The error that a function may have, in units in the last place.
pub(crate) fn bound(function: Function) -> f64 {
    match function {
        Function::Exp | Function::Ln => 2.0,
        Function::Sqrt => 0.5,
        _ => 4.0,
    }
}

/// The distance of y from the truth in units in the last place of the truth; infinite where only
/// one is NaN or a zero has the wrong sign. The next number after the largest counts as infinity.
pub(crate) fn error(y: f32, truth: f64) -> f64 {
    const END: f64 = 2.0 * (1u128 << 127) as f64;
    if y.is_nan() || truth.is_nan() {
        return if y.is_nan() && truth.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if y.is_sign_negative() != truth.is_sign_negative() {
        return f64::INFINITY;
    }
    let (y, truth) = (f64::from(y).clamp(-END, END), truth.clamp(-END, END));
    // The power of two below the truth, or the smallest normal number, with 23 digits behind it.
    let power = f64::from_bits(truth.abs().to_bits() & 0x7ff0_0000_0000_0000);
    let ulp = power.clamp(f64::from(f32::MIN_POSITIVE), END / 2.0) * f64::from(f32::EPSILON);
    (y - truth).abs() / ulp
}
