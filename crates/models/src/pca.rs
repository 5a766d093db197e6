//! [`Pca`]: principal component analysis, exact.

use elbo_tensor::kernels::gemm::{Matrix, gemm};
use elbo_tensor::kernels::threads;
use elbo_tensor::{Real, Tensor};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, MatRef, Par, Side};

use crate::data::Images;
use crate::{Codec, Error, Result};

/// The orthogonal directions of largest variance (Pearson 1901): the best linear code, in squared
/// error, of its size.
///
/// The covariance Σ (x - m)(x - m)ᵀ / (N - 1) is summed in blocks of images, each block in the
/// precision of `T`, the blocks in `f64`; its eigenvectors come from a full symmetric decomposition.
#[derive(Clone, Debug)]
pub struct Pca<T: Real = f32> {
    mean: Tensor<T>,
    /// `[latent_dim, pixels]`; rows are orthonormal, largest variance first.
    components: Tensor<T>,
    explained_variance: Vec<f64>,
    total_variance: f64,
}

/// Images per block: a block of pixels, 784 wide, stays in cache while it is multiplied.
const BLOCK: usize = 1000;

impl<T: Real> Pca<T> {
    /// Fits `k` components to all images.
    ///
    /// # Errors
    /// If there are fewer than two images, or k is 0 or larger than the number of pixels.
    pub fn fit(images: &Images, k: usize) -> Result<Pca<T>> {
        let (count, pixels) = (images.count, images.pixels_per_image());
        if count < 2 || k == 0 || k > pixels {
            return Err(Error::Settings {
                what: format!("PCA with {k} components of {count} images of {pixels} pixels"),
                help: "it takes at least 2 images, and from 1 to all pixels as components".into(),
            });
        }
        let mean = mean(images);
        let covariance = covariance::<T>(images, &mean);
        let eigen = decomposition(&covariance)?;
        let (values, vectors) = (eigen.S().column_vector(), eigen.U());
        // Ascending there, descending here; rounding may leave a vanishing one below 0.
        let explained_variance = (0..k).map(|i| values[pixels - 1 - i].max(0.0)).collect();
        let components = Tensor::write([k, pixels], |out| {
            for (i, row) in out.chunks_mut(pixels).enumerate() {
                fill_component(vectors, pixels - 1 - i, row);
            }
        });
        Ok(Pca {
            mean: Tensor::from(mean.as_slice()).cast(),
            components,
            explained_variance,
            total_variance: (0..pixels).map(|i| covariance[(i, i)]).sum(),
        })
    }

    /// From what [`mean`](Pca::mean), [`components`](Pca::components) and the variances gave.
    pub fn from_parts(
        mean: Tensor<T>,
        components: Tensor<T>,
        explained_variance: Vec<f64>,
        total_variance: f64,
    ) -> Pca<T> {
        Pca { mean, components, explained_variance, total_variance }
    }

    /// The mean image, `[pixels]`.
    pub fn mean(&self) -> &Tensor<T> {
        &self.mean
    }

    /// `[latent_dim, pixels]`; rows are orthonormal. The largest element of each is positive.
    pub fn components(&self) -> &Tensor<T> {
        &self.components
    }

    /// The variance along each component, largest first, with N - 1 in the denominator.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The sum of the variances of all pixels.
    pub fn total_variance(&self) -> f64 {
        self.total_variance
    }

    /// The code of each image: (x - m) Vᵀ.
    pub fn transform(&self, x: &Tensor<T>) -> Tensor<T> {
        (x - &self.mean).matmul_nt(&self.components)
    }

    /// The image of each code: z V + m.
    pub fn inverse_transform(&self, z: &Tensor<T>) -> Tensor<T> {
        z.matmul(&self.components) + &self.mean
    }

    /// The mean squared error per pixel of the reconstructions of all images.
    pub fn mse_per_pixel(&self, images: &Images) -> f64 {
        let mut sum = 0.0;
        for block in blocks(images.count) {
            let x: Tensor<T> = pixels_of(images, block, None);
            let error = x.clone() - self.inverse_transform(&self.transform(&x));
            sum += error.square().sum().item().to_f64();
        }
        sum / (images.count * images.pixels_per_image()) as f64
    }
}

impl Codec for Pca {
    fn pixels(&self) -> usize {
        self.mean.count()
    }

    fn latent_dim(&self) -> usize {
        self.components.shape()[0]
    }

    fn encode(&self, x: &Tensor) -> Tensor {
        self.transform(x)
    }

    fn decode(&self, z: &Tensor) -> Tensor {
        self.inverse_transform(z)
    }
}

/// The largest angle between two subspaces, in radians, given by rows that span them.
///
/// The cosines of the principal angles are the singular values of Q₁ᵀ Q₂ with orthonormal bases Q
/// (Björck & Golub 1973). For small angles the sine, ‖(1 - Q₁ Q₁ᵀ) Q₂‖, keeps the digits.
///
/// # Panics
/// If the spaces have different dimensions, or lie in different ones.
pub fn largest_principal_angle(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape(), "largest_principal_angle: shapes");
    let basis = |rows: &Tensor<f64>| {
        let (k, n) = (rows.shape()[0], rows.shape()[1]);
        MatRef::from_row_major_slice(rows.data(), k, n).transpose().qr().compute_thin_Q()
    };
    let (q1, q2) = (basis(a), basis(b));
    let outside = &q2 - &q1 * (q1.transpose() * &q2);
    let sine =
        outside.singular_values().map_or(f64::NAN, |values| values.first().copied().unwrap_or(0.0));
    sine.clamp(0.0, 1.0).asin()
}

/// The mean image / 255: sums of bytes are exact.
fn mean(images: &Images) -> Vec<f64> {
    let mut sums = vec![0u64; images.pixels_per_image()];
    for image in images.pixels.chunks(images.pixels_per_image()) {
        sums.iter_mut().zip(image).for_each(|(sum, byte)| *sum += u64::from(*byte));
    }
    sums.into_iter().map(|sum| sum as f64 / (255.0 * images.count as f64)).collect()
}

/// The covariance, lower triangle and diagonal at least.
fn covariance<T: Real>(images: &Images, mean: &[f64]) -> Mat<f64> {
    let n = images.pixels_per_image();
    let mut sum = vec![0.0f64; n * n];
    let mut gram = Tensor::<T>::zeros([n, n]);
    for block in blocks(images.count) {
        let rows = block.len();
        let x: Tensor<T> = pixels_of(images, block, Some(mean));
        let x = Matrix::new(x.data(), rows, n);
        gemm(x.transpose(), x, false, gram.data_mut());
        sum.iter_mut().zip(gram.data()).for_each(|(sum, x)| *sum += x.to_f64());
    }
    let scale = 1.0 / (images.count - 1) as f64;
    Mat::from_fn(n, n, |i, j| sum[i * n + j] * scale)
}

fn blocks(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..count).step_by(BLOCK).map(move |start| start..(start + BLOCK).min(count))
}

/// Pixels / 255, less the mean if one is given: the difference is rounded once, to `T`.
fn pixels_of<T: Real>(
    images: &Images,
    range: std::ops::Range<usize>,
    mean: Option<&[f64]>,
) -> Tensor<T> {
    let n = images.pixels_per_image();
    Tensor::write([range.len(), n], |out| {
        let bytes = &images.pixels[range.start * n..range.end * n];
        for (out, bytes) in out.chunks_mut(n).zip(bytes.chunks(n)) {
            for (i, (out, byte)) in out.iter_mut().zip(bytes).enumerate() {
                let centre = mean.map_or(0.0, |mean| mean[i]);
                *out = T::from_f64(f64::from(*byte) / 255.0 - centre);
            }
        }
    })
}

/// Eigenvalues, ascending, and eigenvectors. It is not generic, so that the library behind it is compiled once.
fn decomposition(covariance: &Mat<f64>) -> Result<SelfAdjointEigen<f64>> {
    faer::set_global_parallelism(match threads::count() {
        1 => Par::Seq,
        count => Par::rayon(count),
    });
    covariance.self_adjoint_eigen(Side::Lower).map_err(|error| Error::Settings {
        what: format!("the eigenvalues of the covariance did not converge: {error:?}"),
        help: "check that the images are what they should be".into(),
    })
}

/// One eigenvector; its sign is chosen so that its largest element is positive.
fn fill_component<T: Real>(vectors: MatRef<'_, f64>, column: usize, row: &mut [T]) {
    let column = vectors.col(column);
    let largest = column.iter().copied().fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
    let sign = if largest < 0.0 { -1.0 } else { 1.0 };
    row.iter_mut().zip(column.iter()).for_each(|(out, x)| *out = T::from_f64(sign * x));
}
