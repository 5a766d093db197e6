//! Copies of the source with its padding, on which every tap of the kernel is a constant offset.

use std::ops::Range;

use super::walk::{Pass, Walk};
use crate::Real;

/// Numbers of the planes of one band: they are to stay in the second-level cache.
pub(super) const BAND: usize = 64 * 1024;

/// Runs of planes are read in whole vectors: so many numbers may follow the last one that counts.
pub(super) const SLACK: usize = 16;

/// The planes of some channels, for a band of rows. Rows lie `pitch` apart; a position is named by
/// its row times the pitch plus its column, so that a walk of all positions is one straight run, in
/// which the `margin` columns at the end of each row count for nothing.
pub(super) struct Planes<'a> {
    pub(super) walks: [&'a Walk; 2],
    pub(super) pitch: usize,
    /// Rows of a plane.
    rows: usize,
    /// The height and width of the source.
    source: [usize; 2],
}

impl<'a> Planes<'a> {
    /// Planes of so many channels for bands of rows of targets, and the rows of a band.
    pub(super) fn in_bands(
        walks: [&'a Walk; 2],
        channels: usize,
        source: [usize; 2],
    ) -> (Planes<'a>, usize) {
        let [y, x] = walks;
        let pitch = x.count() + x.margin;
        let per_row = channels * y.starts.len() * x.starts.len() * pitch;
        let band = (BAND / per_row.max(1)).max(y.margin + 1).min(y.count());
        (Planes { walks, pitch, rows: band + y.margin, source }, band)
    }

    /// Numbers of one channel.
    pub(super) fn per_channel(&self) -> usize {
        self.walks[0].starts.len() * self.walks[1].starts.len() * self.rows * self.pitch
    }

    /// The offset of each pair of taps, in order of the kernel, with its index in the kernel.
    pub(super) fn offsets(
        &self,
        [y, x]: [&Pass; 2],
        kernel_width: usize,
    ) -> impl Iterator<Item = (usize, usize)> {
        let across = self.walks[1].starts.len();
        y.taps.iter().flat_map(move |y| {
            x.taps.iter().map(move |x| {
                let plane = y.plane * across + x.plane;
                let at = (plane * self.rows + y.shift) * self.pitch + x.shift;
                (y.kernel * kernel_width + x.kernel, at)
            })
        })
    }

    /// Fills the planes of the channels that `source` holds, for the band that begins at a row. What
    /// belongs to no column of the source is not written: it is to be 0 from the beginning.
    #[inline(always)]
    pub(super) fn fill<T: Real>(&self, source: &[T], first: usize, planes: &mut [T]) {
        let [height, width] = self.source;
        let [y, x] = self.walks;
        let mut rows = planes.chunks_exact_mut(self.pitch);
        for channel in source.chunks_exact(height * width) {
            for &top in &y.starts {
                for &left in &x.starts {
                    let inside = inside(left, x.step, width, self.pitch);
                    for row in 0..self.rows {
                        let to = rows.next().expect("planes are as many as channels");
                        let at = ((first + row) * y.step) as isize + top;
                        let to = &mut to[inside.clone()];
                        if at < 0 || at >= height as isize {
                            to.fill(T::ZERO);
                            continue;
                        }
                        let from = &channel[at as usize * width..][..width];
                        let start = (inside.start * x.step) as isize + left;
                        if to.is_empty() {
                        } else if x.step == 1 {
                            copy(&from[start as usize..][..to.len()], to);
                        } else {
                            let from = from[start as usize..].iter().step_by(x.step);
                            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                        }
                    }
                }
            }
        }
    }
}

/// A copy of a few numbers.
#[inline(always)]
pub(super) fn copy<T: Real>(from: &[T], to: &mut [T]) {
    map_row(from, to, |x| x);
}

/// to = f(from), for rows that are too short for a call of `memcpy` to pay: eight at a time, and the
/// last eight once more.
#[inline(always)]
pub(super) fn map_row<T: Real>(from: &[T], to: &mut [T], f: impl Fn(T) -> T) {
    const STEP: usize = 8;
    let length = to.len();
    let from = &from[..length];
    if length < STEP {
        for i in 0..length {
            to[i] = f(from[i]);
        }
        return;
    }
    let mut at = 0;
    while at < length {
        let start = at.min(length - STEP);
        let (from, to) = (&from[start..start + STEP], &mut to[start..start + STEP]);
        for i in 0..STEP {
            to[i] = f(from[i]);
        }
        at += STEP;
    }
}

/// The i below `count` for which start + i · step lies in 0..length.
fn inside(start: isize, step: usize, length: usize, count: usize) -> Range<usize> {
    let at_least = |bound: isize| ((bound - start).max(0) as usize).div_ceil(step).min(count);
    at_least(0)..at_least(length as isize)
}
