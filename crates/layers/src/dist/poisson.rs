//! [`Poisson`]

use elbo_tensor::{Real, Stream, Tensor, Words, special};

use super::distribution::{require_positive, within};
use super::geometric::{floor, is_count};
use super::{Cdf, Distribution, Entropy, Moments, Replace, Sample};

/// Counts 0, 1, … with probability rateˣ e^(-rate) / x!. There is no path for a gradient, hence no
/// `rsample`.
#[derive(Clone, Debug)]
pub struct Poisson<T: Real = f32> {
    rate: Tensor<T>,
}

impl<T: Real> Poisson<T> {
    /// From the rate, which is the mean.
    ///
    /// # Panics
    /// If a rate is not positive.
    #[track_caller]
    pub fn new(rate: &Tensor<T>) -> Poisson<T> {
        require_positive("Poisson", "rate", rate);
        Poisson { rate: rate.clone() }
    }

    /// The mean.
    pub fn rate(&self) -> &Tensor<T> {
        &self.rate
    }
}

impl<T: Real> Distribution<T> for Poisson<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        Poisson { rate: f("rate", &self.rate, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        let rate = self.rate.data();
        Sample::new(&noise.values(*self.rate.shape(), |i, words| draw(rate[i].to_f64(), words)))
    }

    /// x ln rate - rate - ln x!
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        within(&(x * self.rate.ln() - &self.rate - (x + T::ONE).lgamma()), x, is_count)
    }
}

impl<T: Real> Moments<T> for Poisson<T> {
    fn mean(&self) -> Tensor<T> {
        self.rate.clone()
    }

    fn variance(&self) -> Tensor<T> {
        self.rate.clone()
    }
}

impl<T: Real> Entropy<T> for Poisson<T> {
    /// -Σ p(x) ln p(x), term by term, within 10 √rate + 60 of the rate: time and memory grow with the
    /// root of the largest
    fn entropy(&self) -> Tensor<T> {
        let largest = self.rate.data().iter().fold(0.0, |most: f64, x| most.max(x.to_f64()));
        // What is further away has less than e^(-t² / 2 (rate + t / 3)) of the mass, t the distance
        // (Bennett 1962): below e^-50.
        let reach = (10.0 * largest.sqrt() + 60.0).ceil() as i64;
        let steps: Vec<T> = (-reach..=reach).map(|x| T::from_f64(x as f64)).collect();
        // A new first axis holds the counts.
        let column = [&[steps.len()][..], &vec![1; self.rate.rank()]].concat();
        let counts = floor(&self.rate) + Tensor::new(&steps, &column[..]);
        let log_prob = self.log_prob(&counts);
        // 0 ln 0 is 0.
        let finite = log_prob.clamp(-1e30, 0.0);
        -(log_prob.exp() * finite).sum_axes(0, false)
    }
}

impl<T: Real> Cdf<T> for Poisson<T> {
    /// 1 - P(⌊x⌋ + 1, rate) for x ≥ 0, P the incomplete gamma function
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let next = floor(x) + T::ONE;
        let above = Tensor::gammainc(&next.clamp(1.0, f64::INFINITY), &self.rate);
        let any = next.greater(&Tensor::scalar(T::ZERO));
        Tensor::select(&any, &(-above + T::ONE), &Tensor::scalar(T::ZERO))
    }
}

/// A count: arrivals within a time for small rates, else by rejection (Hörmann 1993, PTRS).
fn draw(rate: f64, words: &mut Words) -> f64 {
    if rate < 10.0 {
        let (mut time, mut count) = (words.exponential(), 0.0);
        while time < rate {
            time += words.exponential();
            count += 1.0;
        }
        return count;
    }
    let ln_rate = Real::ln(rate);
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let v_r = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = words.uniform() - 0.5;
        let v = words.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + rate + 0.43).floor();
        if us >= 0.07 && v <= v_r {
            return k;
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        let hat = Real::ln(v * inverse_alpha / (a / (us * us) + b));
        if hat <= k * ln_rate - rate - special::lgamma(k + 1.0) {
            return k;
        }
    }
}
