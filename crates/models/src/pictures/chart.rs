//! What every figure has around its data: title, axes with round numbers, grid and legend.

use std::ops::Range;

use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::coord::ranged1d::{
    BoldPoints, KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter,
};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Drawn, FINE, canvas, colour};
use super::palette::{FAINT, GRID, INK};
use super::picture::{Picture, Rgb};
use super::text::{self, RISE};

/// The size of every figure, in pixels.
const SIZE: (i32, i32) = (1200, 900);
/// From the edges of the picture to the field of data.
pub(super) const LEFT: i32 = 150;
pub(super) const TOP: i32 = 100;
const RIGHT: i32 = 40;
const BOTTOM: i32 = 108;
/// Sizes of type.
const TITLE: f64 = 38.0;
const NAMES: f64 = 32.0;
const TICKS: f64 = 28.0;
/// The legend: its type, the longest name, and what stands to the left of the names.
const LEGEND: f64 = 28.0;
const LONGEST: f64 = 300.0;
const MARK: i32 = 44;
const MARGIN: i32 = 20;
/// From one line of the legend to the next, in sizes of its type.
const PITCH: f64 = 1.3;

/// The field of data, on a [`canvas`].
pub(super) type Chart<'a, 'r> = ChartContext<'a, BitMapBackend<'r>, Cartesian2d<Axis, Axis>>;

/// One line of the legend.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) colour: Rgb,
    pub(super) mark: Mark,
}

/// What a line of the legend shows beside its name.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Dot,
    Line,
    Dashes,
}

/// What is written around the data. An empty text takes no ink.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Small print above the field, on the right.
    pub(super) note: &'a str,
}

/// One axis: its two ends, and the round numbers between them with their labels.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) lo: f64,
    pub(super) hi: f64,
    log: bool,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Up to `count` round numbers; only whole ones, if `whole`.
    pub(super) fn linear(lo: f64, hi: f64, count: usize, whole: bool) -> Self {
        let mut ticks = RangedCoordf64::from(lo..hi).key_points(BoldPoints(count));
        ticks.retain(|t| (lo..=hi).contains(t) && (!whole || t.fract() == 0.0));
        let labels = labels(&ticks);
        Self { lo, hi, log: false, ticks: ticks.into_iter().zip(labels).collect() }
    }

    /// An axis in powers of ten, between two ends above zero.
    pub(super) fn logarithmic(lo: f64, hi: f64, count: usize) -> Self {
        let decades = (hi / lo).log10();
        // Within one decade, powers of ten would leave the axis bare.
        if decades < 1.0 {
            return Self { log: true, ..Self::linear(lo, hi, count, false) };
        }
        let every = (decades / count as f64).ceil() as i32;
        let mantissas: &[i32] = if decades < 3.0 { &[1, 2, 5] } else { &[1] };
        let powers = lo.log10().floor() as i32..=hi.log10().floor() as i32;
        let ticks: Vec<f64> = powers
            .filter(|p| p % every == 0)
            .flat_map(|p| mantissas.iter().map(move |m| format!("{m}e{p}")))
            .map(|number| number.parse().expect("a decimal number"))
            .filter(|tick| (lo..=hi).contains(tick))
            .collect();
        // All labels in one notation: 1000 above 10⁶ takes a second look.
        let plain = ticks.iter().all(|tick| (1e-3..1e5).contains(tick));
        let label = |v| if plain { format!("{v}") } else { raised(&format!("{v:e}")) };
        Self { lo, hi, log: true, ticks: ticks.into_iter().map(|v| (v, label(v))).collect() }
    }

    /// The round numbers with their labels.
    pub(super) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        if self.log {
            LogCoord::from((self.lo..self.hi).log_scale()).map(value, limit)
        } else {
            RangedCoordf64::from(self.lo..self.hi).map(value, limit)
        }
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Finer lines between the ticks would be more ink than they are worth.
        let ticks = if hint.weight().allow_light_points() { &[] } else { &self.ticks[..] };
        ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.lo..self.hi
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|tick| tick.0 == *value).map_or_else(String::new, |t| t.1.clone())
    }
}

/// The numbers with as many decimals as tell them apart, or with a power of ten.
fn labels(ticks: &[f64]) -> Vec<String> {
    let largest = ticks.iter().fold(0.0, |a: f64, t| a.max(t.abs()));
    let step = if let [a, b, ..] = ticks { b - a } else { largest };
    let digit = |v: f64| (v.log10() + 1e-9).floor().clamp(-400.0, 400.0) as i32;
    let plain = largest == 0.0 || (1e-3..1e6).contains(&largest);
    let label = |&value: &f64| {
        let value = if value.abs() < 1e-6 * step { 0.0 } else { value };
        if value == 0.0 && !plain {
            "0".to_owned()
        } else if plain {
            let decimals = digit(step).min(0).unsigned_abs().min(12) as usize;
            format!("{value:.decimals$}").replace('-', "−")
        } else {
            let decimals = (digit(value.abs()) - digit(step)).clamp(0, 12) as usize;
            raised(&format!("{value:.decimals$e}"))
        }
    };
    ticks.iter().map(label).collect()
}

/// `-2.5e-7` as −2.5·10⁻⁷.
fn raised(number: &str) -> String {
    let (mantissa, power) = number.split_once('e').unwrap_or((number, "0"));
    let small = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(c as usize - '0' as usize);
    let power: String =
        power.chars().filter_map(|c| if c == '-' { Some('⁻') } else { small(c) }).collect();
    let power = format!("10{power}");
    if mantissa == "1" { power } else { format!("{}·{power}", mantissa.replace('-', "−")) }
}

/// Width and height of the field of data, which makes room for the legend on its right.
pub(super) fn field(keys: &[Key]) -> (i32, i32) {
    let longest = keys.iter().map(|k| text::width(&k.name, legend_size(keys))).fold(0.0, f64::max);
    let legend = if keys.is_empty() { RIGHT } else { longest as i32 + MARK + 2 * MARGIN };
    (SIZE.0 - LEFT - legend.max(RIGHT), SIZE.1 - TOP - BOTTOM)
}

/// Long names and many of them are written smaller, until there is room for all.
fn legend_size(keys: &[Key]) -> f64 {
    let height = f64::from(SIZE.1 - TOP - 20) / (PITCH * keys.len().max(1) as f64);
    keys.iter().fold(LEGEND.min(height), |size, k| text::fit(&k.name, size, LONGEST))
}

/// Draws a figure: `paint` draws the data between the axes and the legend.
pub(super) fn figure(
    keys: &[Key],
    words: &Words<'_>,
    (x, y): (&Axis, &Axis),
    paint: impl FnOnce(&mut Chart<'_, '_>) -> Drawn,
) -> Picture {
    let (width, height) = field(keys);
    let widest =
        |axis: &Axis| axis.ticks.iter().map(|t| text::width(&t.1, TICKS)).fold(1.0, f64::max);
    // Labels that would run into each other, or into the name of the axis, are written smaller.
    let apart = f64::from(width) / x.ticks.len().max(1) as f64;
    let x_size = TICKS * (0.85 * apart / widest(x)).min(1.0);
    let y_size = TICKS * (f64::from(LEFT - 66) / widest(y)).min(1.0);
    canvas(SIZE.0 as usize, SIZE.1 as usize, |root| {
        let write = |words: &str, (x, y): (i32, i32), end: HPos, size: f64, ink: Rgb, turn| {
            let style = text::style(size, ink).pos(Pos::new(end, VPos::Center));
            let rise = (RISE * size) as i32;
            let (style, at) = match turn {
                true => (style.transform(FontTransform::Rotate270), (x + rise, y)),
                false => (style, (x, y + rise)),
            };
            root.draw_text(words, &style, (at.0 * FINE, at.1 * FINE))
        };
        let right = LEFT + width;
        let title = text::fit(words.title, TITLE, f64::from(SIZE.0 - LEFT - RIGHT));
        write(words.title, (LEFT, 40), HPos::Left, title, INK, false)?;
        write(words.note, (right, TOP - 20), HPos::Right, 22.0, FAINT, false)?;
        let name_x = text::fit(words.x, NAMES, f64::from(width));
        let below = (LEFT + width / 2, SIZE.1 - 34);
        write(words.x, below, HPos::Center, name_x, INK, false)?;
        let name_y = text::fit(words.y, NAMES, f64::from(height));
        write(words.y, (32, TOP + height / 2), HPos::Center, name_y, INK, true)?;

        let mut chart = ChartBuilder::on(root)
            .margin_top(TOP * FINE)
            .margin_right((SIZE.0 - right) * FINE)
            .x_label_area_size(BOTTOM * FINE)
            .y_label_area_size(LEFT * FINE)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(pen(GRID, 2))
            .axis_style(pen(FAINT, 2))
            .set_all_tick_mark_size(8 * FINE)
            .x_label_style(text::style(x_size, FAINT))
            .y_label_style(text::style(y_size, FAINT))
            .y_label_offset((RISE * y_size) as i32 * FINE)
            .draw()?;
        paint(&mut chart)?;

        // Not with plotters' own legend: what lies outside the field is pushed back into it, and
        // inside it would cover data.
        let size = legend_size(keys);
        for (i, key) in keys.iter().enumerate() {
            let (x, y) = (right + MARGIN, TOP + ((i as f64 + 0.5) * PITCH * size) as i32);
            write(&key.name, (x + MARK, y), HPos::Left, size, INK, false)?;
            let ends = [x, x + MARK - 10].map(|x| (x * FINE, y * FINE));
            match key.mark {
                Mark::Dot => {
                    let middle = ((x + MARK / 2) * FINE, y * FINE);
                    let radius = (0.28 * size) as i32 * FINE;
                    root.draw(&Circle::new(middle, radius, colour(key.colour).filled()))?;
                }
                Mark::Line => root.draw(&PathElement::new(ends, pen(key.colour, 4)))?,
                Mark::Dashes => {
                    let (dash, gap) = (12 * FINE, 8 * FINE);
                    root.draw(&DashedPathElement::new(ends, dash, gap, pen(key.colour, 3)))?;
                }
            }
        }
        Ok(())
    })
}

/// A line of `width` pixels of the picture.
pub(super) fn pen(ink: Rgb, width: u32) -> ShapeStyle {
    colour(ink).stroke_width(width * FINE as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(axis: Axis) -> String {
        axis.ticks.into_iter().map(|t| t.1).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_and_say_no_more_than_they_must() {
        let linear = |lo, hi| written(Axis::linear(lo, hi, 8, false));
        assert_eq!(linear(0.0, 1.0), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(linear(-2.3, 2.1), "−2 −1 0 1 2");
        assert_eq!(linear(0.0, 3.1e7), "0 5·10⁶ 1.0·10⁷ 1.5·10⁷ 2.0·10⁷ 2.5·10⁷ 3.0·10⁷");
        assert_eq!(linear(0.0, 4e-5), "0 10⁻⁵ 2·10⁻⁵ 3·10⁻⁵ 4·10⁻⁵");
        assert_eq!(written(Axis::linear(0.9, 2.1, 8, true)), "1 2");
    }

    #[test]
    fn a_logarithmic_axis_counts_in_powers_of_ten() {
        let log = |lo, hi| written(Axis::logarithmic(lo, hi, 8));
        assert_eq!(log(0.5, 2e5), "10⁰ 10¹ 10² 10³ 10⁴ 10⁵");
        assert_eq!(log(1e-12, 1e12), "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 10⁰ 10³ 10⁶ 10⁹ 10¹²");
        assert_eq!(log(0.5, 2e4), "1 10 100 1000 10000");
        assert_eq!(log(0.015, 0.6), "0.02 0.05 0.1 0.2 0.5");
        assert_eq!(log(90.0, 160.0), "90 100 110 120 130 140 150 160");
    }
}
