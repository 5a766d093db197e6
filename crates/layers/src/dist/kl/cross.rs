//! Two families: KL(q ‖ p) = -H(q) - E ln p(x), where the expectation under q takes a few moments. One
//! section per family of p.

use elbo_tensor::{Real, Tensor};

use super::super::{
    Bernoulli, Beta, EULER_GAMMA, Entropy, Exponential, Gamma, Gumbel, LN_2PI, Laplace, LogNormal,
    Logistic, Moments, Normal, Poisson, StudentT, Uniform,
};
use super::Divergence;

/// `Divergence` from one family for several, with one formula.
macro_rules! toward {
    ($p:ident from $($q:ident),*: |$self:ident, $target:ident| $kl:expr) => {
        $(
            impl<T: Real> Divergence<T, $p<T>> for $q<T> {
                #[track_caller]
                fn kl(&self, $target: &$p<T>) -> Tensor<T> {
                    let $self = self;
                    $kl
                }
            }
        )*
    };
}

toward! {
    Normal from Beta, Exponential, Gamma, Gumbel, Laplace, LogNormal, Logistic, StudentT, Uniform:
    // -H(q) + ½ (ln 2π + logvar) + ½ (Var x + (E x - mu)²) / sigma²
    |q, p| {
        let squares = (q.variance() + (q.mean() - p.mu()).square()) * (-p.logvar()).exp();
        (squares + p.logvar() + T::from_f64(LN_2PI)) * T::from_f64(0.5) - q.entropy()
    }
}

toward! {
    Laplace from Normal:
    // -H(q) + ln 2b + E |x - loc| / b, where for normal x, with d = mu - loc,
    // E |x - loc| = sigma √(2/π) e^(-d² / 2 sigma²) + d erf(d / (sigma √2))
    |q, p| {
        let (distance, sigma) = (q.mu() - p.loc(), q.sigma());
        let z = &distance / (&sigma * T::from_f64(std::f64::consts::SQRT_2));
        let root = T::from_f64(std::f64::consts::FRAC_2_PI.sqrt());
        let spread = sigma * (-z.square()).exp() * root + distance * z.erf();
        spread / p.scale() + (p.scale() * T::from_f64(2.0)).ln() - q.entropy()
    }
}

toward! {
    Exponential from Beta, Gamma, LogNormal:
    // -H(q) - ln rate + rate E x
    |q, p| p.rate() * q.mean() - p.rate().ln() - q.entropy()
}

toward! {
    Exponential from Uniform:
    // -H(q) - ln rate + rate E x; ∞ where q reaches below 0
    |q, p| unless_below_zero(q, &(p.rate() * q.mean() - p.rate().ln() - q.entropy()))
}

/// E ln x
trait LogMean<T: Real> {
    fn log_mean(&self) -> Tensor<T>;
}

impl<T: Real> LogMean<T> for Beta<T> {
    fn log_mean(&self) -> Tensor<T> {
        self.concentration1().digamma() - self.total().digamma()
    }
}

impl<T: Real> LogMean<T> for Exponential<T> {
    fn log_mean(&self) -> Tensor<T> {
        -(self.rate().ln() + T::from_f64(EULER_GAMMA))
    }
}

impl<T: Real> LogMean<T> for LogNormal<T> {
    fn log_mean(&self) -> Tensor<T> {
        self.base().mu().clone()
    }
}

impl<T: Real> LogMean<T> for Uniform<T> {
    /// (h ln h - l ln l) / (h - l) - 1, where 0 ln 0 is 0
    fn log_mean(&self) -> Tensor<T> {
        mean_of_ln(self.low(), self.high())
    }
}

fn mean_of_ln<T: Real>(low: &Tensor<T>, high: &Tensor<T>) -> Tensor<T> {
    let (zero, one) = (Tensor::scalar(T::ZERO), Tensor::scalar(T::ONE));
    let times_ln = |x: &Tensor<T>| Tensor::select(&x.greater(&zero), x, &one).ln() * x;
    (times_ln(high) - times_ln(low)) / (high - low) - T::ONE
}

/// `kl`, but ∞ where q reaches below 0.
fn unless_below_zero<T: Real>(q: &Uniform<T>, kl: &Tensor<T>) -> Tensor<T> {
    let below = Tensor::scalar(T::ZERO).greater(q.low());
    Tensor::select(&below, &Tensor::scalar(T::INFINITY), kl)
}

/// -H(q) - a ln rate + ln Γ(a) - (a - 1) E ln x + rate E x
fn toward_gamma<T: Real, Q: Entropy<T> + Moments<T> + LogMean<T>>(
    q: &Q,
    p: &Gamma<T>,
) -> Tensor<T> {
    let (a, rate) = (p.concentration(), p.rate());
    let log_normalizer = a.lgamma() - a * rate.ln();
    log_normalizer - (a - T::ONE) * q.log_mean() + rate * q.mean() - q.entropy()
}

toward! {
    Gamma from Beta, Exponential, LogNormal:
    // -H(q) - a ln rate + ln Γ(a) - (a - 1) E ln x + rate E x
    |q, p| toward_gamma(q, p)
}

toward! {
    Gamma from Uniform:
    // -H(q) - a ln rate + ln Γ(a) - (a - 1) E ln x + rate E x; ∞ where q reaches below 0
    |q, p| unless_below_zero(q, &toward_gamma(q, p))
}

/// E e^(-t x)
trait LaplaceTransform<T: Real> {
    fn laplace_transform(&self, t: &Tensor<T>) -> Tensor<T>;
}

impl<T: Real> LaplaceTransform<T> for Exponential<T> {
    fn laplace_transform(&self, t: &Tensor<T>) -> Tensor<T> {
        self.rate() / (self.rate() + t)
    }
}

impl<T: Real> LaplaceTransform<T> for Gamma<T> {
    fn laplace_transform(&self, t: &Tensor<T>) -> Tensor<T> {
        (-(self.concentration() * (t / self.rate()).ln_1p())).exp()
    }
}

impl<T: Real> LaplaceTransform<T> for Normal<T> {
    fn laplace_transform(&self, t: &Tensor<T>) -> Tensor<T> {
        (self.variance() * t.square() * T::from_f64(0.5) - self.mu() * t).exp()
    }
}

impl<T: Real> LaplaceTransform<T> for Uniform<T> {
    fn laplace_transform(&self, t: &Tensor<T>) -> Tensor<T> {
        let width = self.width() * t;
        (-(self.low() * t)).exp() * -(-&width).exp_m1() / width
    }
}

toward! {
    Gumbel from Exponential, Gamma, Normal, Uniform:
    // -H(q) + ln scale + (E x - loc) / scale + e^(loc / scale) E e^(-x / scale)
    |q, p| {
        let t = p.scale().powi(-1);
        let tail = (p.loc() * &t).exp() * q.laplace_transform(&t);
        (q.mean() - p.loc()) * t + tail + p.scale().ln() - q.entropy()
    }
}

toward! {
    Uniform from Beta:
    // -H(q) + ln(high - low); ∞ unless p reaches from 0 to 1
    |q, p| {
        let beyond = p.low().greater(&Tensor::scalar(T::ZERO))
            + Tensor::scalar(T::ONE).greater(p.high());
        let kl = p.width().ln() - q.entropy();
        Tensor::select(&beyond, &Tensor::scalar(T::INFINITY), &kl)
    }
}

toward! {
    Beta from Uniform:
    // -H(q) + ln B(a, b) - (a - 1) E ln x - (b - 1) E ln(1 - x); ∞ unless q is within 0 and 1
    |q, p| {
        let beyond = q.high().greater(&Tensor::scalar(T::ONE));
        let mirrored = [q.high(), q.low()].map(|end| -end + T::ONE);
        let ones = (p.concentration1() - T::ONE) * q.log_mean();
        let zeros = (p.concentration0() - T::ONE) * mean_of_ln(&mirrored[0], &mirrored[1]);
        let kl = p.log_normalizer() - ones - zeros - q.entropy();
        unless_below_zero(q, &Tensor::select(&beyond, &Tensor::scalar(T::INFINITY), &kl))
    }
}

toward! {
    Poisson from Bernoulli:
    // -H(q) - q ln rate + rate
    |q, p| p.rate() - q.probs() * p.rate().ln() - q.entropy()
}
