//! [`Sequential`]

use elbo_tensor::{Real, Stream, Tensor};

use super::module::join;
use super::{Activation, Linear, Module, Parameter, Parameters, Pass};

/// Modules one after the other, named by their position, as in PyTorch.
#[derive(Default)]
pub struct Sequential<T: Real = f32> {
    modules: Vec<Box<dyn Module<T>>>,
}

impl<T: Real> Sequential<T> {
    /// Without modules: the identity.
    pub fn new() -> Sequential<T> {
        Sequential { modules: Vec::new() }
    }

    /// This, followed by one more.
    #[must_use]
    pub fn then(mut self, module: impl Module<T> + 'static) -> Sequential<T> {
        self.modules.push(Box::new(module));
        self
    }

    /// Linear layers of these sizes with an activation between them, and none after the last.
    ///
    /// # Panics
    /// If there are fewer than two sizes.
    pub fn mlp(sizes: &[usize], activation: Activation, noise: &mut Stream) -> Sequential<T> {
        assert!(sizes.len() >= 2, "mlp: sizes {sizes:?}, at least an input and an output");
        let mut mlp = Sequential::new();
        for (layer, pair) in sizes.windows(2).enumerate() {
            if layer > 0 {
                mlp = mlp.then(activation);
            }
            mlp = mlp.then(Linear::new(pair[0], pair[1], noise));
        }
        mlp
    }
}

impl<T: Real> Parameters<T> for Sequential<T> {
    fn visit(&self, prefix: &str, visit: &mut dyn FnMut(&str, &Parameter<T>)) {
        for (position, module) in self.modules.iter().enumerate() {
            module.visit(&join(prefix, position), visit);
        }
    }

    fn visit_mut<'a>(
        &'a mut self,
        prefix: &str,
        visit: &mut dyn FnMut(&str, &'a mut Parameter<T>),
    ) {
        for (position, module) in self.modules.iter_mut().enumerate() {
            module.visit_mut(&join(prefix, position), visit);
        }
    }
}

impl<T: Real> Module<T> for Sequential<T> {
    fn forward(&self, x: &Tensor<T>, pass: &mut Pass<'_>) -> Tensor<T> {
        let mut x = x.clone();
        let mut modules = self.modules.iter().peekable();
        while let Some(module) = modules.next() {
            x = match modules.peek().and_then(|next| next.as_activation()) {
                Some(activation) => {
                    modules.next();
                    module.forward_then(&x, activation, pass)
                }
                None => module.forward(&x, pass),
            };
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_shapes_are_those_of_pytorch() {
        let mlp = Sequential::<f32>::mlp(&[7, 5, 3], Activation::Relu, &mut Stream::new(1));
        let mut found = Vec::new();
        mlp.visit("encoder", &mut |name, p| found.push(format!("{name} {}", p.stored_shape())));
        assert_eq!(
            found,
            [
                "encoder.0.weight [5, 7]",
                "encoder.0.bias [5]",
                "encoder.2.weight [3, 5]",
                "encoder.2.bias [3]"
            ]
        );
        assert_eq!(mlp.count(), 7 * 5 + 5 + 5 * 3 + 3);
    }
}
