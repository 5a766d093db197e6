//! Operands.

use super::tile::Operand;

/// A matrix to be read: element (i, j) is at i · row step + j · column step of the data.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    /// From one row, and from one column, to the next.
    pub(super) steps: (usize, usize),
}

impl<'a, T> Matrix<'a, T> {
    /// All of the data, row by row.
    ///
    /// # Panics
    /// If the length is not rows · columns.
    #[track_caller]
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Matrix<'a, T> {
        let fits = rows.checked_mul(columns) == Some(data.len());
        assert!(fits, "matrix: {} as {rows} × {columns}", data.len());
        Matrix { data, rows, columns, steps: (columns, 1) }
    }

    /// Any steps: parts of a larger matrix, every second column, one row again and again.
    ///
    /// # Panics
    /// If the last element lies outside of the data.
    #[track_caller]
    pub fn with_steps(
        data: &'a [T],
        [rows, columns]: [usize; 2],
        [row, column]: [usize; 2],
    ) -> Matrix<'a, T> {
        let fits = rows == 0
            || columns == 0
            || (rows - 1)
                .checked_mul(row)
                .zip((columns - 1).checked_mul(column))
                .and_then(|(down, right)| down.checked_add(right))
                .is_some_and(|last| last < data.len());
        let length = data.len();
        assert!(fits, "matrix: {length} as {rows} × {columns} with steps {row} and {column}");
        Matrix { data, rows, columns, steps: (row, column) }
    }

    /// The transpose, of the same data.
    #[must_use]
    pub fn transpose(self) -> Matrix<'a, T> {
        let (row, column) = self.steps;
        Matrix { rows: self.columns, columns: self.rows, steps: (column, row), ..self }
    }

    /// Some of the rows, which exist.
    pub(super) fn only(self, rows: std::ops::Range<usize>) -> Matrix<'a, T> {
        let from = (rows.start * self.steps.0).min(self.data.len());
        Matrix { data: &self.data[from..], rows: rows.len(), ..self }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Some of a row, whose columns lie next to each other.
    #[inline(always)]
    pub(super) fn row(&self, row: usize, columns: std::ops::Range<usize>) -> &'a [T] {
        debug_assert_eq!(self.steps.1, 1);
        &self.data[row * self.steps.0..][columns]
    }

    /// What lies below and right of an element.
    #[inline(always)]
    pub(super) fn from(&self, row: usize, column: usize) -> Operand<T> {
        let start = self.data[row * self.steps.0 + column * self.steps.1..].as_ptr();
        Operand { start, row: self.steps.0, column: self.steps.1 }
    }
}

impl<T: Copy> Matrix<'_, T> {
    /// Element (i, j).
    #[inline(always)]
    pub(super) fn at(&self, i: usize, j: usize) -> T {
        self.data[i * self.steps.0 + j * self.steps.1]
    }
}
