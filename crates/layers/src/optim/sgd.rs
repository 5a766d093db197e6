//! [`Sgd`]

use elbo_tensor::kernels::optimizer::{self as kernel, sgd};
use elbo_tensor::{Gradients, Real};

use super::{Moment, Optimizer, OptimizerState};
use crate::Parameters;

/// Stochastic gradient descent with momentum, as in PyTorch: u ← μ u + g + λ w, w ← w - lr u. A denormal u
/// is 0.
#[derive(Clone, Debug)]
pub struct Sgd<T: Real = f32> {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    steps: u64,
    velocity: Moment<T>,
}

impl<T: Real> Sgd<T> {
    /// Without momentum.
    pub fn new(lr: f64) -> Sgd<T> {
        Sgd { lr, momentum: 0.0, weight_decay: 0.0, steps: 0, velocity: Moment::default() }
    }

    /// With momentum μ.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Sgd<T> {
        Sgd { momentum, ..self }
    }

    /// An L2 penalty: λ w is added to the gradient.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Sgd<T> {
        Sgd { weight_decay, ..self }
    }
}

impl<T: Real> Optimizer<T> for Sgd<T> {
    fn step_scaled(&mut self, model: &mut dyn Parameters<T>, gradients: &Gradients<T>, scale: f64) {
        self.velocity.begin(model);
        self.steps += 1;
        let step = kernel::Sgd {
            rate: T::from_f64(self.lr),
            momentum: T::from_f64(self.momentum),
            l2: T::from_f64(self.weight_decay),
            gradient_scale: T::from_f64(scale),
        };
        let mut velocities = self.velocity.0.iter_mut();
        let mut changes = Vec::new();
        model.visit_mut("", &mut |name, parameter| {
            let velocity = velocities.next().unwrap_or_else(|| panic!("Sgd: {name} is new"));
            if let Some(g) = gradients.source(parameter.tensor()) {
                changes.push((g, [parameter.data_mut(), velocity.data_mut()]));
            }
        });
        sgd(step, changes);
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }

    fn state(&self, model: &dyn Parameters<T>) -> OptimizerState<T> {
        let mut state = OptimizerState { steps: self.steps, moments: Vec::new() };
        self.velocity.save("momentum_buffer", model, &mut state);
        state
    }

    fn restore(
        &mut self,
        model: &dyn Parameters<T>,
        state: &OptimizerState<T>,
    ) -> Result<(), String> {
        self.steps = state.steps;
        self.velocity.restore("momentum_buffer", model, state)
    }
}
