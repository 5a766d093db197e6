//! [`Gamma`], and the draw of a gamma variable on which other families stand.

use elbo_tensor::{Needs, Op, Real, Stream, Tensor, Values, Words, apply};

use super::distribution::{away_from, broadcast, require_positive, within};
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Gamma variables with density rateᵃ x^(a-1) e^(-rate x) / Γ(a) for x > 0, a the concentration.
///
/// The path of a draw is implicit (Figurnov, Mohamed & Mnih 2018):
///
/// ```
/// # use elbo_layers::dist::{Distribution, Gamma, Reparameterized};
/// # use elbo_tensor::{Stream, Tensor};
/// let a = Tensor::from([2.5f64]).requires_grad();
/// let z = Gamma::new(&a, &Tensor::from([1.0])).expand([100_000]).rsample(&mut Stream::new(1));
/// let gradient = z.mean().backward()[&a].item(); // d E z / da = 1
/// assert!((gradient - 1.0).abs() < 0.01, "{gradient}");
/// ```
#[derive(Clone, Debug)]
pub struct Gamma<T: Real = f32> {
    concentration: Tensor<T>,
    rate: Tensor<T>,
}

impl<T: Real> Gamma<T> {
    /// From the concentration (shape) and the rate (1 / scale).
    ///
    /// # Panics
    /// If a parameter is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(concentration: &Tensor<T>, rate: &Tensor<T>) -> Gamma<T> {
        require_positive("Gamma", "concentration", concentration);
        require_positive("Gamma", "rate", rate);
        let [concentration, rate] =
            broadcast("Gamma", [("concentration", concentration), ("rate", rate)]);
        Gamma { concentration, rate }
    }

    /// The shape a.
    pub fn concentration(&self) -> &Tensor<T> {
        &self.concentration
    }

    /// 1 / scale
    pub fn rate(&self) -> &Tensor<T> {
        &self.rate
    }

    /// ln z of the draw z that [`rsample`](Reparameterized::rsample) makes of the same noise, with its
    /// path: exact also where z itself underflows, as most draws do for a concentration below 0.01.
    ///
    /// ```
    /// # use elbo_layers::dist::{Gamma, Reparameterized};
    /// # use elbo_tensor::{Stream, Tensor};
    /// let gamma = Gamma::new(&Tensor::from([1e-5f64]), &Tensor::from([1.0]));
    /// assert!(gamma.rsample_log(&mut Stream::new(1)).item() < -1000.0);
    /// assert_eq!(gamma.rsample(&mut Stream::new(1)).item(), f64::MIN_POSITIVE);
    /// ```
    pub fn rsample_log(&self, noise: &mut Stream) -> Tensor<T> {
        log_standard_gamma(&self.concentration, noise) - self.rate.ln()
    }
}

impl<T: Real> Distribution<T> for Gamma<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let concentration = f("concentration", &self.concentration, 0);
        Gamma { concentration, rate: f("rate", &self.rate, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// a ln rate + (a - 1) ln x - rate x - ln Γ(a) for x ≥ 0; ∞ at 0 for a < 1
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let (a, power) = (&self.concentration, &self.concentration - T::ONE);
        let pull = &power * away_from(T::ZERO, x, &power).ln();
        let log_prob = a * self.rate.ln() + pull - &self.rate * x - a.lgamma();
        within(&log_prob, x, |x| x >= 0.0)
    }
}

impl<T: Real> Reparameterized<T> for Gamma<T> {
    /// g / rate with a standard gamma variable g. What is below the smallest normal number is held
    /// there, with gradient 0, which biases gradients of ln z for small concentrations:
    /// [`rsample_log`](Gamma::rsample_log) has the logarithm as it is.
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        self.rsample_log(noise).exp().clamp(T::MIN_POSITIVE.to_f64(), f64::INFINITY)
    }
}

impl<T: Real> Moments<T> for Gamma<T> {
    fn mean(&self) -> Tensor<T> {
        &self.concentration / &self.rate
    }

    fn variance(&self) -> Tensor<T> {
        &self.concentration / self.rate.square()
    }
}

impl<T: Real> Entropy<T> for Gamma<T> {
    /// a - ln rate + ln Γ(a) + (1 - a) ψ(a)
    fn entropy(&self) -> Tensor<T> {
        let a = &self.concentration;
        a - self.rate.ln() + a.lgamma() + (-a + T::ONE) * a.digamma()
    }
}

impl<T: Real> Cdf<T> for Gamma<T> {
    /// P(a, rate x)
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        Tensor::gammainc(&self.concentration, &(&self.rate * x))
    }
}

/// ln g of gamma variables g with rate 1, with their path to the concentration. The logarithm exists
/// also where g underflows, as it does for small concentrations.
pub(super) fn log_standard_gamma<T: Real>(
    concentration: &Tensor<T>,
    noise: &mut Stream,
) -> Tensor<T> {
    let a = concentration.data();
    let ln_g = noise.values(*concentration.shape(), |i, words| draw(a[i].to_f64(), words));
    apply(LogGamma(ln_g), [concentration.clone()])
}

/// ln g by rejection (Marsaglia & Tsang 2000); a concentration below 1 is raised by 1, and the draw
/// multiplied with u^(1/a).
fn draw(a: f64, words: &mut Words) -> f64 {
    let raised = if a < 1.0 { a + 1.0 } else { a };
    let d = raised - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    let ln_g = loop {
        let x = words.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let (ln_v, v) = (3.0 * Real::ln(root), root * root * root);
        if -words.exponential() < 0.5 * x * x + d * (1.0 - v + ln_v) {
            break Real::ln(d) + ln_v;
        }
    };
    if a < 1.0 { ln_g - words.exponential() / a } else { ln_g }
}

/// The logarithm of a draw that was made, as a function of the concentration.
struct LogGamma<T: Real>(Tensor<T>);

impl<T: Real> Op<T> for LogGamma<T> {
    fn name(&self) -> &'static str {
        "log_gamma_sample"
    }

    fn rule(&self) -> &'static str {
        "ā = -(∂P(a, g)/∂a) / (g p(g)) ȳ"
    }

    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn forward(&self, _: &mut [Tensor<T>]) -> Tensor<T> {
        self.0.clone()
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(-(gy * Tensor::gammainc_ratio(&values.input(0), &values.output())))]
    }
}
