//! Random words made into numbers of a distribution, without rejection: a value depends on its words
//! only.

use super::isa::{Kernel, dispatch};
use crate::Real;

/// How many random bits become a fraction.
pub trait Fraction: Sized {
    /// Random words that a value takes.
    const WORDS: usize;

    /// Uniform in (0, 1), as fine towards 0 as the words allow; it may round to 1.
    fn open(high: u32, low: u32) -> Self;

    /// Uniform in [0, 1), on a grid of as many digits as a number has.
    fn half_open(high: u32, low: u32) -> Self;
}

impl Fraction for f32 {
    const WORDS: usize = 1;

    #[inline(always)]
    fn open(high: u32, _low: u32) -> f32 {
        (high as f32 + 0.5) * (1.0 / 4_294_967_296.0)
    }

    #[inline(always)]
    fn half_open(high: u32, _low: u32) -> f32 {
        (high >> 8) as f32 * (1.0 / 16_777_216.0)
    }
}

impl Fraction for f64 {
    const WORDS: usize = 2;

    #[inline(always)]
    fn open(high: u32, low: u32) -> f64 {
        (f64::from(high) + (f64::from(low) + 0.5) * (1.0 / 4_294_967_296.0))
            * (1.0 / 4_294_967_296.0)
    }

    #[inline(always)]
    fn half_open(high: u32, low: u32) -> f64 {
        let rest = f64::from(low >> 11) * (1.0 / 2_097_152.0);
        (f64::from(high) + rest) * (1.0 / 4_294_967_296.0)
    }
}

/// The words of the values: the high ones of all, then the low ones if they take two.
#[inline(always)]
fn halves<T: Fraction>(words: &[u32]) -> (&[u32], &[u32]) {
    let count = words.len() / T::WORDS;
    (&words[..count], &words[words.len() - count..])
}

struct Normal<'a, T>(&'a [u32], &'a mut [T]);

impl<T: Real> Kernel for Normal<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Normal(words, out) = self;
        let (high, low) = halves::<T>(words);
        let (cosines, sines) = out.split_at_mut(out.len() / 2);
        let (high, high_angle) = high.split_at(cosines.len());
        let (low, low_angle) = low.split_at(cosines.len());
        let words = high.iter().zip(low).zip(high_angle.iter().zip(low_angle));
        for ((x, y), ((h, l), (ha, la))) in cosines.iter_mut().zip(sines).zip(words) {
            let radius = (T::open(*h, *l).ln() * T::from_f64(-2.0)).sqrt();
            let turn = T::half_open(*ha, *la) - T::from_f64(0.5);
            let (sin, cos) = super::math::sin_cos(turn * T::from_f64(std::f64::consts::TAU));
            *x = radius * cos;
            *y = radius * sin;
        }
    }
}

/// Standard normal values by pairs (Box & Muller 1958): √(-2 ln u) times cosine and sine of a random
/// angle. An even number, as many as there are words for.
pub(crate) fn normal<T: Real>(words: &[u32], out: &mut [T]) {
    assert!(out.len() * T::WORDS == words.len() && out.len().is_multiple_of(2));
    dispatch(Normal(words, out));
}

struct Uniform<'a, T>(&'a [u32], [T; 3], &'a mut [T]);

impl<T: Real> Kernel for Uniform<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Uniform(words, [low, span, last], out) = self;
        let (h, l) = halves::<T>(words);
        for (x, (h, l)) in out.iter_mut().zip(h.iter().zip(l)) {
            // Rounding may reach the end that is excluded.
            let value = T::half_open(*h, *l).mul_add(span, low);
            *x = if value > last { last } else { value };
        }
    }
}

/// low + u span with u in [0, 1), but nothing above `last`.
pub(crate) fn uniform<T: Real>(words: &[u32], low: T, span: T, last: T, out: &mut [T]) {
    assert_eq!(out.len() * T::WORDS, words.len());
    dispatch(Uniform(words, [low, span, last], out));
}

struct Exponential<'a, T>(&'a [u32], &'a mut [T]);

impl<T: Real> Kernel for Exponential<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Exponential(words, out) = self;
        let (h, l) = halves::<f64>(words);
        for (x, (h, l)) in out.iter_mut().zip(h.iter().zip(l)) {
            *x = T::from_f64(exponential_of(f64::open(*h, *l)));
        }
    }
}

/// -ln u, but never 0: u may have been rounded to 1.
#[inline(always)]
pub(crate) fn exponential_of(u: f64) -> f64 {
    let x = -Real::ln(u);
    if x > 2f64.powi(-54) { x } else { 2f64.powi(-54) }
}

/// Standard exponential values -ln u, in `f64` until they are rounded, since their logarithms are
/// noise too. As many as there are pairs of words.
pub(crate) fn exponential<T: Real>(words: &[u32], out: &mut [T]) {
    assert_eq!(out.len() * f64::WORDS, words.len());
    dispatch(Exponential(words, out));
}

struct Bernoulli<'a, T>(&'a [u32], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for Bernoulli<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, (word, p)) in self.2.iter_mut().zip(self.0.iter().zip(self.1)) {
            let threshold = p.to_f64() * 4_294_967_296.0;
            *y = if f64::from(*word) < threshold { T::ONE } else { T::ZERO };
        }
    }
}

/// 1 where a word is below p 2³², else 0.
pub(crate) fn bernoulli<T: Real>(words: &[u32], probs: &[T], out: &mut [T]) {
    assert!(words.len() >= out.len() && probs.len() == out.len());
    dispatch(Bernoulli(words, probs, out));
}

#[cfg(test)]
mod tests {
    use super::super::isa::{Isa, MOST_AGREED, agree, bits, dispatch_to};
    use super::*;

    /// The bits of `count` values from a kernel of words, which begin anywhere in a vector, on every set.
    fn check<T: Real>(per_value: usize, run: impl Fn(Isa, &[u32], &mut [T])) {
        let words: Vec<u32> =
            (0..2 * MOST_AGREED as u32 + 4).map(|i| i.wrapping_mul(2_654_435_769)).collect();
        agree(|set, length, start| {
            let length = length / 2 * 2;
            let mut out = vec![T::ONE; length + 4];
            run(set, &words[start..][..length * per_value], &mut out[start..][..length]);
            bits(&out)
        });
    }

    fn check_all<T: Real>() {
        check::<T>(T::WORDS, |set, words, out| dispatch_to(set, Normal(words, out)));
        let [low, span, last] = [-2.0, 5.0, 2.999].map(T::from_f64);
        check::<T>(T::WORDS, |set, words, out| {
            dispatch_to(set, Uniform(words, [low, span, last], out));
            assert!(out.iter().all(|x| *x >= low && *x <= last));
        });
        check::<T>(f64::WORDS, |set, words, out| {
            dispatch_to(set, Exponential(words, out));
            assert!(out.iter().all(|x| *x > T::ZERO));
        });
        check::<T>(1, |set, words, out| {
            let p = |i: usize| T::from_f64(i as f64 / out.len().max(1) as f64);
            let probs: Vec<T> = (0..out.len()).map(p).collect();
            dispatch_to(set, Bernoulli(words, &probs, out));
            for ((word, p), y) in words.iter().zip(&probs).zip(&*out) {
                assert_eq!(*y == T::ONE, f64::from(*word) / 2f64.powi(32) < p.to_f64());
            }
        });
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        check_all::<f32>();
        check_all::<f64>();
    }
}
