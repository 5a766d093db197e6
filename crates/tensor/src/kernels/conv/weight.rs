//! The gradient of the weights: for each pair of channels and each entry of the kernel, the product
//! of a run of the cotangent with a shifted run of the planes, summed over images.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::isa::{Isa, Kernel, dispatch_to, dispatch_vectors};
use super::super::threads::{chunks_mut, for_each_chunk};
use super::super::vector::Vector;
use super::correlate::PARTS;
use super::planes::{BAND, Planes, SLACK, copy};
use super::{Sizes, area};
use crate::Real;
use crate::buffer::Buffer;

/// Lanes of a sum, on every instruction set.
const LANES: usize = 16;

/// How many numbers the sums of all parts may have: each part has a gradient of its own.
const PARTIAL_SUMS: usize = 1 << 22;

/// Fills `gw`; to be compiled for each type once.
pub(in crate::kernels) fn gradient<T: Real>(
    isa: Isa,
    sizes: &Sizes,
    x: &[T],
    gy: &[T],
    gw: &mut [T],
) {
    assert_eq!((x.len(), gy.len()), (sizes.input_length(), sizes.output_length()));
    assert_eq!(gw.len(), sizes.weight_length());
    if gw.is_empty() || gy.is_empty() {
        return gw.fill(T::ZERO);
    }
    let walks = sizes.axes.map(|axis| axis.forward());
    let [rows, columns] = &walks;
    let (planes, band) = Planes::in_bands([rows, columns], sizes.inputs, sizes.input());
    let taps = planes.offsets([&rows.passes[0], &columns.passes[0]], sizes.axes[1].kernel);
    let offsets: Vec<usize> = taps.map(|(_, at)| at).collect();
    let bands = rows.count().div_ceil(band);
    let units = sizes.batch * bands;
    let parts = PARTS.min(units).min((PARTIAL_SUMS / gw.len()).max(2));
    let mut partial = Buffer::<T>::for_overwrite(parts * gw.len());
    for_each_chunk(chunks_mut(&mut partial, gw.len()), |i, gw| {
        let units = units * i / parts..units * (i + 1) / parts;
        let (planes, offsets) = (&planes, &offsets[..]);
        dispatch_vectors!(isa, T, vector => {
            let (units, gw) = (units.clone(), &mut *gw);
            Part { sizes, planes, offsets, band, x, gy, units, gw, vector }
        });
    });
    gw.copy_from_slice(&partial[..gw.len()]);
    for part in partial.chunks(gw.len()).skip(1) {
        gw.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part);
    }
    // Behind the columns of the cotangent, its zeros have met numbers of x: NaN where these are infinite.
    if gw.iter().any(|entry| entry.is_nan()) {
        for_each_chunk(chunks_mut(gw, 1), |at, entry| {
            if entry[0].is_nan() {
                entry[0] = dispatch_to(isa, Alone { sizes, x, gy, entry: at });
            }
        });
    }
}

/// One entry of the gradient, place by place, from what it meets only; up to the first NaN.
struct Alone<'a, T> {
    sizes: &'a Sizes,
    x: &'a [T],
    gy: &'a [T],
    entry: usize,
}

impl<T: Real> Kernel for Alone<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        let Alone { sizes, x, gy, entry } = self;
        let [rows, columns] = sizes.axes;
        let [tap, input] = [entry % sizes.taps(), entry / sizes.taps() % sizes.inputs];
        let output = entry / sizes.taps() / sizes.inputs;
        let group = output / sizes.outputs;
        let (k, l) = (tap / columns.kernel, tap % columns.kernel);
        let mut sum = T::ZERO;
        for image in 0..sizes.batch {
            let from = (image * sizes.groups + group) * sizes.inputs + input;
            let x = &x[from * area(sizes.input())..];
            let gy = &gy[(image * sizes.groups * sizes.outputs + output) * area(sizes.output())..];
            for i in 0..rows.output {
                let Some(row) = rows.meets(i, k) else { continue };
                for j in 0..columns.output {
                    let Some(column) = columns.meets(j, l) else { continue };
                    sum = gy[i * columns.output + j].mul_add(x[row * columns.input + column], sum);
                    if sum.is_nan() {
                        return sum;
                    }
                }
            }
        }
        sum
    }
}

/// Some bands of images, of all groups: what they add to the gradient.
struct Part<'a, T, V> {
    sizes: &'a Sizes,
    planes: &'a Planes<'a>,
    /// Of each entry of the kernel.
    offsets: &'a [usize],
    band: usize,
    x: &'a [T],
    gy: &'a [T],
    units: Range<usize>,
    gw: &'a mut [T],
    vector: PhantomData<V>,
}

impl<T: Real, V: Vector<T>> Kernel for Part<'_, T, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Part { sizes, planes, offsets, band, gw, .. } = self;
        gw.fill(T::ZERO);
        let [height, width] = sizes.output();
        let bands = height.div_ceil(band);
        let run = (band * planes.pitch).next_multiple_of(LANES);
        let x_length = sizes.inputs * planes.per_channel();
        // As many bands at a time as the second-level cache holds: lanes are folded once for all.
        let most = (BAND / (x_length + sizes.outputs * run)).clamp(1, self.units.len());
        let mut x_copy = Buffer::<T>::filled(most * x_length + SLACK, T::ZERO);
        let mut gy_copy = Buffer::<T>::filled(most * sizes.outputs * run, T::ZERO);
        for group in 0..sizes.groups {
            let mut first = self.units.start;
            while first < self.units.end {
                let units = first..self.units.end.min(first + most);
                for (slot, unit) in units.clone().enumerate() {
                    let (image, row) = (unit / bands, unit % bands * band);
                    let channels = (image * sizes.groups + group) * sizes.inputs;
                    let x = &self.x[channels * area(sizes.input())..];
                    let x = &x[..sizes.inputs * area(sizes.input())];
                    planes.fill(x, row, &mut x_copy[slot * x_length..][..x_length]);
                    let rows = band.min(height - row);
                    let gy = (image * sizes.groups + group) * sizes.outputs * area([height, width]);
                    for channel in 0..sizes.outputs {
                        let from = &self.gy[gy + (channel * height + row) * width..];
                        let to = &mut gy_copy[(slot * sizes.outputs + channel) * run..][..run];
                        for row in 0..rows {
                            // The columns behind stay 0.
                            let to = &mut to[row * planes.pitch..][..width];
                            copy(&from[row * width..][..width], to);
                        }
                        if rows < band {
                            to[rows * planes.pitch..].fill(T::ZERO);
                        }
                    }
                }
                let products = Products {
                    slots: units.len(),
                    run,
                    positions: (band - 1) * planes.pitch + width,
                    x_length,
                    outputs: sizes.outputs,
                    gy: &gy_copy,
                    offsets,
                };
                let taps = offsets.len();
                for input in 0..sizes.inputs {
                    let x = &x_copy[input * planes.per_channel()..];
                    let to = (group * sizes.outputs * sizes.inputs + input) * taps;
                    let gw = (&mut gw[to..], sizes.inputs * taps);
                    // SAFETY: all of this is inlined into code for V's instruction set; offsets are
                    // inside the planes, which are followed by `SLACK` numbers, and a run has
                    // the positions up to the last output, rounded up to that.
                    unsafe { products.channel::<V>(x, gw) }
                }
                first = units.end;
            }
        }
    }
}

/// Products of the cotangent with one channel of the planes.
struct Products<'a, T> {
    /// Bands of images.
    slots: usize,
    /// From one channel of the cotangent to the next, and how many of these numbers count.
    run: usize,
    positions: usize,
    /// From one band of the planes to the next.
    x_length: usize,
    outputs: usize,
    gy: &'a [T],
    offsets: &'a [usize],
}

impl<T: Real> Products<'_, T> {
    /// Adds the products of all output channels and taps to `gw`, whose rows are `step` apart.
    ///
    /// # Safety
    /// Inline in code for V's instruction set; `x` is good for a run from each offset of each slot.
    #[inline(always)]
    unsafe fn channel<V: Vector<T>>(&self, x: &[T], (gw, step): (&mut [T], usize)) {
        let mut tap = 0;
        while tap < self.offsets.len() {
            let width = match self.offsets.len() - tap {
                9.. if V::TILE.0 == 8 => 9,
                3.. => 3,
                _ => 1,
            };
            let mut output = 0;
            while output < self.outputs {
                let height = if self.outputs - output >= 3 { 3 } else { 1 };
                let to = (&mut gw[output * step + tap..], step);
                // SAFETY: the caller's promises.
                unsafe {
                    match (height, width) {
                        (3, 9) => self.tile::<V, 3, 9>(x, output, tap, to),
                        (3, 3) => self.tile::<V, 3, 3>(x, output, tap, to),
                        (3, _) => self.tile::<V, 3, 1>(x, output, tap, to),
                        (_, 9) => self.tile::<V, 1, 9>(x, output, tap, to),
                        (_, 3) => self.tile::<V, 1, 3>(x, output, tap, to),
                        _ => self.tile::<V, 1, 1>(x, output, tap, to),
                    }
                }
                output += height;
            }
            tap += width;
        }
    }

    /// R output channels and N taps.
    ///
    /// # Safety
    /// As for `channel`; the channels and taps exist.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // indices into arrays of constant length, unrolled
    unsafe fn tile<V: Vector<T>, const R: usize, const N: usize>(
        &self,
        x: &[T],
        output: usize,
        tap: usize,
        (gw, step): (&mut [T], usize),
    ) {
        let mut offsets = [0; N];
        offsets.copy_from_slice(&self.offsets[tap..tap + N]);
        let mut lanes = [[[T::ZERO; LANES]; N]; R];
        for part in (0..LANES).step_by(V::LANES) {
            // SAFETY: the caller's promises; lanes are a whole number of vectors.
            unsafe {
                let mut sums = [[V::splat(T::ZERO); N]; R];
                for slot in 0..self.slots {
                    let gy = self.gy.as_ptr().add((slot * self.outputs + output) * self.run + part);
                    let x = x.as_ptr().add(slot * self.x_length + part);
                    for at in (0..self.positions).step_by(LANES) {
                        let mut g = [V::splat(T::ZERO); R];
                        for i in 0..R {
                            g[i] = V::load(gy.add(i * self.run + at));
                        }
                        for j in 0..N {
                            let x = V::load(x.add(offsets[j] + at));
                            for i in 0..R {
                                sums[i][j] = g[i].mul_add(x, sums[i][j]);
                            }
                        }
                    }
                }
                for i in 0..R {
                    for j in 0..N {
                        sums[i][j].store(lanes[i][j].as_mut_ptr().add(part));
                    }
                }
            }
        }
        for i in 0..R {
            for j in 0..N {
                gw[i * step + j] += fold(lanes[i][j]);
            }
        }
    }
}

/// The sum of all lanes: halves are added until one is left.
#[inline(always)]
fn fold<T: Real>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}
