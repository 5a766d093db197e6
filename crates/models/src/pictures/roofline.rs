//! How far kernels are from what the machine can do.

use plotters::style::text_anchor::HPos;

use super::chart::Axis;
use super::drawing::Drawing;
use super::field::{Field, Frame};
use super::palette::{FAINT, INK, hue};
use super::picture::Picture;
use super::text;

/// A roofline (Williams, Waterman & Patterson 2009): work with I operations for each byte reaches at
/// most min(peak, I · bandwidth) operations per second.
///
/// ```
/// use elbo_models::pictures::{Dot, Dots, Roof, Roofline};
///
/// let roofline = Roofline {
///     title: "One thread".into(),
///     bandwidths: vec![Roof { name: "memory".into(), rate: 20.0 }],
///     peaks: vec![Roof { name: "f32".into(), rate: 100.0 }],
///     families: vec![Dots {
///         name: "gemm".into(),
///         dots: vec![Dot { name: "128x784x400".into(), intensity: 43.0, gflops: 97.0 }],
///     }],
/// };
/// assert_eq!(roofline.draw().width(), 1200);
/// assert!(roofline.svg().contains("128x784x400"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Roofline {
    /// The title above the figure.
    pub title: String,
    /// The slanted roofs, in GB/s.
    pub bandwidths: Vec<Roof>,
    /// The level roofs, in GFLOP/s.
    pub peaks: Vec<Roof>,
    /// What was measured, each family in a colour of its own.
    pub families: Vec<Dots>,
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Roof {
    /// What it is the limit of.
    pub name: String,
    /// GB/s or GFLOP/s.
    pub rate: f64,
}

/// A family of kernels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dots {
    /// How the legend calls it.
    pub name: String,
    /// Each kernel.
    pub dots: Vec<Dot>,
}

/// A kernel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dot {
    /// What an SVG says to whoever points at it.
    pub name: String,
    /// Operations for each byte.
    pub intensity: f64,
    /// 10⁹ operations per second.
    pub gflops: f64,
}

/// The picture, and in it the field of data with room around it.
const SIZE: (usize, usize) = (1200, 900);
const LEFT: i32 = 130;
const RIGHT: i32 = 905;
const TOP: i32 = 110;
const BOTTOM: i32 = 785;
const FRAME: Frame = Frame { left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM };

impl Roofline {
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
        let title = text::fit(&self.title, 36.0, (SIZE.0 as f64) - f64::from(LEFT) - 30.0);
        drawing.words(&self.title, (LEFT.into(), 38.0), HPos::Left, title, INK);
        field.grid(&mut drawing, "operations per byte", "10⁹ operations per second");
        self.roofs(&field, &mut drawing);
        for (i, family) in self.families.iter().enumerate() {
            for dot in family.dots.iter().filter(drawable) {
                drawing.disc(field.place((dot.intensity, dot.gflops)), 7.0, hue(i), &dot.name);
            }
        }
        self.legend(&mut drawing);
        drawing
    }

    /// Each slanted roof up to the highest level one, and each level one from the steepest slanted one on.
    /// Names stand outside the field, where no dot can be.
    fn roofs(&self, field: &Field, drawing: &mut Drawing) {
        let top = highest(&self.peaks).unwrap_or(field.y.hi);
        // From left to right, so that neither names nor what leads to them meet. Memory may be faster than a cache that many cores share.
        let mut bandwidths: Vec<&Roof> = self.bandwidths.iter().collect();
        bandwidths.sort_by(|a, b| b.rate.total_cmp(&a.rate));
        let mut free = f64::from(LEFT);
        for roof in bandwidths {
            let start = field.x.lo.max(field.y.lo / roof.rate);
            let knee = field.x.hi.min(top / roof.rate);
            if start >= knee {
                continue;
            }
            let ends = [start, knee].map(|x| field.place((x, x * roof.rate)));
            drawing.line(ends, 3, FAINT);
            let width = text::width(&roof.name, LABEL);
            let middle = ends[1].0.max(free + width / 2.0);
            // Straight up from the knee, then to the name.
            let edge = (ends[1].0, f64::from(TOP));
            drawing.line([ends[1], edge], 1, FAINT);
            drawing.line([edge, (middle, edge.1 - 12.0)], 1, FAINT);
            drawing.words(&roof.name, (middle, edge.1 - 28.0), HPos::Center, LABEL, INK);
            free = middle + width / 2.0 + 12.0;
        }
        let fastest = highest(&self.bandwidths);
        for (roof, y) in self.names_of_peaks(field) {
            let start = fastest.map_or(field.x.lo, |rate| (roof.rate / rate).max(field.x.lo));
            drawing.line([start, field.x.hi].map(|x| field.place((x, roof.rate))), 3, INK);
            let (x, beside) = field.place((field.x.hi, roof.rate));
            if y != beside {
                drawing.line([(x, beside), (x + 5.0, y)], 1, FAINT);
            }
            let name = format!("{}: {:.0} GFLOP/s", roof.name, roof.rate);
            words_beside(drawing, &name, (x + 10.0, y));
        }
    }

    /// The level roofs from the lowest to the highest, with the heights of their names: beside them, or as far above as the
    /// legend and each other ask for.
    fn names_of_peaks(&self, field: &Field) -> Vec<(&Roof, f64)> {
        let mut peaks: Vec<&Roof> = self.peaks.iter().collect();
        peaks.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let mut free = self.top_of_legend();
        let mut names = Vec::new();
        for roof in peaks {
            let (_, beside) = field.place((field.x.hi, roof.rate));
            free = beside.min(free - 30.0);
            names.push((roof, free));
        }
        names
    }

    fn top_of_legend(&self) -> f64 {
        f64::from(BOTTOM) - LINE * (self.bandwidths.len() + self.families.len() + 1) as f64
    }

    fn legend(&self, drawing: &mut Drawing) {
        let x = f64::from(RIGHT) + 10.0;
        let y = f64::from(BOTTOM) - LINE * self.bandwidths.len() as f64;
        for (i, roof) in self.bandwidths.iter().enumerate() {
            let name = format!("{}: {:.0} GB/s", roof.name, roof.rate);
            words_beside(drawing, &name, (x, y + LINE * (i as f64 + 0.5)));
        }
        let y = self.top_of_legend();
        for (i, family) in self.families.iter().enumerate() {
            let y = y + LINE * (i as f64 + 0.5);
            drawing.disc((x + 8.0, y), 8.0, hue(i), &family.name);
            words_beside(drawing, &family.name, (x + 28.0, y));
        }
    }

    /// From the first dot to beyond the last knee.
    fn horizontal(&self) -> Axis {
        let dots = self.drawable().map(|dot| dot.intensity);
        let knees = match highest(&self.peaks) {
            Some(peak) => self.bandwidths.iter().map(|roof| peak / roof.rate).collect(),
            None => Vec::new(),
        };
        let (lo, hi) = ends(dots.chain(knees));
        Axis::logarithmic(lo / 2.0, hi * 3.0, 9)
    }

    /// From the lowest dot to above the highest roof.
    fn vertical(&self) -> Axis {
        let dots = self.drawable().map(|dot| dot.gflops);
        let (lo, hi) = ends(dots.chain(self.peaks.iter().map(|roof| roof.rate)));
        Axis::logarithmic(lo / 2.0, hi * 2.0, 9)
    }

    fn drawable(&self) -> impl Iterator<Item = &Dot> {
        self.families.iter().flat_map(|family| &family.dots).filter(drawable)
    }
}

/// Size of the type beside roofs and in the legend.
const LABEL: f64 = 25.0;

/// From one line of the legend to the next.
const LINE: f64 = 36.0;

/// Words to the right of the field.
fn words_beside(drawing: &mut Drawing, words: &str, at: (f64, f64)) {
    let size = text::fit(words, LABEL, SIZE.0 as f64 - at.0 - 10.0);
    drawing.words(words, at, HPos::Left, size, INK);
}

/// A logarithmic axis has no place for zero.
fn drawable(dot: &&Dot) -> bool {
    [dot.intensity, dot.gflops].iter().all(|x| *x > 0.0 && x.is_finite())
}

fn highest(roofs: &[Roof]) -> Option<f64> {
    roofs.iter().map(|roof| roof.rate).reduce(f64::max)
}

/// The least and the greatest number; 1 and 1 if there is none.
fn ends(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let both = numbers.map(|x| (x, x)).reduce(|(lo, hi), (x, _)| (lo.min(x), hi.max(x)));
    both.unwrap_or((1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roofline() -> Roofline {
        let roof = |name: &str, rate| Roof { name: name.into(), rate };
        let dot = |intensity, gflops| Dot { name: "d".into(), intensity, gflops };
        Roofline {
            title: "Machine".into(),
            bandwidths: vec![roof("L1", 400.0), roof("memory", 20.0)],
            peaks: vec![roof("f32", 100.0)],
            families: vec![Dots { name: "math".into(), dots: vec![dot(0.1, 2.0), dot(0.0, 1.0)] }],
        }
    }

    #[test]
    fn work_at_the_bandwidth_lies_on_its_roof() {
        let roofline = roofline();
        let field = Field { frame: FRAME, x: roofline.horizontal(), y: roofline.vertical() };
        // 0.1 operations per byte at 20 GB/s, and the knee at 5: one decade of x is one of the roof.
        let (dot, knee) = (field.place((0.1, 2.0)), field.place((5.0, 100.0)));
        let per_decade = |from: f64, to: f64, decades: f64| (to - from) / decades;
        let decades = 50f64.log10();
        let right = per_decade(dot.0, knee.0, decades);
        let whole_x = per_decade(LEFT.into(), RIGHT.into(), (field.x.hi / field.x.lo).log10());
        assert!((right - whole_x).abs() < 2.0, "{right} {whole_x}");
        let picture = roofline.draw();
        let [red, _, blue] = picture.pixel(dot.0 as usize, dot.1 as usize);
        assert!(blue > red + 60, "the dot covers the roof: {red} {blue}");
    }

    #[test]
    fn a_kernel_without_operations_is_left_out() {
        let svg = roofline().svg();
        // One dot, and one in the legend.
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches("f32: 100 GFLOP/s").count(), 1);
        assert!(svg.contains("memory: 20 GB/s"));
    }

    #[test]
    fn names_of_peaks_meet_neither_each_other_nor_the_legend() {
        let roof = |name: &str, rate| Roof { name: name.into(), rate };
        let dot = Dot { name: "d".into(), intensity: 40.0, gflops: 90.0 };
        let family = Dots { name: "gemm".into(), dots: vec![dot] };
        let roofline = Roofline {
            peaks: vec![roof("f32", 100.0), roof("f64", 50.0), roof("bf16", 52.0)],
            families: vec![family; 8],
            ..roofline()
        };
        let field = Field { frame: FRAME, x: roofline.horizontal(), y: roofline.vertical() };
        let names = roofline.names_of_peaks(&field);
        let order: Vec<&str> = names.iter().map(|(roof, _)| &roof.name[..]).collect();
        assert_eq!(order, ["f64", "bf16", "f32"]);
        let mut below = roofline.top_of_legend();
        for (roof, y) in names {
            assert!(y <= below - 30.0 && y >= f64::from(TOP), "{}: {y}, {below}", roof.name);
            assert!(y <= field.place((1.0, roof.rate)).1, "{}: {y}", roof.name);
            below = y;
        }
    }

    #[test]
    fn nothing_measured_still_gives_a_figure() {
        assert_eq!(Roofline::default().draw().width(), 1200);
    }
}
