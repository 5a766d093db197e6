//! [`Dropout`]

use elbo_tensor::{Real, Tensor};

use super::{Module, Parameter, Parameters, Pass};

/// In training, each element is 0 with probability p, else x / (1 - p); otherwise x (Srivastava et
/// al. 2014, in the inverted form).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// # Panics
    /// If p is not in [0, 1).
    pub fn new(p: f64) -> Dropout {
        assert!((0.0..1.0).contains(&p), "Dropout: probability {p} is not in [0, 1)");
        Dropout { p }
    }
}

impl<T: Real> Parameters<T> for Dropout {
    fn visit(&self, _: &str, _: &mut dyn FnMut(&str, &Parameter<T>)) {}
    fn visit_mut<'a>(&'a mut self, _: &str, _: &mut dyn FnMut(&str, &'a mut Parameter<T>)) {}
}

impl<T: Real> Module<T> for Dropout {
    fn forward(&self, x: &Tensor<T>, pass: &mut Pass<'_>) -> Tensor<T> {
        match pass {
            Pass::Train(noise) if self.p > 0.0 => {
                let keep = 1.0 - self.p;
                let mask: Tensor<T> = noise.bernoulli(&Tensor::full(*x.shape(), T::from_f64(keep)));
                x * (mask * T::from_f64(1.0 / keep))
            }
            _ => x.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_tensor::Stream;

    #[test]
    fn dropout_keeps_the_mean_and_is_silent_in_evaluation() {
        let x = Tensor::<f64>::ones([200_000]);
        let y = Dropout::new(0.25).forward(&x, &mut Pass::Train(&mut Stream::new(1)));
        // Each element has variance p / (1 - p) = 1/3: five standard errors are 0.0065.
        assert!((y.mean().item() - 1.0).abs() < 0.0065, "{}", y.mean());
        assert!(y.data().iter().all(|&y| y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-12));
        let y = Dropout::new(0.25).forward(&x, &mut Pass::Eval);
        assert_eq!(y.to_vec(), x.to_vec());
    }
}
