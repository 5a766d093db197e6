//! Small images side by side.

use ndarray::{ArrayView1, ArrayView2};
use plotters::style::text_anchor::HPos;

use super::palette::{INK, NOT_A_NUMBER, PAPER};
use super::picture::{Picture, Rgb};
use super::text;

/// The captions of [`originals_over_reconstructions`].
const CAPTIONS: [&str; 2] = ["original", "reconstruction"];

/// Draws images in rows of `columns`, in order, with thin white lines between them.
///
/// Shapes: `images` is `[n, rows · cols]` with pixels in [0, 1] (0 black, 1 white; what lies outside
/// is clamped, NaN is magenta), `size` is `(rows, cols)`. Each pixel becomes a square of `scale` ×
/// `scale`. A last row that is not full ends in white, and no images at all give one white pixel.
///
/// # Panics
/// If `rows · cols` is not the width of `images`, or `columns` or `scale` is zero.
#[track_caller]
pub fn mosaic(
    images: ArrayView2<'_, f32>,
    size: (usize, usize),
    columns: usize,
    scale: usize,
) -> Picture {
    check("mosaic", images, size, columns, scale);
    let columns = columns.min(images.nrows());
    let gap = gap(scale);
    let (tile_height, tile_width) = (size.0 * scale, size.1 * scale);
    let span = |count: usize, tile: usize| (count * (tile + gap)).saturating_sub(gap);
    let rows = images.nrows().div_ceil(columns.max(1));
    let mut picture = Picture::blank(span(columns, tile_width), span(rows, tile_height), PAPER);
    for (i, image) in images.rows().into_iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let corner = (column * (tile_width + gap), row * (tile_height + gap));
        place(&mut picture, image, size.1, corner, scale);
    }
    picture
}

/// Draws each row of originals with their reconstructions beneath, and says which is which.
///
/// Shapes: `originals` and `reconstructions` are `[n, rows · cols]`; the rest is as in [`mosaic`].
/// The captions stand to the left of each row; a gap sets one pair of rows apart from the next.
///
/// # Panics
/// If the shapes differ, `rows · cols` is not their width, or `columns` or `scale` is zero.
#[track_caller]
pub fn originals_over_reconstructions(
    originals: ArrayView2<'_, f32>,
    reconstructions: ArrayView2<'_, f32>,
    size: (usize, usize),
    columns: usize,
    scale: usize,
) -> Picture {
    check("originals_over_reconstructions", originals, size, columns, scale);
    assert_eq!(
        originals.shape(),
        reconstructions.shape(),
        "originals_over_reconstructions: the shapes of both must agree"
    );
    let (n, columns) = (originals.nrows(), columns.min(originals.nrows()));
    let (tile_height, tile_width) = (size.0 * scale, size.1 * scale);
    let between = gap(scale);
    let pair = 2 * tile_height + between;
    let pair_gap = (tile_height / 4).max(3 * between);

    let size_of_type = (0.35 * tile_height as f64).clamp(9.0, 28.0);
    let longest = CAPTIONS.map(|c| text::width(c, size_of_type)).into_iter().fold(0.0, f64::max);
    let margin = size_of_type.ceil() as usize / 2 + 2;
    let left = margin + (longest + 0.6 * size_of_type).ceil() as usize;
    let pairs = n.div_ceil(columns.max(1));
    let height = (pairs * (pair + pair_gap)).saturating_sub(pair_gap) + 2 * margin;
    let width = (columns * (tile_width + between)).saturating_sub(between) + left + margin;

    let mut picture = Picture::blank(width, height, PAPER);
    for row in 0..pairs {
        let top = margin + row * (pair + pair_gap);
        for (k, (caption, images)) in CAPTIONS.iter().zip([originals, reconstructions]).enumerate()
        {
            let top = top + k * (tile_height + between);
            let end = (left as f64 - 0.6 * size_of_type, top as f64 + tile_height as f64 / 2.0);
            text::write(&mut picture, caption, end, HPos::Right, size_of_type, INK);
            for column in 0..columns.min(n - row * columns) {
                let corner = (left + column * (tile_width + between), top);
                place(&mut picture, images.row(row * columns + column), size.1, corner, scale);
            }
        }
    }
    picture
}

/// The line between two images: thin, but not lost when the picture is shown smaller.
fn gap(scale: usize) -> usize {
    scale.div_ceil(2).max(1)
}

/// Paints one image, `[rows · cols]`, with its top left pixel at `corner`.
pub(super) fn place(
    picture: &mut Picture,
    image: ArrayView1<'_, f32>,
    cols: usize,
    corner: (usize, usize),
    scale: usize,
) {
    for (i, &value) in image.iter().enumerate() {
        let (x, y) = (corner.0 + i % cols * scale, corner.1 + i / cols * scale);
        picture.fill(x, y, scale, scale, shade(value));
    }
}

fn shade(value: f32) -> Rgb {
    if value.is_nan() { NOT_A_NUMBER } else { [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3] }
}

#[track_caller]
pub(super) fn check(
    what: &str,
    images: ArrayView2<'_, f32>,
    (rows, cols): (usize, usize),
    columns: usize,
    scale: usize,
) {
    let width = images.ncols();
    assert_eq!(width, rows * cols, "{what}: images of {rows} × {cols} in rows of {width} pixels");
    assert!(columns > 0 && scale > 0, "{what}: columns {columns} and scale {scale} must not be 0");
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn every_pixel_of_a_small_mosaic() {
        // Three images of 1 × 2 pixels in rows of two, each pixel 2 × 2, one pixel between them.
        let images = array![[0.0, 1.0], [0.5, 0.2], [f32::NAN, 7.0]];
        let picture = mosaic(images.view(), (1, 2), 2, 2);
        assert_eq!((picture.width(), picture.height()), (9, 5));
        let w = [255; 3];
        let (b, m, h, q) = ([0; 3], [255, 0, 255], [128; 3], [51; 3]);
        let top = [b, b, w, w, w, h, h, q, q];
        let bottom = [m, m, w, w, w, w, w, w, w];
        for (y, wanted) in [top, top, [w; 9], bottom, bottom].iter().enumerate() {
            let found: Vec<Rgb> = (0..9).map(|x| picture.pixel(x, y)).collect();
            assert_eq!(found, wanted, "row {y}");
        }
    }

    #[test]
    fn values_outside_are_clamped_and_infinite_ones_too() {
        let images = array![[-3.0, f32::NEG_INFINITY, 1.5, f32::INFINITY]];
        let picture = mosaic(images.view(), (1, 4), 1, 1);
        let found: Vec<u8> = (0..4).map(|x| picture.pixel(x, 0)[0]).collect();
        assert_eq!(found, [0, 0, 255, 255]);
    }

    #[test]
    fn fewer_images_than_columns_take_no_more_room_than_they_need() {
        assert_eq!(mosaic(Array2::zeros((2, 9)).view(), (3, 3), 10, 4).width(), 2 * 12 + 2);
        assert_eq!(mosaic(Array2::zeros((0, 9)).view(), (3, 3), 10, 4).width(), 1);
    }

    #[test]
    fn originals_stand_above_their_reconstructions() {
        // Image i is all i/8, its reconstruction all (i + 4)/8; 3 images in rows of 2.
        let grays = |from: f32| Array2::from_shape_fn((3, 64), |(i, _)| (i as f32 + from) / 8.0);
        let (x, x_hat) = (grays(0.0), grays(4.0));
        let picture = originals_over_reconstructions(x.view(), x_hat.view(), (8, 8), 2, 4);
        let left = picture.width() - (2 * 32 + 2) - 6;
        let at = |column: usize, y: usize| picture.pixel(left + column * 34 + 16, y)[0];
        // Margin 7, tile 32, gap 2, tile 32, gap 8, and the second pair.
        let pitch = 2 * 32 + 2 + 8;
        assert_eq!([at(0, 7 + 16), at(1, 7 + 16)], [0, 32]);
        assert_eq!([at(0, 7 + 34 + 16), at(1, 7 + 34 + 16)], [128, 159]);
        assert_eq!([at(0, 7 + pitch + 16), at(0, 7 + pitch + 34 + 16)], [64, 191]);
        assert_eq!(at(1, 7 + pitch + 16), 255, "there is no fourth image");
        // Captions: ink beside every row of images, none beside the gap.
        let inked = |y: usize| (0..left - 3).any(|x| picture.pixel(x, y)[0] < 128);
        for row in [0, 34, pitch, pitch + 34] {
            assert!(inked(7 + row + 16), "row at {row}");
        }
        assert!(!inked(7 + 2 * 32 + 2 + 4));
    }

    #[test]
    #[should_panic(expected = "images of 3 × 3 in rows of 8 pixels")]
    fn a_wrong_size_is_refused() {
        mosaic(Array2::zeros((1, 8)).view(), (3, 3), 1, 1);
    }

    #[test]
    #[should_panic(expected = "shapes of both must agree")]
    fn originals_without_reconstructions_are_refused() {
        let (x, x_hat) = (Array2::zeros((2, 4)), Array2::zeros((1, 4)));
        originals_over_reconstructions(x.view(), x_hat.view(), (2, 2), 1, 1);
    }
}
