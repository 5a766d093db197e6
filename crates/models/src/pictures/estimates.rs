//! Figures with confidence intervals for things that have names.

use plotters::coord::ranged1d::Ranged;
use plotters::style::text_anchor::HPos;

use super::chart::Axis;
use super::drawing::Drawing;
use super::palette::{FAINT, GRID, INK, hue};
use super::picture::Picture;
use super::text;

/// A row for each name, and in it a dot with its interval for each series, on a logarithmic axis.
///
/// ```
/// use elbo_models::pictures::{Estimate, Estimates, Row};
///
/// let estimates = vec![Estimate { value: 1.0, low: 0.8, high: 1.2 }];
/// let figure = Estimates {
///     title: "Gradients".into(),
///     x: "variance".into(),
///     series: vec!["noise".into()],
///     rows: vec![Row { name: "encoder.0.weight".into(), estimates }],
/// };
/// assert!(figure.svg().contains("encoder.0.weight"));
/// assert_eq!(figure.draw().width(), 1200);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimates {
    /// The title above the figure.
    pub title: String,
    /// The name of the axis, with its unit.
    pub x: String,
    /// What the estimates of each row are of.
    pub series: Vec<String>,
    /// The rows, from the top.
    pub rows: Vec<Row>,
}

/// A name with its estimates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The name, on the left.
    pub name: String,
    /// One for each series.
    pub estimates: Vec<Estimate>,
}

/// A figure and where it may lie. What is not positive cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

const WIDTH: f64 = 1200.0;
const TOP: f64 = 130.0;
const BOTTOM: f64 = 110.0;
const RIGHT: f64 = 40.0;
/// Between two series of a row, and between rows.
const STEP: f64 = 16.0;
const GAP: f64 = 22.0;
const LABEL: f64 = 24.0;

impl Estimates {
    /// Draws the figure, 1200 pixels wide.
    pub fn draw(&self) -> Picture {
        self.drawing().picture()
    }

    /// The same figure as the text of an SVG file.
    pub fn svg(&self) -> String {
        self.drawing().svg()
    }

    fn drawing(&self) -> Drawing {
        let band = GAP + STEP * self.series.len() as f64;
        let height = TOP + BOTTOM + band * self.rows.len() as f64;
        let names = self.rows.iter().map(|row| text::width(&row.name, LABEL));
        let left = 30.0 + names.fold(60.0, f64::max);
        let (right, bottom) = (WIDTH - RIGHT, height - BOTTOM);
        let axis = self.axis();
        let place = |x: &f64| f64::from(axis.map(x, (left as i32, right as i32)));
        let mut drawing = Drawing::new(WIDTH as usize, height as usize);
        let size = text::fit(&self.title, 34.0, right - 30.0);
        drawing.words(&self.title, (30.0, 36.0), HPos::Left, size, INK);
        let mut x = 30.0;
        for (i, name) in self.series.iter().enumerate() {
            drawing.disc((x + 8.0, 88.0), 8.0, hue(i), name);
            drawing.words(name, (x + 26.0, 88.0), HPos::Left, LABEL, INK);
            x += 60.0 + text::width(name, LABEL);
        }
        for (value, label) in axis.ticks() {
            let x = place(value);
            drawing.line([(x, TOP), (x, bottom)], 1, GRID);
            drawing.words(label, (x, bottom + 26.0), HPos::Center, LABEL, FAINT);
        }
        drawing.line([(left, bottom), (right, bottom)], 2, FAINT);
        let middle = (left + right) / 2.0;
        drawing.words(&self.x, (middle, bottom + 74.0), HPos::Center, 28.0, INK);
        for (number, row) in self.rows.iter().enumerate() {
            let top = TOP + band * number as f64;
            let middle = top + band / 2.0;
            drawing.words(&row.name, (left - 12.0, middle), HPos::Right, LABEL, INK);
            for (i, estimate) in row.estimates.iter().enumerate().filter(|(_, e)| drawable(e)) {
                let y = top + GAP / 2.0 + STEP * (i as f64 + 0.5);
                // An interval that reaches 0 goes on to the edge of the figure.
                let ends = [estimate.low.max(axis.lo), estimate.high.min(axis.hi)];
                drawing.line(ends.map(|x| (place(&x), y)), 3, hue(i));
                drawing.disc(
                    (place(&estimate.value), y),
                    6.0,
                    hue(i),
                    &format!("{}", estimate.value),
                );
            }
            if number > 0 {
                drawing.line([(left, top), (right, top)], 1, GRID);
            }
        }
        drawing
    }

    /// Around all dots, and around their intervals as far as those do not reach far beyond.
    fn axis(&self) -> Axis {
        let drawn = || self.rows.iter().flat_map(|row| &row.estimates).filter(|e| drawable(e));
        let low = drawn().map(|e| e.low.max(e.value / 10.0)).fold(f64::INFINITY, f64::min);
        let high = drawn().map(|e| e.high.min(e.value * 10.0).max(e.value)).fold(0.0, f64::max);
        let (low, high) = if low < high { (low, high) } else { (0.1, 10.0) };
        Axis::logarithmic(low / 1.3, high * 1.3, 9)
    }
}

fn drawable(estimate: &Estimate) -> bool {
    estimate.value > 0.0 && estimate.value.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_lies_within_its_interval_and_what_is_not_positive_is_left_out() {
        let row = |name: &str, value: f64| Row {
            name: name.into(),
            estimates: vec![Estimate { value, low: value / 2.0, high: value * 2.0 }],
        };
        let figure = Estimates {
            series: vec!["noise".into()],
            rows: vec![row("a", 1.0), row("b", 100.0), row("c", 0.0)],
            ..Estimates::default()
        };
        let svg = figure.svg();
        // One in the legend, one for a and b.
        assert_eq!(svg.matches("<circle").count(), 3);
        let number = |text: &str, key: &str| -> f64 {
            let rest = &text[text.find(key).unwrap() + key.len()..];
            rest[..rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap()].parse().unwrap()
        };
        let line = |of: &str| svg.lines().find(|line| line.contains(of)).unwrap().to_string();
        let (a, b) = (
            number(&line("<title>1</title>"), "cx=\""),
            number(&line("<title>100</title>"), "cx=\""),
        );
        let interval = svg.lines().find(|line| line.contains("stroke-width=\"3\"")).unwrap();
        let (from, to) = (number(interval, "M"), number(interval, "L"));
        assert!(from < a && a < to && to < b, "{from} {a} {to} {b}");
        // Two decades from a to b; from a to the end of its interval log₁₀ 2 of one.
        assert!(((to - a) / (b - a) - 2f64.log10() / 2.0).abs() < 0.01, "{a} {to} {b}");
        assert_eq!(figure.draw().width(), 1200);
    }

    #[test]
    fn nothing_still_gives_a_figure() {
        assert_eq!(Estimates::default().draw().width(), 1200);
    }
}
