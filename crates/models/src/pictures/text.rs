//! Words on a picture, in the one font that every machine has: it is part of the program.

use std::sync::LazyLock;

use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{FINE, canvas, colour};
use super::picture::{Picture, Rgb};

static FAMILY: LazyLock<&'static str> = LazyLock::new(|| {
    let bytes = include_bytes!("../../assets/font/DejaVuSans-subset.ttf");
    let registered = register_font("elbo", FontStyle::Normal, bytes);
    assert!(registered.is_ok(), "the font in assets/font is a TrueType font");
    "elbo"
});

/// Plotters centres a box; the capitals in it stand higher by this share of the size.
pub(super) const RISE: f64 = 0.216;

/// Type of `size` pixels from the highest letter to the lowest, on a [`canvas`].
pub(super) fn style(size: f64, ink: Rgb) -> TextStyle<'static> {
    (*FAMILY, size * f64::from(FINE)).into_font().color(&colour(ink))
}

/// The length of a line of text, in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let text = text.replace(BAR, "");
    let (width, _) = style(size, [0; 3]).font.box_size(&text).expect("the font is registered");
    f64::from(width) / f64::from(FINE)
}

/// The bar over a letter, as in z̄: a character of its own that follows the letter.
const BAR: char = '\u{304}';

/// The text without bars, and the bars as rectangles: the font has them where only a typesetter finds
/// them. `at` is the end or the middle of the line, at half the height of its capitals.
pub(super) fn bars(
    text: &str,
    at: (f64, f64),
    end: HPos,
    size: f64,
) -> (String, Vec<[(f64, f64); 2]>) {
    let start = at.0
        - match end {
            HPos::Left => 0.0,
            HPos::Center => width(text, size) / 2.0,
            HPos::Right => width(text, size),
        };
    let bar = |(place, _): (usize, &str)| {
        let letter = text[..place].chars().next_back()?;
        let [before, after] =
            [place - letter.len_utf8(), place].map(|to| start + width(&text[..to], size));
        // Shares of the size: capitals are 0.63 high, small letters 0.47.
        let rise = if letter.is_uppercase() || "bdhkl".contains(letter) { 0.42 } else { 0.28 };
        let (middle, y) = ((before + after) / 2.0, at.1 - rise * size);
        let half = 0.17 * size;
        Some([(middle - half, y - 0.06 * size), (middle + half, y)])
    };
    (text.replace(BAR, ""), text.match_indices(BAR).filter_map(bar).collect())
}

/// The size, or as much of it as lets the text fit into `room` pixels.
pub(super) fn fit(text: &str, size: f64, room: f64) -> f64 {
    size * (room / width(text, size).max(1.0)).min(1.0)
}

/// Writes on white paper: `y` is the middle of the capitals, `x` the end or the middle of the line.
pub(super) fn write(
    picture: &mut Picture,
    text: &str,
    (x, y): (f64, f64),
    end: HPos,
    size: f64,
    ink: Rgb,
) {
    let room = width(text, size).ceil() + 2.0;
    let left = match end {
        HPos::Left => x,
        HPos::Center => x - room / 2.0,
        HPos::Right => x - room,
    };
    let height = (1.3 * size).ceil();
    let patch = canvas(room as usize, height as usize, |root| {
        let middle = ((height / 2.0 + RISE * size) * f64::from(FINE)) as i32;
        let style = style(size, ink).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw_text(text, &style, (FINE, middle))
    });
    picture.paste(&patch, left.round() as i64, (y - height / 2.0).round() as i64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_centred_on_the_given_height() {
        let mut p = Picture::blank(200, 100, [255; 3]);
        write(&mut p, "HEH", (100.0, 50.0), HPos::Center, 24.0, [0; 3]);
        let all = (0..100).flat_map(|y| (0..200).map(move |x| (x, y)));
        let inked: Vec<_> = all.filter(|&(x, y)| p.pixel(x, y)[0] < 128).collect();
        let ends = |v: Vec<usize>| (*v.iter().min().unwrap(), *v.iter().max().unwrap());
        let (left, right) = ends(inked.iter().map(|p| p.0).collect());
        let (top, bottom) = ends(inked.iter().map(|p| p.1).collect());
        assert!((left + right).abs_diff(199) <= 4, "{left} {right}");
        assert!((top + bottom).abs_diff(99) <= 2, "{top} {bottom}");
    }

    #[test]
    fn a_bar_stands_over_its_letter() {
        let (plain, bars) = bars("az\u{304}a", (100.0, 50.0), HPos::Center, 20.0);
        assert_eq!((plain.as_str(), width("z\u{304}", 20.0)), ("aza", width("z", 20.0)));
        let [[(left, top), (right, bottom)]] = bars[..] else { panic!("one bar: {bars:?}") };
        assert!(((left + right) / 2.0 - 100.0).abs() < 0.5, "{left} {right}");
        assert!(top < bottom && bottom < 46.0, "{top} {bottom}");
    }

    #[test]
    fn the_font_holds_what_figures_need() {
        let missing = width("\u{10FFFF}", 200.0);
        for c in "−×·±²‖→≈≤≥…₀₁₂⁰⁻⁹µσΦβéß–ȳāĀḡᵀᵢ⋆".chars()
        {
            assert!(width(&c.to_string(), 200.0) != missing, "{c} is not in the font");
        }
    }
}
