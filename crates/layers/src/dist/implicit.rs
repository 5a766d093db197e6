//! Implicit reparameterization: the path of a draw without a formula for it.

use elbo_tensor::{Needs, Op, Real, Tensor, Values, apply, vjp};

use super::Cdf;

/// A draw z with its path to the parameters (Figurnov, Mohamed & Mnih 2018, equation 6):
///
/// ```text
///     F(z; θ) = u stays as it was drawn, so   dz/dθ = -(∂F(z; θ)/∂θ) / p(z; θ)
/// ```
///
/// Neither F⁻¹ nor u is needed. The rule is made of tensor operations and so has rules itself.
pub(super) fn attach<T: Real, D: Cdf<T>>(distribution: &D, z: &Tensor<T>) -> Tensor<T> {
    let parameters = distribution.parameters();
    let inputs: Vec<Tensor<T>> = parameters.into_iter().map(|(_, parameter)| parameter).collect();
    apply(Implicit { family: distribution.detach(), z: z.detach() }, inputs)
}

struct Implicit<T: Real, D> {
    /// The family; its parameters are the inputs.
    family: D,
    z: Tensor<T>,
}

impl<T: Real, D: Cdf<T>> Op<T> for Implicit<T, D> {
    fn name(&self) -> &'static str {
        "implicit"
    }

    fn rule(&self) -> &'static str {
        "θ̄ = -(∂F(z; θ)/∂θ) / p(z; θ) z̄"
    }

    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn forward(&self, _: &mut [Tensor<T>]) -> Tensor<T> {
        self.z.clone()
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        // The derivative by θ at fixed z, though in a recorded pass z depends on θ: by other nodes than
        // these. In a first-order pass the inputs are constants.
        let of_its_own = |x: Tensor<T>| {
            if x.is_tracked() { x.reshape(*x.shape()) } else { x.requires_grad() }
        };
        let inputs = (0..values.count()).map(|i| of_its_own(values.input(i)));
        let inputs: Vec<Tensor<T>> = inputs.collect();
        let mut next = inputs.iter();
        let family = self.family.map(&mut |_, _, _| next.next().expect("its own inputs").clone());
        let z = values.output();
        let weight = -(gz / family.log_prob(&z).exp());
        let mass = family.cdf(&z);
        let cotangent = |i: usize| {
            let [gradient] = vjp(&mass, &weight, [&inputs[i]]);
            gradient
        };
        (0..values.count()).map(|i| values.wanted(i, || cotangent(i))).collect()
    }
}
