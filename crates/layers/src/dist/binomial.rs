//! [`Binomial`]

use elbo_tensor::{Real, Stream, Tensor, Words, special};

use super::bernoulli::{log_prob_of_tries, logits_of};
use super::distribution::{broadcast, require};
use super::geometric::{floor, is_count};
use super::{Cdf, Distribution, Entropy, Moments, Replace, Sample};

/// The number of successes in total_count tries, where p = sigmoid(logits) is the probability of each.
/// There is no path for a gradient, hence no `rsample`.
#[derive(Clone, Debug)]
pub struct Binomial<T: Real = f32> {
    total_count: Tensor<T>,
    logits: Tensor<T>,
}

impl<T: Real> Binomial<T> {
    /// From the number of tries, which is a constant, and logits ln(p / (1 - p)).
    ///
    /// # Panics
    /// If a total_count is not one of 0, 1, 2, …, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(total_count: &Tensor<T>, logits: &Tensor<T>) -> Binomial<T> {
        require("Binomial", "total_count", "a whole number from 0", total_count, is_count);
        let parameters = [("total_count", &total_count.detach()), ("logits", logits)];
        let [total_count, logits] = broadcast("Binomial", parameters);
        Binomial { total_count, logits }
    }

    /// From the number of tries and the probability of success.
    ///
    /// # Panics
    /// If a probability is outside [0, 1], or as [`new`](Binomial::new).
    #[track_caller]
    pub fn from_probs(total_count: &Tensor<T>, probs: &Tensor<T>) -> Binomial<T> {
        Binomial::new(total_count, &logits_of("Binomial", probs))
    }

    /// The number of tries.
    pub fn total_count(&self) -> &Tensor<T> {
        &self.total_count
    }

    /// ln(p / (1 - p))
    pub fn logits(&self) -> &Tensor<T> {
        &self.logits
    }

    /// The probability of success.
    pub fn probs(&self) -> Tensor<T> {
        self.logits.sigmoid()
    }
}

impl<T: Real> Distribution<T> for Binomial<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let total_count = f("total_count", &self.total_count, 0).detach();
        Binomial { total_count, logits: f("logits", &self.logits, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let (n, logits) = (self.total_count.data(), self.logits.data());
        Sample::new(&noise.values(*self.logits.shape(), |i, words| {
            draw(n[i].to_f64(), logits[i].to_f64(), words)
        }))
    }

    /// ln(n! / (x! (n - x)!)) + x ln p + (n - x) ln(1 - p)
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let n = &self.total_count;
        let rest = n - x;
        // Outside of the support the factorials have no value; the select below leaves them out.
        let log_choices = (n + T::ONE).lgamma() - (x + T::ONE).lgamma() - (&rest + T::ONE).lgamma();
        let log_prob = log_choices + log_prob_of_tries(&self.logits, x, &rest);
        let whole = x.detach().equal(&floor(x));
        let minus_one = Tensor::scalar(-T::ONE);
        let inside = whole * x.greater(&minus_one) * rest.greater(&minus_one);
        Tensor::select(&inside, &log_prob, &Tensor::scalar(T::NEG_INFINITY))
    }
}

impl<T: Real> Moments<T> for Binomial<T> {
    fn mean(&self) -> Tensor<T> {
        &self.total_count * self.probs()
    }

    /// n p (1 - p)
    fn variance(&self) -> Tensor<T> {
        self.mean() * (-&self.logits).sigmoid()
    }
}

impl<T: Real> Entropy<T> for Binomial<T> {
    /// -Σ p(x) ln p(x), term by term: time and memory grow with the largest total_count
    fn entropy(&self) -> Tensor<T> {
        let largest = self.total_count.data().iter().fold(0.0, |n: f64, m| n.max(m.to_f64()));
        let batch = self.batch_shape();
        // A new first axis holds the counts.
        let counts: Vec<T> = (0..=largest as usize).map(|x| T::from_f64(x as f64)).collect();
        let column = [&[counts.len()][..], &vec![1; batch.rank()]].concat();
        let log_prob = self.log_prob(&Tensor::new(&counts, &column[..]));
        // 0 ln 0 is 0.
        let finite = log_prob.clamp(-1e30, 0.0);
        -(log_prob.exp() * finite).sum_axes(0, false)
    }
}

impl<T: Real> Cdf<T> for Binomial<T> {
    /// I(n - ⌊x⌋, ⌊x⌋ + 1) at 1 - p (Abramowitz & Stegun 26.5.24), for 0 ≤ x < n
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let count = floor(x);
        let (left, next) = (&self.total_count - &count, count + T::ONE);
        let at_least_1 = |x: &Tensor<T>| x.clamp(1.0, f64::INFINITY);
        let failure = (-&self.logits).sigmoid();
        let inside = Tensor::betainc(&at_least_1(&left), &at_least_1(&next), &failure);
        let scalar = |x| Tensor::scalar(x);
        let some_left = left.greater(&scalar(T::ZERO));
        let below_all = Tensor::select(&some_left, &inside, &scalar(T::ONE));
        Tensor::select(&next.greater(&scalar(T::ZERO)), &below_all, &scalar(T::ZERO))
    }
}

/// A count: by steps from success to success if few are expected, else by rejection (Hörmann 1993,
/// BTRS); for p > ½ the failures are counted.
fn draw(n: f64, logits: f64, words: &mut Words) -> f64 {
    if logits > 0.0 {
        return n - draw(n, -logits, words);
    }
    let p = Real::sigmoid(logits);
    if n * p < 10.0 {
        let hazard = Real::softplus(logits);
        let (mut tries, mut count) = (0.0, 0.0);
        loop {
            tries += (words.exponential() / hazard).floor() + 1.0;
            if tries > n || tries.is_nan() {
                return count;
            }
            count += 1.0;
        }
    }
    let spread = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let c = n * p + 0.5;
    let v_r = 0.92 - 4.2 / b;
    let alpha = (2.83 + 5.1 / b) * spread;
    let mode = ((n + 1.0) * p).floor();
    let log_weight = |k: f64| k * logits - special::lgamma(k + 1.0) - special::lgamma(n - k + 1.0);
    loop {
        let u = words.uniform() - 0.5;
        let v = words.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if us >= 0.07 && v <= v_r {
            return k;
        }
        if k < 0.0 || k > n {
            continue;
        }
        if Real::ln(v * alpha / (a / (us * us) + b)) <= log_weight(k) - log_weight(mode) {
            return k;
        }
    }
}
