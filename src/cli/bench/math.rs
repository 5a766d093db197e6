//! Functions of one number on a million of them, losses and noise: bytes count here.

use elbo::bench::{Work, time};
use elbo::prelude::*;
use elbo_tensor::kernels::math::{Function, map};

use super::Row;

pub(super) fn measure(quick: bool, report: &mut impl FnMut(Row)) {
    let count = if quick { 1 << 17 } else { 1 << 20 };
    let x: Tensor = Stream::new(1).normal([count]);
    let positive = x.abs() + 0.1;
    let target: Tensor = Stream::new(2).uniform([count], 0.0, 1.0);
    let mut noise = Stream::new(3);
    // Bytes are those of the operands and of the result.
    let mut row = |work: &'static str, bytes: usize, call: &mut dyn FnMut()| {
        let amount = Work { flop: 0.0, bytes: (bytes * count) as f64, double: false };
        let timing = time(call);
        report(Row { family: "math", work, shape: format!("[{count}] f32"), amount, timing });
    };
    let mut out = vec![0.0f32; count];
    row("copy", 8, &mut || out.copy_from_slice(x.data()));
    for &function in Function::ALL {
        let x = match function {
            Function::Ln | Function::Sqrt => &positive,
            _ => &x,
        };
        row(function.name(), 8, &mut || map(function, x.data(), &mut out));
    }
    row("sum", 4, &mut || drop(x.sum()));
    let logits = x.requires_grad();
    row("bce fwd + bwd", 12, &mut || {
        drop(logits.bce_with_logits(&target).sum().into_gradients());
    });
    row("normal", 4, &mut || drop(noise.normal::<f32>([count])));
    row("bernoulli", 8, &mut || drop(noise.bernoulli(&target)));
}
