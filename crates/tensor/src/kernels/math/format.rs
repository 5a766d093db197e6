//! What the algorithms need to know of a binary format: its exponents, and how integers are rounded.

/// A binary floating-point format, `f32` or `f64`.
pub trait Format: Sized {
    /// Digits behind the point of a number in [1, 2).
    const DIGITS: Self;
    /// The largest exponent of a finite number.
    const EXPONENT_MAX: Self;
    /// Adding and subtracting 1.5 · 2^DIGITS rounds to an integer, which then stands in the low bits.
    const ROUND: Self;

    /// |self| with the sign of another number.
    fn with_sign_of(self, sign: Self) -> Self;
    /// 2ⁿ of an integer n that is the exponent of a normal number; 0 one below.
    fn power_of_two(self) -> Self;
    /// self · 2ⁿ, where both are normal, from n + `ROUND`.
    fn times_power_of_two(self, rounded: Self) -> Self;
    /// Whether an integer below 2^(DIGITS - 1) has bit `i` set, in two's complement.
    fn has_bit(self, i: u32) -> bool;
    /// (m, k) such that a positive normal number is m 2ᵏ, with m in [√½, √2).
    fn split(self) -> (Self, Self);
}

macro_rules! format {
    ($float:ident, $bits:ident, $digits:literal, $sqrt_half:literal) => {
        impl Format for $float {
            const DIGITS: $float = $digits as $float;
            const EXPONENT_MAX: $float = ($float::MAX_EXP - 1) as $float;
            const ROUND: $float = 1.5 * ((1 as $bits) << $digits) as $float;

            #[inline(always)]
            fn with_sign_of(self, sign: $float) -> $float {
                self.copysign(sign)
            }

            #[inline(always)]
            fn power_of_two(self) -> $float {
                // The exponent with its bias, in the low bits of a sum, moves to its field.
                let biased = self + (Self::ROUND + Self::EXPONENT_MAX);
                $float::from_bits(biased.to_bits() << $digits)
            }

            #[inline(always)]
            fn times_power_of_two(self, rounded: $float) -> $float {
                $float::from_bits(self.to_bits().wrapping_add(rounded.to_bits() << $digits))
            }

            #[inline(always)]
            fn has_bit(self, i: u32) -> bool {
                (self + Self::ROUND).to_bits() >> i & 1 == 1
            }

            #[inline(always)]
            fn split(self) -> ($float, $float) {
                const ONE: $bits = (1.0 as $float).to_bits();
                const FRACTION: $bits = (1 << $digits) - 1;
                // Subtracting the bits of √½ puts the boundary between exponents there.
                let bits = self.to_bits().wrapping_sub($sqrt_half).wrapping_add(ONE);
                let m = $float::from_bits((bits & FRACTION).wrapping_add($sqrt_half));
                // An integer in the low bits of 2^DIGITS is added to it.
                const BASE: $float = ((1 as $bits) << $digits) as $float;
                let exponent = $float::from_bits(BASE.to_bits() | bits >> $digits);
                (m, exponent - (BASE + Self::EXPONENT_MAX))
            }
        }
    };
}

format!(f32, u32, 23, 0x3f35_04f3);
format!(f64, u64, 52, 0x3fe6_a09e_667f_3bcd);
