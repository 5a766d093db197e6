//! Lines, discs, words, arrows and cards at places in pixels, which become a PNG or an SVG.

use std::fmt::Write;

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{FINE, canvas, colour};
use super::chart::pen;
use super::picture::{Picture, Rgb};
use super::text::{self, RISE};

/// From the top left.
type Place = (f64, f64);

/// What is drawn, in this order.
pub(super) struct Drawing {
    width: usize,
    height: usize,
    shapes: Vec<Shape>,
}

enum Shape {
    Line { ends: [Place; 2], width: u32, ink: Rgb },
    Path { points: Vec<Place>, width: u32, ink: Rgb, dashed: bool },
    Area { points: Vec<Place>, ink: Rgb },
    Disc { at: Place, radius: f64, ink: Rgb, name: String },
    Words { words: String, at: Place, end: HPos, size: f64, ink: Rgb, up: bool },
    Arrow { points: Vec<Place>, width: u32, ink: Rgb },
    Card { corners: [Place; 2], paper: Rgb, ink: Rgb },
}

/// How much of what lies under a disc is hidden, and under an area.
const OPAQUE: f64 = 0.7;
const VEIL: f64 = 0.2;

/// The lengths of a dash and of the gap after it.
const DASH: (i32, i32) = (12, 8);

impl Drawing {
    pub(super) fn new(width: usize, height: usize) -> Drawing {
        Drawing { width, height, shapes: Vec::new() }
    }

    pub(super) fn line(&mut self, ends: [Place; 2], width: u32, ink: Rgb) {
        self.shapes.push(Shape::Line { ends, width, ink });
    }

    /// A line through points.
    pub(super) fn path(&mut self, points: Vec<Place>, width: u32, ink: Rgb, dashed: bool) {
        self.shapes.push(Shape::Path { points, width, ink, dashed });
    }

    /// What lies within a closed line is veiled.
    pub(super) fn area(&mut self, points: Vec<Place>, ink: Rgb) {
        self.shapes.push(Shape::Area { points, ink });
    }

    /// An SVG shows the name to whoever points at the disc.
    pub(super) fn disc(&mut self, at: Place, radius: f64, ink: Rgb, name: &str) {
        self.shapes.push(Shape::Disc { at, radius, ink, name: name.into() });
    }

    /// `at` is the end or the middle of the line of text, at half the height of its capitals.
    pub(super) fn words(&mut self, words: &str, at: Place, end: HPos, size: f64, ink: Rgb) {
        self.shapes.push(Shape::Words { words: words.into(), at, end, size, ink, up: false });
    }

    /// Words around `at` that are read from below.
    pub(super) fn words_upwards(&mut self, words: &str, at: Place, size: f64, ink: Rgb) {
        let (words, end) = (words.into(), HPos::Center);
        self.shapes.push(Shape::Words { words, at, end, size, ink, up: true });
    }

    /// A line through points, with a head at the last.
    pub(super) fn arrow(&mut self, points: Vec<Place>, width: u32, ink: Rgb) {
        self.shapes.push(Shape::Arrow { points, width, ink });
    }

    /// A rectangle with an edge, from its top left corner.
    pub(super) fn card(&mut self, at: Place, size: Place, paper: Rgb, ink: Rgb) {
        let corners = [at, (at.0 + size.0, at.1 + size.1)];
        self.shapes.push(Shape::Card { corners, paper, ink });
    }

    pub(super) fn picture(&self) -> Picture {
        let fine = |(x, y): Place| ((x * f64::from(FINE)) as i32, (y * f64::from(FINE)) as i32);
        canvas(self.width, self.height, |root| {
            for shape in &self.shapes {
                match shape {
                    Shape::Line { ends, width, ink } => {
                        root.draw(&PathElement::new(ends.map(fine), pen(*ink, *width)))?;
                    }
                    Shape::Path { points, width, ink, dashed: false } => {
                        // Piece by piece: plotters gives a long line of sharp bends hairs and holes.
                        for ends in points.windows(2) {
                            let ends = [fine(ends[0]), fine(ends[1])];
                            root.draw(&PathElement::new(ends, pen(*ink, *width)))?;
                        }
                    }
                    Shape::Path { points, width, ink, dashed: true } => {
                        let points: Vec<_> = points.iter().map(|at| fine(*at)).collect();
                        let (dash, gap) = (DASH.0 * FINE, DASH.1 * FINE);
                        let pen = pen(*ink, *width);
                        root.draw(&DashedPathElement::new(points, dash, gap, pen))?;
                    }
                    Shape::Area { points, ink } => {
                        let points: Vec<_> = points.iter().map(|at| fine(*at)).collect();
                        root.draw(&Polygon::new(points, colour(*ink).mix(VEIL).filled()))?;
                    }
                    Shape::Disc { at, radius, ink, .. } => {
                        let radius = (radius * f64::from(FINE)) as i32;
                        let style = colour(*ink).mix(OPAQUE).filled();
                        root.draw(&Circle::new(fine(*at), radius, style))?;
                    }
                    Shape::Words { words, at, end, size, ink, up } => {
                        let (words, bars) = text::bars(words, *at, *end, *size);
                        for [from, to] in bars {
                            let corners = [fine(from), fine(to)];
                            root.draw(&Rectangle::new(corners, colour(*ink).filled()))?;
                        }
                        let style = text::style(*size, *ink).pos(Pos::new(*end, VPos::Center));
                        let rise = RISE * size;
                        let (style, at) = match up {
                            true => {
                                (style.transform(FontTransform::Rotate270), (at.0 + rise, at.1))
                            }
                            false => (style, (at.0, at.1 + rise)),
                        };
                        root.draw_text(&words, &style, fine(at))?;
                    }
                    Shape::Arrow { points, width, ink } => {
                        let (line, head) = arrow(points, *width);
                        // Piece by piece: plotters gives a long line of sharp bends hairs and holes.
                        for ends in line.windows(2) {
                            let ends = [fine(ends[0]), fine(ends[1])];
                            root.draw(&PathElement::new(ends, pen(*ink, *width)))?;
                        }
                        let head: Vec<_> = head.map(fine).into();
                        root.draw(&Polygon::new(head, colour(*ink).filled()))?;
                    }
                    Shape::Card { corners, paper, ink } => {
                        let corners = corners.map(fine);
                        root.draw(&Rectangle::new(corners, colour(*paper).filled()))?;
                        root.draw(&Rectangle::new(corners, pen(*ink, 1)))?;
                    }
                }
            }
            Ok(())
        })
    }

    pub(super) fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"DejaVu Sans, Verdana, sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        for shape in &self.shapes {
            let line = match shape {
                Shape::Line { ends: [from, to], width, ink } => format!(
                    "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{}\" stroke-width=\"{width}\"/>",
                    from.0,
                    from.1,
                    to.0,
                    to.1,
                    hex(*ink)
                ),
                Shape::Path { points, width, ink, dashed } => format!(
                    "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"{}/>",
                    through(points),
                    hex(*ink),
                    match dashed {
                        true => format!(" stroke-dasharray=\"{} {}\"", DASH.0, DASH.1),
                        false => String::new(),
                    }
                ),
                Shape::Area { points, ink } => format!(
                    "<path d=\"{}Z\" fill=\"{}\" fill-opacity=\"{VEIL}\"/>",
                    through(points),
                    hex(*ink)
                ),
                Shape::Disc { at: (x, y), radius, ink, name } => format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\" \
                     fill-opacity=\"{OPAQUE}\"><title>{}</title></circle>",
                    hex(*ink),
                    escaped(name)
                ),
                Shape::Words { words, at: (x, y), end, size, ink, up } => {
                    let anchor = match end {
                        HPos::Left => "start",
                        HPos::Center => "middle",
                        HPos::Right => "end",
                    };
                    let turn = if *up { " rotate(-90)" } else { "" };
                    // The size of a font in plotters is that of its box, here that of its square.
                    format!(
                        "<text transform=\"translate({x:.1} {y:.1}){turn}\" y=\"{:.1}\" \
                         font-size=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
                        0.31 * size,
                        0.86 * size,
                        hex(*ink),
                        escaped(words)
                    )
                }
                Shape::Arrow { points, width, ink } => {
                    let (line, head) = arrow(points, *width);
                    let ink = hex(*ink);
                    format!(
                        "<path d=\"M{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{width}\"/>\
                         <path d=\"M{}Z\" fill=\"{ink}\"/>",
                        places(&line),
                        places(&head)
                    )
                }
                Shape::Card { corners: [(x, y), (right, bottom)], paper, ink } => format!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\" \
                     stroke=\"{}\"/>",
                    right - x,
                    bottom - y,
                    hex(*paper),
                    hex(*ink)
                ),
            };
            writeln!(svg, "{line}").expect("a string grows");
        }
        svg + "</svg>\n"
    }
}

/// The commands that move a pen through points.
fn through(points: &[Place]) -> String {
    let steps = points.iter().enumerate();
    steps.map(|(i, (x, y))| format!("{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' })).collect()
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A line through points, and the three corners of the head at its end.
fn arrow(points: &[Place], width: u32) -> (Vec<Place>, [Place; 3]) {
    let [.., before, tip] = points else { panic!("an arrow has two ends") };
    let (dx, dy) = (tip.0 - before.0, tip.1 - before.1);
    let length = dx.hypot(dy).max(1e-9);
    let long = 4.0 * f64::from(width) + 4.0;
    let (dx, dy) = (long * dx / length, long * dy / length);
    let wing = |side: f64| (tip.0 - dx - side * dy / 2.5, tip.1 - dy + side * dx / 2.5);
    // The line ends inside the head, so that the tip stays sharp.
    let mut line = points.to_vec();
    line[points.len() - 1] = (tip.0 - dx / 2.0, tip.1 - dy / 2.0);
    (line, [*tip, wing(1.0), wing(-1.0)])
}

fn places(points: &[Place]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect::<Vec<_>>().join("L")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_hold_the_same_shapes() {
        let mut drawing = Drawing::new(100, 50);
        drawing.line([(0.0, 10.0), (100.0, 10.0)], 2, [0, 0, 0]);
        drawing.disc((50.0, 30.0), 8.0, [0, 0, 200], "a < b & c");
        drawing.words("H", (20.0, 30.0), HPos::Center, 20.0, [0, 0, 0]);
        let picture = drawing.picture();
        assert_eq!((picture.width(), picture.height()), (100, 50));
        assert!(picture.pixel(70, 10)[0] < 50, "the line");
        assert!(picture.pixel(50, 30)[2] > picture.pixel(50, 30)[0] + 80, "the disc");
        assert_eq!(picture.pixel(90, 40), [255; 3]);

        let svg = drawing.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("<title>a &lt; b &amp; c</title>"), "{svg}");
        assert!(svg.contains("M0.0 10.0L100.0 10.0") && svg.contains(">H</text>"), "{svg}");
    }
}
