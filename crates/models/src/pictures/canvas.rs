//! Where plotters draws: a picture twice as fine as the one that comes out.
//!
//! Plotters puts lines and letters on whole pixels. On a finer raster these steps are too small to
//! be seen, and taking the mean of its pixels makes every edge soft.

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

use super::picture::{Picture, Rgb};

/// Pixels of the canvas along each pixel of the picture.
pub(super) const FINE: i32 = 2;

/// What every drawing function of plotters gives back.
pub(super) type Drawn =
    Result<(), DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>>;

/// A picture of `width` by `height` pixels, white but for what `paint` draws on its canvas.
pub(super) fn canvas(
    width: usize,
    height: usize,
    paint: impl FnOnce(&DrawingArea<BitMapBackend<'_>, Shift>) -> Drawn,
) -> Picture {
    let fine = FINE as usize;
    let mut rgb = vec![255; 3 * width * height * fine * fine];
    {
        let size = ((width * fine) as u32, (height * fine) as u32);
        let root = BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area();
        paint(&root).expect("memory takes every pixel, and the font is registered");
    }
    let mut picture = Picture::blank(width, height, [255; 3]);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0; 3];
            for row in 0..fine {
                let at = 3 * ((y * fine + row) * width + x) * fine;
                for (i, &value) in rgb[at..at + 3 * fine].iter().enumerate() {
                    sum[i % 3] += usize::from(value);
                }
            }
            picture.fill(x, y, 1, 1, sum.map(|s| ((s + fine * fine / 2) / (fine * fine)) as u8));
        }
    }
    picture
}

pub(super) fn colour([red, green, blue]: Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}
