//! Distribution functions that are integrals, with their derivatives by the parameters: the incomplete
//! gamma and beta functions, and the von Mises distribution. What they compute is in
//! [`special`](crate::special).

use ndarray::{ArrayD, IxDyn};

use super::arithmetic::common;
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::threads::{chunks_mut, for_each_chunk};
use crate::special::{self, integrate};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// P(a, x) = ∫₀ˣ t^(a-1) e^(-t) dt / Γ(a), the regularized lower incomplete gamma function, element
    /// by element, for a > 0; NaN elsewhere, 0 for x ≤ 0. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast; in a derivative with respect to a of an order above
    /// [`GAMMAINC_MAX_ORDER`](special::GAMMAINC_MAX_ORDER).
    #[track_caller]
    pub fn gammainc(a: &Tensor<T>, x: &Tensor<T>) -> Tensor<T> {
        run(Gammainc, [a.clone(), x.clone()])
    }

    /// (∂P(a, x) / ∂a) / (∂P(a, x) / ∂ ln x), given ln x: minus the speed at which ln x moves with a
    /// while P(a, x) stands still. Finite also where both derivatives underflow. Broadcasts.
    ///
    /// # Panics
    /// As [`gammainc`](Tensor::gammainc).
    #[track_caller]
    pub fn gammainc_ratio(a: &Tensor<T>, ln_x: &Tensor<T>) -> Tensor<T> {
        run(GammaincRatio(1), [a.clone(), ln_x.clone()])
    }

    /// Iₓ(a, b) = ∫₀ˣ t^(a-1) (1 - t)^(b-1) dt / B(a, b), the regularized incomplete beta function,
    /// element by element, for a, b > 0; NaN elsewhere. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast; in a derivative with respect to a and b of an order above
    /// [`BETAINC_MAX_ORDER`](special::BETAINC_MAX_ORDER).
    #[track_caller]
    pub fn betainc(a: &Tensor<T>, b: &Tensor<T>, x: &Tensor<T>) -> Tensor<T> {
        run(Betainc([0, 0]), [a.clone(), b.clone(), x.clone()])
    }

    /// F(x; κ) = ∫ e^(κ cos t) dt / (2π I₀(κ)) over t from -π to x, the distribution function of the von
    /// Mises distribution, element by element, for κ > 0; NaN elsewhere. Broadcasts.
    ///
    /// # Panics
    /// If the shapes do not broadcast; in a derivative with respect to κ of an order above
    /// [`VON_MISES_MAX_ORDER`](special::VON_MISES_MAX_ORDER).
    #[track_caller]
    pub fn von_mises_cdf(x: &Tensor<T>, kappa: &Tensor<T>) -> Tensor<T> {
        run(VonMisesCdf(0), [x.clone(), kappa.clone()])
    }
}

/// Elements that a thread takes at a time: each takes about a microsecond.
const GRAIN: usize = 64;

/// y = f(x₀, x₁, …), element by element, with broadcasting.
#[track_caller]
fn map<T: Real, const K: usize>(
    name: &str,
    inputs: &[Tensor<T>],
    f: impl Fn([f64; K]) -> f64 + Sync,
) -> Tensor<T> {
    let shape = inputs.iter().fold(inputs[0].shape, |shape, x| common(name, &shape, &x.shape));
    let inputs: Vec<Tensor<T>> = inputs.iter().map(|x| x.broadcast_to(shape)).collect();
    let value = |i: usize| T::from_f64(f(std::array::from_fn(|k| inputs[k].data()[i].to_f64())));
    Tensor::write(shape, |y| {
        for_each_chunk(chunks_mut(y, GRAIN), |chunk, y| {
            y.iter_mut().enumerate().for_each(|(i, y)| *y = value(chunk * GRAIN + i));
        });
    })
}

/// The same for the reference of a check.
fn map_naive<const K: usize>(inputs: &[ArrayD<f64>], f: impl Fn([f64; K]) -> f64) -> ArrayD<f64> {
    let zeros = inputs.iter().fold(ArrayD::zeros(IxDyn(&[])), |sum, x| sum + x * 0.0);
    let inputs: Vec<ArrayD<f64>> = inputs.iter().map(|x| x + &zeros).collect();
    let mut i = 0;
    zeros.mapv(|_: f64| {
        i += 1;
        f(std::array::from_fn(|k| *inputs[k].iter().nth(i - 1).expect("the common shape")))
    })
}

/// Random inputs of operations of two or three operands, from an interval each.
fn draw<const K: usize>(any: &mut Sampler, domains: [[f64; 2]; K]) -> [ArrayD<f64>; K] {
    let (a, b) = any.broadcastable_up_to(2);
    let mut shapes = [a, b, a].into_iter();
    domains.map(|[low, high]| {
        let shape = shapes.next().expect("at most three");
        ArrayD::from_shape_simple_fn(&*shape, || any.between(low, high))
    })
}

/// ln(xᵃ e⁻ˣ / Γ(a)), given ln x.
fn log_gamma_density<T: Real>(a: &Tensor<T>, ln_x: &Tensor<T>) -> Tensor<T> {
    a * ln_x - ln_x.exp() - a.lgamma()
}

/// y = P(a, x)
#[derive(Clone, Copy)]
pub(super) struct Gammainc;

impl<T: Real> Op<T> for Gammainc {
    fn name(&self) -> &'static str {
        "gammainc"
    }

    fn rule(&self) -> &'static str {
        "x̄ = xᵃ⁻¹ e⁻ˣ / Γ(a) ȳ, ā = ∂P/∂a ȳ"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        map("gammainc", inputs, |[a, x]| special::gammainc(a, x))
    }

    fn vjp(&self, v: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (a, x) = (v.input(0), v.input(1));
        let ln_x = x.ln();
        let gy = gy * log_gamma_density(&a, &ln_x).exp();
        let ga = v.wanted(0, || (&gy * Tensor::gammainc_ratio(&a, &ln_x)).into_sum_to(v.shape(0)));
        vec![ga, v.wanted(1, || (gy / x).into_sum_to(v.shape(1)))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for Gammainc {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        vec![Case::new(Gammainc, draw(any, [[0.5, 6.0], [0.2, 9.0]]))]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        map_naive(inputs, |[a, x]| gamma_integral(0, a, x))
    }
}

/// ∂ⁿP(a, x) / ∂aⁿ: the integral of the derivative of the density.
fn gamma_integral(n: usize, a: f64, x: f64) -> f64 {
    let [psi, psi1, psi2] = [0, 1, 2].map(|n| special::polygamma(n, a));
    integrate(0.0, x, |t, from_end| {
        let t = if t < 0.5 * x { from_end } else { t };
        let score = t.ln() - psi;
        let factor = match n {
            0 => 1.0,
            1 => score,
            2 => score.powi(2) - psi1,
            _ => score.powi(3) - 3.0 * score * psi1 - psi2,
        };
        factor * ((a - 1.0) * t.ln() - t - libm::lgamma(a)).exp()
    })
}

/// y = (∂ⁿP(a, x) / ∂aⁿ) / (∂P(a, x) / ∂ ln x), given ln x
#[derive(Clone, Copy)]
pub(super) struct GammaincRatio(usize);

impl<T: Real> Op<T> for GammaincRatio {
    fn name(&self) -> &'static str {
        "gammainc_ratio"
    }

    fn rule(&self) -> &'static str {
        "y = N / D: ā = (∂N/∂a / D - y ∂ ln D/∂a) ȳ, and so for ln x"
    }

    fn needs(&self) -> Needs {
        Needs::ALL
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        map("gammainc_ratio", inputs, |[a, ln_x]| special::gammainc_ratio(self.0, a, ln_x))
    }

    fn vjp(&self, v: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (a, ln_x, y) = (v.input(0), v.input(1), v.output());
        let score = &ln_x - a.digamma();
        let ga = v.wanted(0, || {
            let next = run(GammaincRatio(self.0 + 1), [a.clone(), ln_x.clone()]);
            (&gy * (next - &score * &y)).into_sum_to(v.shape(0))
        });
        let gx = v.wanted(1, || {
            // The derivative of order n of the density, divided by it.
            let density = match self.0 {
                1 => score.clone(),
                2 => score.square() - a.polygamma(1),
                3 => {
                    let three = T::from_f64(3.0);
                    score.powi(3) - &score * a.polygamma(1) * three - a.polygamma(2)
                }
                n => panic!("gammainc_ratio: no rule for the derivative of order {n}"),
            };
            (gy * (density - (&a - ln_x.exp()) * &y)).into_sum_to(v.shape(1))
        });
        vec![ga, gx]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for GammaincRatio {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let n = any.integer(1..=2) as usize;
        vec![Case::new(GammaincRatio(n), draw(any, [[0.7, 6.0], [-1.0, 2.0]]))]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        map_naive(inputs, |[a, ln_x]| {
            let density = (a * ln_x - ln_x.exp() - libm::lgamma(a)).exp();
            gamma_integral(self.0, a, ln_x.exp()) / density
        })
    }
}

/// y = ∂ⁱ⁺ʲ Iₓ(a, b) / ∂aⁱ ∂bʲ
#[derive(Clone, Copy)]
pub(super) struct Betainc([usize; 2]);

/// The derivative of order (i, j) of xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b), with respect to a and b, divided by it.
fn beta_density_ratio<T: Real>(
    [i, j]: [usize; 2],
    a: &Tensor<T>,
    b: &Tensor<T>,
    x: &Tensor<T>,
) -> Tensor<T> {
    let sum = a + b;
    let score_a = || x.ln() - a.digamma() + sum.digamma();
    let score_b = || (-x).ln_1p() - b.digamma() + sum.digamma();
    match [i, j] {
        [0, 0] => Tensor::scalar(T::ONE),
        [1, 0] => score_a(),
        [0, 1] => score_b(),
        [2, 0] => score_a().square() - a.polygamma(1) + sum.polygamma(1),
        [1, 1] => score_a() * score_b() + sum.polygamma(1),
        [0, 2] => score_b().square() - b.polygamma(1) + sum.polygamma(1),
        orders => panic!("betainc: no rule for the derivative of order {orders:?}"),
    }
}

impl<T: Real> Op<T> for Betainc {
    fn name(&self) -> &'static str {
        "betainc"
    }

    fn rule(&self) -> &'static str {
        "x̄ = xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b) ȳ, ā = ∂I/∂a ȳ, b̄ = ∂I/∂b ȳ"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        map("betainc", inputs, |[a, b, x]| special::betainc(self.0, a, b, x))
    }

    fn vjp(&self, v: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let [i, j] = self.0;
        let inputs = [0, 1, 2].map(|i| v.input(i));
        let next = |orders, index| {
            v.wanted(index, || {
                (&gy * run(Betainc(orders), inputs.clone())).into_sum_to(v.shape(index))
            })
        };
        let [a, b, x] = &inputs;
        let gx = v.wanted(2, || {
            let log_beta = a.lgamma() + b.lgamma() - (a + b).lgamma();
            let log_density = (a - T::ONE) * x.ln() + (b - T::ONE) * (-x).ln_1p() - log_beta;
            let density = log_density.exp() * beta_density_ratio(self.0, a, b, x);
            (&gy * density).into_sum_to(v.shape(2))
        });
        vec![next([i + 1, j], 0), next([i, j + 1], 1), gx]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for Betainc {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let domains = [[0.7, 5.0], [0.7, 5.0], [0.05, 0.95]];
        let orders = [[0, 0], [1, 0], [0, 1]];
        orders.map(|orders| Case::new(Betainc(orders), draw(any, domains))).into()
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        map_naive(inputs, |[a, b, x]| {
            let psi = special::digamma;
            let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
            integrate(0.0, x, |t, from_end| {
                let t = if t < 0.5 * x { from_end } else { t };
                let factor = match self.0 {
                    [1, 0] => t.ln() - psi(a) + psi(a + b),
                    [0, 1] => (-t).ln_1p() - psi(b) + psi(a + b),
                    _ => 1.0,
                };
                factor * ((a - 1.0) * t.ln() + (b - 1.0) * (-t).ln_1p() - log_beta).exp()
            })
        })
    }
}

/// y = ∂ⁿF(x; κ) / ∂κⁿ of the von Mises distribution
#[derive(Clone, Copy)]
pub(super) struct VonMisesCdf(usize);

impl<T: Real> Op<T> for VonMisesCdf {
    fn name(&self) -> &'static str {
        "von_mises_cdf"
    }

    fn rule(&self) -> &'static str {
        "x̄ = e^(κ cos x) / (2π I₀(κ)) ȳ, κ̄ = ∂F/∂κ ȳ"
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        map("von_mises_cdf", inputs, |[x, kappa]| special::von_mises_cdf(self.0, x, kappa))
    }

    fn vjp(&self, v: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let (x, kappa) = (v.input(0), v.input(1));
        let gx = v.wanted(0, || {
            let cos = x.cos();
            let log_density = &cos * &kappa - kappa.log_i0() - T::from_f64(LN_2PI);
            let score = cos - kappa.log_i0_derivative(1);
            let ratio = match self.0 {
                0 => Tensor::scalar(T::ONE),
                1 => score,
                2 => score.square() - kappa.log_i0_derivative(2),
                n => panic!("von_mises_cdf: no rule for the derivative of order {n}"),
            };
            (&gy * log_density.exp() * ratio).into_sum_to(v.shape(0))
        });
        let gk = v.wanted(1, || {
            let next = run(VonMisesCdf(self.0 + 1), [x.clone(), kappa.clone()]);
            (&gy * next).into_sum_to(v.shape(1))
        });
        vec![gx, gk]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

/// ln 2π
const LN_2PI: f64 = 1.837_877_066_409_345_3;

impl Checked for VonMisesCdf {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let n = any.integer(0..=1) as usize;
        vec![Case::new(VonMisesCdf(n), draw(any, [[-3.0, 3.0], [0.2, 8.0]]))]
    }

    // The Fourier series, with the Bessel functions by their integrals.
    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        use std::f64::consts::{PI, TAU};
        map_naive(inputs, |[x, kappa]| {
            // Equal steps are the best rule for a periodic function.
            let cosine = |j: f64, k: i32| {
                let density = |t: f64| (j * t).cos() * t.cos().powi(k) * (kappa * t.cos()).exp();
                (0..200).map(|i| density((f64::from(i) + 0.5) * PI / 200.0)).sum::<f64>() / 200.0
            };
            let (i0, i1) = (cosine(0.0, 0), cosine(0.0, 1));
            let terms = (1..40).map(f64::from).map(|j| {
                let term = match self.0 {
                    0 => cosine(j, 0) / i0,
                    _ => cosine(j, 1) / i0 - cosine(j, 0) * i1 / (i0 * i0),
                };
                term * (j * x).sin() / j
            });
            let linear = if self.0 == 0 { x / TAU + 0.5 } else { 0.0 };
            linear + terms.sum::<f64>() / PI
        })
    }
}
