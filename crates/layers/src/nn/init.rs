//! How weights begin.

use elbo_tensor::{Real, Stream, Tensor};

/// A distribution of initial weights of a layer with `fan_in` inputs and `fan_out` outputs.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Initializer {
    /// U(-b, b) with b = 1 / √fan_in: PyTorch's default for linear layers, weights and biases.
    #[default]
    TorchLinear,
    /// U(-b, b) with b = √(6 / fan_in), for rectifiers (He et al. 2015).
    KaimingUniform,
    /// N(0, 2 / fan_in), for rectifiers (He et al. 2015).
    KaimingNormal,
    /// U(-b, b) with b = √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
    XavierUniform,
    /// N(0, 2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
    XavierNormal,
    /// N(0, std²)
    Normal(f64),
    /// 0
    Zeros,
}

impl Initializer {
    /// A weight of shape `[fan_in, fan_out]`.
    pub fn weight<T: Real>(self, fan_in: usize, fan_out: usize, noise: &mut Stream) -> Tensor<T> {
        let (shape, inputs, both) = ([fan_in, fan_out], fan_in as f64, (fan_in + fan_out) as f64);
        let mut normal = |std: f64| noise.normal::<T>(shape) * T::from_f64(std);
        match self {
            Initializer::KaimingNormal => normal((2.0 / inputs).sqrt()),
            Initializer::XavierNormal => normal((2.0 / both).sqrt()),
            Initializer::Normal(std) => normal(std),
            Initializer::Zeros => Tensor::zeros(shape),
            Initializer::TorchLinear => symmetric(shape, inputs.sqrt().recip(), noise),
            Initializer::KaimingUniform => symmetric(shape, (6.0 / inputs).sqrt(), noise),
            Initializer::XavierUniform => symmetric(shape, (6.0 / both).sqrt(), noise),
        }
    }

    /// A bias of shape `[fan_out]`: PyTorch's default with its weights, 0 with all others.
    pub fn bias<T: Real>(self, fan_in: usize, fan_out: usize, noise: &mut Stream) -> Tensor<T> {
        match self {
            Initializer::TorchLinear => symmetric([fan_out], (fan_in as f64).sqrt().recip(), noise),
            _ => Tensor::zeros([fan_out]),
        }
    }
}

fn symmetric<T: Real, const N: usize>(
    shape: [usize; N],
    bound: f64,
    noise: &mut Stream,
) -> Tensor<T> {
    noise.uniform(shape, -bound, bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_of_the_papers() {
        let (fan_in, fan_out) = (300, 200);
        for (initializer, std) in [
            (Initializer::TorchLinear, (1.0f64 / 300.0 / 3.0).sqrt()),
            (Initializer::KaimingUniform, (2.0f64 / 300.0).sqrt()),
            (Initializer::KaimingNormal, (2.0f64 / 300.0).sqrt()),
            (Initializer::XavierUniform, (2.0f64 / 500.0).sqrt()),
            (Initializer::XavierNormal, (2.0f64 / 500.0).sqrt()),
            (Initializer::Normal(0.3), 0.3),
            (Initializer::Zeros, 0.0),
        ] {
            let w: Tensor<f64> = initializer.weight(fan_in, fan_out, &mut Stream::new(1));
            let measured = w.square().mean().item().sqrt();
            assert!((measured - std).abs() <= 0.02 * std, "{initializer:?}: {measured}, not {std}");
        }
    }
}
