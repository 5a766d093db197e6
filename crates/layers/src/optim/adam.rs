//! [`Adam`] and [`AdamW`]

use elbo_tensor::kernels::optimizer::{self as kernel, adam};
use elbo_tensor::{Gradients, Real};

use super::{Moment, Optimizer, OptimizerState};
use crate::Parameters;

/// Adam (Kingma & Ba 2015, algorithm 1), with PyTorch's defaults:
///
/// ```text
///     m ← β₁ m + (1 - β₁) g,   v ← β₂ v + (1 - β₂) g²
///     w ← w - lr · m / (1 - β₁ᵗ) / ( √(v / (1 - β₂ᵗ)) + ε )
/// ```
///
/// An m below 8e-31 in `f32` and 1.5e-300 in `f64` becomes 0, and so does a v that would be denormal: arithmetic on denormal
/// numbers, such as a product of the learning rate and that m, is many times slower.
#[derive(Clone, Debug)]
pub struct Adam<T: Real = f32> {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    /// Whether weight decay acts on the weight itself, as in AdamW, or through the gradient.
    decoupled: bool,
    steps: u64,
    exp_avg: Moment<T>,
    exp_avg_sq: Moment<T>,
}

impl<T: Real> Adam<T> {
    /// β = (0.9, 0.999), ε = 1e-8, no weight decay.
    pub fn new(lr: f64) -> Adam<T> {
        Adam {
            lr,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            steps: 0,
            exp_avg: Moment::default(),
            exp_avg_sq: Moment::default(),
        }
    }

    /// Other decay rates of the moments.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Adam<T> {
        Adam { beta1, beta2, ..self }
    }

    /// Another ε.
    #[must_use]
    pub fn eps(self, eps: f64) -> Adam<T> {
        Adam { eps, ..self }
    }

    /// An L2 penalty: λ w is added to the gradient.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Adam<T> {
        Adam { weight_decay, ..self }
    }
}

/// Adam with decoupled weight decay, w ← (1 - lr λ) w before the step (Loshchilov & Hutter 2019).
#[derive(Clone, Copy, Debug)]
pub struct AdamW;

impl AdamW {
    /// PyTorch's default is λ = 0.01.
    #[expect(clippy::new_ret_no_self, reason = "AdamW is a setting of Adam, as in PyTorch's code")]
    pub fn new<T: Real>(lr: f64, weight_decay: f64) -> Adam<T> {
        Adam { weight_decay, decoupled: true, ..Adam::new(lr) }
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn step_scaled(&mut self, model: &mut dyn Parameters<T>, gradients: &Gradients<T>, scale: f64) {
        self.exp_avg.begin(model);
        self.exp_avg_sq.begin(model);
        self.steps += 1;
        let t = self.steps as f64;
        let number = T::from_f64;
        let (l2, decay) = match self.decoupled {
            true => (0.0, 1.0 - self.lr * self.weight_decay),
            false => (self.weight_decay, 1.0),
        };
        let step = kernel::Adam {
            rate: number(self.lr / (1.0 - self.beta1.powf(t))),
            scale: number((1.0 - self.beta2.powf(t)).sqrt().recip()),
            beta1: number(self.beta1),
            beta2: number(self.beta2),
            eps: number(self.eps),
            l2: number(l2),
            decay: number(decay),
            gradient_scale: number(scale),
        };
        let mut moments = self.exp_avg.0.iter_mut().zip(&mut self.exp_avg_sq.0);
        let mut changes = Vec::new();
        model.visit_mut("", &mut |name, parameter| {
            let (m, v) = moments.next().unwrap_or_else(|| panic!("Adam: {name} is new"));
            if let Some(g) = gradients.source(parameter.tensor()) {
                changes.push((g, [parameter.data_mut(), m.data_mut(), v.data_mut()]));
            }
        });
        adam(step, changes);
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn state(&self, model: &dyn Parameters<T>) -> OptimizerState<T> {
        let mut state = OptimizerState { steps: self.steps, moments: Vec::new() };
        self.exp_avg.save("exp_avg", model, &mut state);
        self.exp_avg_sq.save("exp_avg_sq", model, &mut state);
        state
    }

    fn restore(
        &mut self,
        model: &dyn Parameters<T>,
        state: &OptimizerState<T>,
    ) -> Result<(), String> {
        self.steps = state.steps;
        self.exp_avg.restore("exp_avg", model, state)?;
        self.exp_avg_sq.restore("exp_avg_sq", model, state)
    }
}
