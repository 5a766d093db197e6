//! The facts of a set of images that a run is held against, from whole numbers.
//!
//! Pixels are bytes, so every moment is a ratio of integers: sums are exact, in any order, and
//! become floating point only at the end.

use serde::Serialize;

use super::Images;

/// Facts of a set of images with pixels in [0, 1]; "img" sums over pixels, "px" averages.
///
/// With x a pixel, m_p the mean of pixel p over the images, h(v) = -v ln v - (1 - v) ln(1 - v).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// E\[x\] over all pixels of all images.
    pub mean: f64,
    /// sqrt(E\[x^2\] - E\[x\]^2) over all pixels of all images.
    pub std: f64,
    /// E\[x^2\]: the MSE per pixel of predicting black.
    pub mean_square: f64,
    /// The share of pixels that are not 0.
    pub share_nonzero: f64,
    /// The share of pixels over 127 (of 255).
    pub share_bright: f64,
    /// How many pixels are 0 in every image.
    pub always_zero: usize,
    /// sum_p Var\[x_p\], with 1/N.
    pub total_variance: f64,
    /// MSE per pixel of predicting the mean image: the total variance over the pixels.
    pub mean_image_mse: f64,
    /// Binary cross-entropy of predicting the mean image, in nats per image: sum_p h(m_p).
    pub mean_image_bce: f64,
    /// The same in nats per pixel.
    pub mean_image_bce_per_pixel: f64,
    /// Binary cross-entropy of a perfect copy, E\[h(x)\], in nats per pixel: no model gets under it.
    pub bce_floor_per_pixel: f64,
    /// The same in nats per image.
    pub bce_floor: f64,
}

impl Images {
    /// The facts of these images, in f64 from exact integer sums.
    pub fn statistics(&self) -> Statistics {
        let size = self.size();
        let mut sums = vec![0_u64; size];
        let mut histogram = [0_u64; 256];
        for image in self.pixels.chunks_exact(size) {
            for (sum, &pixel) in sums.iter_mut().zip(image) {
                *sum += u64::from(pixel);
                histogram[usize::from(pixel)] += 1;
            }
        }

        let n = self.count as u128;
        let all = n * size as u128;
        let moment = |power: u32| -> u128 {
            (0..256_u128).zip(histogram).map(|(v, count)| v.pow(power) * u128::from(count)).sum()
        };
        let (sum, square) = (moment(1), moment(2));
        let between: u128 = sums.iter().map(|&s| u128::from(s).pow(2)).sum();
        // Differences are taken in integers: nothing cancels.
        let variance = ratio(all * square - sum * sum, all * all) / SCALE;
        let total_variance = ratio(n * square - between, n * n) / SCALE;
        let white = 255 * n;
        let mean_image_bce = sums.iter().map(|&s| entropy(u128::from(s), white)).sum::<f64>();
        let floor = (0..256_u128)
            .zip(histogram)
            .map(|(value, count)| count as f64 * entropy(value, 255))
            .sum::<f64>()
            / all as f64;
        let share = |from: usize| histogram[from..].iter().sum::<u64>() as f64 / all as f64;
        Statistics {
            mean: ratio(sum, 255 * all),
            std: variance.sqrt(),
            mean_square: ratio(square, all) / SCALE,
            share_nonzero: share(1),
            share_bright: share(128),
            always_zero: sums.iter().filter(|&&sum| sum == 0).count(),
            total_variance,
            mean_image_mse: total_variance / size as f64,
            mean_image_bce,
            mean_image_bce_per_pixel: mean_image_bce / size as f64,
            bce_floor_per_pixel: floor,
            bce_floor: floor * size as f64,
        }
    }
}

/// What a square of bytes is divided by to be a square of numbers in [0, 1].
const SCALE: f64 = 255.0 * 255.0;

fn ratio(above: u128, below: u128) -> f64 {
    above as f64 / below as f64
}

/// h(part / whole) in nats; both logarithms see an exact ratio, and 0 ln 0 is 0.
fn entropy(part: u128, whole: u128) -> f64 {
    let term = |part: u128| {
        let v = ratio(part, whole);
        if part == 0 { 0.0 } else { -v * v.ln() }
    };
    term(part) + term(whole - part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn two_small_images_by_hand() {
        // Pixels 0, 51, 255 and 0, 153, 255: in [0, 1] they are 0, 0.2, 1 and 0, 0.6, 1.
        let pixels = vec![0, 51, 255, 0, 153, 255];
        let s = Images { pixels, count: 2, rows: 1, cols: 3 }.statistics();
        close(s.mean, 2.8 / 6.0);
        close(s.mean_square, 2.4 / 6.0);
        close(s.std, (2.4 / 6.0 - (2.8_f64 / 6.0).powi(2)).sqrt());
        close(s.share_nonzero, 4.0 / 6.0);
        close(s.share_bright, 3.0 / 6.0);
        assert_eq!(s.always_zero, 1);
        // Only the middle pixel varies: mean 0.4, deviations of 0.2.
        close(s.total_variance, 0.04);
        close(s.mean_image_mse, 0.04 / 3.0);
        let h = |v: f64| -v * v.ln() - (1.0 - v) * (1.0 - v).ln();
        close(s.mean_image_bce, h(0.4));
        close(s.mean_image_bce_per_pixel, h(0.4) / 3.0);
        close(s.bce_floor, (h(0.2) + h(0.6)) / 2.0);
        close(s.bce_floor_per_pixel, (h(0.2) + h(0.6)) / 6.0);
    }

    #[test]
    fn constant_images_have_no_variance_to_the_last_bit() {
        for value in [0, 1, 77, 128, 255] {
            let s =
                Images { pixels: vec![value; 4000], count: 1000, rows: 2, cols: 2 }.statistics();
            assert_eq!((s.std, s.total_variance, s.mean_image_mse), (0.0, 0.0, 0.0));
            close(s.mean_image_bce, s.bce_floor);
            assert_eq!(s.always_zero, if value == 0 { 4 } else { 0 });
        }
    }
}
