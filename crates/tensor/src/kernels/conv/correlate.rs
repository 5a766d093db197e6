//! Channels of targets from channels of sources: tiles of 8 channels and some vectors of positions.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::isa::{Isa, Kernel, dispatch_vectors};
use super::super::threads;
use super::super::vector::Vector;
use super::planes::{Planes, SLACK, map_row};
use super::walk::{Pass, Walk};
use super::{Finish, area};
use crate::Real;
use crate::buffer::Buffer;

/// Channels of a tile.
const HEIGHT: usize = 8;

/// Into how many parts, at most, bands of images are cut: enough to keep cores busy.
pub(super) const PARTS: usize = 32;

/// What is to be computed: targets [batch, groups · targets, ..] from sources.
pub(in crate::kernels) struct Filter<'a, T> {
    pub(super) batch: usize,
    pub(super) groups: usize,
    /// Channels of one group on either side.
    pub(super) sources: usize,
    pub(super) targets: usize,
    /// Height and width on either side.
    pub(super) source: [usize; 2],
    pub(super) target: [usize; 2],
    pub(super) walks: [&'a Walk; 2],
    pub(super) weights: &'a [T],
    /// Steps in a group's weights from one target channel, and one source channel, to the next.
    pub(super) steps: [usize; 2],
    pub(super) kernel_width: usize,
    pub(super) finish: Finish<'a, T>,
}

/// One walk of all rows and columns, with the weights in the order in which tiles read them: blocks
/// of channels, in each the offsets, and for each of those the channels next to each other.
struct Sweep<'a, T: Real> {
    passes: [&'a Pass; 2],
    offsets: Vec<usize>,
    weights: Buffer<T>,
}

/// The height of the tile of the first of so many channels that are left.
#[inline(always)]
fn height(left: usize) -> usize {
    match left {
        HEIGHT.. => HEIGHT,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

impl<T: Real> Filter<'_, T> {
    fn sweeps<'a>(&'a self, planes: &Planes<'_>) -> Vec<Sweep<'a, T>> {
        let [y, x] = self.walks;
        let pairs = y.passes.iter().flat_map(|y| x.passes.iter().map(move |x| [y, x]));
        pairs.map(|passes| self.sweep(passes, planes)).collect()
    }

    fn sweep<'a>(&self, passes: [&'a Pass; 2], planes: &Planes<'_>) -> Sweep<'a, T> {
        let taps: Vec<_> = planes.offsets(passes, self.kernel_width).collect();
        let per_channel = planes.per_channel();
        let channels = 0..self.sources;
        let offsets =
            channels.flat_map(|c| taps.iter().map(move |(_, at)| c * per_channel + at)).collect();
        let per_group = self.sources * taps.len();
        let mut weights = Buffer::for_overwrite(self.groups * self.targets * per_group);
        let mut to = weights.iter_mut();
        for group in 0..self.groups {
            let from = &self.weights[group * self.weights.len() / self.groups..];
            let mut first = 0;
            while first < self.targets {
                let height = height(self.targets - first);
                for source in 0..self.sources {
                    for (tap, _) in &taps {
                        for target in first..first + height {
                            let at = target * self.steps[0] + source * self.steps[1] + tap;
                            *to.next().expect("room for all weights") = from[at];
                        }
                    }
                }
                first += height;
            }
        }
        Sweep { passes, offsets, weights }
    }
}

/// Fills `y` from `x`; to be compiled for each type once.
pub(in crate::kernels) fn correlate<T: Real>(
    isa: Isa,
    filter: &Filter<'_, T>,
    x: &[T],
    y: &mut [T],
) {
    if y.is_empty() {
        return;
    }
    let (planes, band) = Planes::in_bands(filter.walks, filter.sources, filter.source);
    let sweeps = filter.sweeps(&planes);
    let bands = filter.walks[0].count().div_ceil(band);
    let target = Target { start: y.as_mut_ptr() };
    let units = filter.batch * filter.groups * bands;
    let parts = PARTS.min(units);
    threads::for_each(parts, |i| {
        let (planes, sweeps) = (&planes, &sweeps[..]);
        dispatch_vectors!(isa, T, vector => {
            let units = units * i / parts..units * (i + 1) / parts;
            Part { filter, planes, sweeps, x, units, band, target, vector }
        });
    });
}

/// Where the result goes. Parts write disjoint parts of it.
#[derive(Clone, Copy)]
struct Target<T> {
    start: *mut T,
}

// SAFETY: a `Target` lives only inside `correlate`, which borrows the result mutably for all of that
// time, and each part has rows of channels of its own.
unsafe impl<T> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Target<T> {}

/// Some bands of rows, each of all channels of one group of one image.
struct Part<'a, T: Real, V> {
    filter: &'a Filter<'a, T>,
    planes: &'a Planes<'a>,
    sweeps: &'a [Sweep<'a, T>],
    x: &'a [T],
    /// Bands, counted over groups and images.
    units: Range<usize>,
    /// Rows of a band.
    band: usize,
    target: Target<T>,
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Part<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Part { filter, planes, band, .. } = self;
        let length = filter.sources * planes.per_channel();
        let mut copies = Buffer::<T>::filled(length + SLACK, T::ZERO);
        let run = (band * planes.pitch).next_multiple_of(SLACK);
        let mut sums = Buffer::<T>::for_overwrite(HEIGHT * run);
        let count = filter.walks[0].count();
        let bands = count.div_ceil(band);
        let area = filter.sources * area(filter.source);
        for unit in self.units.clone() {
            let (image, first) = (unit / bands, unit % bands * band);
            planes.fill(&self.x[image * area..][..area], first, &mut copies[..length]);
            self.band(image, first..first + band, &copies, &mut sums, run);
        }
    }
}

impl<T: Real, V: Vector<T>> Part<'_, T, V> {
    /// The rows of one group of one image, from its planes; `sums` has room for 8 runs.
    #[inline(always)]
    fn band(&self, image: usize, rows: Range<usize>, copies: &[T], sums: &mut [T], run: usize) {
        let Part { filter, planes, sweeps, .. } = *self;
        let group = image % filter.groups;
        for sweep in sweeps {
            let rows = rows.start..rows.end.min(sweep.passes[0].count);
            let columns = sweep.passes[1].count;
            if rows.is_empty() || columns == 0 {
                continue;
            }
            let positions = (rows.len() - 1) * planes.pitch + columns;
            let mut weights = &sweep.weights[group * filter.targets * sweep.offsets.len()..];
            let mut first = 0;
            while first < filter.targets {
                let height = height(filter.targets - first);
                let job = Job {
                    offsets: &sweep.offsets,
                    weights,
                    source: copies,
                    target: sums.as_mut_ptr(),
                    run,
                    vectors: positions.div_ceil(V::LANES),
                };
                // SAFETY: all of this is inlined into code for V's instruction set. An offset plus a
                // position is inside the planes, which are followed by a vector's worth of numbers;
                // positions rounded up to vectors are at most `run`.
                unsafe {
                    match (height, V::TILE.0 == HEIGHT) {
                        (HEIGHT, true) => job.tiles::<V, HEIGHT, 3>(),
                        (HEIGHT, false) => job.tiles::<V, HEIGHT, 1>(),
                        (4, true) => job.tiles::<V, 4, 6>(),
                        (4, false) => job.tiles::<V, 4, 2>(),
                        (2, true) => job.tiles::<V, 2, 8>(),
                        (2, false) => job.tiles::<V, 2, 4>(),
                        _ => job.tiles::<V, 1, 8>(),
                    }
                }
                for channel in first..first + height {
                    let sums = &sums[(channel - first) * run..];
                    self.finish(sweep, image, rows.clone(), channel, sums);
                }
                weights = &weights[height * sweep.offsets.len()..];
                first += height;
            }
        }
    }

    /// Finishes the sums of one channel, and writes them where they belong.
    #[inline(always)]
    fn finish(
        &self,
        sweep: &Sweep<'_, T>,
        image: usize,
        rows: Range<usize>,
        channel: usize,
        sums: &[T],
    ) {
        let Filter { targets, target: [height, width], finish, groups, .. } = *self.filter;
        let [y, x] = sweep.passes;
        let bias = finish.bias.map_or(T::ZERO, |bias| bias[image % groups * targets + channel]);
        let sums = sums.chunks(self.planes.pitch);
        for (row, sums) in rows.zip(sums) {
            let row = y.first + row * y.step;
            let at = ((image * targets + channel) * height + row) * width;
            // SAFETY: the row lies in the result, whose length has been checked against these sizes, and is this part's.
            let to = unsafe { std::slice::from_raw_parts_mut(self.target.start.add(at), width) };
            if x.step == 1 && finish.relu {
                map_row(sums, &mut to[..x.count], |sum| {
                    let y = sum + bias;
                    if y < T::ZERO { T::ZERO } else { y }
                });
            } else if x.step == 1 {
                map_row(sums, &mut to[..x.count], |sum| sum + bias);
            } else {
                // The gradient of an input, to which nothing is done.
                let to = to[x.first..].iter_mut().step_by(x.step);
                to.zip(&sums[..x.count]).for_each(|(to, sum)| *to = *sum);
            }
        }
    }
}

/// Sums of some channels over a run of positions.
struct Job<'a, T> {
    offsets: &'a [usize],
    weights: &'a [T],
    source: &'a [T],
    target: *mut T,
    /// From one channel of the target to the next.
    run: usize,
    vectors: usize,
}

impl<T: Real> Job<'_, T> {
    /// All positions of R channels, N vectors at a time.
    ///
    /// # Safety
    /// Inline in code for V's instruction set. There are R weights for each offset; source and target
    /// are good for the vectors from each offset and each channel on.
    #[inline(always)]
    unsafe fn tiles<V: Vector<T>, const R: usize, const N: usize>(&self) {
        let mut at = 0;
        // SAFETY: the caller's promises; no tile goes beyond the vectors.
        unsafe {
            while self.vectors - at >= N {
                self.tile::<V, R, N>(at * V::LANES);
                at += N;
            }
            if N > 4 && self.vectors - at >= 4 {
                self.tile::<V, R, 4>(at * V::LANES);
                at += 4;
            }
            if N > 2 && self.vectors - at >= 2 {
                self.tile::<V, R, 2>(at * V::LANES);
                at += 2;
            }
            while at < self.vectors {
                self.tile::<V, R, 1>(at * V::LANES);
                at += 1;
            }
        }
    }

    /// N vectors of positions from one on, in R channels.
    ///
    /// # Safety
    /// As for `tiles`.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    unsafe fn tile<V: Vector<T>, const R: usize, const N: usize>(&self, at: usize) {
        debug_assert!(self.weights.len() >= R * self.offsets.len());
        // SAFETY: the caller's promises.
        unsafe {
            let source = self.source.as_ptr().add(at);
            let mut weights = self.weights.as_ptr();
            let mut sums = [[V::splat(T::ZERO); N]; R];
            for &offset in self.offsets {
                let from = source.add(offset);
                let mut x = [V::splat(T::ZERO); N];
                for v in 0..N {
                    x[v] = V::load(from.add(v * V::LANES));
                }
                for i in 0..R {
                    let w = V::splat(*weights.add(i));
                    for v in 0..N {
                        sums[i][v] = w.mul_add(x[v], sums[i][v]);
                    }
                }
                weights = weights.add(R);
            }
            let target = self.target.add(at);
            for i in 0..R {
                for v in 0..N {
                    sums[i][v].store(target.add(i * self.run + v * V::LANES));
                }
            }
        }
    }
}
