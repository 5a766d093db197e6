//! [`Moments`]: mean, variance and fourth moment of numbers that come in blocks.

use elbo_tensor::{Real, Tensor};

/// Count, mean and central sums of the powers 2 to 4.
///
/// Blocks are merged by the formulas of Chan, Golub & LeVeque 1979 and Pébay 2008, which lose no digits to
/// cancellation; merged in the same order, they give the same bits.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moments {
    count: f64,
    mean: f64,
    /// Σ (x - mean)ᵖ for p = 2, 3, 4
    sums: [f64; 3],
}

/// Standard errors to either side that 95 % of normal variables lie within.
const CI_95: f64 = 1.959_963_984_540_054;

impl Moments {
    /// Of some numbers.
    pub fn of(values: &[f64]) -> Moments {
        let [moments] = Moments::of_columns(&Tensor::new(values, [values.len(), 1]))[..] else {
            unreachable!("one column")
        };
        moments
    }

    /// Of each column of a tensor of shape [n, m].
    ///
    /// # Panics
    /// If it has another number of axes.
    pub fn of_columns<T: Real>(x: &Tensor<T>) -> Vec<Moments> {
        let (x, n) = (x.cast::<f64>(), x.shape()[0]);
        let mean = x.sum_axes(0, true) * (1.0 / n.max(1) as f64);
        let d = x - &mean;
        let d2 = d.square();
        let sums = [&d2, &(&d2 * d), &d2.square()].map(|powers| powers.sum_axes(0, false));
        let column = |(i, mean): (usize, &f64)| Moments {
            count: n as f64,
            mean: *mean,
            sums: [0, 1, 2].map(|power| sums[power].data()[i]),
        };
        mean.data().iter().enumerate().map(column).collect()
    }

    /// Of the numbers of both.
    pub fn merge(self, other: Moments) -> Moments {
        let (a, b, n) = (self.count, other.count, self.count + other.count);
        if a == 0.0 || b == 0.0 {
            return if a == 0.0 { other } else { self };
        }
        let ([a2, a3, a4], [b2, b3, b4]) = (self.sums, other.sums);
        let d = other.mean - self.mean;
        let (d2, ab) = (d * d, a * b);
        let s2 = a2 + b2 + d2 * ab / n;
        let s3 = a3 + b3 + d * d2 * ab * (a - b) / (n * n) + 3.0 * d * (a * b2 - b * a2) / n;
        let s4 = a4
            + b4
            + d2 * d2 * ab * (a * a - ab + b * b) / (n * n * n)
            + 6.0 * d2 * (a * a * b2 + b * b * a2) / (n * n)
            + 4.0 * d * (a * b3 - b * a3) / n;
        Moments { count: n, mean: self.mean + d * b / n, sums: [s2, s3, s4] }
    }

    /// How many numbers there are.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The unbiased variance; NaN of less than two numbers.
    pub fn variance(&self) -> f64 {
        if self.count < 2.0 { f64::NAN } else { self.sums[0] / (self.count - 1.0) }
    }

    /// The standard error of the mean.
    pub fn mean_error(&self) -> f64 {
        (self.variance() / self.count).sqrt()
    }

    /// The standard error of the variance, from the fourth moment: Var s² = (μ₄ - σ⁴ (n-3)/(n-1)) / n.
    pub fn variance_error(&self) -> f64 {
        let (n, variance) = (self.count, self.variance());
        let fourth = self.sums[2] / n;
        ((fourth - variance * variance * (n - 3.0) / (n - 1.0)) / n).max(0.0).sqrt()
    }

    /// Where the mean is, with 95 % confidence.
    pub fn mean_ci(&self) -> [f64; 2] {
        [-CI_95, CI_95].map(|z| self.mean + z * self.mean_error())
    }

    /// Where the variance is, with 95 % confidence; not below 0.
    pub fn variance_ci(&self) -> [f64; 2] {
        [-CI_95, CI_95].map(|z| (self.variance() + z * self.variance_error()).max(0.0))
    }

    /// The signal-to-noise ratio |mean| / √variance.
    pub fn snr(&self) -> f64 {
        self.mean.abs() / self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_any_cut_give_the_moments_of_the_whole() {
        // Σ (x - 3)ᵖ of 0 … 6, by hand: 28, 0, 196; with 10 instead of 6 all four are asymmetric.
        let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let whole = Moments::of(&x);
        assert_eq!((whole.mean, whole.sums), (3.0, [28.0, 0.0, 196.0]));
        let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, -2.5];
        let whole = Moments::of(&x);
        for cut in 0..=8 {
            let (a, b) = x.split_at(cut);
            let merged = Moments::of(a).merge(Moments::of(b));
            assert_eq!(merged.count, 8.0);
            assert!((merged.mean - whole.mean).abs() < 1e-12);
            for (a, b) in merged.sums.iter().zip(whole.sums) {
                assert!((a - b).abs() < 1e-10 * b.abs(), "{cut}: {a} {b}");
            }
        }
    }

    /// 28 / 6 of 0 … 6, not 28 / 7.
    #[test]
    fn figures_by_hand() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        let m = Moments::of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((m.count(), m.mean()), (7.0, 3.0));
        close(m.variance(), 14.0 / 3.0);
        close(m.mean_error(), (2.0f64 / 3.0).sqrt());
        // μ₄ = 28, and s⁴ (n - 3) / (n - 1) = 196 / 9 · 2 / 3.
        close(m.variance_error(), ((28.0 - 392.0 / 27.0) / 7.0f64).sqrt());
        close(m.snr(), 3.0 / (14.0f64 / 3.0).sqrt());
        close(Moments::of(&[0.0, -1.0, -2.0]).snr(), 1.0);
        // 97.5 % of normal numbers are below 1.959964.
        for ([low, high], middle, error) in [
            (m.mean_ci(), m.mean(), m.mean_error()),
            (m.variance_ci(), m.variance(), m.variance_error()),
        ] {
            close(low, middle - 1.959_963_984_540_054 * error);
            close(high, middle + 1.959_963_984_540_054 * error);
        }
        // Where the variance of the variance is large: 0, 0, 0, 0, 1.
        let [low, high] = Moments::of(&[0.0, 0.0, 0.0, 0.0, 1.0]).variance_ci();
        assert!(low == 0.0 && high > 0.2);
        assert!(Moments::of(&[1.0]).variance().is_nan() && Moments::of(&[]).variance().is_nan());
    }

    #[test]
    fn the_error_of_the_variance_is_that_of_normal_numbers() {
        // For normal numbers the variance of s² is 2 σ⁴ / (n - 1).
        let x: elbo_tensor::Tensor<f64> = elbo_tensor::Stream::new(1).normal([100_000]);
        let moments = Moments::of(x.data());
        let expected = (2.0 / 99_999.0f64).sqrt();
        assert!((moments.variance_error() / expected - 1.0).abs() < 0.03);
        // That of uniform numbers is less: μ₄ = 1/80 and σ⁴ = 1/144.
        let x: elbo_tensor::Tensor<f64> = elbo_tensor::Stream::new(2).uniform([100_000], 0.0, 1.0);
        let expected = ((1.0 / 80.0 - 1.0 / 144.0) / 1e5f64).sqrt();
        assert!((Moments::of(x.data()).variance_error() / expected - 1.0).abs() < 0.03);
    }
}
