//! Every library behind one method.

use elbo::tensor::Real;
use elbo::tensor::kernels::gemm::{Matrix, gemm};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::shape::Shape;

/// A library, ready to multiply.
pub enum Library<T> {
    Elbo,
    Faer(Par),
    Gemm(gemm::Parallelism),
    MatrixMultiply,
    /// The function, and the file that it lives in.
    Cblas(Cblas<T>, #[expect(dead_code, reason = "keeps the function loaded")] libloading::Library),
}

/// `cblas_sgemm` and `cblas_dgemm`: order, two transpositions, M, N, K, α, A and its row step, B and
/// its row step, β, C and its row step. Sizes are passed as 64 bits; on x86-64 a library that expects
/// 32 reads the lower half.
pub type Cblas<T> = unsafe extern "C" fn(
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    T,
    *const T,
    i64,
    *const T,
    i64,
    T,
    *mut T,
    i64,
);

/// What differs between `f32` and `f64`.
pub trait Float: Real + faer::traits::ComplexField {
    const CBLAS: &'static str;
    fn matrixmultiply(shape: &Shape, a: &[Self], b: &[Self], c: &mut [Self]);
}

macro_rules! float {
    ($float:ty, $cblas:literal, $multiply:ident) => {
        impl Float for $float {
            const CBLAS: &'static str = $cblas;

            fn matrixmultiply(shape: &Shape, a: &[Self], b: &[Self], c: &mut [Self]) {
                let &Shape { m, k, n, .. } = shape;
                let ((ar, ac), (br, bc)) = shape.steps();
                let [ar, ac, br, bc, cr] = [ar, ac, br, bc, n].map(|step| step as isize);
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                // SAFETY: the slices are as long as the sizes and steps reach.
                unsafe {
                    matrixmultiply::$multiply(m, k, n, 1.0, a, ar, ac, b, br, bc, 0.0, c, cr, 1)
                }
            }
        }
    };
}
float!(f32, "cblas_sgemm", sgemm);
float!(f64, "cblas_dgemm", dgemm);

impl<T: Float> Library<T> {
    pub fn open(name: &str, threads: usize) -> Library<T> {
        let one = threads == 1;
        match name {
            "elbo" => Library::Elbo,
            "faer" => Library::Faer(if one { Par::Seq } else { Par::rayon(threads) }),
            "gemm" if one => Library::Gemm(gemm::Parallelism::None),
            "gemm" => Library::Gemm(gemm::Parallelism::Rayon(threads)),
            "matrixmultiply" => Library::MatrixMultiply,
            path => {
                // SAFETY: libraries of this kind do nothing unusual when they are loaded.
                let file = unsafe { libloading::Library::new(path) }.expect(path);
                // The OpenBLAS that comes with numpy puts its own words around the names.
                let names = ["", "scipy_"].map(|before| format!("{before}{}", T::CBLAS));
                let names = [names[0].clone(), format!("{}64_", names[1]), names[1].clone()];
                // SAFETY: CBLAS fixes what a function of this name takes.
                let find = |name: &String| unsafe { file.get::<Cblas<T>>(name).ok().map(|f| *f) };
                let function = names.iter().find_map(find).expect("the functions of CBLAS");
                Library::Cblas(function, file)
            }
        }
    }

    /// C ← A · B.
    pub fn multiply(&self, shape: &Shape, a: &[T], b: &[T], c: &mut [T]) {
        let &Shape { m, k, n, transposed } = shape;
        let ((ar, ac), (br, bc)) = shape.steps();
        match self {
            Library::Elbo => {
                let matrix = |data, rows, columns, transposed| match transposed {
                    true => Matrix::new(data, columns, rows).transpose(),
                    false => Matrix::new(data, rows, columns),
                };
                let (a, b) = (matrix(a, m, k, transposed.0), matrix(b, k, n, transposed.1));
                gemm(a, b, false, c);
            }
            Library::Faer(parallelism) => {
                let [ar, ac, br, bc, cr] = [ar, ac, br, bc, n].map(|step| step as isize);
                // SAFETY: the slices are as long as the sizes and steps reach.
                let (a, b, c) = unsafe {
                    (
                        MatRef::from_raw_parts(a.as_ptr(), m, k, ar, ac),
                        MatRef::from_raw_parts(b.as_ptr(), k, n, br, bc),
                        MatMut::from_raw_parts_mut(c.as_mut_ptr(), m, n, cr, 1),
                    )
                };
                matmul(c, Accum::Replace, a, b, Real::from_f64(1.0), *parallelism);
            }
            Library::Gemm(parallelism) => {
                let [ar, ac, br, bc, cr] = [ar, ac, br, bc, n].map(|step| step as isize);
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                let (zero, one, p) = (T::ZERO, T::ONE, *parallelism);
                // SAFETY: the slices are as long as the sizes and steps reach.
                unsafe {
                    gemm::gemm(
                        m, n, k, c, 1, cr, false, a, ac, ar, b, bc, br, zero, one, false, false,
                        false, p,
                    );
                }
            }
            Library::MatrixMultiply => T::matrixmultiply(shape, a, b, c),
            Library::Cblas(function, _) => {
                let [row_major, plain, turned] = [101, 111, 112];
                let form = |transposed| if transposed { turned } else { plain };
                let [m, k, n] = [m, k, n].map(|size| size as i64);
                let (ta, tb) = transposed;
                let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                let (zero, one) = (T::ZERO, T::ONE);
                // SAFETY: the slices are as long as the sizes and steps reach.
                unsafe {
                    function(
                        row_major,
                        form(ta),
                        form(tb),
                        m,
                        n,
                        k,
                        one,
                        a,
                        lda,
                        b,
                        ldb,
                        zero,
                        c,
                        n,
                    );
                }
            }
        }
    }
}
