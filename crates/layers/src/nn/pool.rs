//! [`MaxPool2d`], [`AvgPool2d`], [`Upsample`] and [`PixelShuffle`]: images of another size.

use elbo_tensor::{Pooling, Real, Tensor};

use super::{Module, Parameter, Parameters, Pass};

/// The largest entry of each window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxPool2d(pub Pooling);

/// The mean of each window; padding counts as zeros, as is PyTorch's default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AvgPool2d(pub Pooling);

/// So many times as many pixels along each axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Upsample {
    /// Pixels are repeated.
    Nearest(usize),
    /// Pixels are interpolated; PyTorch's `align_corners=False`.
    Bilinear(usize),
}

/// Channels become pixels: [.., c r², h, w] → [.., c, h r, w r].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PixelShuffle(pub usize);

macro_rules! module {
    ($layer:ident, |$self:ident, $x:ident| $forward:expr) => {
        impl<T: Real> Parameters<T> for $layer {
            fn visit(&self, _: &str, _: &mut dyn FnMut(&str, &Parameter<T>)) {}
            fn visit_mut<'a>(
                &'a mut self,
                _: &str,
                _: &mut dyn FnMut(&str, &'a mut Parameter<T>),
            ) {
            }
        }

        impl<T: Real> Module<T> for $layer {
            fn forward(&$self, $x: &Tensor<T>, _: &mut Pass<'_>) -> Tensor<T> {
                $forward
            }
        }
    };
}

module!(MaxPool2d, |self, x| x.max_pool2d(self.0));
module!(AvgPool2d, |self, x| x.avg_pool2d(self.0, true));
module!(PixelShuffle, |self, x| x.pixel_shuffle(self.0));
module!(Upsample, |self, x| match *self {
    Upsample::Nearest(scale) => x.upsample_nearest2d([scale; 2]),
    Upsample::Bilinear(scale) => x.upsample_bilinear2d([scale; 2], false),
});
