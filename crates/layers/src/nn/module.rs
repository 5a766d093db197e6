//! [`Module`]: what maps a tensor to a tensor with the help of parameters.

use elbo_tensor::{Real, Stream, Tensor};

use super::{Activation, Parameter};

/// What a forward pass is for.
#[derive(Debug)]
pub enum Pass<'a> {
    /// Training: dropout drops, with noise from this stream.
    Train(&'a mut Stream),
    /// Evaluation: nothing is random.
    Eval,
}

/// What has parameters. The order of the visit is fixed, and names are PyTorch's: `0.weight`.
pub trait Parameters<T: Real = f32> {
    /// Shows each parameter with its name, which begins with `prefix`.
    fn visit(&self, prefix: &str, visit: &mut dyn FnMut(&str, &Parameter<T>));

    /// Hands out each parameter for changing, in the same order: all of them may be kept while this is borrowed.
    fn visit_mut<'a>(&'a mut self, prefix: &str, visit: &mut dyn FnMut(&str, &'a mut Parameter<T>));

    /// The number of trained numbers.
    fn count(&self) -> usize {
        let mut count = 0;
        self.visit("", &mut |_, parameter| count += parameter.tensor().count());
        count
    }
}

/// A layer, or layers put together.
pub trait Module<T: Real = f32>: Parameters<T> + Send + Sync {
    /// The output for an input; leading axes are batches.
    ///
    /// # Panics
    /// If the shape of the input does not fit.
    fn forward(&self, x: &Tensor<T>, pass: &mut Pass<'_>) -> Tensor<T>;

    /// The output followed by an activation: in one pass over memory, where a layer can.
    fn forward_then(
        &self,
        x: &Tensor<T>,
        activation: Activation,
        pass: &mut Pass<'_>,
    ) -> Tensor<T> {
        activation.apply(&self.forward(x, pass))
    }

    /// The activation that this is, if it is one.
    fn as_activation(&self) -> Option<Activation> {
        None
    }
}

/// `prefix.name`, or `name` if there is no prefix.
pub(crate) fn join(prefix: &str, name: impl std::fmt::Display) -> String {
    let name = name.to_string();
    // Faster than `format!`, as each step of an optimizer asks for all names.
    if prefix.is_empty() { name } else { [prefix, ".", &name].concat() }
}
