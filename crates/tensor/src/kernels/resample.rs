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
