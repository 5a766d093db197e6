//! How what was measured depends on a setting.

use plotters::style::text_anchor::HPos;

use super::chart::Axis;
use super::drawing::Drawing;
use super::field::{Field, Frame};
use super::palette::{INK, hue};
use super::picture::{Picture, Rgb};
use super::text;

/// Lines with confidence bands over one setting, and the truth, where it is known, as dashes.
///
/// ```
/// use elbo_models::pictures::{Line, Measured, Sweep};
///
/// let at = |x: f64| Measured { x, y: 4.0, low: 3.8, high: 4.2 };
/// let sweep = Sweep {
///     title: "Variance of a gradient".into(),
///     x: "k".into(),
///     y: "variance".into(),
///     log_y: true,
///     lines: vec![Line {
///         name: "pathwise".into(),
///         points: vec![at(-1.0), at(1.0)],
///         truth: vec![(-1.0, 4.0), (1.0, 4.0)],
///     }],
///     ..Sweep::default()
/// };
/// assert_eq!(sweep.draw().width(), 1200);
/// assert!(sweep.svg().contains("pathwise"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sweep {
    /// The title above the figure.
    pub title: String,
    /// The name of the horizontal axis, with its unit.
    pub x: String,
    /// The name of the vertical axis, with its unit.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// Whether the vertical axis is logarithmic. What is 0, or below 10⁻⁹ of the largest value, is then a gap.
    pub log_y: bool,
    /// What was measured, each in a colour of its own.
    pub lines: Vec<Line>,
}

/// One line of a [`Sweep`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// How the legend calls it.
    pub name: String,
    /// What was measured, from left to right.
    pub points: Vec<Measured>,
    /// Points of the truth, from left to right; none if it is not known.
    pub truth: Vec<(f64, f64)>,
}

/// A value at a setting, with the ends of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// The setting.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// Where it is with some confidence: from here
    pub low: f64,
    /// to here.
    pub high: f64,
}

/// The picture, and in it the field of data with room around it.
const SIZE: (usize, usize) = (1200, 900);
const FRAME: Frame = Frame { left: 140, right: 800, top: 90, bottom: 785 };

/// The size of the type of the legend, and from one line of it to the next.
const LEGEND: f64 = 25.0;
const PITCH: f64 = 38.0;

/// What a logarithmic axis shows of the largest value, at most.
const LEAST: f64 = 1e-9;

/// Up to so many points, each is marked with a dot.
const FEW: usize = 30;

impl Sweep {
    /// Draws the figure, 1200 × 900 pixels.
    pub fn draw(&self) -> Picture {
        self.drawing().picture()
    }

    /// The same figure as the text of an SVG file.
    pub fn svg(&self) -> String {
        self.drawing().svg()
    }

    fn drawing(&self) -> Drawing {
        let field = Field { frame: FRAME, x: self.horizontal(), y: self.vertical() };
        let mut drawing = Drawing::new(SIZE.0, SIZE.1);
        let (left, room) = (f64::from(FRAME.left), SIZE.0 as f64 - f64::from(FRAME.left) - 30.0);
        let title = text::fit(&self.title, 34.0, room);
        drawing.words(&self.title, (left, 40.0), HPos::Left, title, INK);
        field.grid(&mut drawing, &self.x, &self.y);
        for (i, line) in self.lines.iter().enumerate() {
            self.band(&field, &mut drawing, line, hue(i));
        }
        for (i, line) in self.lines.iter().enumerate() {
            self.line(&field, &mut drawing, line, hue(i));
        }
        // Dashes on top: they lie on the lines if all is well.
        for line in &self.lines {
            for run in line.truth.split(|at| !field.shows(*at)).filter(|run| run.len() > 1) {
                drawing.path(run.iter().map(|at| field.place(*at)).collect(), 2, INK, true);
            }
        }
        self.legend(&mut drawing);
        drawing
    }

    fn band(&self, field: &Field, drawing: &mut Drawing, line: &Line, ink: Rgb) {
        let has_band =
            |p: &Measured| field.shows((p.x, p.y)) && p.high.is_finite() && p.low.is_finite();
        for run in line.points.split(|p| !has_band(p)).filter(|run| run.len() > 1) {
            let inside = |y: f64| y.clamp(field.y.lo, field.y.hi);
            let upper = run.iter().map(|p| (p.x, inside(p.high)));
            let lower = run.iter().rev().map(|p| (p.x, inside(p.low)));
            drawing.area(upper.chain(lower).map(|at| field.place(at)).collect(), ink);
        }
    }

    fn line(&self, field: &Field, drawing: &mut Drawing, line: &Line, ink: Rgb) {
        for run in line.points.split(|p| !field.shows((p.x, p.y))).filter(|run| !run.is_empty()) {
            let places: Vec<_> = run.iter().map(|p| field.place((p.x, p.y))).collect();
            if line.points.len() <= FEW || run.len() == 1 {
                for (at, p) in places.iter().zip(run) {
                    drawing.disc(*at, 6.0, ink, &format!("{}: {:.4} at {}", line.name, p.y, p.x));
                }
            }
            drawing.path(places, 3, ink, false);
        }
    }

    fn legend(&self, drawing: &mut Drawing) {
        let x = f64::from(FRAME.right) + 16.0;
        let mut y = f64::from(FRAME.top) + 0.5 * PITCH;
        let mut entry = |name: &str, ink: Rgb, dashed: bool| {
            drawing.path(vec![(x, y), (x + 36.0, y)], if dashed { 2 } else { 4 }, ink, dashed);
            let size = text::fit(name, LEGEND, SIZE.0 as f64 - x - 56.0);
            drawing.words(name, (x + 46.0, y), HPos::Left, size, INK);
            y += PITCH;
        };
        for (i, line) in self.lines.iter().enumerate() {
            entry(&line.name, hue(i), false);
        }
        if self.lines.iter().any(|line| !line.truth.is_empty()) {
            entry("truth", INK, true);
        }
    }

    fn horizontal(&self) -> Axis {
        let drawable = |x: &f64| x.is_finite() && (!self.log_x || *x > 0.0);
        let points = self.lines.iter().flat_map(|line| &line.points).map(|p| p.x);
        let Some((lo, hi)) = ends(points.filter(drawable)) else {
            return Axis::linear(0.0, 1.0, 5, false);
        };
        match (self.log_x, hi > lo) {
            (true, true) => Axis::logarithmic(lo, hi, 9),
            (true, false) => Axis::logarithmic(lo / 2.0, hi * 2.0, 9),
            (false, true) => Axis::linear(lo, hi, 9, false),
            (false, false) => Axis::linear(lo - 1.0, hi + 1.0, 9, false),
        }
    }

    fn vertical(&self) -> Axis {
        let points = self.lines.iter().flat_map(|line| &line.points).map(|p| p.y);
        let truth = self.lines.iter().flat_map(|line| &line.truth).map(|(_, y)| *y);
        let all: Vec<f64> = points.chain(truth).filter(|y| y.is_finite()).collect();
        let most = all.iter().fold(0.0, |most: f64, y| most.max(*y));
        let drawable = |y: &f64| !self.log_y || *y > most * LEAST;
        let Some((lo, hi)) = ends(all.into_iter().filter(drawable)) else {
            return Axis::linear(0.0, 1.0, 5, false);
        };
        if self.log_y {
            let margin = (0.04 * (hi / lo).ln()).max(0.3).exp();
            return Axis::logarithmic(lo / margin, hi * margin, 9);
        }
        let margin = if hi > lo { 0.05 * (hi - lo) } else { 1.0 };
        Axis::linear(lo - margin, hi + margin, 9, false)
    }
}

/// The least and the largest, if there is any.
fn ends(mut values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let first = values.next()?;
    Some(values.fold((first, first), |(lo, hi), v| (lo.min(v), hi.max(v))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> Sweep {
        let at = |x: f64, y: f64| Measured { x, y, low: 0.8 * y, high: 1.25 * y };
        Sweep {
            log_x: true,
            log_y: true,
            lines: vec![
                Line {
                    name: "a".into(),
                    points: vec![at(1.0, 1.0), at(10.0, 10.0), at(100.0, 100.0)],
                    truth: vec![(1.0, 1.0), (100.0, 100.0)],
                },
                Line { name: "none".into(), points: vec![at(1.0, 0.0)], truth: vec![] },
            ],
            ..Sweep::default()
        }
    }

    #[test]
    fn a_power_law_is_straight_and_its_band_is_around_it() {
        let sweep = sweep();
        let field = Field { frame: FRAME, x: sweep.horizontal(), y: sweep.vertical() };
        let places = [1.0, 10.0, 100.0].map(|x| field.place((x, x)));
        assert!((places[0].1 + places[2].1 - 2.0 * places[1].1).abs() <= 2.0, "{places:?}");
        let picture = sweep.draw();
        // Between two points, so that no dot is there, and beside the line.
        let (x, y) = field.place((30.0, 30.0));
        let pixel = |y: f64| picture.pixel(x as usize, y as usize);
        assert_eq!(pixel(y)[0], pixel(y)[0].min(0x60), "the line or the dash on it");
        let (_, edge) = field.place((30.0, 30.0 * 1.15));
        let band = pixel(edge);
        assert!(band[2] > band[0] && band[0] < 250, "a veil of blue: {band:?}");
        assert_eq!(pixel(field.place((30.0, 60.0)).1), [255; 3]);
    }

    #[test]
    fn what_is_zero_has_no_place_on_a_logarithmic_axis() {
        let svg = sweep().svg();
        // Three dots of the one line, none of the other, which is still in the legend.
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(">none<") && svg.contains(">truth<"), "{svg}");
        assert_eq!(svg.matches("stroke-dasharray").count(), 2);
        assert_eq!(svg.matches("fill-opacity=\"0.2\"").count(), 1);
    }

    #[test]
    fn nothing_measured_still_gives_a_figure() {
        assert_eq!(Sweep::default().draw().height(), 900);
    }
}
