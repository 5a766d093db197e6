//! [`Training`]: q on its way to the posterior.

use elbo_estimators::{Draws, Estimator, Expectation, Pathwise};
use elbo_layers::dist::Independent;
use elbo_layers::{Distribution, Normal};
use elbo_tensor::{Stream, Tensor, grad};

use super::data::Table;

pub(super) type Weights = Independent<Normal<f64>>;

/// The settings of Mohamed et al.: rows in a step, draws in a step, learning rate at the beginning.
const BATCH: usize = 32;
pub(super) const DRAWS: usize = 50;
const LR: f64 = 1e-3;

/// Draws for the loss.
const LOSS_DRAWS: usize = 1000;

/// Gradient descent on the loss.
pub(super) struct Training<'a> {
    table: &'a Table,
    mu: Tensor<f64>,
    log_sigma: Tensor<f64>,
    steps: usize,
    done: usize,
    noise: Stream,
}

impl<'a> Training<'a> {
    pub(super) fn new(table: &'a Table, steps: usize, seed: u64) -> Training<'a> {
        let d = table.x.shape()[1];
        let (mu, log_sigma) = (Tensor::zeros([d]), Tensor::zeros([d]));
        // Blocks of a study have the streams from 1 on.
        let noise = Stream::new(seed).substream(u64::MAX);
        Training { table, mu, log_sigma, steps, done: 0, noise }
    }

    /// E f at the parameters of now, where f is summed over rows and multiplied by `scale`.
    pub(super) fn problem(
        &self,
        x: &Tensor<f64>,
        y: &Tensor<f64>,
        scale: f64,
    ) -> Expectation<f64, Weights> {
        let (x, y) = (x.clone(), y.clone());
        Expectation::new(
            [("mu", self.mu.clone()), ("log_sigma", self.log_sigma.clone())],
            |[mu, log_sigma]| Independent::new(Normal::new(mu, &(log_sigma * 2.0))),
            move |w| {
                let logits = w.matmul_nt(&x);
                let targets = y.broadcast_to(*logits.shape());
                logits.bce_with_logits(&targets) * scale
            },
        )
    }

    pub(super) fn go_to(&mut self, step: usize) {
        while self.done < step {
            let along = self.done as f64 / self.steps as f64;
            let lr = LR * (0.5 * std::f64::consts::PI * along).cos();
            let rows = self.table.y.count();
            let batch: Vec<usize> = self.noise.permutation(rows).into_iter().take(BATCH).collect();
            let (x, y) =
                (self.table.x.index_select(0, &batch), self.table.y.index_select(0, &batch));
            let problem = self.problem(&x, &y, rows as f64 / batch.len() as f64);
            let estimate = Pathwise.estimate(&problem, Draws::new(1, DRAWS), &mut self.noise);
            let [mu, log_sigma] = [&self.mu, &self.log_sigma].map(Tensor::requires_grad);
            let divergence = Tensor::gaussian_kl(&mu, &(&log_sigma * 2.0)).sum();
            let divergence = grad(&divergence, [&mu, &log_sigma]);
            let moved = |value: &Tensor<f64>, i: usize| {
                value - (estimate[i].reshape(*value.shape()) + divergence[i].detach()) * lr
            };
            (self.mu, self.log_sigma) = (moved(&self.mu, 0), moved(&self.log_sigma, 1));
            self.done += 1;
        }
    }

    /// The loss over all rows, in nats, with f from a thousand draws.
    pub(super) fn loss(&self, problem: &Expectation<f64, Weights>) -> f64 {
        let leaves = problem.leaves(LOSS_DRAWS);
        let noise = &mut self.noise.substream(u64::MAX - 1);
        let w = problem.family(&leaves).sample(noise).constant();
        let divergence = Tensor::gaussian_kl(&self.mu, &(&self.log_sigma * 2.0)).sum().item();
        problem.constant_cost(&w).mean().item() + divergence
    }
}
