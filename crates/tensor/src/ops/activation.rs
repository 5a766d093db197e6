//! Activation functions; names and definitions are PyTorch's.

use ndarray::{ArrayD, Zip};

use super::map::{Domain, Map, Unary};
use super::math::unary;
use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::kernels::elementwise::{Function1, Function2, zip, zip_assign};
pub(super) use crate::kernels::math::function::{Gelu, Sigmoid, Silu, Softplus, Tanh};
use crate::{Batch, Needs, Op, Real, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// tanh x, element by element.
    pub fn tanh(&self) -> Tensor<T> {
        run(Map(Tanh), [self.clone()])
    }

    /// 1 / (1 + e^(-x)), element by element.
    pub fn sigmoid(&self) -> Tensor<T> {
        run(Map(Sigmoid), [self.clone()])
    }

    /// ln(1 + eˣ), element by element, without overflow.
    pub fn softplus(&self) -> Tensor<T> {
        run(Map(Softplus), [self.clone()])
    }

    /// max(x, 0), element by element; the derivative at 0 is 0.
    pub fn relu(&self) -> Tensor<T> {
        run(Map(Relu), [self.clone()])
    }

    /// x where x > 0, else slope · x; the derivative at 0 is the slope.
    ///
    /// # Panics
    /// If the slope is negative: the sign of the output must be that of the input.
    #[track_caller]
    pub fn leaky_relu(&self, slope: f64) -> Tensor<T> {
        assert!(slope >= 0.0, "leaky_relu: slope {slope} is negative");
        run(Map(LeakyRelu(slope)), [self.clone()])
    }

    /// x where x > 0, else α (eˣ - 1).
    pub fn elu(&self, alpha: f64) -> Tensor<T> {
        run(Map(Elu(alpha)), [self.clone()])
    }

    /// x Φ(x) with Φ the normal distribution function: the exact form (Hendrycks & Gimpel 2016).
    pub fn gelu(&self) -> Tensor<T> {
        run(Map(Gelu), [self.clone()])
    }

    /// x sigmoid(x), also called swish.
    pub fn silu(&self) -> Tensor<T> {
        run(Map(Silu), [self.clone()])
    }
}

unary! {
    Tanh, "tanh", "x̄ = (1 - y²) ȳ", Needs::OUTPUT,
    vjp: |v, gy| gy * v.output().square().subtracted_from(1.0),
    reference: |x| (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    samples: |_any| vec![(Tanh, Domain::new(-4.0, 4.0))],
}

unary! {
    Sigmoid, "sigmoid", "x̄ = y (1 - y) ȳ", Needs::OUTPUT,
    vjp: |v, gy| {
        let y = v.output();
        gy * y.clone().subtracted_from(1.0) * y
    },
    reference: |x| 1.0 / (1.0 + (-x).exp()),
    samples: |_any| vec![(Sigmoid, Domain::new(-6.0, 6.0))],
}

unary! {
    Softplus, "softplus", "x̄ = sigmoid(x) ȳ", Needs::INPUTS,
    vjp: |v, gy| gy * v.input(0).sigmoid(),
    reference: |x| (1.0 + x.exp()).ln(),
    samples: |_any| vec![(Softplus, Domain::new(-6.0, 6.0))],
}

unary! {
    Relu, "relu", "x̄ = ȳ where y > 0, else 0", Needs::OUTPUT,
    // One instruction; NaN stays.
    light: true,
    value: |x| if x < T::ZERO { T::ZERO } else { x },
    vjp: |v, gy| gy.gate(&v.output(), 0.0),
    reference: |x| if x > 0.0 { x } else { 0.0 },
    samples: |_any| vec![(Relu, Domain::new(-3.0, 3.0).without(0.0))],
}

unary! {
    LeakyRelu(slope: f64), "leaky_relu", "x̄ = ȳ where y > 0, else slope ȳ", Needs::OUTPUT,
    light: true,
    value: |x| if x > T::ZERO { x } else { x * T::from_f64(slope) },
    vjp: |v, gy| gy.gate(&v.output(), slope),
    reference: |x| if x > 0.0 { x } else { slope * x },
    samples: |any| {
        let domain = Domain::new(-3.0, 3.0).without(0.0);
        vec![(LeakyRelu(any.between(0.01, 0.5)), domain)]
    },
}

unary! {
    Elu(alpha: f64), "elu", "x̄ = ȳ where x > 0, else α eˣ ȳ", Needs::INPUTS,
    value: |x| if x > T::ZERO { x } else { x.exp_m1() * T::from_f64(alpha) },
    vjp: |v, gy| {
        let x = v.input(0);
        let positive = x.greater(&Tensor::scalar(T::ZERO));
        // e^min(x, 0): the branch that is not taken must not overflow.
        let below = x.clamp(f64::NEG_INFINITY, 0.0).exp() * T::from_f64(alpha);
        Tensor::select(&positive, &gy, &(&gy * below))
    },
    reference: |x| if x > 0.0 { x } else { alpha * (x.exp() - 1.0) },
    samples: |any| vec![(Elu(any.between(0.5, 2.0)), Domain::new(-3.0, 3.0).without(0.0))],
}

unary! {
    Gelu, "gelu", "x̄ = (Φ(x) + x φ(x)) ȳ", Needs::INPUTS,
    vjp: |v, gy| {
        let x = v.input(0);
        let half = T::from_f64(0.5);
        let cdf = ((&x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf() + T::ONE) * half;
        let density = (x.square() * -half).exp() * T::from_f64(0.5 * std::f64::consts::FRAC_2_SQRT_PI
            * std::f64::consts::FRAC_1_SQRT_2);
        gy * (cdf + x * density)
    },
    reference: |x| x * 0.5 * libm::erfc(-x / 2f64.sqrt()),
    samples: |_any| vec![(Gelu, Domain::new(-4.0, 4.0))],
}

unary! {
    Silu, "silu", "x̄ = s (1 + x (1 - s)) ȳ, s = sigmoid(x)", Needs::INPUTS,
    vjp: |v, gy| {
        let x = v.input(0);
        let s = x.sigmoid();
        gy * ((x * s.clone().subtracted_from(1.0) + T::ONE) * s)
    },
    reference: |x| x / (1.0 + (-x).exp()),
    samples: |_any| vec![(Silu, Domain::new(-6.0, 6.0))],
}

/// g where y > 0, else slope · g: the derivative of the rectifiers, in one pass over memory.
#[derive(Clone, Copy)]
pub(super) struct Gate(f64);

#[derive(Clone, Copy)]
struct GateFunction<T>(T);

impl<U: Real> Function2 for GateFunction<U> {
    #[inline(always)]
    fn call<T: Real>(self, g: T, y: T) -> T {
        let slope = T::from_f64(self.0.to_f64());
        if y > T::ZERO { g } else { g * slope }
    }
}

impl<T: Real> Tensor<T> {
    /// This where `y` > 0, else `slope` times this.
    pub(super) fn gate(self, y: &Tensor<T>, slope: f64) -> Tensor<T> {
        run(Gate(slope), [self, y.clone()])
    }
}

impl<T: Real> Op<T> for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn rule(&self) -> &'static str {
        "ḡ = z̄ where y > 0, else slope z̄"
    }

    fn needs(&self) -> Needs {
        Needs::input(1)
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let shape = inputs[0].shape;
        assert_eq!(shape, inputs[1].shape, "gate: shapes");
        let f = GateFunction(T::from_f64(self.0));
        let y = inputs[1].clone();
        match inputs[0].take_buffer() {
            Some(mut g) => {
                zip_assign(f, (&mut g, &shape), (y.data(), &shape));
                Tensor::from_buffer(g, shape)
            }
            None => Tensor::write(shape, |out| {
                zip(f, (inputs[0].data(), &shape), (y.data(), &shape), (out, &shape));
            }),
        }
    }

    fn vjp(&self, values: &Values<'_, T>, gz: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        // The output is constant in y, except at 0 where it jumps.
        vec![values.wanted(0, || gz.gate(&values.input(1), self.0)), None]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        values.elementwise(input)
    }
}

impl Checked for Gate {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let shape = any.shape(0..=3);
        let y = any.normal(&shape).mapv(|y| y + 0.1 * y.signum());
        vec![Case::new(Gate(any.between(0.0, 1.0)), [any.normal(&shape), y])]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        Zip::from(&inputs[0])
            .and(&inputs[1])
            .map_collect(|g, y| if *y > 0.0 { *g } else { g * self.0 })
    }
}
