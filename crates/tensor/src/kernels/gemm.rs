//! C ← A B + β C for matrices with any strides, on all threads.
//!
//! C is cut into panels of columns or rows, one thread each; the inner product of one element is
//! never cut, so the number of threads does not change a bit. One panel goes to the
//! `matrixmultiply` crate, which packs both operands and keeps a tile of C in registers.

use rayon::prelude::*;

use crate::Real;

/// One operand: row-major storage of `rows` × `columns`, read transposed if `transposed`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// Rows as the product sees them.
    pub rows: usize,
    /// Columns as the product sees them.
    pub columns: usize,
    /// Whether the storage is that of the transpose.
    pub transposed: bool,
}

impl<T> Matrix<'_, T> {
    /// Steps from one row, and from one column, to the next.
    fn strides(&self) -> (usize, usize) {
        if self.transposed { (1, self.rows) } else { (self.columns, 1) }
    }
}

/// C ← A B + β C with C row-major; β is 0 (C is only written) or 1 (C is added to).
///
/// # Panics
/// If the lengths do not fit the sizes.
pub fn gemm<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, accumulate: bool, c: &mut [T]) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(b.rows, k, "gemm: inner dimensions");
    assert_eq!((a.data.len(), b.data.len(), c.len()), (m * k, k * n, m * n), "gemm: lengths");
    if c.is_empty() {
        return;
    }
    if k == 0 {
        if !accumulate {
            c.fill(T::ZERO);
        }
        return;
    }
    let (a_strides, b_strides) = (a.strides(), b.strides());
    let c = Target { start: c.as_mut_ptr(), columns: n };
    let panel = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        T::gemm_serial(Call {
            a: &a.data[rows.start * a_strides.0..],
            a_strides,
            b: &b.data[columns.start * b_strides.1..],
            b_strides,
            c,
            accumulate,
            k,
            rows,
            columns,
        });
    };
    // Measured on 2 cores: below this a thread costs more than it brings.
    const WORTH_A_THREAD: usize = 64 * 64 * 64;
    let threads = rayon::current_num_threads().min(m * k * n / WORTH_A_THREAD);
    if threads <= 1 {
        return panel(0..m, 0..n);
    }
    // Each thread packs the operand that is not cut for itself, so the larger one is cut. Panels
    // are whole tiles, whose largest side is 16 columns or 16 rows.
    let (length, by_columns) = if n >= m { (n, true) } else { (m, false) };
    let width = length.div_ceil(threads).next_multiple_of(16);
    (0..length.div_ceil(width)).into_par_iter().for_each(|i| {
        let part = i * width..((i + 1) * width).min(length);
        if by_columns { panel(0..m, part) } else { panel(part, 0..n) }
    });
}

/// Where a product goes. Threads write disjoint panels of it.
#[derive(Clone, Copy)]
struct Target<T> {
    start: *mut T,
    columns: usize,
}

// SAFETY: a `Target` lives only inside `gemm`, which borrows C mutably for all of that time and
// hands every element to exactly one call.
unsafe impl<T> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Target<T> {}

/// One panel of a product, for one thread. Only [`gemm`] makes these.
pub struct Call<'a, T> {
    a: &'a [T],
    a_strides: (usize, usize),
    b: &'a [T],
    b_strides: (usize, usize),
    c: Target<T>,
    accumulate: bool,
    k: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

macro_rules! serial {
    ($name:ident, $type:ty, $gemm:path) => {
        pub(crate) fn $name(call: Call<'_, $type>) {
            let (m, n, k) = (call.rows.len(), call.columns.len(), call.k);
            let last = |rows: usize, columns: usize, (row, column): (usize, usize)| {
                (rows - 1) * row + (columns - 1) * column
            };
            assert!(last(m, k, call.a_strides) < call.a.len());
            assert!(last(k, n, call.b_strides) < call.b.len());
            let beta = if call.accumulate { 1.0 } else { 0.0 };
            // SAFETY: the asserts above bound every element of A and B that is read. The rows and
            // columns are part of the m × n elements of C, whose length `gemm` has checked, and no
            // other call has any of them.
            unsafe {
                let c = call.c.start.add(call.rows.start * call.c.columns + call.columns.start);
                let (a, b) = (call.a.as_ptr(), call.b.as_ptr());
                let (ar, ac) = (call.a_strides.0 as isize, call.a_strides.1 as isize);
                let (br, bc) = (call.b_strides.0 as isize, call.b_strides.1 as isize);
                $gemm(m, k, n, 1.0, a, ar, ac, b, br, bc, beta, c, call.c.columns as isize, 1);
            }
        }
    };
}

serial!(serial_f32, f32, matrixmultiply::sgemm);
serial!(serial_f64, f64, matrixmultiply::dgemm);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in the order of the sum.
    fn naive(a: &Matrix<'_, f64>, b: &Matrix<'_, f64>, c: &mut [f64]) {
        let (sa, sb) = (a.strides(), b.strides());
        for i in 0..a.rows {
            for j in 0..b.columns {
                for l in 0..a.columns {
                    c[i * b.columns + j] +=
                        a.data[i * sa.0 + l * sa.1] * b.data[l * sb.0 + j * sb.1];
                }
            }
        }
    }

    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.5 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            m in 0usize..70, k in 0usize..70, n in 0usize..200, ta: bool, tb: bool,
            accumulate: bool, seed in 0usize..100,
        ) {
            let (a, b, old) = (numbers(m * k, seed), numbers(k * n, seed + 1), numbers(m * n, seed + 2));
            let a = Matrix { data: &a, rows: m, columns: k, transposed: ta };
            let b = Matrix { data: &b, rows: k, columns: n, transposed: tb };
            let mut truth = if accumulate { old.clone() } else { vec![0.0; m * n] };
            naive(&a, &b, &mut truth);
            let mut c = old;
            gemm(a, b, accumulate, &mut c);
            for (c, truth) in c.iter().zip(&truth) {
                prop_assert!((c - truth).abs() < 1e-12, "{c} {truth}");
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (m, k, n) = (128, 784, 400);
        let to_f32 = |x: Vec<f64>| x.into_iter().map(|x| x as f32).collect::<Vec<_>>();
        let (a, b) = (to_f32(numbers(m * k, 1)), to_f32(numbers(k * n, 2)));
        let product = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut c = vec![0.0f32; m * n];
            let a = Matrix { data: &a, rows: m, columns: k, transposed: false };
            let b = Matrix { data: &b, rows: k, columns: n, transposed: false };
            pool.install(|| gemm(a, b, false, &mut c));
            c
        };
        let one = product(1);
        for threads in [2, 3, 4, 7] {
            assert_eq!(product(threads), one, "{threads} threads");
        }
    }
}
