//! Comparisons: 1 where true, 0 where false. Their derivative is 0, so they are constants.

use super::arithmetic::common;
use crate::kernels::elementwise::{Function1, Function2, map, zip};
use crate::{Real, Tensor};

#[derive(Clone, Copy)]
struct Greater;

impl Function2 for Greater {
    #[inline(always)]
    fn call<T: Real>(self, a: T, b: T) -> T {
        if a > b { T::ONE } else { T::ZERO }
    }
}

#[derive(Clone, Copy)]
struct Equal;

impl Function2 for Equal {
    #[inline(always)]
    fn call<T: Real>(self, a: T, b: T) -> T {
        if a == b { T::ONE } else { T::ZERO }
    }
}

#[derive(Clone, Copy)]
struct Sign;

impl Function1 for Sign {
    const LIGHT: bool = true;

    #[inline(always)]
    fn call<T: Real>(self, x: T) -> T {
        let positive = if x > T::ZERO { T::ONE } else { x * T::ZERO };
        if x < T::ZERO { -T::ONE } else { positive }
    }
}

impl<T: Real> Tensor<T> {
    /// 1 where this is greater than `other`, else 0, also where either is NaN. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn greater(&self, other: &Tensor<T>) -> Tensor<T> {
        compare("greater", Greater, self, other)
    }

    /// 1 where both are equal, else 0. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn equal(&self, other: &Tensor<T>) -> Tensor<T> {
        compare("equal", Equal, self, other)
    }

    /// -1, 0 or 1, element by element; NaN for NaN.
    pub fn sign(&self) -> Tensor<T> {
        Tensor::write(self.shape, |y| map(Sign, self.data(), y))
    }
}

#[track_caller]
fn compare<T: Real>(name: &str, f: impl Function2, a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    let shape = common(name, &a.shape, &b.shape);
    Tensor::write(shape, |y| zip(f, (a.data(), &a.shape), (b.data(), &b.shape), (y, &shape)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_at_the_borders() {
        let x = Tensor::from([-2.0, 0.0, 3.0, f64::NAN]);
        let zero = Tensor::scalar(0.0);
        assert_eq!(x.greater(&zero).to_vec(), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(x.equal(&zero).to_vec(), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(x.sign().to_vec()[..3], [-1.0, 0.0, 1.0]);
        assert!(x.sign().data()[3].is_nan());
    }
}
