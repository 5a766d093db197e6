//! What can be known of a set of images before any model sees it.
//!
//! These are the lines that results are held against: a model that is worse than the mean image
//! has learned nothing, and one that is better than the floor has a wrong loss.

use serde::Serialize;

use super::Images;

/// Facts of a set of images with pixels in `[0, 1]`; `/px` is per pixel, `/img` summed over an
/// image, entropies are in nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// The mean of all pixels.
    pub mean: f64,
    /// The standard deviation of all pixels about that one mean.
    pub std: f64,
    /// The mean of the squared pixels.
    pub mean_square: f64,
    /// The share of pixels that are not 0.
    pub nonzero_share: f64,
    /// The share of pixels above 127.
    pub bright_share: f64,
    /// How many places are 0 in every image.
    pub always_zero: usize,
    /// The variance of each place (1/N), summed over the places; what PCA has to explain.
    pub total_variance: f64,
    /// Squared error per pixel of predicting the mean image; PCA with no component.
    pub mean_image_mse_per_px: f64,
    /// Binary cross-entropy per image of predicting the mean image.
    pub mean_image_bce_per_img: f64,
    /// The same per pixel.
    pub mean_image_bce_per_px: f64,
    /// Binary cross-entropy per image of a perfect copy; it is not 0 because pixels are grey.
    pub bce_floor_per_img: f64,
    /// The same per pixel.
    pub bce_floor_per_px: f64,
}

impl Images {
    /// The facts of these images, in one pass.
    ///
    /// Sums are integers and therefore exact; rounding begins with the last division.
    ///
    /// # Panics
    /// If there is no pixel.
    pub fn statistics(&self) -> Statistics {
        let size = self.pixels_per_image();
        assert!(self.count > 0 && size > 0, "statistics: no pixels");
        let Sums { place_sums, place_squares, histogram } = Sums::of(self);
        let (images, places) = (self.count as f64, size as f64);
        let pixels = images * places;

        // N Σx² - (Σx)² is N² 255² times a variance, and an exact integer.
        let spread = |n: usize, sum: u64, squares: u64| {
            (n as u128 * u128::from(squares) - u128::from(sum).pow(2)) as f64
                / (n as f64 * 255.0).powi(2)
        };
        let sum: u64 = place_sums.iter().sum();
        let squares: u64 = place_squares.iter().sum();
        let total_variance: f64 =
            place_sums.iter().zip(&place_squares).map(|(&s, &q)| spread(self.count, s, q)).sum();

        // The cross-entropy of x under its own mean m is that of m under m, as it is linear in x.
        let mean_image_bce: f64 =
            place_sums.iter().map(|&s| binary_entropy(s as f64 / (255.0 * images))).sum();
        let floor: f64 = histogram
            .iter()
            .enumerate()
            .map(|(value, &n)| n as f64 * binary_entropy(value as f64 / 255.0))
            .sum();
        let share = |from: usize| histogram[from..].iter().sum::<u64>() as f64 / pixels;

        Statistics {
            mean: sum as f64 / (255.0 * pixels),
            std: spread(self.count * size, sum, squares).sqrt(),
            mean_square: squares as f64 / (255.0 * 255.0 * pixels),
            nonzero_share: share(1),
            bright_share: share(128),
            always_zero: place_sums.iter().filter(|&&s| s == 0).count(),
            total_variance,
            mean_image_mse_per_px: total_variance / places,
            mean_image_bce_per_img: mean_image_bce,
            mean_image_bce_per_px: mean_image_bce / places,
            bce_floor_per_img: floor / images,
            bce_floor_per_px: floor / pixels,
        }
    }
}

/// All that the facts are made of.
struct Sums {
    /// Σx of each place, x in 0..=255.
    place_sums: Vec<u64>,
    /// Σx² of each place.
    place_squares: Vec<u64>,
    /// How many pixels have each value.
    histogram: [u64; 256],
}

impl Sums {
    fn of(images: &Images) -> Sums {
        let size = images.pixels_per_image();
        let mut sums =
            Sums { place_sums: vec![0; size], place_squares: vec![0; size], histogram: [0; 256] };
        for image in images.pixels.chunks_exact(size) {
            let places = sums.place_sums.iter_mut().zip(&mut sums.place_squares);
            for (&pixel, (sum, square)) in image.iter().zip(places) {
                let x = u64::from(pixel);
                *sum += x;
                *square += x * x;
                sums.histogram[usize::from(pixel)] += 1;
            }
        }
        sums
    }
}

/// -p ln p - (1-p) ln(1-p), in nats; 0 at both ends.
fn binary_entropy(p: f64) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    term(p) + term(1.0 - p)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definitions, read off literally.
    fn naive(images: &Images) -> Statistics {
        let size = images.pixels_per_image();
        let x: Vec<f64> = images.pixels.iter().map(|&p| f64::from(p) / 255.0).collect();
        let mean_of = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let mean_image: Vec<f64> =
            (0..size).map(|j| mean_of(x.iter().skip(j).step_by(size).copied().collect())).collect();
        let log = |p: f64| if p > 0.0 { p.ln() } else { 0.0 };
        let bce = |x: f64, p: f64| -(x * log(p) + (1.0 - x) * log(1.0 - p));
        let mean = mean_of(x.clone());
        let about = |m: &dyn Fn(usize) -> f64| {
            mean_of(x.iter().enumerate().map(|(i, &x)| (x - m(i)).powi(2)).collect())
        };
        let mse = about(&|i| mean_image[i % size]);
        let mean_bce =
            mean_of(x.iter().enumerate().map(|(i, &x)| bce(x, mean_image[i % size])).collect());
        let floor = mean_of(x.iter().map(|&x| bce(x, x)).collect());
        let share = |test: &dyn Fn(u8) -> bool| {
            mean_of(images.pixels.iter().map(|&p| f64::from(u8::from(test(p)))).collect())
        };
        Statistics {
            mean,
            std: about(&|_| mean).sqrt(),
            mean_square: about(&|_| 0.0),
            nonzero_share: share(&|p| p != 0),
            bright_share: share(&|p| p > 127),
            always_zero: mean_image.iter().filter(|&&m| m == 0.0).count(),
            total_variance: mse * size as f64,
            mean_image_mse_per_px: mse,
            mean_image_bce_per_img: mean_bce * size as f64,
            mean_image_bce_per_px: mean_bce,
            bce_floor_per_img: floor * size as f64,
            bce_floor_per_px: floor,
        }
    }

    #[test]
    fn two_images_worked_by_hand() {
        // Places: (0, 0), (0, 255), (255, 255); so means 0, 1/2, 1 and one variance of 1/4.
        let images = Images { pixels: vec![0, 0, 255, 0, 255, 255], count: 2, rows: 1, cols: 3 };
        let facts = images.statistics();
        assert_eq!(facts.mean, 0.5);
        assert_eq!(facts.std, 0.5);
        assert_eq!(facts.mean_square, 0.5);
        assert_eq!(facts.always_zero, 1);
        assert_eq!(facts.total_variance, 0.25);
        assert_eq!(facts.mean_image_mse_per_px, 0.25 / 3.0);
        assert_eq!(facts.mean_image_bce_per_img, std::f64::consts::LN_2);
        assert_eq!(facts.bce_floor_per_img, 0.0);
    }

    #[test]
    fn the_threshold_of_bright_is_above_127() {
        let images = Images { pixels: vec![0, 127, 128, 255], count: 1, rows: 2, cols: 2 };
        let facts = images.statistics();
        assert_eq!((facts.nonzero_share, facts.bright_share), (0.75, 0.5));
    }

    proptest! {
        #[test]
        fn one_pass_agrees_with_the_definitions(
            rows in 1_usize..4,
            cols in 1_usize..4,
            mut pixels in prop::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], 9..90),
        ) {
            let count = pixels.len() / (rows * cols);
            pixels.truncate(count * rows * cols);
            let images = Images { pixels, count, rows, cols };
            let json = |facts| serde_json::to_value(facts).unwrap();
            let (fast, slow) = (json(images.statistics()), json(naive(&images)));
            for (name, value) in fast.as_object().unwrap() {
                let (a, b) = (value.as_f64().unwrap(), slow[name].as_f64().unwrap());
                prop_assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{name}: {a} and {b}");
            }
        }
    }
}
