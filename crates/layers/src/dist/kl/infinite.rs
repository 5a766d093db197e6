//! Pairs where q draws what p never does.

use elbo_tensor::{Real, Shape, Tensor};

use super::super::{
    Bernoulli, Beta, Binomial, Distribution, Exponential, Gamma, Gumbel, Laplace, LogNormal,
    Logistic, Normal, Poisson, StudentT, Uniform,
};
use super::Divergence;

#[track_caller]
fn common(q: &Shape, p: &Shape) -> Shape {
    q.broadcast(p).unwrap_or_else(|| panic!("kl: batches {q} and {p} do not broadcast"))
}

macro_rules! infinite {
    ($($q:ident: $($p:ident),*;)*) => {
        $($(
            impl<T: Real> Divergence<T, $p<T>> for $q<T> {
                /// ∞
                #[track_caller]
                fn kl(&self, p: &$p<T>) -> Tensor<T> {
                    Tensor::full(common(&self.batch_shape(), &p.batch_shape()), T::INFINITY)
                }
            }
        )*)*
    };
}

infinite! {
    Normal: Beta, Exponential, Gamma, LogNormal, Uniform;
    Laplace: Beta, Exponential, Gamma, LogNormal, Uniform;
    Logistic: Beta, Exponential, Gamma, LogNormal, Uniform;
    Gumbel: Beta, Exponential, Gamma, LogNormal, Uniform;
    StudentT: Beta, Exponential, Gamma, LogNormal, Uniform;
    Exponential: Beta, Uniform;
    Gamma: Beta, Uniform;
    LogNormal: Beta, Uniform;
    Poisson: Bernoulli, Binomial;
}
