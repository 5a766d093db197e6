//! [`VonMises`]

use std::f64::consts::{PI, TAU};

use elbo_tensor::{Real, Stream, Tensor, Words};

use super::distribution::{broadcast, require_finite, require_positive};
use super::{
    Cdf, Distribution, Entropy, LN_2PI, Moments, Reparameterized, Replace, Sample, implicit,
};

/// Angles with density e^(κ cos(x - loc)) / (2π I₀(κ)), κ the concentration. Draws lie in [-π, π).
#[derive(Clone, Debug)]
pub struct VonMises<T: Real = f32> {
    loc: Tensor<T>,
    concentration: Tensor<T>,
}

impl<T: Real> VonMises<T> {
    /// From the mean angle and the concentration.
    ///
    /// # Panics
    /// If a loc is not finite, a concentration is not positive, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Tensor<T>, concentration: &Tensor<T>) -> VonMises<T> {
        require_finite("VonMises", "loc", loc);
        require_positive("VonMises", "concentration", concentration);
        let [loc, concentration] =
            broadcast("VonMises", [("loc", loc), ("concentration", concentration)]);
        VonMises { loc, concentration }
    }

    /// The mean angle.
    pub fn loc(&self) -> &Tensor<T> {
        &self.loc
    }

    /// κ
    pub fn concentration(&self) -> &Tensor<T> {
        &self.concentration
    }
}

/// x with as many turns taken off that it lies in [-π, π).
fn wrapped<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    let turns = Tensor::write(*x.shape(), |turns| {
        for (turns, x) in turns.iter_mut().zip(x.data()) {
            *turns = T::from_f64(((x.to_f64() + PI) / TAU).floor() * -TAU);
        }
    });
    // A bit of rounding may lead beyond an end.
    (x + turns).clamp(-PI, T::from_f64(PI).next_down().to_f64())
}

impl<T: Real> Distribution<T> for VonMises<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let loc = f("loc", &self.loc, 0);
        VonMises { loc, concentration: f("concentration", &self.concentration, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// κ cos(x - loc) - ln 2π - ln I₀(κ), for any angle x
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let k = &self.concentration;
        (x - &self.loc).cos() * k - k.log_i0() - T::from_f64(LN_2PI)
    }
}

impl<T: Real> Reparameterized<T> for VonMises<T> {
    /// An angle around 0, whose path to κ is implicit, turned by loc
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let kappa = self.concentration.data();
        let angle = noise.values(*self.loc.shape(), |i, words| draw(kappa[i].to_f64(), words));
        let centred = VonMises {
            loc: self.loc.detach() * T::ZERO,
            concentration: self.concentration.clone(),
        };
        wrapped(&(&self.loc + implicit::attach(&centred, &wrapped(&angle))))
    }
}

impl<T: Real> Moments<T> for VonMises<T> {
    /// The mean angle.
    fn mean(&self) -> Tensor<T> {
        self.loc.clone()
    }

    /// The circular variance 1 - E cos(x - loc) = 1 - I₁(κ) / I₀(κ)
    fn variance(&self) -> Tensor<T> {
        -self.concentration.log_i0_derivative(1) + T::ONE
    }
}

impl<T: Real> Entropy<T> for VonMises<T> {
    /// ln 2π + ln I₀(κ) - κ I₁(κ) / I₀(κ)
    fn entropy(&self) -> Tensor<T> {
        let k = &self.concentration;
        k.log_i0() - k * k.log_i0_derivative(1) + T::from_f64(LN_2PI)
    }
}

impl<T: Real> Cdf<T> for VonMises<T> {
    /// The probability of an angle from loc - π to x, for x within π of loc; 0 and 1 beyond
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        Tensor::von_mises_cdf(&(x - &self.loc), &self.concentration)
    }
}

/// An angle around 0 by rejection from a wrapped Cauchy distribution (Best & Fisher 1979).
fn draw(kappa: f64, words: &mut Words) -> f64 {
    if kappa < 1e-5 {
        // All angles are alike, but for what rounding would make of ρ.
        return PI * (2.0 * words.uniform() - 1.0);
    }
    let tau = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
    let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * kappa);
    let r = (1.0 + rho * rho) / (2.0 * rho);
    loop {
        let z = Real::cos(PI * words.uniform());
        let f = (1.0 + r * z) / (r + z);
        let c = kappa * (r - f);
        if Real::ln(c) + 1.0 - c >= -words.exponential() {
            let angle = libm::acos(f.clamp(-1.0, 1.0));
            return if words.uniform() < 0.5 { -angle } else { angle };
        }
    }
}
