//! [`StudentT`]

use elbo_tensor::{Real, Stream, Tensor};

use super::distribution::{broadcast, require_finite, require_positive};
use super::gamma::log_standard_gamma;
use super::{Cdf, Distribution, Entropy, Moments, Reparameterized, Replace, Sample};

/// Student's variables loc + scale t, t with df degrees of freedom.
#[derive(Clone, Debug)]
pub struct StudentT<T: Real = f32> {
    df: Tensor<T>,
    loc: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Real> StudentT<T> {
    /// From the degrees of freedom, the median and the scale.
    ///
    /// # Panics
    /// If df or scale is not positive, a loc is not finite, or the shapes do not broadcast.
    #[track_caller]
    pub fn new(df: &Tensor<T>, loc: &Tensor<T>, scale: &Tensor<T>) -> StudentT<T> {
        require_positive("StudentT", "df", df);
        require_finite("StudentT", "loc", loc);
        require_positive("StudentT", "scale", scale);
        let [df, loc, scale] = broadcast("StudentT", [("df", df), ("loc", loc), ("scale", scale)]);
        StudentT { df, loc, scale }
    }

    /// ln B(df / 2, ½)
    fn log_normalizer(&self) -> Tensor<T> {
        const LN_GAMMA_HALF: f64 = 0.572_364_942_924_700_1;
        let half = &self.df * T::from_f64(0.5);
        half.lgamma() - (half + T::from_f64(0.5)).lgamma() + T::from_f64(LN_GAMMA_HALF)
    }

    /// `moment` where df is above `bound`, `else` elsewhere.
    fn above(&self, bound: f64, moment: &Tensor<T>, otherwise: &Tensor<T>) -> Tensor<T> {
        Tensor::select(&self.df.greater(&Tensor::scalar(T::from_f64(bound))), moment, otherwise)
    }
}

impl<T: Real> Distribution<T> for StudentT<T> {
    fn map(&self, f: &mut Replace<'_, T>) -> Self {
        let df = f("df", &self.df, 0);
        StudentT { df, loc: f("loc", &self.loc, 0), scale: f("scale", &self.scale, 0) }
    }

    fn sample(&self, noise: &mut Stream) -> Sample<T> {
        Sample::new(&self.detach().rsample(noise))
    }

    /// -½ (df + 1) ln(1 + t² / df) - ½ ln df - ln B(df / 2, ½) - ln scale, with t = (x - loc) / scale
    #[track_caller]
    fn log_prob(&self, x: &Tensor<T>) -> Tensor<T> {
        let squares = ((x - &self.loc) / &self.scale).square() / &self.df;
        let half = T::from_f64(-0.5);
        (&self.df + T::ONE) * squares.ln_1p() * half + self.df.ln() * half
            - self.log_normalizer()
            - self.scale.ln()
    }
}

impl<T: Real> Reparameterized<T> for StudentT<T> {
    /// loc + scale eps / √(g / (df / 2)), where g is a gamma variable of concentration df / 2, whose
    /// path is implicit
    fn rsample(&self, noise: &mut Stream) -> Tensor<T> {
        let half = &self.df * T::from_f64(0.5);
        let eps = noise.normal(*self.df.shape());
        let ln_g = log_standard_gamma(&half, noise);
        let t = eps * ((half.ln() - ln_g) * T::from_f64(0.5)).exp();
        &self.loc + &self.scale * t
    }
}

impl<T: Real> Moments<T> for StudentT<T> {
    /// loc for df > 1, else NaN
    fn mean(&self) -> Tensor<T> {
        self.above(1.0, &self.loc, &Tensor::scalar(T::NAN))
    }

    /// scale² df / (df - 2) for df > 2, ∞ for df > 1, else NaN
    fn variance(&self) -> Tensor<T> {
        let finite = self.scale.square() * &self.df / (&self.df - T::from_f64(2.0));
        let scalar = |x| Tensor::scalar(x);
        self.above(2.0, &finite, &self.above(1.0, &scalar(T::INFINITY), &scalar(T::NAN)))
    }
}

impl<T: Real> Entropy<T> for StudentT<T> {
    /// ½ (df + 1) (ψ((df + 1) / 2) - ψ(df / 2)) + ½ ln df + ln B(df / 2, ½) + ln scale
    fn entropy(&self) -> Tensor<T> {
        let half = T::from_f64(0.5);
        let (low, high) = (&self.df * half, (&self.df + T::ONE) * half);
        &high * (high.digamma() - low.digamma())
            + self.df.ln() * half
            + self.log_normalizer()
            + self.scale.ln()
    }
}

impl<T: Real> Cdf<T> for StudentT<T> {
    /// ½ I(df / 2, ½) at df / (df + t²) is the tail beyond t (Abramowitz & Stegun 26.7.1); near the
    /// median, where that cancels, its complement I(½, df / 2). Not differentiable in x at loc itself.
    #[track_caller]
    fn cdf(&self, x: &Tensor<T>) -> Tensor<T> {
        let t = (x - &self.loc) / &self.scale;
        let (squares, half) = (t.square(), Tensor::scalar(T::from_f64(0.5)));
        let (low, sum) = (&self.df * T::from_f64(0.5), &squares + &self.df);
        let tail = Tensor::betainc(&low, &half, &(&self.df / &sum)) * T::from_f64(0.5);
        let near = Tensor::betainc(&half, &low, &(&squares / &sum)) * T::from_f64(0.5);
        let is_far = squares.greater(&self.df);
        let tail = Tensor::select(&is_far, &tail, &(-near + T::from_f64(0.5)));
        let above = t.greater(&Tensor::scalar(T::ZERO));
        Tensor::select(&above, &(-&tail + T::ONE), &tail)
    }
}
