//! Planes of another size, each entry a weighted sum of some of the source, along each axis by
//! itself: upsampling, average pooling, and their adjoints.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use crate::Real;
use crate::buffer::Buffer;

/// y[i] = Σ weight · x[position] over `sums[i]`: one axis.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Taps {
    /// The size of the source.
    pub(crate) input: usize,
    /// Position and weight of each term.
    pub(crate) sums: Vec<Vec<(usize, f64)>>,
}

impl Taps {
    /// The transpose.
    pub(crate) fn adjoint(&self) -> Taps {
        let mut sums = vec![Vec::new(); self.input];
        for (i, terms) in self.sums.iter().enumerate() {
            terms.iter().for_each(|&(position, weight)| sums[position].push((i, weight)));
        }
        Taps { input: self.sums.len(), sums }
    }

    fn pattern(&self) -> Pattern {
        let Some(&(_, weight)) = self.sums.first().and_then(|terms| terms.first()) else {
            return Pattern::Any;
        };
        let (output, input) = (self.sums.len(), self.input);
        let mut sums = self.sums.iter().enumerate();
        if output == 2 * input && sums.clone().all(|(i, terms)| *terms == [(i / 2, weight)]) {
            Pattern::Twice(weight)
        } else if input == 2 * output
            && sums.all(|(i, terms)| *terms == [(2 * i, weight), (2 * i + 1, weight)])
        {
            Pattern::Pairs(weight)
        } else {
            Pattern::Any
        }
    }
}

/// Sums along a row that have loops of their own.
#[derive(Clone, Copy)]
enum Pattern {
    /// y[2 i] = y[2 i + 1] = weight · x[i]
    Twice(f64),
    /// y[i] = weight · (x[2 i] + x[2 i + 1])
    Pairs(f64),
    Any,
}

struct Planes<'a, T> {
    rows: &'a Taps,
    columns: &'a Taps,
    pattern: Pattern,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Kernel for Planes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Planes { rows, columns, pattern, x, y } = self;
        let (width, across) = (columns.input, columns.sums.len());
        let mut line = Buffer::<T>::for_overwrite(width);
        let planes = x.chunks_exact(rows.input * width);
        for (x, y) in planes.zip(y.chunks_exact_mut(rows.sums.len() * across)) {
            let mut last: Option<usize> = None;
            for (i, terms) in rows.sums.iter().enumerate() {
                // The row above, if this one is made of the same.
                if let Some(last) = last.filter(|&last| rows.sums[last] == *terms) {
                    y.copy_within(last * across..(last + 1) * across, i * across);
                    continue;
                }
                last = Some(i);
                add_rows(terms, x, &mut line);
                add_columns(columns, pattern, &line, &mut y[i * across..][..across]);
            }
        }
    }
}

/// line = Σ weight · row
#[inline(always)]
fn add_rows<T: Real>(terms: &[(usize, f64)], x: &[T], line: &mut [T]) {
    let Some((&(first, weight), rest)) = terms.split_first() else { return line.fill(T::ZERO) };
    let width = line.len();
    let weight = T::from_f64(weight);
    line.iter_mut().zip(&x[first * width..]).for_each(|(line, x)| *line = weight * *x);
    for &(row, weight) in rest {
        let weight = T::from_f64(weight);
        let row = &x[row * width..];
        line.iter_mut().zip(row).for_each(|(line, x)| *line = weight.mul_add(*x, *line));
    }
}

#[inline(always)]
fn add_columns<T: Real>(columns: &Taps, pattern: Pattern, line: &[T], y: &mut [T]) {
    match pattern {
        Pattern::Twice(weight) => {
            let weight = T::from_f64(weight);
            for (y, x) in y.chunks_exact_mut(2).zip(line) {
                y.fill(weight * *x);
            }
        }
        Pattern::Pairs(weight) => {
            let weight = T::from_f64(weight);
            for (y, x) in y.iter_mut().zip(line.chunks_exact(2)) {
                *y = weight * (x[0] + x[1]);
            }
        }
        Pattern::Any => {
            for (y, terms) in y.iter_mut().zip(&columns.sums) {
                *y = terms.iter().fold(T::ZERO, |sum, &(column, weight)| {
                    T::from_f64(weight).mul_add(line[column], sum)
                });
            }
        }
    }
}

/// Every plane of y from one of x.
pub(crate) fn resample<T: Real>([rows, columns]: [&Taps; 2], x: &[T], y: &mut [T]) {
    let (input, output) = (rows.input * columns.input, rows.sums.len() * columns.sums.len());
    if x.is_empty() || y.is_empty() {
        return y.fill(T::ZERO);
    }
    assert_eq!(x.len() / input, y.len() / output);
    let group = (GRAIN / input.max(output)).max(1);
    let pattern = columns.pattern();
    let groups = (chunks_mut(y, group * output), chunks(x, group * input));
    for_each_chunk(groups, |_, (y, x)| dispatch(Planes { rows, columns, pattern, x, y }));
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, bits, dispatch_to};
    use super::*;

    #[test]
    fn all_instruction_sets_give_the_same_bits_of_the_definition() {
        fn check<T: Real>() {
            let number = |i: usize| T::from_f64((i * 7919 % 127) as f64 / 63.0 - 1.0);
            let all: Vec<T> = (0..12 * MOST_AGREED + 8).map(number).collect();
            let sums = vec![vec![(0, 1.0)], vec![(1, 0.5), (2, 0.25)], vec![]];
            let rows = Taps { input: 3, sums };
            agree(|set, width, start| {
                // Each of three kinds of sums along a row, of two planes of three rows.
                let of = |input, count, terms: &dyn Fn(usize) -> Vec<(usize, f64)>| Taps {
                    input,
                    sums: (0..count).map(terms).collect(),
                };
                let twice = of(width, 2 * width, &|i| vec![(i / 2, 0.5)]);
                let pairs = of(2 * width, width, &|i| vec![(2 * i, 0.5), (2 * i + 1, 0.5)]);
                let any = of(width, width, &|i| vec![(i, 0.25), (width - 1 - i, 0.3)]);
                [twice, pairs, any].map(|columns| {
                    let (input, across) = (columns.input, columns.sums.len());
                    let x = &all[start..][..6 * input];
                    let mut y = vec![T::ONE; 6 * across + 4];
                    if width > 0 {
                        let (rows, columns, pattern) = (&rows, &columns, columns.pattern());
                        let y = &mut y[start..][..6 * across];
                        dispatch_to(set, Planes { rows, columns, pattern, x, y });
                    }
                    for (at, y) in y[start..][..6 * across].iter().enumerate() {
                        let (plane, row, column) =
                            (at / (3 * across), at / across % 3, at % across);
                        let sum: f64 = rows.sums[row]
                            .iter()
                            .flat_map(|(i, w)| {
                                columns.sums[column].iter().map(move |(j, v)| (i, j, w * v))
                            })
                            .map(|(i, j, weight)| weight * x[(plane * 3 + i) * input + j].to_f64())
                            .sum();
                        assert!((y.to_f64() - sum).abs() < 1e-6, "{at} of {width}");
                    }
                    bits(&y)
                })
            });
        }
        check::<f32>();
        check::<f64>();
    }
}
