//! How a loss falls.

use super::frame::{Field, Frame, Key, Mark, Words};
use super::ink::{self, Pen};
use super::palette::{INK, qualitative};
use super::picture::{Picture, Rgb};
use super::ticks::{Axis, Scale};

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
        let mut frame = Frame::new(Field::beside(&keys), x, y, &keys, words);
        for reference in self.references.iter().filter(|r| self.shows((x.lo, r.y))) {
            let (left, right) = (frame.field.left, frame.field.right);
            let height = frame.at(x.lo, reference.y).1;
            let pen = Pen { colour: self.reference_colour(reference), width: 2.0 };
            ink::dashes(&mut frame.picture, (left, height), (right, height), pen);
        }
        // The first series is usually the one in question, so it lies on top.
        for (i, series) in self.series.iter().enumerate().rev() {
            self.line(&mut frame, series, qualitative(i));
        }
        frame.picture
    }

    fn line(&self, frame: &mut Frame, series: &Series, colour: Rgb) {
        // A noisy line of many points would otherwise be a band that hides all others.
        let width = match series.points.len() {
            0..=300 => 3.5,
            301..=1000 => 2.5,
            _ => 1.5,
        };
        let pen = Pen { colour, width };
        let few = series.points.len() <= FEW;
        for run in series.points.split(|p| !self.shows(*p)) {
            let run: Vec<(f64, f64)> = run.iter().map(|p| frame.at(p.0, p.1)).collect();
            ink::polyline(&mut frame.picture, &run, pen);
            // A point between two gaps has no line, so it needs a dot to be seen at all.
            if few || run.len() == 1 {
                for at in run {
                    ink::disc(&mut frame.picture, at, 5.0, colour, 1.0);
                }
            }
        }
    }

    fn keys(&self) -> Vec<Key> {
        let line = |(i, s): (usize, &Series)| Key {
            name: s.name.clone(),
            colour: qualitative(i),
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
            Some(i) if self.references.len() > 1 => qualitative(self.series.len() + i),
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
        Axis { lo, hi, scale: if whole { Scale::Whole } else { Scale::Linear } }
    }

    fn vertical(&self) -> Axis {
        let references = self.references.iter().map(|r| r.y).filter(|y| self.shows((0.0, *y)));
        let (lo, hi) = ends(self.drawable().map(|p| p.1).chain(references));
        if !self.log_y {
            let (lo, hi) = widened((lo, hi), 0.05);
            return Axis { lo, hi, scale: Scale::Linear };
        }
        let (lo, hi) = if lo > hi { (1.0, 10.0) } else { (lo, hi) };
        let margin = (0.05 * (hi / lo).ln()).max(0.05).exp();
        let lo = (lo / margin).max(f64::MIN_POSITIVE);
        Axis { lo, hi: hi * margin, scale: Scale::Log }
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
    use super::*;

    fn curves(points: &[(f64, f64)]) -> Curves {
        let series = vec![Series { name: "train".into(), points: points.to_vec() }];
        Curves { x: "epoch".into(), y: "loss".into(), series, ..Curves::default() }
    }

    /// The rows of the field whose pixel in this column has the colour.
    fn rows(p: &Picture, x: usize, colour: Rgb) -> Vec<usize> {
        (118..785).filter(|&y| p.pixel(x, y) == colour).collect()
    }

    fn has(p: &Picture, colour: Rgb) -> bool {
        // To the left of the legend.
        (0..p.height()).any(|y| (150..1000).any(|x| p.pixel(x, y) == colour))
    }

    #[test]
    fn a_line_passes_through_its_points() {
        let c = curves(&[(0.0, 0.0), (10.0, 5.0), (20.0, 0.0)]);
        let p = c.draw();
        let field = Field::beside(&c.keys());
        let at =
            |f: f64| (field.left + (0.02 + f * 1.0) / 1.04 * (field.right - field.left)) as usize;
        let height = |f: f64| field.bottom - (0.05 + f) / 1.1 * (field.bottom - field.top);
        for (along, up) in [(0.25, 0.5), (0.5, 1.0), (0.75, 0.5)] {
            let found = rows(&p, at(along), qualitative(0));
            let middle = (found[0] + found[found.len() - 1]) as f64 / 2.0;
            assert!((middle - height(up)).abs() < 2.5, "{along}: {middle} {}", height(up));
        }
    }

    #[test]
    fn a_logarithm_makes_a_power_law_straight() {
        let c = Curves { log_y: true, ..curves(&[(0.0, 1.0), (1.0, 1e4), (2.0, 1e8)]) };
        let (y, field) = (c.vertical(), Field::beside(&c.keys()));
        assert!((y.place(1e4) - 0.5).abs() < 1e-12);
        let found = rows(&c.draw(), ((field.left + field.right) / 2.0) as usize, qualitative(0));
        let middle = (field.top + field.bottom) / 2.0;
        assert!((found[found.len() / 2] as f64 - middle).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn what_is_not_finite_is_a_gap() {
        let c = curves(&[(0.0, 1.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 1.0)]);
        let (p, field) = (c.draw(), Field::beside(&c.keys()));
        let x =
            |v: f64| (field.left + c.horizontal().place(v) * (field.right - field.left)) as usize;
        assert!(rows(&p, x(2.0), qualitative(0)).is_empty());
        assert!(!rows(&p, x(0.5), qualitative(0)).is_empty());
        assert!(!rows(&p, x(3.5), qualitative(0)).is_empty());
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
            assert_eq!(has(&c.draw(), qualitative(0)), drawn, "{points:?}");
            Curves { log_y: true, ..c }.draw();
        }
        assert!(!has(&Curves::default().draw(), qualitative(0)));
        let c = Curves { log_y: true, ..curves(&[(0.0, -1.0), (1.0, 0.0), (2.0, 5.0)]) };
        assert_eq!(c.drawable().collect::<Vec<_>>(), [(2.0, 5.0)]);
    }

    #[test]
    fn a_reference_is_dashed_and_within_the_axis() {
        let reference = Reference { name: "PCA, k = 32".into(), y: 9.0 };
        let c = Curves { references: vec![reference], ..curves(&[(0.0, 1.0), (1.0, 2.0)]) };
        assert!(c.vertical().hi > 9.0);
        let (p, field) = (c.draw(), Field::beside(&c.keys()));
        let y = field.bottom - c.vertical().place(9.0) * (field.bottom - field.top);
        let inked = |x: usize| (0..3).any(|d| p.pixel(x, y as usize + d - 1)[0] < 100);
        let dark = (170..field.right as usize).filter(|x| inked(*x)).count();
        let share = dark as f64 / (field.right - 170.0);
        assert!((0.4..0.8).contains(&share), "{share}");
    }
}
