//! [`Conv2d`] and [`ConvTranspose2d`]

use elbo_tensor::{Convolution, Real, Stream, Tensor};

use super::module::join;
use super::{Activation, Initializer, Module, Parameter, Parameters, Pass};

/// y = x ⋆ w + b over images [batch, channels, height, width].
///
/// `weight` is [out, in / groups, kernel height, kernel width], and `bias` `[out]`.
#[derive(Debug)]
pub struct Conv2d<T: Real = f32> {
    weight: Parameter<T>,
    bias: Parameter<T>,
    convolution: Convolution,
}

impl<T: Real> Conv2d<T> {
    /// Square kernels with stride 1 and so many zeros around the image, with PyTorch's initial
    /// weights.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        padding: usize,
        noise: &mut Stream,
    ) -> Conv2d<T> {
        let convolution = Convolution { padding: [padding; 2], ..Convolution::default() };
        Conv2d::with(inputs, outputs, [kernel; 2], convolution, Initializer::default(), noise)
    }

    /// Any kernel, walk and initial weights.
    ///
    /// # Panics
    /// If the channels on either side cannot be cut into groups.
    #[track_caller]
    pub fn with(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        convolution: Convolution,
        initializer: Initializer,
        noise: &mut Stream,
    ) -> Conv2d<T> {
        let inputs = per_group("Conv2d", inputs, outputs, convolution.groups);
        let (weight, bias) = parameters([outputs, inputs], outputs, kernel, initializer, noise);
        Conv2d { weight, bias, convolution }
    }

    /// w
    pub fn weight(&self) -> &Tensor<T> {
        self.weight.tensor()
    }

    /// b
    pub fn bias(&self) -> &Tensor<T> {
        self.bias.tensor()
    }
}

/// Transposed convolution: images grow by the stride.
///
/// `weight` is [in, out / groups, kernel height, kernel width], and `bias` `[out]`.
#[derive(Debug)]
pub struct ConvTranspose2d<T: Real = f32> {
    weight: Parameter<T>,
    bias: Parameter<T>,
    convolution: Convolution,
    output_padding: [usize; 2],
}

impl<T: Real> ConvTranspose2d<T> {
    /// Square kernels, with PyTorch's initial weights.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        noise: &mut Stream,
    ) -> ConvTranspose2d<T> {
        let convolution =
            Convolution { stride: [stride; 2], padding: [padding; 2], ..Convolution::default() };
        let initializer = Initializer::default();
        ConvTranspose2d::with(inputs, outputs, [kernel; 2], convolution, [0; 2], initializer, noise)
    }

    /// Any kernel, walk and initial weights. `output_padding` rows and columns are added at the end:
    /// of the sizes that the convolution would bring to the same size, it chooses one.
    ///
    /// # Panics
    /// If the channels on either side cannot be cut into groups.
    #[track_caller]
    pub fn with(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        convolution: Convolution,
        output_padding: [usize; 2],
        initializer: Initializer,
        noise: &mut Stream,
    ) -> ConvTranspose2d<T> {
        let per_group = per_group("ConvTranspose2d", outputs, inputs, convolution.groups);
        let (weight, bias) = parameters([inputs, per_group], outputs, kernel, initializer, noise);
        ConvTranspose2d { weight, bias, convolution, output_padding }
    }

    /// w
    pub fn weight(&self) -> &Tensor<T> {
        self.weight.tensor()
    }

    /// b
    pub fn bias(&self) -> &Tensor<T> {
        self.bias.tensor()
    }
}

#[track_caller]
fn per_group(layer: &str, cut: usize, other: usize, groups: usize) -> usize {
    let fits = groups > 0 && cut.is_multiple_of(groups) && other.is_multiple_of(groups);
    assert!(fits, "{layer}: {cut} and {other} channels cannot be cut into {groups} groups");
    cut / groups
}

/// A weight [rows, columns, height, width], for which PyTorch counts columns · height · width as the
/// inputs of an output, and a bias.
fn parameters<T: Real>(
    [rows, columns]: [usize; 2],
    outputs: usize,
    [height, width]: [usize; 2],
    initializer: Initializer,
    noise: &mut Stream,
) -> (Parameter<T>, Parameter<T>) {
    let fan_in = columns * height * width;
    let weight = initializer.weight(fan_in, rows, noise).reshape([rows, columns, height, width]);
    let bias = initializer.bias(fan_in, outputs, noise);
    (Parameter::new(&weight), Parameter::new(&bias))
}

macro_rules! visit_weight_and_bias {
    ($layer:ident) => {
        impl<T: Real> Parameters<T> for $layer<T> {
            fn visit(&self, prefix: &str, visit: &mut dyn FnMut(&str, &Parameter<T>)) {
                visit(&join(prefix, "weight"), &self.weight);
                visit(&join(prefix, "bias"), &self.bias);
            }

            fn visit_mut<'a>(
                &'a mut self,
                prefix: &str,
                visit: &mut dyn FnMut(&str, &'a mut Parameter<T>),
            ) {
                visit(&join(prefix, "weight"), &mut self.weight);
                visit(&join(prefix, "bias"), &mut self.bias);
            }
        }
    };
}

visit_weight_and_bias!(Conv2d);
visit_weight_and_bias!(ConvTranspose2d);

impl<T: Real> Module<T> for Conv2d<T> {
    fn forward(&self, x: &Tensor<T>, _: &mut Pass<'_>) -> Tensor<T> {
        x.conv2d(self.weight(), Some(self.bias()), self.convolution)
    }

    fn forward_then(
        &self,
        x: &Tensor<T>,
        activation: Activation,
        pass: &mut Pass<'_>,
    ) -> Tensor<T> {
        match activation {
            Activation::Relu => x.conv2d_relu(self.weight(), self.bias(), self.convolution),
            other => other.apply(&self.forward(x, pass)),
        }
    }
}

impl<T: Real> Module<T> for ConvTranspose2d<T> {
    fn forward(&self, x: &Tensor<T>, _: &mut Pass<'_>) -> Tensor<T> {
        let bias = Some(self.bias());
        x.conv_transpose2d(self.weight(), bias, self.convolution, self.output_padding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_weights_are_within_the_bounds_of_pytorch() {
        // U(-b, b) with b = 1 / √(in · 3 · 3): std b / √3.
        let bound = (8.0 * 9.0f64).sqrt().recip();
        let layer = Conv2d::<f64>::new(8, 400, 3, 1, &mut Stream::new(1));
        assert_eq!(layer.weight().shape()[..], [400, 8, 3, 3]);
        let std = layer.weight().square().mean().item().sqrt();
        assert!((std - bound / 3f64.sqrt()).abs() < 0.02 * bound, "{std}");
        assert!(layer.bias().data().iter().all(|b| b.abs() <= bound));
    }

    #[test]
    #[should_panic(expected = "Conv2d: 6 and 4 channels cannot be cut into 4 groups")]
    fn groups_must_divide_the_channels() {
        let convolution = Convolution { groups: 4, ..Convolution::default() };
        let noise = &mut Stream::new(1);
        Conv2d::<f32>::with(6, 4, [3, 3], convolution, Initializer::Zeros, noise);
    }
}
