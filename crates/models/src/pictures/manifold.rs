//! What a decoder makes of the plane of two latent variables.

use ndarray::{Array2, ArrayView2};
use plotters::style::text_anchor::HPos;

use super::mosaic::{check, place};
use super::palette::{FAINT, INK, PAPER};
use super::picture::Picture;
use super::quantile::normal_quantile;
use super::text;

/// The grid of codes that covers the prior N(0, I) of two latent variables evenly.
///
/// ```text
/// z₁ = Φ⁻¹((column + ½) / side),   z₂ = Φ⁻¹((side − row − ½) / side)
/// ```
///
/// Shape: `[side * side, 2]`, row by row as [`manifold`] draws them: from the largest z₂ at the top
/// to the smallest at the bottom, from the smallest z₁ at the left to the largest at the right.
/// Every cell holds the same share of the prior. Kingma & Welling 2014, figure 4.
pub fn manifold_codes(side: usize) -> Array2<f32> {
    let quantiles = quantiles(side);
    Array2::from_shape_fn((side * side, 2), |(cell, axis)| {
        let (row, column) = (cell / side, cell % side);
        quantiles[if axis == 0 { column } else { side - 1 - row }] as f32
    })
}

/// Draws the images that a decoder made of [`manifold_codes`], edge to edge, with their codes as axes.
///
/// Shapes: `images` is `[side * side, rows * cols]` for `size = (rows, cols)`, values in [0, 1] from
/// black to white; what lies outside is clamped, and NaN is magenta. Each value becomes a square of
/// `scale` pixels.
///
/// # Panics
/// If the shapes do not fit together, or `side` or `scale` is 0.
#[track_caller]
pub fn manifold(
    images: ArrayView2<'_, f32>,
    size: (usize, usize),
    side: usize,
    scale: usize,
) -> Picture {
    check("manifold", images, size, side, scale);
    assert_eq!(images.nrows(), side * side, "manifold: images for {side} × {side} places");
    let tile = (size.0 * scale, size.1 * scale);
    let (width, height) = (side * tile.1, side * tile.0);
    let font = (width.min(height) as f64 / 40.0).clamp(11.0, 20.0);
    let (left, bottom, rest) = (5.0 * font, 4.0 * font, 1.5 * font);
    let (x, y) = (left.ceil() as usize, rest.ceil() as usize);
    let mut picture =
        Picture::blank(x + width + rest as usize, y + height + bottom as usize, PAPER);
    for (cell, image) in images.rows().into_iter().enumerate() {
        let at = (x + cell % side * tile.1, y + cell / side * tile.0);
        place(&mut picture, image, size.1, at, scale);
    }
    let (small, large) = (1.2 * font, 1.4 * font);
    let quantiles = quantiles(side);
    let tick = (font / 3.0) as usize;
    for index in marked(side) {
        let label = format!("{:.2}", quantiles[index]).replace('-', "−");
        let across = x + index * tile.1 + tile.1 / 2;
        let up = y + (side - 1 - index) * tile.0 + tile.0 / 2;
        picture.fill(across, y + height, 1, tick, FAINT);
        picture.fill(x - tick, up, tick, 1, FAINT);
        let below = (across as f64, (y + height) as f64 + 1.25 * font);
        text::write(&mut picture, &label, below, HPos::Center, small, FAINT);
        let beside = (x as f64 - 0.6 * font, up as f64);
        text::write(&mut picture, &label, beside, HPos::Right, small, FAINT);
    }
    let below = (x as f64 + width as f64 / 2.0, (y + height) as f64 + 2.9 * font);
    text::write(&mut picture, "z₁", below, HPos::Center, large, INK);
    let beside = (0.9 * font, y as f64 + height as f64 / 2.0);
    text::write(&mut picture, "z₂", beside, HPos::Center, large, INK);
    picture
}

fn quantiles(side: usize) -> Vec<f64> {
    (0..side).map(|i| normal_quantile((i as f64 + 0.5) / side as f64)).collect()
}

/// Up to five places to label: both ends, the middle, and what lies halfway, symmetric.
fn marked(side: usize) -> Vec<usize> {
    let last = side - 1;
    let mut marked = vec![0, last];
    if side % 2 == 1 {
        marked.push(last / 2);
    }
    if side >= 8 {
        marked.extend([last / 4, last - last / 4]);
    }
    marked.sort_unstable();
    marked.dedup();
    marked
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn codes_run_from_top_left_to_bottom_right() {
        // Φ⁻¹ of 1/4 and 3/4.
        let q = 0.674_489_75_f32;
        assert_eq!(manifold_codes(2), array![[-q, q], [q, q], [-q, -q], [q, -q]]);
        let codes = manifold_codes(5);
        assert_eq!(codes.dim(), (25, 2));
        assert_eq!(codes.row(12).to_vec(), [0.0, 0.0]);
        assert!(
            (codes[(0, 0)] - -1.2815516).abs() < 1e-6 && (codes[(0, 1)] - 1.2815516).abs() < 1e-6
        );
    }

    #[test]
    fn images_lie_where_their_codes_say() {
        let images = array![[0.0], [0.2], [0.4], [0.6]];
        let picture = manifold(images.view(), (1, 1), 2, 50);
        // From the first tick mark on, the tiles: 11-pixel type leaves 55 pixels at the left.
        let seen = |dx: usize, dy: usize| picture.pixel(55 + dx, 17 + dy);
        assert_eq!(
            [seen(0, 0), seen(50, 0), seen(0, 50), seen(50, 50)].map(|p| p[0]),
            [0, 51, 102, 153]
        );
        assert_eq!(
            [seen(49, 49), seen(99, 49), seen(49, 99), seen(99, 99)].map(|p| p[0]),
            [0, 51, 102, 153]
        );
        assert_eq!(picture.pixel(54, 17), PAPER);
        assert_eq!(seen(100, 99), PAPER);
        // A tick beneath the middle of each column.
        assert_eq!([24, 25, 26].map(|dx| seen(dx, 101)), [PAPER, FAINT, PAPER]);
    }

    #[test]
    fn labels_are_symmetric_and_few() {
        assert_eq!(marked(1), [0]);
        assert_eq!(marked(2), [0, 1]);
        assert_eq!(marked(20), [0, 4, 15, 19]);
        assert_eq!(marked(21), [0, 5, 10, 15, 20]);
    }

    #[test]
    #[should_panic(expected = "images for 3 × 3 places")]
    fn a_wrong_number_of_images_is_refused() {
        manifold(Array2::zeros((8, 4)).view(), (2, 2), 3, 1);
    }
}
