//! Lines and discs with soft edges.
//!
//! A pixel is covered as far as its centre lies inside the shape, within half a pixel of the edge.
//! Coordinates are in pixels; (0, 0) is the top left corner of the picture, not the centre of its
//! first pixel.

use super::picture::{Picture, Rgb};

/// A pen: its colour and its width in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) colour: Rgb,
    pub(super) width: f64,
}

/// Draws a straight line with round ends.
pub(super) fn segment(picture: &mut Picture, from: (f64, f64), to: (f64, f64), pen: Pen) {
    let reach = pen.width / 2.0 + 1.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length2 = dx * dx + dy * dy;
    let rows = span(from.1.min(to.1) - reach, from.1.max(to.1) + reach, picture.height());
    for row in rows {
        let y = row as f64 + 0.5;
        // Only the columns near the line: a long slope would otherwise touch its whole box.
        let (mut lo, mut hi) = (from.0.min(to.0), from.0.max(to.0));
        if dy.abs() > 1e-9 {
            let at = |y: f64| from.0 + dx * ((y - from.1) / dy).clamp(0.0, 1.0);
            let (a, b) = (at(y - reach), at(y + reach));
            (lo, hi) = (a.min(b), a.max(b));
        }
        for column in span(lo - reach, hi + reach, picture.width()) {
            let x = column as f64 + 0.5;
            let along = if length2 > 0.0 {
                (((x - from.0) * dx + (y - from.1) * dy) / length2).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let distance = (x - from.0 - along * dx).hypot(y - from.1 - along * dy);
            let covered = (pen.width / 2.0 + 0.5 - distance).clamp(0.0, pen.width.min(1.0));
            picture.blend(column, row, pen.colour, covered);
        }
    }
}

/// Draws a line through points.
pub(super) fn polyline(picture: &mut Picture, points: &[(f64, f64)], pen: Pen) {
    for pair in points.windows(2) {
        segment(picture, pair[0], pair[1], pen);
    }
}

/// Draws a straight line in dashes.
pub(super) fn dashes(picture: &mut Picture, from: (f64, f64), to: (f64, f64), pen: Pen) {
    let (on, off) = (4.0 * pen.width, 3.5 * pen.width);
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let at = |d: f64| {
        let t = d / length;
        (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1))
    };
    let mut start = 0.0;
    while start < length {
        segment(picture, at(start), at((start + on).min(length)), pen);
        start += on + off;
    }
}

/// Draws a filled disc that lets `1 − alpha` of the ground through.
pub(super) fn disc(
    picture: &mut Picture,
    centre: (f64, f64),
    radius: f64,
    colour: Rgb,
    alpha: f64,
) {
    for row in span(centre.1 - radius - 1.0, centre.1 + radius + 1.0, picture.height()) {
        for column in span(centre.0 - radius - 1.0, centre.0 + radius + 1.0, picture.width()) {
            let distance = (column as f64 + 0.5 - centre.0).hypot(row as f64 + 0.5 - centre.1);
            let covered = (radius + 0.5 - distance).clamp(0.0, 1.0);
            picture.blend(column, row, colour, alpha * covered);
        }
    }
}

/// The whole pixels between two coordinates, as far as they lie in the picture.
fn span(from: f64, to: f64, size: usize) -> std::ops::Range<i64> {
    from.floor().max(0.0) as i64..to.ceil().min(size as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Rgb = [0; 3];

    fn paper() -> Picture {
        Picture::blank(20, 20, [255; 3])
    }

    /// How much ink lies on the paper, in pixels.
    fn ink(picture: &Picture) -> f64 {
        picture.rgb().iter().step_by(3).map(|&v| 1.0 - f64::from(v) / 255.0).sum()
    }

    #[test]
    fn a_line_on_the_pixel_raster_is_sharp() {
        let mut picture = paper();
        let pen = Pen { colour: BLACK, width: 2.0 };
        segment(&mut picture, (0.0, 10.0), (20.0, 10.0), pen);
        let column: Vec<u8> = (7..13).map(|y| picture.pixel(10, y)[0]).collect();
        assert_eq!(column, [255, 255, 0, 0, 255, 255]);
    }

    #[test]
    fn a_slope_carries_as_much_ink_as_its_length_times_its_width() {
        for to in [(17.0, 12.0), (8.0, 17.0), (3.0, 17.0)] {
            let mut picture = paper();
            segment(&mut picture, (3.0, 3.0), to, Pen { colour: BLACK, width: 2.0 });
            let length = (to.0 - 3.0_f64).hypot(to.1 - 3.0);
            let area = 2.0 * length + std::f64::consts::PI;
            assert!((ink(&picture) - area).abs() < 0.05 * area, "{} {area}", ink(&picture));
        }
    }

    #[test]
    fn a_disc_has_its_area_and_its_opacity() {
        let mut picture = paper();
        disc(&mut picture, (10.2, 9.7), 6.0, BLACK, 0.5);
        let area = 0.5 * std::f64::consts::PI * 36.0;
        assert!((ink(&picture) - area).abs() < 0.02 * area, "{} {area}", ink(&picture));
        assert_eq!(picture.pixel(10, 10), [128; 3]);
    }

    #[test]
    fn dashes_leave_gaps() {
        let mut picture = paper();
        let pen = Pen { colour: BLACK, width: 1.0 };
        dashes(&mut picture, (0.0, 5.5), (20.0, 5.5), pen);
        assert_eq!([2, 6].map(|x| picture.pixel(x, 5)[0]), [0, 255]);
    }
}
