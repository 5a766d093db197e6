//! Two distributions of one family.

use elbo_tensor::{Real, Tensor};

use super::super::bernoulli::log_prob_of_tries;
use super::super::categorical::cross_log_prob;
use super::super::{
    Affine, Bernoulli, Beta, Binomial, Categorical, Dirichlet, Distribution, EULER_GAMMA, Exp,
    Exponential, Gamma, Geometric, Gumbel, Independent, Laplace, LogNormal, MultivariateNormal,
    Normal, OneHotCategorical, Poisson, SoftmaxCentered, Tanh, Transformed, Uniform, VonMises,
};
use super::Divergence;

impl<T: Real> Divergence<T, Normal<T>> for Normal<T> {
    /// ½ (ln sigma_p² - ln sigma² + (sigma² + (mu - mu_p)²) / sigma_p² - 1)
    #[track_caller]
    fn kl(&self, p: &Normal<T>) -> Tensor<T> {
        let ratio = self.logvar() - p.logvar();
        let distance = (self.mu() - p.mu()).square() * (-p.logvar()).exp();
        (ratio.exp_m1() - ratio + distance) * T::from_f64(0.5)
    }
}

impl<T: Real> Divergence<T, MultivariateNormal<T>> for MultivariateNormal<T> {
    /// ½ (tr(Σ_p⁻¹ Σ) + |L_p⁻¹ (loc - loc_p)|² - d) + Σ ln L_p,ii - Σ ln Lᵢᵢ
    #[track_caller]
    fn kl(&self, p: &MultivariateNormal<T>) -> Tensor<T> {
        let d = self.dimension();
        assert_eq!(d, p.dimension(), "MultivariateNormal: dimensions");
        let batch = self.batch_shape().broadcast(&p.batch_shape());
        let batch = batch.expect("kl: the batches do not broadcast");
        let (q, p) = (self.expand(batch), p.expand(batch));
        let ratio = Tensor::solve_tril(&p.scale_tril(), &q.scale_tril());
        let trace = ratio.square().sum_axes([-2, -1], false);
        let squares = (trace + p.distance(q.loc()) - T::from_f64(d as f64)) * T::from_f64(0.5);
        squares + p.half_log_det() - q.half_log_det()
    }
}

impl<T: Real> Divergence<T, LogNormal<T>> for LogNormal<T> {
    /// That of the logarithms: no bijection changes a divergence.
    #[track_caller]
    fn kl(&self, p: &LogNormal<T>) -> Tensor<T> {
        self.base().kl(p.base())
    }
}

impl<T: Real> Divergence<T, Laplace<T>> for Laplace<T> {
    /// ln(b_p / b) + (b e^(-d / b) + d) / b_p - 1, with b the scale and d = |loc - loc_p|
    #[track_caller]
    fn kl(&self, p: &Laplace<T>) -> Tensor<T> {
        let distance = (self.loc() - p.loc()).abs();
        let spread = self.scale() * (-(&distance / self.scale())).exp();
        p.scale().ln() - self.scale().ln() + (spread + distance) / p.scale() - T::ONE
    }
}

impl<T: Real> Divergence<T, Gumbel<T>> for Gumbel<T> {
    /// ln(b_p / b) + d + γ (r - 1) + Γ(1 + r) e^(-d) - 1, with b the scale, r = b / b_p and
    /// d = (loc - loc_p) / b_p
    #[track_caller]
    fn kl(&self, p: &Gumbel<T>) -> Tensor<T> {
        let ratio = self.scale() / p.scale();
        let distance = (self.loc() - p.loc()) / p.scale();
        let tail = ((&ratio + T::ONE).lgamma() - &distance).exp();
        let spread = (&ratio - T::ONE) * T::from_f64(EULER_GAMMA);
        distance + spread + tail - ratio.ln() - T::ONE
    }
}

impl<T: Real> Divergence<T, Uniform<T>> for Uniform<T> {
    /// ln((high_p - low_p) / (high - low)), ∞ unless p reaches as far on both sides
    #[track_caller]
    fn kl(&self, p: &Uniform<T>) -> Tensor<T> {
        let beyond = p.low().greater(self.low()) + self.high().greater(p.high());
        let log_ratio = p.width().ln() - self.width().ln();
        Tensor::select(&beyond, &Tensor::scalar(T::INFINITY), &log_ratio)
    }
}

impl<T: Real> Divergence<T, Exponential<T>> for Exponential<T> {
    /// r - 1 - ln r, with r = rate_p / rate
    #[track_caller]
    fn kl(&self, p: &Exponential<T>) -> Tensor<T> {
        let ratio = p.rate() / self.rate();
        &ratio - ratio.ln() - T::ONE
    }
}

impl<T: Real> Divergence<T, Gamma<T>> for Gamma<T> {
    /// (a - a_p) ψ(a) - ln Γ(a) + ln Γ(a_p) - a_p ln r + a (r - 1), with r = rate_p / rate
    #[track_caller]
    fn kl(&self, p: &Gamma<T>) -> Tensor<T> {
        let (a, a_p, ratio) = (self.concentration(), p.concentration(), p.rate() / self.rate());
        let shapes = (a - a_p) * a.digamma() - a.lgamma() + a_p.lgamma();
        shapes - a_p * ratio.ln() + a * (ratio - T::ONE)
    }
}

impl<T: Real> Divergence<T, Beta<T>> for Beta<T> {
    /// ln B_p - ln B + (a - a_p) ψ(a) + (b - b_p) ψ(b) - (a - a_p + b - b_p) ψ(a + b)
    #[track_caller]
    fn kl(&self, p: &Beta<T>) -> Tensor<T> {
        let (a, b) = (self.concentration1(), self.concentration0());
        let (ones, zeros) = (a - p.concentration1(), b - p.concentration0());
        let normalizers = p.log_normalizer() - self.log_normalizer();
        let total = self.total().digamma();
        normalizers + ones * (a.digamma() - &total) + zeros * (b.digamma() - total)
    }
}

impl<T: Real> Divergence<T, Dirichlet<T>> for Dirichlet<T> {
    /// ln B_p - ln B + Σ (αᵢ - α_p,i) (ψ(αᵢ) - ψ(Σ α))
    #[track_caller]
    fn kl(&self, p: &Dirichlet<T>) -> Tensor<T> {
        let (a, a_p) = (self.concentration(), p.concentration());
        let total = a.sum_axes(-1, true).digamma();
        let pull = ((a - a_p) * (a.digamma() - total)).sum_axes(-1, false);
        p.log_normalizer() - self.log_normalizer() + pull
    }
}

impl<T: Real> Divergence<T, VonMises<T>> for VonMises<T> {
    /// ln I₀(κ_p) - ln I₀(κ) + (κ - κ_p cos(loc - loc_p)) I₁(κ) / I₀(κ)
    #[track_caller]
    fn kl(&self, p: &VonMises<T>) -> Tensor<T> {
        let (k, k_p) = (self.concentration(), p.concentration());
        let pull = k - k_p * (self.loc() - p.loc()).cos();
        k_p.log_i0() - k.log_i0() + pull * k.log_i0_derivative(1)
    }
}

/// q ln(q / p) + (1 - q) ln((1 - q) / (1 - p)): one coin.
fn coin<T: Real>(logits: &Tensor<T>, logits_p: &Tensor<T>) -> Tensor<T> {
    let (q, rest) = (logits.sigmoid(), (-logits).sigmoid());
    log_prob_of_tries(logits, &q, &rest) - log_prob_of_tries(logits_p, &q, &rest)
}

impl<T: Real> Divergence<T, Bernoulli<T>> for Bernoulli<T> {
    /// q ln(q / p) + (1 - q) ln((1 - q) / (1 - p))
    #[track_caller]
    fn kl(&self, p: &Bernoulli<T>) -> Tensor<T> {
        coin(self.logits(), p.logits())
    }
}

impl<T: Real> Divergence<T, Binomial<T>> for Binomial<T> {
    /// That of one coin, as often as there are tries; ∞ where q has more tries than p
    ///
    /// # Panics
    /// If q has fewer tries than p, which has no closed form.
    #[track_caller]
    fn kl(&self, p: &Binomial<T>) -> Tensor<T> {
        let more = self.total_count().greater(p.total_count());
        let fewer = p.total_count().greater(self.total_count());
        let none = fewer.data().iter().all(|&fewer| fewer == T::ZERO);
        assert!(none, "kl: a Binomial of fewer tries has no closed form; see kl_monte_carlo");
        let kl = self.total_count() * coin(self.logits(), p.logits());
        Tensor::select(&more, &Tensor::scalar(T::INFINITY), &kl)
    }
}

impl<T: Real> Divergence<T, Geometric<T>> for Geometric<T> {
    /// That of one coin, divided by the probability of success
    #[track_caller]
    fn kl(&self, p: &Geometric<T>) -> Tensor<T> {
        coin(self.logits(), p.logits()) / self.probs()
    }
}

impl<T: Real> Divergence<T, Poisson<T>> for Poisson<T> {
    /// rate (ln rate - ln rate_p) - rate + rate_p
    #[track_caller]
    fn kl(&self, p: &Poisson<T>) -> Tensor<T> {
        self.rate() * (self.rate().ln() - p.rate().ln()) - self.rate() + p.rate()
    }
}

impl<T: Real> Divergence<T, Categorical<T>> for Categorical<T> {
    /// Σ q (ln q - ln p)
    #[track_caller]
    fn kl(&self, p: &Categorical<T>) -> Tensor<T> {
        assert_eq!(self.classes(), p.classes(), "Categorical: numbers of classes");
        cross_log_prob(&self.probs(), &(self.log_probs() - p.log_probs()))
    }
}

impl<T: Real> Divergence<T, OneHotCategorical<T>> for OneHotCategorical<T> {
    /// That of the classes as numbers.
    #[track_caller]
    fn kl(&self, p: &OneHotCategorical<T>) -> Tensor<T> {
        self.classes().kl(p.classes())
    }
}

impl<T: Real, Q: Divergence<T, P>, P> Divergence<T, Independent<P>> for Independent<Q> {
    /// The sum over the elements of an event.
    #[track_caller]
    fn kl(&self, p: &Independent<P>) -> Tensor<T> {
        self.base().kl(p.base()).sum_axes(-1, false)
    }
}

/// One function with nothing to choose on both sides: no bijection changes a divergence.
macro_rules! transformed {
    ($($transform:ident),*) => {
        $(
            impl<T: Real, Q: Divergence<T, P>, P: Distribution<T>>
                Divergence<T, Transformed<P, $transform>> for Transformed<Q, $transform>
            {
                #[track_caller]
                fn kl(&self, p: &Transformed<P, $transform>) -> Tensor<T> {
                    self.base().kl(p.base())
                }
            }
        )*
    };
}

transformed!(Exp, Tanh, SoftmaxCentered);

impl<T: Real, Q: Divergence<T, P>, P: Distribution<T>> Divergence<T, Transformed<P, Affine<T>>>
    for Transformed<Q, Affine<T>>
{
    /// That of the bases, if the two functions are one, on which the divergence then does not depend
    ///
    /// # Panics
    /// If loc or scale differ, or are tracked and not the same tensor: then there is no closed form, or
    /// its gradient would not be 0.
    #[track_caller]
    fn kl(&self, p: &Transformed<P, Affine<T>>) -> Tensor<T> {
        let is_one = self.transform().is_same(p.transform());
        assert!(is_one, "kl: two Affine that differ have no closed form; see kl_monte_carlo");
        self.base().kl(p.base())
    }
}
