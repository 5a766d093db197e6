//! What is multiplied: sizes, and how the factors are stored.

use std::fmt;
use std::str::FromStr;

/// C (M × N) = A (M × K) · B (K × N), all row-major.
pub struct Shape {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    /// Whether A, and B, is stored transposed.
    pub transposed: (bool, bool),
}

impl Shape {
    /// Multiplications and additions.
    pub fn flop(&self) -> f64 {
        2.0 * (self.m * self.k * self.n) as f64
    }

    /// For A and for B, the steps from a row to the next and from a column to the next.
    pub fn steps(&self) -> ((usize, usize), (usize, usize)) {
        let (a, b) = self.transposed;
        (if a { (1, self.m) } else { (self.k, 1) }, if b { (1, self.k) } else { (self.n, 1) })
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let wrong = || format!("{text} is no shape such as 128x784x400:NT");
        let (sizes, layout) = text.split_once(':').ok_or_else(wrong)?;
        let sizes: Vec<usize> = sizes.split('x').filter_map(|size| size.parse().ok()).collect();
        let [m, k, n] = sizes[..] else { return Err(wrong()) };
        let transposed = match layout {
            "NN" => (false, false),
            "NT" => (false, true),
            "TN" => (true, false),
            "TT" => (true, true),
            _ => return Err(wrong()),
        };
        Ok(Shape { m, k, n, transposed })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |transposed| if transposed { 'T' } else { 'N' };
        let (a, b) = (letter(self.transposed.0), letter(self.transposed.1));
        write!(f, "{}x{}x{}:{a}{b}", self.m, self.k, self.n)
    }
}
