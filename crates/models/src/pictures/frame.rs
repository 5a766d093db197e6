//! Axes, grid, title and legend: what every figure has around its data.

use super::ink::{self, Pen};
use super::palette::{FAINT, GRID, INK, PAPER};
use super::picture::{Picture, Rgb};
use super::text::{self, Anchor, Type};
use super::ticks::{Axis, superscript};

/// The size of every figure, in pixels.
const SIZE: (usize, usize) = (1200, 900);
/// The sides of the field of data, and where the legend ends.
const LEFT: f64 = 150.0;
const TOP: f64 = 118.0;
const BOTTOM: f64 = 785.0;
const END: f64 = 1165.0;

const TITLE: Type = Type { size: 32.0, colour: INK };
const NAMES: Type = Type { size: 26.0, colour: INK };
const TICKS: Type = Type { size: 21.0, colour: FAINT };
const NOTE: Type = Type { size: 19.0, colour: FAINT };

/// One line of the legend.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) colour: Rgb,
    pub(super) mark: Mark,
}

/// What a line of the legend shows beside its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    Dot,
    Line,
    Dashes,
}

/// What is written around the data. An empty text takes no ink.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Small print above the field, on the right.
    pub(super) note: &'a str,
}

/// The place of the data in the picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    legend_size: f64,
}

impl Field {
    /// As wide as the legend lets it be; without a legend, as wide as the picture.
    pub(super) fn beside(keys: &[Key]) -> Self {
        // A legend of many lines is set smaller, until it fits the height of the field.
        let legend_size = ((BOTTOM - TOP) / keys.len().max(1) as f64 / 1.62).clamp(9.0, 22.0);
        let names = keys.iter().map(|k| text::width(&k.name, legend_size)).fold(0.0, f64::max);
        let legend = if keys.is_empty() { 0.0 } else { (names + 3.4 * legend_size).min(340.0) };
        Self { left: LEFT, top: TOP, right: (END - legend).round(), bottom: BOTTOM, legend_size }
    }

    /// Width over height.
    pub(super) fn aspect(&self) -> f64 {
        (self.right - self.left) / (self.bottom - self.top)
    }
}

/// A figure without its data, and the way from the data to its pixels.
pub(super) struct Frame {
    pub(super) picture: Picture,
    pub(super) field: Field,
    x: Axis,
    y: Axis,
}

impl Frame {
    pub(super) fn new(field: Field, x: Axis, y: Axis, keys: &[Key], words: Words<'_>) -> Self {
        let picture = Picture::blank(SIZE.0, SIZE.1, PAPER);
        let mut frame = Self { picture, field, x, y };
        frame.horizontal_axis(words.x);
        frame.vertical_axis(words.y);
        frame.spines();
        frame.legend(keys);
        let title = text::fit(words.title, TITLE.size, END - LEFT);
        text::write(&mut frame.picture, &title, (LEFT, 48.0), Anchor::Start, TITLE);
        let note = (field.right, TOP - 24.0);
        text::write(&mut frame.picture, words.note, note, Anchor::End, NOTE);
        frame
    }

    /// The pixel of a point of the data.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let Field { left, top, right, bottom, .. } = self.field;
        (left + self.x.place(x) * (right - left), bottom - self.y.place(y) * (bottom - top))
    }

    fn horizontal_axis(&mut self, name: &str) {
        let Field { left, top, right, bottom, .. } = self.field;
        let ticks = self.x.ticks(((right - left) / 115.0) as usize);
        let widest = ticks.marks.iter().map(|m| text::width(&m.1, 1.0)).fold(0.0, f64::max);
        let apart = (right - left) / ticks.marks.len().max(1) as f64;
        let style = Type { size: TICKS.size.min(0.85 * apart / widest), ..TICKS };
        for (value, label) in &ticks.marks {
            // Half a pixel in, a line of one or two pixels lies sharp on the raster.
            let x = (left + self.x.place(*value) * (right - left)).round();
            ink::segment(&mut self.picture, (x, top), (x, bottom), GRID_PEN);
            ink::segment(&mut self.picture, (x, bottom), (x, bottom + 8.0), AXIS_PEN);
            text::write(&mut self.picture, label, (x, bottom + 26.0), Anchor::Middle, style);
        }
        let name = with_power(name, ticks.power);
        let name = text::fit(&name, NAMES.size, right - left);
        let middle = (left + right) / 2.0;
        text::write(&mut self.picture, &name, (middle, bottom + 72.0), Anchor::Middle, NAMES);
    }

    fn vertical_axis(&mut self, name: &str) {
        let Field { left, top, right, bottom, .. } = self.field;
        let ticks = self.y.ticks(7);
        let widest = ticks.marks.iter().map(|m| text::width(&m.1, 1.0)).fold(0.0, f64::max);
        let style = Type { size: TICKS.size.min((left - 76.0) / widest), ..TICKS };
        for (value, label) in &ticks.marks {
            let y = (bottom - self.y.place(*value) * (bottom - top)).round();
            ink::segment(&mut self.picture, (left, y), (right, y), GRID_PEN);
            ink::segment(&mut self.picture, (left - 8.0, y), (left, y), AXIS_PEN);
            text::write(&mut self.picture, label, (left - 16.0, y), Anchor::End, style);
        }
        let name = with_power(name, ticks.power);
        let name = text::fit(&name, NAMES.size, bottom - top);
        let middle = (34.0, (top + bottom) / 2.0);
        text::write_upwards(&mut self.picture, &name, middle, Anchor::Middle, NAMES);
    }

    fn spines(&mut self) {
        let Field { left, top, right, bottom, .. } = self.field;
        ink::segment(&mut self.picture, (left, top), (left, bottom), AXIS_PEN);
        ink::segment(&mut self.picture, (left, bottom), (right, bottom), AXIS_PEN);
    }

    fn legend(&mut self, keys: &[Key]) {
        let Field { top, right, bottom, legend_size: em, .. } = self.field;
        let (x, pitch) = (right + 0.9 * em, 1.62 * em);
        let style = Type { size: em, colour: INK };
        let rows = ((bottom - top) / pitch + 0.01) as usize;
        for (i, key) in keys.iter().enumerate().take(rows) {
            let y = (top + (i as f64 + 0.5) * pitch).round();
            let (from, to) = ((x, y), (x + 1.5 * em, y));
            let pen = Pen { colour: key.colour, width: (em / 6.0).round() };
            match key.mark {
                Mark::Dot => ink::disc(&mut self.picture, (x + em, y), 0.36 * em, key.colour, 1.0),
                Mark::Line => ink::segment(&mut self.picture, from, to, pen),
                Mark::Dashes => ink::dashes(&mut self.picture, from, to, Pen { width: 2.0, ..pen }),
            }
            let start = (x + 2.0 * em, y);
            let name = text::fit(&key.name, em, SIZE.0 as f64 - 10.0 - start.0);
            text::write(&mut self.picture, &name, start, Anchor::Start, style);
        }
    }
}

const GRID_PEN: Pen = Pen { colour: GRID, width: 2.0 };
const AXIS_PEN: Pen = Pen { colour: FAINT, width: 2.0 };

/// The name of an axis whose labels leave out a power of ten.
fn with_power(name: &str, power: i32) -> String {
    match power {
        0 => name.to_owned(),
        _ => format!("{name}  × 10{}", superscript(power)).trim_start().to_owned(),
    }
}
