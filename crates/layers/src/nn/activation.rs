//! [`Activation`]

use elbo_tensor::{Real, Tensor};
use serde::{Deserialize, Serialize};

use super::{Module, Parameter, Parameters, Pass};

/// A function of one number, applied to each element.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    #[default]
    Relu,
    /// x where x > 0, else 0.01 x
    LeakyRelu,
    /// x where x > 0, else eˣ - 1
    Elu,
    /// x Φ(x)
    Gelu,
    /// x sigmoid(x)
    Silu,
    /// ln(1 + eˣ)
    Softplus,
    /// tanh x
    Tanh,
    /// 1 / (1 + e^(-x))
    Sigmoid,
}

impl Activation {
    /// The function of a tensor.
    pub fn apply<T: Real>(self, x: &Tensor<T>) -> Tensor<T> {
        match self {
            Activation::Identity => x.clone(),
            Activation::Relu => x.relu(),
            Activation::LeakyRelu => x.leaky_relu(0.01),
            Activation::Elu => x.elu(1.0),
            Activation::Gelu => x.gelu(),
            Activation::Silu => x.silu(),
            Activation::Softplus => x.softplus(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
        }
    }
}

impl<T: Real> Parameters<T> for Activation {
    fn visit(&self, _: &str, _: &mut dyn FnMut(&str, &Parameter<T>)) {}
    fn visit_mut<'a>(&'a mut self, _: &str, _: &mut dyn FnMut(&str, &'a mut Parameter<T>)) {}
}

impl<T: Real> Module<T> for Activation {
    fn forward(&self, x: &Tensor<T>, _: &mut Pass<'_>) -> Tensor<T> {
        self.apply(x)
    }

    fn as_activation(&self) -> Option<Activation> {
        Some(*self)
    }
}
