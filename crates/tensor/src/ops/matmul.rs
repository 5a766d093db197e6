//! Products of matrices, two-dimensional and batched; transposition costs no copy.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::graph::precision;
use crate::kernels::gemm::{Matrix, Product, gemm_batch};
use crate::{Batch, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// The matrix product A B over the last two axes; leading axes broadcast.
    ///
    /// Shapes: [.., m, k] × [.., k, n] → [.., m, n].
    ///
    /// # Panics
    /// If either has fewer than two axes, inner dimensions differ, or leading axes do not broadcast.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor<T>) -> Tensor<T> {
        run(MatMul { transposed: [false, false] }, [self.clone(), other.clone()])
    }

    /// A Bᵀ: [.., m, k] × [.., n, k] → [.., m, n]. See [`matmul`](Tensor::matmul).
    #[track_caller]
    pub fn matmul_nt(&self, other: &Tensor<T>) -> Tensor<T> {
        run(MatMul { transposed: [false, true] }, [self.clone(), other.clone()])
    }

    /// Aᵀ B: [.., k, m] × [.., k, n] → [.., m, n]. See [`matmul`](Tensor::matmul).
    #[track_caller]
    pub fn matmul_tn(&self, other: &Tensor<T>) -> Tensor<T> {
        run(MatMul { transposed: [true, false] }, [self.clone(), other.clone()])
    }
}

/// C = op(A) op(B), where op transposes or not.
#[derive(Clone, Copy)]
pub(super) struct MatMul {
    transposed: [bool; 2],
}

/// The sizes of a product.
struct Sizes {
    m: usize,
    k: usize,
    n: usize,
    /// Leading axes of the product.
    batch: Shape,
}

impl MatMul {
    #[track_caller]
    fn sizes(&self, a: &Shape, b: &Shape) -> Sizes {
        assert!(a.rank() >= 2 && b.rank() >= 2, "matmul: {a} × {b}: both need two axes");
        let split = |shape: &Shape, transposed| {
            let (batch, [rows, columns]) = shape.split_last_chunk().expect("two axes");
            let size = if transposed { (*columns, *rows) } else { (*rows, *columns) };
            (Shape::new(batch), size)
        };
        let (a_batch, (m, k)) = split(a, self.transposed[0]);
        let (b_batch, (inner, n)) = split(b, self.transposed[1]);
        let form = match self.transposed {
            [false, false] => "",
            [false, true] => " (B transposed)",
            [true, false] => " (A transposed)",
            [true, true] => " (both transposed)",
        };
        assert!(k == inner, "matmul: {a} × {b}{form}: inner dimensions {k} and {inner} differ");
        let Some(batch) = a_batch.broadcast(&b_batch) else {
            panic!("matmul: {a} × {b}: leading axes do not broadcast")
        };
        Sizes { m, k, n, batch }
    }
}

impl<T: Real> Op<T> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn rule(&self) -> &'static str {
        match self.transposed {
            [false, false] => "Ā = C̄ Bᵀ, B̄ = Aᵀ C̄",
            [false, true] => "Ā = C̄ B, B̄ = C̄ᵀ A",
            [true, false] => "Ā = B C̄ᵀ, B̄ = A C̄",
            [true, true] => "Ā = Bᵀ C̄ᵀ, B̄ = C̄ᵀ Aᵀ",
        }
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (a, b) = (&inputs[0], &inputs[1]);
        let Sizes { mut m, k, n, mut batch } = self.sizes(&a.shape, &b.shape);
        let shape = Shape::new(&[&*batch, &[m, n]].concat());
        if b.rank() == 2 && !self.transposed[0] {
            // One right factor for all: one tall product.
            m *= batch.count();
            batch = Shape::new(&[]);
        }
        let [ta, tb] = self.transposed;
        let (a_steps, b_steps) = (batch_steps(a, &batch), batch_steps(b, &batch));
        let matrix = |data, rows, columns, transposed| match transposed {
            true => Matrix::new(data, columns, rows).transpose(),
            false => Matrix::new(data, rows, columns),
        };
        let precision = precision();
        let product = |i: usize| {
            let a = &a.data()[start(i, &batch, &a_steps) * m * k..][..m * k];
            let b = &b.data()[start(i, &batch, &b_steps) * k * n..][..k * n];
            Product::new(matrix(a, m, k, ta), matrix(b, k, n, tb)).precision(precision)
        };
        Tensor::write(shape, |c| gemm_batch([m, k, n], product, c))
    }

    fn vjp(&self, values: &Values<'_, T>, gc: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let [ta, tb] = self.transposed;
        let product = |transposed, a: &Tensor<T>, b: &Tensor<T>, input| {
            run(MatMul { transposed }, [a.clone(), b.clone()]).into_sum_to(values.shape(input))
        };
        let ga = values.wanted(0, || {
            let b = values.input(1);
            if ta { product([tb, true], &b, &gc, 0) } else { product([false, !tb], &gc, &b, 0) }
        });
        if !ta && !tb && values.shape(0).rank() == 2 && values.shape(1).rank() == 2 {
            return vec![ga, values.wanted_product(1, || values.input(0), &gc)];
        }
        let gb = values.wanted(1, || {
            let a = values.input(0);
            if tb { product([true, ta], &gc, &a, 1) } else { product([!ta, false], &a, &gc, 1) }
        });
        vec![ga, gb]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        // Of two matrices, the rows of A are the rows of the product. With more axes these broadcast.
        match (values.output_shape().rank(), input) {
            (2, 0) if self.transposed[0] => Batch::Mixed,
            (2, 0) => Batch::Kept,
            (2, _) => Batch::Shared,
            _ => values.elementwise(input),
        }
    }
}

/// Steps of an operand, in matrices, along the leading axes of the product.
fn batch_steps<T: Real>(operand: &Tensor<T>, batch: &Shape) -> [usize; crate::MAX_RANK] {
    if batch.rank() == 0 {
        return [0; crate::MAX_RANK];
    }
    let own = Shape::new(&operand.shape[..operand.rank() - 2]);
    own.strides_within(batch)
}

/// Where the i-th matrix of the product finds its operand.
fn start(i: usize, batch: &Shape, steps: &[usize; crate::MAX_RANK]) -> usize {
    let (mut left, mut at) = (i, 0);
    for axis in (0..batch.rank()).rev() {
        at += left % batch[axis] * steps[axis];
        left /= batch[axis];
    }
    at
}

impl Checked for MatMul {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let transposed = [any.flip(), any.flip()];
        let [m, k, n] = [0; 3].map(|_| any.integer(1..=6) as usize);
        let (a, b) = any.broadcastable_up_to(2);
        let with = |batch: &Shape, rows, columns, transposed| {
            let sizes = if transposed { [columns, rows] } else { [rows, columns] };
            Shape::new(&[&**batch, &sizes].concat())
        };
        let (a, b) = (with(&a, m, k, transposed[0]), with(&b, k, n, transposed[1]));
        vec![Case::new(MatMul { transposed }, [any.normal(&a), any.normal(&b)])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let straight = |x: &ArrayD<f64>, transposed: bool| {
            let mut x = x.clone();
            if transposed {
                x.swap_axes(x.ndim() - 2, x.ndim() - 1);
            }
            x
        };
        let a = straight(&inputs[0], self.transposed[0]);
        let b = straight(&inputs[1], self.transposed[1]);
        let sizes =
            MatMul { transposed: [false; 2] }.sizes(&Shape::new(a.shape()), &Shape::new(b.shape()));
        let full = |rows, columns| [&*sizes.batch, &[rows, columns]].concat();
        let a = a.broadcast(full(sizes.m, sizes.k)).expect("broadcastable").to_owned();
        let b = b.broadcast(full(sizes.k, sizes.n)).expect("broadcastable").to_owned();
        ArrayD::from_shape_fn(full(sizes.m, sizes.n), |index| {
            let rank = index.ndim();
            let (row, column) = (index[rank - 2], index[rank - 1]);
            let at = |row: usize, column: usize| {
                let mut at = index.slice().to_vec();
                (at[rank - 2], at[rank - 1]) = (row, column);
                IxDyn(&at)
            };
            (0..sizes.k).map(|l| a[at(row, l)] * b[at(l, column)]).sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_by_two_by_hand() {
        let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        let b = Tensor::from([[5.0, 6.0], [7.0, 8.0]]);
        assert_eq!(a.matmul(&b).to_vec(), [19.0, 22.0, 43.0, 50.0]);
        assert_eq!(a.matmul_nt(&b).to_vec(), [17.0, 23.0, 39.0, 53.0]);
        assert_eq!(a.matmul_tn(&b).to_vec(), [26.0, 30.0, 38.0, 44.0]);
    }

    #[test]
    #[should_panic(
        expected = "matmul: [128, 784] × [512, 400]: inner dimensions 784 and 512 differ"
    )]
    fn a_mismatch_names_both_shapes() {
        Tensor::<f32>::zeros([128, 784]).matmul(&Tensor::zeros([512, 400]));
    }
}
