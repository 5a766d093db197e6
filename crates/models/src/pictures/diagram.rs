//! Cards with arrows between them: the graph of a computation.

use plotters::style::text_anchor::HPos;

use super::drawing::Drawing;
use super::layers::Layers;
use super::palette::{FAINT, INK, hue};
use super::picture::{Picture, Rgb};
use super::text;

/// Cards in layers, each below those from which arrows lead to it; one that goes into a single other, and
/// into which nothing goes, stands beside that.
///
/// ```
/// use elbo_models::pictures::{Arrow, Card, Diagram, Tone, Writing};
///
/// let card = |title: &str, tone| Card { title: title.into(), tone, lines: vec![] };
/// let mut sum = card("a + b", Tone::Plain);
/// sum.lines = vec![(Writing::Forward, "5".into()), (Writing::Backward, "1".into())];
/// let diagram = Diagram {
///     title: "A sum".into(),
///     cards: vec![card("a", Tone::Leaf), card("b", Tone::Noise), sum],
///     arrows: [0, 1].map(|from| Arrow { from, to: 2, bold: from == 0 }).into(),
///     ..Diagram::default()
/// };
/// assert!(diagram.svg().contains(">a + b</text>"));
/// assert!(diagram.draw().width() > 100);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagram {
    /// The title above it.
    pub title: String,
    /// What the tones mean, beside each other below the title.
    pub legend: Vec<(Tone, String)>,
    /// The cards, in an order in which arrows lead from earlier to later ones.
    pub cards: Vec<Card>,
    /// The arrows.
    pub arrows: Vec<Arrow>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Card {
    /// What it is called.
    pub title: String,
    /// The colour of the card.
    pub tone: Tone,
    /// What is written below the title.
    pub lines: Vec<(Writing, String)>,
}

/// The colour of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// White.
    #[default]
    Plain,
    /// What is given.
    Constant,
    /// What is learnt.
    Leaf,
    /// What is drawn at random.
    Noise,
    /// What it is all about.
    Focus,
}

impl Tone {
    fn paper(self) -> Rgb {
        match self {
            Tone::Plain => [0xFF, 0xFF, 0xFF],
            Tone::Constant => [0xEE, 0xEE, 0xEE],
            Tone::Leaf => [0xE3, 0xEA, 0xFB],
            Tone::Noise => [0xFE, 0xDD, 0xC8],
            Tone::Focus => [0xFF, 0xF4, 0xB8],
        }
    }
}

/// How a line of a card is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// What goes along the arrows.
    Forward,
    /// What comes back against them.
    Backward,
    /// Small print.
    Small,
}

/// An arrow between two cards, by their places in [`Diagram::cards`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// Where it begins.
    pub from: usize,
    /// Where it points to.
    pub to: usize,
    /// Whether it is drawn thicker and in colour.
    pub bold: bool,
}

/// Sizes of type.
const TITLE: f64 = 30.0;
const HEAD: f64 = 21.0;
const BODY: f64 = 18.0;
const SMALL: f64 = 15.0;
/// From one line to the next, in sizes of the type.
const PITCH: f64 = 1.3;
/// Between the edge of a card and what is written on it.
const INSET: f64 = 10.0;
/// Around everything.
const MARGIN: f64 = 30.0;

impl Writing {
    fn size_and_ink(self) -> (f64, Rgb) {
        match self {
            Writing::Forward => (BODY, hue(0)),
            Writing::Backward => (BODY, hue(3)),
            Writing::Small => (SMALL, FAINT),
        }
    }
}

impl Card {
    /// Each line with its size and ink, the title first.
    fn written(&self) -> impl Iterator<Item = (&str, f64, Rgb)> {
        let lines = self.lines.iter().map(|(writing, line)| {
            let (size, ink) = writing.size_and_ink();
            (line.as_str(), size, ink)
        });
        std::iter::once((self.title.as_str(), HEAD, INK)).chain(lines)
    }

    fn size(&self) -> (f64, f64) {
        let width = self.written().map(|(line, size, _)| text::width(line, size));
        let height: f64 = self.written().map(|(_, size, _)| PITCH * size).sum();
        (width.fold(0.0, f64::max) + 2.0 * INSET, height + INSET)
    }
}

impl Diagram {
    /// Draws it, as large as it has to be.
    ///
    /// # Panics
    /// If an arrow leads to an earlier card, or to none.
    pub fn draw(&self) -> Picture {
        self.drawing().picture()
    }

    /// The same as the text of an SVG file.
    pub fn svg(&self) -> String {
        self.drawing().svg()
    }

    fn drawing(&self) -> Drawing {
        let sizes: Vec<(f64, f64)> = self.cards.iter().map(Card::size).collect();
        let pairs: Vec<(usize, usize)> =
            self.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
        let layers = Layers::new(&sizes, &pairs);
        let key = |(_, name): &(Tone, String)| text::width(name, BODY) + 60.0;
        let legend: f64 = self.legend.iter().map(key).sum();
        let width = layers.width.max(legend).max(text::width(&self.title, TITLE));
        let top = MARGIN + 2.0 * TITLE + if self.legend.is_empty() { 0.0 } else { 2.0 * BODY };
        let (all_width, all_height) = (width + 2.0 * MARGIN, layers.height + top + MARGIN);
        let mut drawing = Drawing::new(all_width.ceil() as usize, all_height.ceil() as usize);
        drawing.words(&self.title, (MARGIN, MARGIN + TITLE / 2.0), HPos::Left, TITLE, INK);
        let mut x = MARGIN;
        for entry @ (tone, name) in &self.legend {
            let y = MARGIN + 2.0 * TITLE;
            drawing.card((x, y - 11.0), (32.0, 22.0), tone.paper(), FAINT);
            drawing.words(name, (x + 40.0, y), HPos::Left, BODY, INK);
            x += key(entry);
        }
        let place = |(x, y): (f64, f64)| (x + (all_width - layers.width) / 2.0, y + top);
        for (arrow, path) in self.arrows.iter().zip(&layers.arrows) {
            let path: Vec<(f64, f64)> = path.iter().copied().map(place).collect();
            let (width, ink) = if arrow.bold { (4, hue(3)) } else { (2, FAINT) };
            drawing.arrow(path, width, ink);
        }
        for ((card, &corner), &size) in self.cards.iter().zip(&layers.cards).zip(&sizes) {
            let corner = place(corner);
            drawing.card(corner, size, card.tone.paper(), FAINT);
            let mut y = corner.1 + INSET / 2.0;
            for (line, height, ink) in card.written() {
                let at = (corner.0 + size.0 / 2.0, y + PITCH * height / 2.0);
                drawing.words(line, at, HPos::Center, height, ink);
                y += PITCH * height;
            }
        }
        drawing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_its_tone_and_its_words_in_both_forms() {
        let lines = vec![(Writing::Backward, "z̄ = 3 < 4".into())];
        let card = Card { title: "eps".into(), tone: Tone::Noise, lines };
        let loss = Card { title: "loss".into(), ..Card::default() };
        let arrows = vec![Arrow { from: 0, to: 1, bold: true }];
        let diagram = Diagram { cards: vec![card, loss], arrows, ..Diagram::default() };
        let svg = diagram.svg();
        assert!(svg.contains(">z̄ = 3 &lt; 4</text>") && svg.contains(">loss</text>"), "{svg}");
        let picture = diagram.draw();
        let count = |colour: Rgb| picture.rgb().chunks_exact(3).filter(|p| **p == colour).count();
        assert!(count(Tone::Noise.paper()) > 500 && count(hue(3)) > 50, "{}", count(hue(3)));
    }
}
