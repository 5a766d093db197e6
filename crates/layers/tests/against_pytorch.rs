//! Optimizers and losses against PyTorch's own numbers.
//!
//! Made with torch 2.15, in float64:
//!
//! ```python
//! import torch
//! def run(make, steps=3):
//!     w = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=torch.float64, requires_grad=True)
//!     opt = make([w])
//!     for t in range(steps):
//!         opt.zero_grad()
//!         ((w - 1) ** 2 * torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)).sum().backward()
//!         opt.step()
//!     print(w.detach().flatten().tolist())
//! run(lambda p: torch.optim.SGD(p, lr=0.05))
//! run(lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1))
//! run(lambda p: torch.optim.Adam(p, lr=0.1))
//! run(lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1))
//! run(lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1))
//! ```

use elbo_layers::{Adam, AdamW, Optimizer, Parameter, Parameters, Sgd};
use elbo_tensor::Tensor;

struct Matrix(Parameter<f64>);

impl Parameters<f64> for Matrix {
    fn visit(&self, _: &str, visit: &mut dyn FnMut(&str, &Parameter<f64>)) {
        visit("w", &self.0);
    }
    fn visit_mut<'a>(&'a mut self, _: &str, visit: &mut dyn FnMut(&str, &'a mut Parameter<f64>)) {
        visit("w", &mut self.0);
    }
}

fn model() -> Matrix {
    Matrix(Parameter::new(&Tensor::from([[0.5, -1.0], [2.0, 0.25]])))
}

fn steps(model: &mut Matrix, optimizer: &mut dyn Optimizer<f64>, count: usize) -> Vec<f64> {
    let scale = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    for _ in 0..count {
        let loss = ((model.0.tensor() - 1.0).square() * &scale).sum();
        optimizer.step(model, &loss.into_gradients());
    }
    model.0.tensor().to_vec()
}

fn assert_close(got: &[f64], truth: [f64; 4]) {
    for (got, truth) in got.iter().zip(truth) {
        assert!((got - truth).abs() < 1e-12, "{got} instead of {truth}");
    }
}

#[test]
fn plain_descent() {
    let truth = [0.6355000000000001, -0.02399999999999994, 1.343, 0.838];
    assert_close(&steps(&mut model(), &mut Sgd::new(0.05), 3), truth);
}

#[test]
fn momentum_and_weight_decay() {
    let truth = [0.7430586875, 0.8905501250000001, 0.6859022499999999, 1.39421996875];
    assert_close(
        &steps(&mut model(), &mut Sgd::new(0.05).momentum(0.9).weight_decay(0.1), 3),
        truth,
    );
}

#[test]
fn adam() {
    let truth = [0.7951287474397004, -0.7006233916636408, 1.7015862719071069, 0.5475433430816251];
    assert_close(&steps(&mut model(), &mut Adam::new(0.1), 3), truth);
}

#[test]
fn adam_with_all_settings() {
    let truth = [0.7921439551959675, -0.7009921510204706, 1.7022534253159716, 0.5464892515140497];
    assert_close(
        &steps(&mut model(), &mut Adam::new(0.1).betas(0.8, 0.95).eps(1e-3).weight_decay(0.1), 3),
        truth,
    );
}

#[test]
fn adam_w() {
    let truth = [0.7777561630547124, -0.6739870506433883, 1.6456563098627672, 0.5372441538411944];
    assert_close(&steps(&mut model(), &mut AdamW::new(0.1, 0.1), 3), truth);
}

#[test]
fn a_restored_optimizer_goes_on_as_if_nothing_had_happened() {
    let make = || Adam::<f64>::new(0.1);
    let (mut whole, mut optimizer) = (model(), make());
    let truth = steps(&mut whole, &mut optimizer, 5);
    let (mut part, mut optimizer) = (model(), make());
    steps(&mut part, &mut optimizer, 2);
    let state = optimizer.state(&part);
    let mut resumed = make();
    resumed.restore(&part, &state).unwrap();
    assert_eq!(steps(&mut part, &mut resumed, 3), truth);

    let mut damaged = state.clone();
    damaged.moments.pop();
    let error = make().restore(&part, &damaged).unwrap_err();
    assert_eq!(error, "exp_avg_sq.w is missing");
}
