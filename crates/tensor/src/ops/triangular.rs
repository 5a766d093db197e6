//! Lower triangular matrices: the factor of Cholesky, and systems of equations.

use ndarray::{ArrayD, IxDyn};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::{Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// 1 on the diagonal of a square matrix and 0 elsewhere.
    pub fn eye(size: usize) -> Tensor<T> {
        Tensor::one_hot(&(0..size).collect::<Vec<_>>(), size)
    }

    /// Matrices of the last two axes with 0 above the diagonal.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn tril(&self) -> Tensor<T> {
        let n = square("tril", &self.shape);
        self * mask(n, |row, column| if column <= row { 1.0 } else { 0.0 })
    }

    /// The lower triangular L with A = L Lᵀ, for positive definite matrices A in the last two axes. Of a
    /// matrix that is not symmetric, ½ (A + Aᵀ) is taken.
    ///
    /// # Panics
    /// If a matrix is not square or not positive definite.
    #[track_caller]
    pub fn cholesky(&self) -> Tensor<T> {
        run(Cholesky, [self.clone()])
    }

    /// X with L X = B, for lower triangular matrices L and matrices B in the last two axes; what L has
    /// above its diagonal is not read.
    ///
    /// Shapes: L [.., n, n] and B [.., n, m], with the same axes in front.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn solve_tril(l: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
        run(SolveTril { transposed: false }, [l.clone(), b.clone()])
    }

    /// X with Lᵀ X = B: see [`solve_tril`](Tensor::solve_tril).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn solve_tril_transposed(l: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
        run(SolveTril { transposed: true }, [l.clone(), b.clone()])
    }
}

/// The size of square matrices in the last two axes.
#[track_caller]
fn square(name: &str, shape: &Shape) -> usize {
    match shape[..] {
        [.., rows, columns] if rows == columns => rows,
        _ => panic!("{name}: {shape} does not end in square matrices"),
    }
}

fn mask<T: Real>(n: usize, value: impl Fn(usize, usize) -> f64) -> Tensor<T> {
    Tensor::write([n, n], |mask| {
        for (i, mask) in mask.iter_mut().enumerate() {
            *mask = T::from_f64(value(i / n, i % n));
        }
    })
}

/// L Lᵀ = A
#[derive(Clone, Copy)]
pub(super) struct Cholesky;

impl<T: Real> Op<T> for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn rule(&self) -> &'static str {
        "Ā = ½ L⁻ᵀ (Φ + Φᵀ) L⁻¹, Φ the lower half of Lᵀ L̄ with half of its diagonal"
    }

    fn needs(&self) -> Needs {
        Needs::OUTPUT
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape;
        let n = square("cholesky", &shape);
        Tensor::write(shape, |l| {
            let matrices = inputs[0].data().chunks(n * n);
            for (l, a) in l.chunks_mut(n * n).zip(matrices) {
                l.fill(T::ZERO);
                for row in 0..n {
                    for column in 0..=row {
                        let mut rest =
                            (a[row * n + column] + a[column * n + row]) * T::from_f64(0.5);
                        for k in 0..column {
                            rest = (-l[row * n + k]).mul_add(l[column * n + k], rest);
                        }
                        l[row * n + column] = if column < row {
                            rest / l[column * n + column]
                        } else {
                            let definite = rest > T::ZERO;
                            assert!(
                                definite,
                                "cholesky: a matrix of {shape} is not positive definite"
                            );
                            rest.sqrt()
                        };
                    }
                }
            }
        })
    }

    /// Murray 2016, equation 10.
    fn vjp(&self, values: &Values<'_, T>, gl: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let l = values.output();
        let n = square("cholesky", &l.shape);
        let half = mask(n, |row, column| match column.cmp(&row) {
            std::cmp::Ordering::Less => 0.5,
            std::cmp::Ordering::Equal => 0.25,
            std::cmp::Ordering::Greater => 0.0,
        });
        let lower = product(&l.transpose(-2, -1), &gl.tril()) * half;
        let symmetric = &lower + lower.transpose(-2, -1);
        let left = Tensor::solve_tril_transposed(&l, &symmetric);
        vec![Some(Tensor::solve_tril_transposed(&l, &left.transpose(-2, -1)))]
    }
}

/// A B of small matrices in the last two axes.
fn product<T: Real>(a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    let (rows, inner) = (a.shape.split_last(), b.shape.split_last());
    let (Some((k, rows)), Some((m, inner))) = (rows, inner) else { panic!("product: matrices") };
    let a = a.reshape(&[rows, &[*k, 1]].concat()[..]);
    let b = b.reshape(&[&inner[..inner.len() - 1], &[1, *k, *m]].concat()[..]);
    (a * b).sum_axes(-2, false)
}

/// L X = B, or Lᵀ X = B
#[derive(Clone, Copy)]
pub(super) struct SolveTril {
    transposed: bool,
}

impl<T: Real> Op<T> for SolveTril {
    fn name(&self) -> &'static str {
        "solve_tril"
    }

    fn rule(&self) -> &'static str {
        "B̄ = L⁻ᵀ X̄, L̄ = the lower half of -B̄ Xᵀ (transposed: L⁻¹ X̄, -X B̄ᵀ)"
    }

    fn needs(&self) -> Needs {
        Needs::input(0).and(Needs::OUTPUT)
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let (l, b) = (&inputs[0], &inputs[1]);
        let n = square("solve_tril", &l.shape);
        let fits = l.rank() == b.rank() && l.shape[..l.rank() - 1] == b.shape[..b.rank() - 1];
        assert!(fits, "solve_tril: {} and {}", l.shape, b.shape);
        let m = b.shape[b.rank() - 1];
        // L[row, column], or that of its transpose, in the order in which the unknowns are found.
        let order = |i: usize| if self.transposed { n - 1 - i } else { i };
        Tensor::write(b.shape, |x| {
            x.copy_from_slice(b.data());
            if m == 0 {
                return;
            }
            for (x, l) in x.chunks_mut(n * m).zip(l.data().chunks(n * n)) {
                for i in 0..n {
                    let row = order(i);
                    for column in (0..i).map(order) {
                        let at = if self.transposed { column * n + row } else { row * n + column };
                        for j in 0..m {
                            x[row * m + j] = (-l[at]).mul_add(x[column * m + j], x[row * m + j]);
                        }
                    }
                    for j in 0..m {
                        x[row * m + j] = x[row * m + j] / l[row * n + row];
                    }
                }
            }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gx: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (l, x) = (values.input(0), values.output());
        let gb = run(SolveTril { transposed: !self.transposed }, [l, gx]);
        let gl = values.wanted(0, || {
            let (left, right) = if self.transposed { (&x, &gb) } else { (&gb, &x) };
            -product(left, &right.transpose(-2, -1)).tril()
        });
        vec![gl, Some(gb)]
    }
}

/// Well-conditioned lower triangular matrices.
fn triangles(any: &mut Sampler, batch: &[usize], n: usize) -> ArrayD<f64> {
    let shape = [batch, &[n, n]].concat();
    let mut l = any.normal(&Shape::new(&shape)) * 0.5;
    for (i, x) in l.iter_mut().enumerate() {
        let (row, column) = (i / n % n, i % n);
        *x = if row == column { 1.0 + x.abs() } else { *x };
    }
    l
}

/// Matrix products of the definition, one after the other.
fn naive_product(a: &ArrayD<f64>, b: &ArrayD<f64>, transposed: bool) -> ArrayD<f64> {
    let (n, m) = (a.shape()[a.ndim() - 1], b.shape()[b.ndim() - 1]);
    let (a, shape): (Vec<f64>, _) = (a.iter().copied().collect(), b.shape().to_vec());
    let b: Vec<f64> = b.iter().copied().collect();
    let element = |i: usize| {
        let (matrix, row, column) = (i / (n * m), i / m % n, i % m);
        let at = |k: usize| if transposed { k * n + row } else { row * n + k };
        let term = |k: usize| a[matrix * n * n + at(k)] * b[matrix * n * m + k * m + column];
        (0..n).map(term).sum()
    };
    ArrayD::from_shape_vec(IxDyn(&shape), (0..b.len()).map(element).collect()).expect("as b")
}

/// L with 0 above the diagonal.
fn naive_tril(l: &ArrayD<f64>) -> ArrayD<f64> {
    let (n, mut i) = (l.shape()[l.ndim() - 1], 0);
    l.mapv(|x| {
        i += 1;
        if (i - 1) % n <= (i - 1) / n % n { x } else { 0.0 }
    })
}

impl Checked for Cholesky {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (batch, n) = (any.shape(0..=1), any.integer(1..=4) as usize);
        let l = naive_tril(&triangles(any, &batch, n));
        let mut transposed = l.clone();
        transposed.swap_axes(l.ndim() - 2, l.ndim() - 1);
        let a = naive_product(&l, &transposed.as_standard_layout().into_owned(), false);
        vec![Case::new(Cholesky, [a])]
    }

    /// By the determinants of leading blocks would be the definition; this is the recursion by columns,
    /// where the operation goes by rows.
    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let n = inputs[0].shape()[inputs[0].ndim() - 1];
        let mut l: Vec<f64> = inputs[0].iter().copied().collect();
        for a in l.chunks_mut(n * n) {
            for k in 0..n {
                let root = a[k * n + k].sqrt();
                (k..n).for_each(|row| a[row * n + k] /= root);
                for column in k + 1..n {
                    for row in column..n {
                        a[row * n + column] -= a[row * n + k] * a[column * n + k];
                    }
                }
            }
        }
        naive_tril(&ArrayD::from_shape_vec(inputs[0].raw_dim(), l).expect("as many"))
    }
}

impl Checked for SolveTril {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let (batch, n) = (any.shape(0..=1), any.integer(1..=4) as usize);
        let l = triangles(any, &batch, n);
        let m = any.integer(1..=3) as usize;
        let b = any.normal(&Shape::new(&[&batch, &[n, m][..]].concat()));
        let case = |transposed| Case::new(SolveTril { transposed }, [l.clone(), b.clone()]);
        [false, true].map(case).into()
    }

    /// B corrected by its own residual until nothing is left: L = D + N with N nilpotent.
    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let l = naive_tril(&inputs[0]);
        let n = l.shape()[l.ndim() - 1];
        let diagonal: Vec<f64> = l.iter().copied().collect();
        let m = inputs[1].shape()[l.ndim() - 1];
        let mut x = &inputs[1] * 0.0;
        for _ in 0..n {
            let residual = &inputs[1] - naive_product(&l, &x, self.transposed);
            let mut i = 0;
            x = x + residual.mapv(|r| {
                let (matrix, row) = (i / (n * m), i / m % n);
                i += 1;
                r / diagonal[matrix * n * n + row * n + row]
            });
        }
        x
    }
}
