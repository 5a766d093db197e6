//! The colours: paper, ink, and ten that nobody mixes up.

use super::picture::Rgb;

/// The ground of every picture.
pub(super) const PAPER: Rgb = [255, 255, 255];
/// Titles and labels.
pub(super) const INK: Rgb = [51, 51, 51];
/// Axes, ticks and small print.
pub(super) const FAINT: Rgb = [110, 110, 110];
/// Grid lines.
pub(super) const GRID: Rgb = [228, 228, 228];
/// A value that is not a number. No gray image holds this colour.
pub(super) const NOT_A_NUMBER: Rgb = [255, 0, 255];

/// Ten colours that stay apart, also for people who do not see red or green.
///
/// Found by a search that widens the smallest distance between any two of them (Oklab), as seen
/// with full colour vision and, after Machado, Oliveira and Fernandes 2009, without the cones for
/// red or for green. They differ in lightness as much as in hue, so no hue has to be named.
const HUES: [Rgb; 10] = [
    [0x2F, 0x53, 0xCF],
    [0xF9, 0x62, 0x16],
    [0x01, 0x68, 0x5F],
    [0xAD, 0x23, 0x00],
    [0xC2, 0x70, 0xD0],
    [0x01, 0xD3, 0xFF],
    [0x4C, 0x19, 0x00],
    [0xC6, 0xD3, 0x00],
    [0x6C, 0x02, 0x83],
    [0x3D, 0xA7, 0x79],
];

/// The colour of class `index`: ten hues, then the same ten darker, then lighter, and round again.
pub(super) fn qualitative(index: usize) -> Rgb {
    let towards = |target: f64, weight: f64| {
        HUES[index % HUES.len()]
            .map(|c| (f64::from(c) + weight * (target - f64::from(c))).round() as u8)
    };
    match index / HUES.len() % 3 {
        0 => HUES[index % HUES.len()],
        1 => towards(0.0, 0.3),
        _ => towards(255.0, 0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_classes_have_thirty_colours_apart_from_paper_and_grid() {
        let colours: Vec<Rgb> = (0..30).map(qualitative).chain([PAPER, GRID]).collect();
        for (i, a) in colours.iter().enumerate() {
            for b in &colours[..i] {
                let apart: i32 = (0..3).map(|c| (i32::from(a[c]) - i32::from(b[c])).abs()).sum();
                assert!(apart >= 20, "{a:?} and {b:?}");
            }
        }
    }

    /// Oklab (B. Ottosson 2020) of linear red, green and blue.
    fn oklab(rgb: [f64; 3]) -> [f64; 3] {
        let cones = multiply(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ],
            rgb.map(|part| part.clamp(0.0, 1.0)),
        );
        multiply(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ],
            cones.map(f64::cbrt),
        )
    }

    fn multiply(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(m, v)| m * v).sum())
    }

    fn linear(colour: Rgb) -> [f64; 3] {
        colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    #[test]
    fn ten_hues_stay_apart_for_all_eyes() {
        let full = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        // Machado, Oliveira and Fernandes 2009, severity 1.0.
        let no_red = [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ];
        let no_green = [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ];
        // Tableau's ten come to 0.08, 0.01 and 0.01.
        for (eyes, smallest) in [(full, 0.19), (no_red, 0.12), (no_green, 0.12)] {
            let seen = HUES.map(|hue| oklab(multiply(eyes, linear(hue))));
            for (i, a) in seen.iter().enumerate() {
                for (j, b) in seen[..i].iter().enumerate() {
                    let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(apart > smallest, "{:?} and {:?}: {apart}", HUES[i], HUES[j]);
                }
            }
        }
    }
}
