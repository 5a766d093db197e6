//! Truncated power series in two variables: arithmetic that carries derivatives along.

use std::ops::{Add, Mul, Sub};

use crate::Real;
use crate::kernels::math::{exp, ln_1p};

/// Σ c[i][j] εⁱ δʲ for i < M, j < N; higher powers are 0. Coefficient [i][j] is the derivative of
/// order (i, j), divided by i! j!.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jet<const M: usize, const N: usize>(pub(super) [[f64; N]; M]);

/// k!
pub(super) fn factorial(k: usize) -> f64 {
    (1..=k).map(|k| k as f64).product()
}

impl<const M: usize, const N: usize> Jet<M, N> {
    /// The highest power that a series without constant term can have.
    pub(super) const DEGREE: usize = M + N - 2;

    /// c
    pub(super) fn constant(c: f64) -> Self {
        let mut jet = Jet([[0.0; N]; M]);
        jet.0[0][0] = c;
        jet
    }

    /// a + ε
    pub(super) fn first(a: f64) -> Self {
        let mut jet = Jet::constant(a);
        if M > 1 {
            jet.0[1][0] = 1.0;
        }
        jet
    }

    /// b + δ
    pub(super) fn second(b: f64) -> Self {
        let mut jet = Jet::constant(b);
        if N > 1 {
            jet.0[0][1] = 1.0;
        }
        jet
    }

    /// The constant term.
    pub(super) fn value(&self) -> f64 {
        self.0[0][0]
    }

    /// The derivative of order (i, j).
    pub(super) fn derivative(&self, i: usize, j: usize) -> f64 {
        self.0[i][j] * factorial(i) * factorial(j)
    }

    /// The same without its constant term.
    pub(super) fn without_value(mut self) -> Self {
        self.0[0][0] = 0.0;
        self
    }

    /// f of this, where `taylor(k)` is the k-th derivative of f at the constant term, divided by k!.
    pub(super) fn map(self, taylor: impl Fn(usize) -> f64) -> Self {
        let u = self.without_value();
        let start = Jet::constant(taylor(Self::DEGREE));
        (0..Self::DEGREE).rev().fold(start, |y, k| y * u + taylor(k))
    }

    /// 1 / this
    pub(super) fn recip(self) -> Self {
        let r = 1.0 / self.value();
        self.map(|k| r * Real::powi(-r, k as i32))
    }

    /// e to this
    pub(super) fn exp(self) -> Self {
        let e = exp(self.value());
        self.map(|k| e / factorial(k))
    }

    /// ln(1 + this)
    pub(super) fn ln_1p(self) -> Self {
        let r = -1.0 / (1.0 + self.value());
        let at = ln_1p(self.value());
        self.map(|k| if k == 0 { at } else { -Real::powi(r, k as i32) / k as f64 })
    }

    /// Whether this is 1 but for rounding, where a change of the first variable by `scale[0]`, of the
    /// second by `scale[1]`, is one of its own size.
    pub(super) fn is_one(&self, scale: [f64; 2]) -> bool {
        const EPSILON: f64 = 2.0 * f64::EPSILON;
        let mut row = 1.0;
        for (i, c) in self.0.iter().enumerate() {
            let mut size = row;
            for (j, c) in c.iter().enumerate() {
                let target = if (i, j) == (0, 0) { 1.0 } else { 0.0 };
                if (c - target).abs() * size > EPSILON {
                    return false;
                }
                size *= scale[1];
            }
            row *= scale[0];
        }
        true
    }
}

impl<const M: usize, const N: usize> Add for Jet<M, N> {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.as_flattened_mut().iter_mut().zip(other.0.as_flattened()) {
            *a += b;
        }
        self
    }
}

impl<const M: usize, const N: usize> Sub for Jet<M, N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl<const M: usize, const N: usize> Mul for Jet<M, N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let mut product = Jet::constant(0.0);
        for i in 0..M {
            for j in 0..N {
                for k in 0..M - i {
                    for l in 0..N - j {
                        product.0[i + k][j + l] += self.0[i][j] * other.0[k][l];
                    }
                }
            }
        }
        product
    }
}

impl<const M: usize, const N: usize> Add<f64> for Jet<M, N> {
    type Output = Self;
    fn add(mut self, c: f64) -> Self {
        self.0[0][0] += c;
        self
    }
}

impl<const M: usize, const N: usize> Mul<f64> for Jet<M, N> {
    type Output = Self;
    fn mul(mut self, c: f64) -> Self {
        self.0.as_flattened_mut().iter_mut().for_each(|a| *a *= c);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivatives_of_a_product_of_functions_by_hand() {
        // f(a, b) = e^(ab) / a at (2, 3): f_a = e⁶ (3/2 - 1/4), f_ab = e⁶ · 6/2, f_bb = e⁶ · 2.
        let (a, b) = (Jet::<2, 3>::first(2.0), Jet::<2, 3>::second(3.0));
        let f = (a * b).exp() * a.recip();
        let e6 = 6f64.exp();
        for ((i, j), truth) in [((0, 0), 0.5), ((1, 0), 1.25), ((0, 2), 2.0), ((1, 1), 3.0)] {
            let (got, truth) = (f.derivative(i, j), truth * e6);
            assert!((got - truth).abs() < 1e-12 * truth, "({i}, {j}): {got} {truth}");
        }
        let log = Jet::<4, 1>::first(0.5).ln_1p();
        assert!((log.derivative(3, 0) - 2.0 / 1.5f64.powi(3)).abs() < 1e-15);
    }
}
