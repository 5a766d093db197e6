//! What the walk along one axis looks like once strides are taken apart.

use super::super::axis::Axis;

/// A walk with step 1 along one or more planes: copies of every `step`-th source position, each from
/// a start of its own, with zeros where the source has ended or not yet begun.
pub(super) struct Walk {
    pub(super) starts: Vec<isize>,
    pub(super) step: usize,
    /// The length of each plane beyond the number of positions that are walked.
    pub(super) margin: usize,
    pub(super) passes: Vec<Pass>,
}

/// The targets `first`, `first + step`, …: `count` of them. Target i meets position i + shift.
pub(super) struct Pass {
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) count: usize,
    pub(super) taps: Vec<Tap>,
}

/// An entry of the kernel, and where it reads.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    pub(super) kernel: usize,
    pub(super) plane: usize,
    pub(super) shift: usize,
}

impl Axis {
    /// From inputs to outputs: one plane for each remainder of the stride that is read.
    pub(super) fn forward(&self) -> Walk {
        let mut remainders = Vec::new();
        let mut taps = Vec::new();
        for kernel in 0..self.kernel {
            let (shift, remainder) =
                (kernel * self.dilation / self.stride, kernel * self.dilation % self.stride);
            let plane = remainders.iter().position(|&r| r == remainder).unwrap_or_else(|| {
                remainders.push(remainder);
                remainders.len() - 1
            });
            taps.push(Tap { kernel, plane, shift });
        }
        Walk {
            starts: remainders.iter().map(|&r| r as isize - self.padding as isize).collect(),
            step: self.stride,
            margin: taps.iter().map(|tap| tap.shift).max().unwrap_or(0),
            passes: vec![Pass { first: 0, step: 1, count: self.output, taps }],
        }
    }

    /// From outputs back to inputs: one pass for each remainder of the stride.
    pub(super) fn backward(&self) -> Walk {
        // Input first + i · stride meets output i + (first + padding - k · dilation) / stride.
        let stride = self.stride as isize;
        let quotient = |first: usize, kernel: usize| {
            let at = (first + self.padding) as isize - (kernel * self.dilation) as isize;
            (at.rem_euclid(stride) == 0).then(|| at.div_euclid(stride))
        };
        let firsts = 0..self.stride.min(self.input);
        let all = firsts.clone().flat_map(|a| (0..self.kernel).filter_map(move |k| quotient(a, k)));
        let start = all.min().unwrap_or(0);
        let passes: Vec<Pass> = firsts
            .map(|first| {
                let taps = (0..self.kernel).filter_map(|kernel| {
                    let shift = (quotient(first, kernel)? - start) as usize;
                    Some(Tap { kernel, plane: 0, shift })
                });
                let count = (self.input - first).div_ceil(self.stride);
                Pass { first, step: self.stride, count, taps: taps.collect() }
            })
            .collect();
        let taps = passes.iter().flat_map(|pass| &pass.taps);
        let margin = taps.map(|tap| tap.shift).max().unwrap_or(0);
        Walk { starts: vec![start], step: 1, margin, passes }
    }
}

impl Walk {
    /// The number of positions that the longest pass walks.
    pub(super) fn count(&self) -> usize {
        self.passes.iter().map(|pass| pass.count).max().unwrap_or(0)
    }
}
