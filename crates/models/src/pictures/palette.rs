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

/// Ten colours that stay apart, also for people who do not see red or green: they differ in
/// lightness as much as in hue. More than ten classes take them again from the first.
pub(super) const HUES: [Rgb; 10] = [
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

/// The colour of class `index`.
pub(super) fn hue(index: usize) -> Rgb {
    HUES[index % HUES.len()]
}
