//! Kernels that are compiled once for each type.
//!
//! What is generic is compiled by every crate that uses it, with three instruction sets each time. Products and
//! convolutions are the largest of all kernels: they are called through a trait whose implementations are not
//! generic, so that they are compiled here.

use super::conv::{Filter, Sizes, correlate, weight_gradient};
use super::gemm::Product;
use super::isa::Isa;

/// The large kernels of a type.
#[expect(private_interfaces, reason = "nobody else can implement or call it")]
pub trait Once: Sized {
    /// Writes a product, with rows of C so far apart.
    #[doc(hidden)]
    fn multiply(isa: Isa, product: &Product<'_, Self>, c: &mut [Self], step: usize);
    /// Writes a convolution, or the gradient of its input.
    #[doc(hidden)]
    fn correlate(isa: Isa, filter: &Filter<'_, Self>, x: &[Self], y: &mut [Self]);
    /// Writes the gradient of a convolution's weights.
    #[doc(hidden)]
    fn weight_gradient(isa: Isa, sizes: &Sizes, x: &[Self], gy: &[Self], gw: &mut [Self]);
}

macro_rules! once {
    ($($type:ty: $multiply:expr,)*) => {$(
        #[expect(private_interfaces, reason = "as above")]
        impl Once for $type {
            fn multiply(isa: Isa, product: &Product<'_, Self>, c: &mut [Self], step: usize) {
                $multiply(product, isa, c, step);
            }
            fn correlate(isa: Isa, filter: &Filter<'_, Self>, x: &[Self], y: &mut [Self]) {
                correlate(isa, filter, x, y);
            }
            fn weight_gradient(isa: Isa, sizes: &Sizes, x: &[Self], gy: &[Self], gw: &mut [Self]) {
                weight_gradient(isa, sizes, x, gy, gw);
            }
        }
    )*};
}

/// The one type that is ever rounded further.
fn multiply_f32(of: &Product<'_, f32>, isa: Isa, c: &mut [f32], step: usize) {
    if of.is_rounded() {
        of.multiply_rounded(isa, c, step);
    } else {
        of.multiply(isa, c, step);
    }
}

once!(
    f32: multiply_f32,
    f64: Product::multiply,
);
