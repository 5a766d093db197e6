//! How a loss falls.

use plotters::prelude::*;

use super::canvas::{Drawn, FINE, colour};
use super::chart::{Axis, Chart, Key, Mark, Words, figure, pen};
use super::palette::{INK, hue};
use super::picture::{Picture, Rgb};

/// A named line through points, such as the training loss after each epoch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// How the legend calls it.
    pub name: String,
    /// Pairs (x, y) in the order of the line. A point that is not finite leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// A dashed horizontal line to compare with, such as the error of PCA.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// How the legend calls it.
    pub name: String,
    /// Its height, in the units of the vertical axis.
    pub y: f64,
}

/// A figure of several series over one horizontal axis, with title, legend and units.
///
/// ```
/// use elbo_models::pictures::{Curves, Reference, Series};
///
/// let curves = Curves {
///     title: "Dense autoencoder".into(),
///     x: "epoch".into(),
///     y: "mean squared error".into(),
///     series: vec![Series { name: "test".into(), points: vec![(1.0, 0.03), (2.0, 0.02)] }],
///     references: vec![Reference { name: "PCA, k = 32".into(), y: 0.017 }],
///     ..Curves::default()
/// };
/// let picture = curves.draw();
/// assert_eq!((picture.width(), picture.height()), (1200, 900));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// The title above the figure.
    pub title: String,
    /// The name of the horizontal axis, with its unit.
    pub x: String,
    /// The name of the vertical axis, with its unit.
    pub y: String,
    /// Whether the vertical axis is logarithmic. Values that are not positive are then gaps.
    pub log_y: bool,
    /// The lines, each in its own colour.
    pub series: Vec<Series>,
    /// What to compare them with.
    pub references: Vec<Reference>,
}

/// Beyond this, the length of an axis would overflow.
const LARGEST: f64 = 1e300;
/// Up to so many points, each is marked with a dot.
const FEW: usize = 40;

impl Curves {
    /// Draws the figure, 1200 × 900 pixels.
    ///
    /// The axes take in all points and references that can be drawn. If some cannot (not finite, or
    /// not positive on a logarithmic axis), the small print says how many.
    pub fn draw(&self) -> Picture {
        let keys = self.keys();
        let (x, y) = (self.horizontal(), self.vertical());
        let all = self.series.iter().map(|s| s.points.len()).sum::<usize>();
        let missing = all - self.drawable().count();
        let note = match (all, missing) {
            (0, _) => "no points".to_owned(),
            (_, 0) => String::new(),
            (1, _) => "1 point cannot be drawn".to_owned(),
            _ => format!("{missing} of {all} points cannot be drawn"),
        };
        let words = Words { title: &self.title, x: &self.x, y: &self.y, note: &note };
        figure(&keys, &words, (&x, &y), |chart| {
            for reference in self.references.iter().filter(|r| self.shows((0.0, r.y))) {
                let ends = [(x.lo, reference.y), (x.hi, reference.y)];
                let pen = pen(self.reference_colour(reference), 3);
                chart.draw_series(DashedLineSeries::new(ends, 13 * FINE, 9 * FINE, pen))?;
            }
            // The first series is usually the one in question, so it lies on top.
            for (i, series) in self.series.iter().enumerate().rev() {
                self.line(chart, series, hue(i))?;
            }
            Ok(())
        })
    }

    fn line(&self, chart: &mut Chart<'_, '_>, series: &Series, ink: Rgb) -> Drawn {
        // A noisy line of many points would otherwise be a band that hides all others.
        let width = match series.points.len() {
            0..=300 => 4,
            301..=1000 => 3,
            _ => 2,
        };
        let few = series.points.len() <= FEW;
        for run in series.points.split(|p| !self.shows(*p)) {
            // Piece by piece: plotters gives a long line of sharp bends hairs and holes.
            let pieces =
                run.windows(2).map(|ends| PathElement::new(ends.to_vec(), pen(ink, width)));
            chart.draw_series(pieces)?;
            // A point between two gaps has no line, so it needs a dot to be seen at all.
            let dot = if few || run.len() == 1 { 6 * FINE } else { width as i32 * FINE / 2 };
            let dots = run.iter().map(|&at| Circle::new(at, dot, colour(ink).filled()));
            chart.draw_series(dots)?;
        }
        Ok(())
    }

    fn keys(&self) -> Vec<Key> {
        let line = |(i, s): (usize, &Series)| Key {
            name: s.name.clone(),
            colour: hue(i),
            mark: Mark::Line,
        };
        let dashes = |r: &Reference| Key {
            name: r.name.clone(),
            colour: self.reference_colour(r),
            mark: Mark::Dashes,
        };
        let series = self.series.iter().enumerate().map(line);
        series.chain(self.references.iter().map(dashes)).collect()
    }

    /// One reference is dark gray; several need colours, and go on where the series end.
    fn reference_colour(&self, reference: &Reference) -> Rgb {
        match self.references.iter().position(|r| r == reference) {
            Some(i) if self.references.len() > 1 => hue(self.series.len() + i),
            _ => INK,
        }
    }

    fn shows(&self, (x, y): (f64, f64)) -> bool {
        x.abs() <= LARGEST && y.abs() <= LARGEST && (!self.log_y || y >= f64::MIN_POSITIVE)
    }

    fn drawable(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series.iter().flat_map(|s| &s.points).copied().filter(|p| self.shows(*p))
    }

    fn horizontal(&self) -> Axis {
        let (lo, hi) = widened(ends(self.drawable().map(|p| p.0)), 0.02);
        let whole = self.drawable().all(|p| p.0.fract() == 0.0);
        Axis::linear(lo, hi, 11, whole)
    }

    fn vertical(&self) -> Axis {
        let references = self.references.iter().map(|r| r.y).filter(|y| self.shows((0.0, *y)));
        let (lo, hi) = ends(self.drawable().map(|p| p.1).chain(references));
        if !self.log_y {
            let (lo, hi) = widened((lo, hi), 0.05);
            return Axis::linear(lo, hi, 9, false);
        }
        let (lo, hi) = if lo > hi { (1.0, 10.0) } else { (lo, hi) };
        let margin = (0.05 * (hi / lo).ln()).max(0.05).exp();
        let lo = (lo / margin).max(f64::MIN_POSITIVE);
        Axis::logarithmic(lo, hi * margin, 9)
    }
}

/// The least and the largest value; the wrong way round if there is none.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

/// A range with a margin, wide enough that its ends and ticks are different numbers.
fn widened((lo, hi): (f64, f64), margin: f64) -> (f64, f64) {
    if lo > hi {
        return (0.0, 1.0);
    }
    let size = lo.abs().max(hi.abs());
    if hi - lo > 1e-9 * size {
        (lo - margin * (hi - lo), hi + margin * (hi - lo))
    } else if size > 0.0 {
        (lo - 0.1 * size, hi + 0.1 * size)
    } else {
        (-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::{LEFT, TOP, field};
    use super::*;

    fn curves(points: &[(f64, f64)]) -> Curves {
        let series = vec![Series { name: "train".into(), points: points.to_vec() }];
        Curves { x: "epoch".into(), y: "loss".into(), series, ..Curves::default() }
    }

    /// The pixel at these shares of the width and the height of the field.
    fn at(c: &Curves, along: f64, up: f64) -> (usize, usize) {
        let (width, height) = field(&c.keys());
        let (x, y) = (along * f64::from(width), (1.0 - up) * f64::from(height));
        ((f64::from(LEFT) + x) as usize, (f64::from(TOP) + y) as usize)
    }

    /// The rows of the field whose pixel in this column has the colour.
    fn rows(p: &Picture, x: usize, colour: Rgb) -> Vec<usize> {
        (TOP as usize..800).filter(|&y| p.pixel(x, y) == colour).collect()
    }

    fn has(p: &Picture, colour: Rgb) -> bool {
        // To the left of the legend.
        (0..p.height()).any(|y| (150..1000).any(|x| p.pixel(x, y) == colour))
    }

    #[test]
    fn a_line_passes_through_its_points() {
        let c = curves(&[(0.0, 0.0), (10.0, 5.0), (20.0, 0.0)]);
        let p = c.draw();
        for (along, up) in [(0.25, 0.5), (0.5, 1.0), (0.75, 0.5)] {
            // The margins are 2 % of the width and 5 % of the height on either side.
            let (x, y) = at(&c, (0.02 + along) / 1.04, (0.05 + up) / 1.1);
            let found = rows(&p, x, hue(0));
            let middle = (found[0] + found[found.len() - 1]) / 2;
            assert!(middle.abs_diff(y) <= 4, "{along}: {middle} {y}");
        }
    }

    #[test]
    fn a_logarithm_makes_a_power_law_straight() {
        let c = Curves { log_y: true, ..curves(&[(0.0, 1.0), (1.0, 1e4), (2.0, 1e8)]) };
        let (x, y) = at(&c, 0.5, 0.5);
        let found = rows(&c.draw(), x, hue(0));
        assert!(found[found.len() / 2].abs_diff(y) <= 3, "{found:?} {y}");
    }

    #[test]
    fn what_is_not_finite_is_a_gap() {
        let c = curves(&[(0.0, 1.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 1.0)]);
        let p = c.draw();
        for (x, seen) in [(0.5, true), (2.0, false), (3.5, true)] {
            let (column, _) = at(&c, (0.02 + x / 4.0) / 1.04, 0.5);
            assert_eq!(!rows(&p, column, hue(0)).is_empty(), seen, "at {x}");
        }
    }

    #[test]
    fn anything_can_be_drawn() {
        let cases: [(&[(f64, f64)], bool); 9] = [
            (&[], false),
            (&[(3.0, 0.25)], true),
            (&[(f64::NAN, f64::INFINITY)], false),
            (&[(0.0, 0.0), (1.0, 0.0)], true),
            (&[(0.0, 7.5), (1.0, 7.5), (2.0, 7.5)], true),
            (&[(0.0, -1e300), (1.0, 1e300)], true),
            (&[(0.0, 1e9), (1.0, 1e9 + 1e-6)], true),
            (&[(0.0, 5e-324), (1.0, 1e-310)], true),
            (&[(0.0, f64::MAX), (1.0, f64::MIN)], false),
        ];
        for (points, drawn) in cases {
            let c = curves(points);
            assert_eq!(has(&c.draw(), hue(0)), drawn, "{points:?}");
            Curves { log_y: true, ..c }.draw();
        }
        assert!(!has(&Curves::default().draw(), hue(0)));
        let c = Curves { log_y: true, ..curves(&[(0.0, -1.0), (1.0, 0.0), (2.0, 5.0)]) };
        assert_eq!(c.drawable().collect::<Vec<_>>(), [(2.0, 5.0)]);
    }

    #[test]
    fn a_reference_is_dashed_and_within_the_axis() {
        let reference = Reference { name: "PCA, k = 32".into(), y: 9.0 };
        let c = Curves { references: vec![reference], ..curves(&[(0.0, 1.0), (1.0, 2.0)]) };
        assert!(c.vertical().hi > 9.0);
        let p = c.draw();
        // From 1 to 9 with a margin of 5 % on either side.
        let ((left, y), (right, _)) = (at(&c, 0.05, 1.05 / 1.1), at(&c, 1.0, 0.0));
        let inked = |x: &usize| (0..5).any(|d| p.pixel(*x, y + d - 2) == INK);
        let share = (left..right).filter(inked).count() as f64 / (right - left) as f64;
        assert!((0.4..0.8).contains(&share), "{share}");
    }

    #[test]
    fn the_legend_shows_the_colours_beside_the_field() {
        let reference = Reference { name: "PCA".into(), y: 1.5 };
        let c = Curves { references: vec![reference], ..curves(&[(0.0, 1.0), (1.0, 2.0)]) };
        let (p, (right, top)) = (c.draw(), at(&c, 1.0, 1.0));
        let beside = |colour| {
            (top..top + 80).any(|y| (right + 10..right + 60).any(|x| p.pixel(x, y) == colour))
        };
        assert!(beside(hue(0)) && beside(INK) && !beside(hue(1)));
    }
}
