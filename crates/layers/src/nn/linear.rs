//! [`Linear`]

use elbo_tensor::{Real, Stream, Tensor};

use super::module::join;
use super::{Activation, Initializer, Module, Parameter, Parameters, Pass};

/// y = x W + b, with W [in, out] in memory and `weight` [out, in] in checkpoints.
#[derive(Debug)]
pub struct Linear<T: Real = f32> {
    weight: Parameter<T>,
    bias: Parameter<T>,
}

impl<T: Real> Linear<T> {
    /// A layer with PyTorch's initial weights.
    pub fn new(inputs: usize, outputs: usize, noise: &mut Stream) -> Linear<T> {
        Linear::with_init(inputs, outputs, Initializer::default(), noise)
    }

    /// A layer with other initial weights.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        initializer: Initializer,
        noise: &mut Stream,
    ) -> Linear<T> {
        let weight = initializer.weight(inputs, outputs, noise);
        let bias = initializer.bias(inputs, outputs, noise);
        Linear { weight: Parameter::transposed(&weight), bias: Parameter::new(&bias) }
    }

    /// W, `[in, out]`.
    pub fn weight(&self) -> &Tensor<T> {
        self.weight.tensor()
    }

    /// b, `[out]`.
    pub fn bias(&self) -> &Tensor<T> {
        self.bias.tensor()
    }
}

impl<T: Real> Parameters<T> for Linear<T> {
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

impl<T: Real> Module<T> for Linear<T> {
    fn forward(&self, x: &Tensor<T>, _: &mut Pass<'_>) -> Tensor<T> {
        x.linear(self.weight.tensor(), self.bias.tensor())
    }

    fn forward_then(
        &self,
        x: &Tensor<T>,
        activation: Activation,
        pass: &mut Pass<'_>,
    ) -> Tensor<T> {
        match activation {
            Activation::Relu => x.linear_relu(self.weight.tensor(), self.bias.tensor()),
            other => other.apply(&self.forward(x, pass)),
        }
    }
}
