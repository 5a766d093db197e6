//! Optimizers change parameters in place; schedules say how fast.

mod adam;
mod schedule;
mod sgd;

pub use adam::{Adam, AdamW};
pub use schedule::Schedule;
pub use sgd::Sgd;

use elbo_tensor::{Gradients, Real, Tensor};

use crate::Parameters;

/// What turns gradients into better parameters.
pub trait Optimizer<T: Real = f32>: Send {
    /// One step. Parameters that the loss does not depend on stay as they are.
    ///
    /// # Panics
    /// If the parameters are not those of the first step.
    fn step(&mut self, model: &mut dyn Parameters<T>, gradients: &Gradients<T>) {
        self.step_scaled(model, gradients, 1.0);
    }

    /// One step with all gradients times a factor, as clipping wants it.
    ///
    /// # Panics
    /// If the parameters are not those of the first step.
    fn step_scaled(&mut self, model: &mut dyn Parameters<T>, gradients: &Gradients<T>, scale: f64);

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Changes the learning rate: what a [`Schedule`] does.
    fn set_lr(&mut self, lr: f64);

    /// All that the next step depends on, by name.
    fn state(&self, model: &dyn Parameters<T>) -> OptimizerState<T>;

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If a moment is missing or has another shape: the message names it.
    fn restore(
        &mut self,
        model: &dyn Parameters<T>,
        state: &OptimizerState<T>,
    ) -> Result<(), String>;
}

/// What an optimizer remembers between steps.
#[derive(Clone, Debug, Default)]
pub struct OptimizerState<T: Real = f32> {
    /// Steps taken.
    pub steps: u64,
    /// Moments by name, `exp_avg.encoder.0.weight`, in the layout of the stored parameter.
    pub moments: Vec<(String, Tensor<T>)>,
}

/// The Euclidean norm of all gradients together.
///
/// To clip at `max`, scale the step by `(max / norm).min(1.0)`.
pub fn gradient_norm<T: Real>(gradients: &Gradients<T>) -> f64 {
    gradients.iter().map(|g| g.square().sum().item().to_f64()).sum::<f64>().sqrt()
}

/// One remembered number per trained number, for each parameter in the order of the visit.
#[derive(Clone, Debug, Default)]
struct Moment<T: Real>(Vec<Tensor<T>>);

impl<T: Real> Moment<T> {
    /// Begins with 0, on the first step.
    fn begin(&mut self, model: &dyn Parameters<T>) {
        if self.0.is_empty() {
            model.visit("", &mut |_, p| self.0.push(Tensor::zeros(*p.tensor().shape())));
        }
    }

    fn save(&self, kind: &str, model: &dyn Parameters<T>, state: &mut OptimizerState<T>) {
        let mut moments = self.0.iter();
        model.visit("", &mut |name, parameter| {
            if let Some(moment) = moments.next() {
                state.moments.push((format!("{kind}.{name}"), parameter.to_stored(moment)));
            }
        });
    }

    fn restore(
        &mut self,
        kind: &str,
        model: &dyn Parameters<T>,
        state: &OptimizerState<T>,
    ) -> Result<(), String> {
        self.0.clear();
        if state.steps == 0 {
            return Ok(());
        }
        let mut result = Ok(());
        model.visit("", &mut |name, parameter| {
            let name = format!("{kind}.{name}");
            let expected = parameter.stored_shape();
            match state.moments.iter().find(|(saved, _)| *saved == name) {
                Some((_, saved)) if *saved.shape() == expected => {
                    let mut moment = Tensor::zeros(*parameter.tensor().shape());
                    moment.data_mut().copy_from_slice(parameter.from_stored(saved).data());
                    self.0.push(moment);
                }
                Some((_, saved)) => {
                    result = Err(format!("{name} is {}, expected {expected}", saved.shape()));
                }
                None => result = Err(format!("{name} is missing")),
            }
        });
        result
    }
}
