//! The field of data of a figure in pixels, with its grid.

use plotters::coord::ranged1d::Ranged;
use plotters::style::text_anchor::HPos;

use super::chart::Axis;
use super::drawing::Drawing;
use super::palette::{FAINT, GRID, INK};
use super::text;

/// Where a field lies on its picture.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// A frame with its axes.
pub(super) struct Field {
    pub(super) frame: Frame,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Field {
    /// Where on the picture a point is.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let Frame { left, right, top, bottom } = self.frame;
        (self.x.map(&x, (left, right)).into(), self.y.map(&y, (bottom, top)).into())
    }

    /// Draws round numbers, the lines through them, and the names of the axes.
    pub(super) fn grid(&self, drawing: &mut Drawing, x_name: &str, y_name: &str) {
        let Frame { left, right, top, bottom } = self.frame;
        let [left, right, top, bottom] = [left, right, top, bottom].map(f64::from);
        for (value, label) in self.x.ticks() {
            let x = self.place((*value, self.y.lo)).0;
            drawing.line([(x, top), (x, bottom)], 1, GRID);
            drawing.words(label, (x, bottom + 24.0), HPos::Center, 24.0, FAINT);
        }
        for (value, label) in self.y.ticks() {
            let y = self.place((self.x.lo, *value)).1;
            drawing.line([(left, y), (right, y)], 1, GRID);
            drawing.words(label, (left - 12.0, y), HPos::Right, 24.0, FAINT);
        }
        drawing.line([(left, bottom), (right, bottom)], 2, FAINT);
        drawing.line([(left, top), (left, bottom)], 2, FAINT);
        let (middle, centre) = ((left + right) / 2.0, (top + bottom) / 2.0);
        let size = text::fit(x_name, 28.0, right - left);
        drawing.words(x_name, (middle, bottom + 72.0), HPos::Center, size, INK);
        drawing.words_upwards(y_name, (34.0, centre), text::fit(y_name, 28.0, bottom - top), INK);
    }

    /// Whether a point lies on the axes.
    pub(super) fn shows(&self, (x, y): (f64, f64)) -> bool {
        (self.x.lo..=self.x.hi).contains(&x) && (self.y.lo..=self.y.hi).contains(&y)
    }
}
