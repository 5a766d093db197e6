//! Words on a picture, in the one font that every machine has: it is part of the program.
//!
//! Plotters can set words too, but it drops the white space that stands to the left of each glyph,
//! rounds every step to whole pixels and misses the middle of the line, which shows in every label.
//! So words are set here, on the finished picture, from the same outlines.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

use super::picture::{Picture, Rgb};

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    let bytes = include_bytes!("../../assets/font/DejaVuSans-subset.ttf");
    FontRef::try_from_slice(bytes).expect("the font in assets/font is a TrueType font")
});

/// Height of capitals and digits, in em.
const CAPITAL: f64 = 0.729;

/// Where the given point lies along the line of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks: its size (one em, in pixels) and its colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) colour: Rgb,
}

/// Writes a line from left to right; `y` is the middle of its capitals.
pub(super) fn write(p: &mut Picture, text: &str, (x, y): (f64, f64), anchor: Anchor, style: Type) {
    let (x, y) = (x.round() as i64, y.round() as i64);
    cover(text, anchor, style.size, |u, v, covered| p.blend(x + u, y + v, style.colour, covered));
}

/// Writes a line from bottom to top; `x` is the middle of its capitals.
pub(super) fn write_upwards(
    p: &mut Picture,
    text: &str,
    (x, y): (f64, f64),
    anchor: Anchor,
    style: Type,
) {
    let (x, y) = (x.round() as i64, y.round() as i64);
    cover(text, anchor, style.size, |u, v, covered| {
        p.blend(x + v, y - 1 - u, style.colour, covered);
    });
}

/// The length of a line of text, in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let font = FONT.as_scaled(scale(size));
    let last = lay_out(text, size).last().copied();
    last.map_or(0.0, |(glyph, at)| f64::from(at + font.h_advance(glyph)))
}

/// The text, cut with an ellipsis if it is longer than `room` pixels.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(end, _)| end).rev();
    let mut cut = ends.map(|end| format!("{}…", text[..end].trim_end()));
    cut.find(|short| width(short, size) <= room).unwrap_or_default()
}

/// Calls `paint(right, down, covered)` for each pixel that a line of text touches, counted from
/// the anchor.
fn cover(text: &str, anchor: Anchor, size: f64, mut paint: impl FnMut(i64, i64, f64)) {
    let start = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width(text, size) / 2.0,
        Anchor::End => -width(text, size),
    };
    // A baseline on whole pixels keeps the feet of all letters equally sharp.
    let baseline = (CAPITAL * size / 2.0).round() as f32;
    for (glyph, at) in lay_out(text, size) {
        let glyph = glyph.with_scale_and_position(scale(size), point(start as f32 + at, baseline));
        // White space has no outline.
        let Some(outline) = FONT.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|right, down, covered| {
            let (right, down) = (i64::from(right), i64::from(down));
            paint(corner.x as i64 + right, corner.y as i64 + down, f64::from(covered));
        });
    }
}

/// Every glyph with its distance from the start of the line.
fn lay_out(text: &str, size: f64) -> Vec<(GlyphId, f32)> {
    let font = FONT.as_scaled(scale(size));
    let (mut at, mut before) = (0.0, None);
    let mut glyphs = Vec::with_capacity(text.len());
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        if let Some(before) = before {
            at += font.h_advance(before) + font.kern(before, glyph);
        }
        glyphs.push((glyph, at));
        before = Some(glyph);
    }
    glyphs
}

/// The renderer counts sizes from ascender to descender, people count them in em.
fn scale(size: f64) -> PxScale {
    let em = FONT.units_per_em().expect("a TrueType font states its em");
    PxScale::from(size as f32 * FONT.height_unscaled() / em)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Type = Type { size: 20.0, colour: [0; 3] };

    /// Left, top, right and bottom of the ink.
    fn bounds(p: &Picture) -> (usize, usize, usize, usize) {
        let all = (0..p.height()).flat_map(|y| (0..p.width()).map(move |x| (x, y)));
        let inked: Vec<_> = all.filter(|&(x, y)| p.pixel(x, y)[0] < 128).collect();
        let (xs, ys) = (inked.iter().map(|p| p.0), inked.iter().map(|p| p.1));
        (xs.clone().min().unwrap(), ys.clone().min().unwrap(), xs.max().unwrap(), ys.max().unwrap())
    }

    #[test]
    fn capitals_are_centred_on_the_given_height() {
        let mut p = Picture::blank(200, 100, [255; 3]);
        write(&mut p, "HEH", (100.0, 50.0), Anchor::Middle, STYLE);
        let (left, top, right, bottom) = bounds(&p);
        assert!((left + right).abs_diff(200) <= 3, "{left} {right}");
        assert!((top + bottom).abs_diff(99) <= 1, "{top} {bottom}");
        assert_eq!(bottom - top + 1, 15, "capitals of 20 px type are 14.6 px high");
    }

    #[test]
    fn anchors_put_the_text_on_either_side() {
        for (anchor, wanted) in [(Anchor::Start, 100), (Anchor::End, 100 - 60)] {
            let mut p = Picture::blank(200, 50, [255; 3]);
            assert!((width("MMMM", 20.0) - 69.0).abs() < 1.0);
            write(&mut p, "MMMM", (100.0, 25.0), anchor, STYLE);
            assert!(bounds(&p).0.abs_diff(wanted) <= 10, "{anchor:?}: {:?}", bounds(&p));
        }
    }

    #[test]
    fn upward_text_is_the_same_text_turned_left() {
        let mut flat = Picture::blank(80, 80, [255; 3]);
        write(&mut flat, "Elbo", (10.0, 30.0), Anchor::Start, STYLE);
        let mut up = Picture::blank(80, 80, [255; 3]);
        write_upwards(&mut up, "Elbo", (30.0, 70.0), Anchor::Start, STYLE);
        for y in 0..80 {
            for x in 0..80 {
                assert_eq!(flat.pixel(x, y), up.pixel(y, 79 - x), "({x}, {y})");
            }
        }
    }

    #[test]
    fn the_font_holds_what_figures_need() {
        for c in "−×·±²‖→≈≤≥…₀₁₂⁰⁻⁹µσΦβéß–".chars() {
            assert_ne!(FONT.glyph_id(c), GlyphId(0), "{c} is not in the font");
        }
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        assert_eq!(fit("short", 20.0, 100.0), "short");
        let cut = fit("a very long name of a series", 20.0, 100.0);
        assert!(cut.starts_with("a very") && cut.ends_with('…'), "{cut}");
        assert!(width(&cut, 20.0) <= 100.0);
        assert_eq!(fit("anything", 20.0, 1.0), "");
    }
}
