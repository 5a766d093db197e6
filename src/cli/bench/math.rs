//! Functions of one number on a million of them, losses and noise: bytes count here.
//!
//! What is done to one number counts as one operation, a sum or a sine: read "GFLOP/s" as numbers per
//! nanosecond.

use elbo::bench::{Aligned, Kind, Work, time};
use elbo::prelude::*;
use elbo_tensor::kernels::math::{Function, map};
use elbo_tensor::kernels::threads;

use super::Row;

/// Numbers that a thread copies at a time.
const CHUNK: usize = 1 << 16;

/// Logits of an image.
const LOGITS: usize = 1 << 10;

pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    let count = if quick { 1 << 17 } else { 1 << 20 };
    functions::<f32>(count, report);
    functions::<f64>(count, report);
}

fn functions<T: Real>(count: usize, report: &mut dyn FnMut(Row)) {
    let x: Tensor<T> = Stream::new(1).normal([count]);
    let positive = x.abs() + T::from_f64(0.1);
    let target: Tensor<T> = Stream::new(2).uniform([count], 0.0, 1.0);
    let mut noise = Stream::new(3);
    // Numbers read and written for each element.
    let mut row = |work: &'static str, numbers: usize, call: &mut dyn FnMut()| {
        report(Row {
            family: "math",
            work,
            shape: format!("[{count}] {}", T::NAME),
            amount: Work {
                flop: count as f64,
                bytes: (numbers * size_of::<T>() * count) as f64,
                kind: if T::NAME == "f64" { Kind::F64 } else { Kind::F32 },
            },
            timing: time(call),
            images: None,
            alone: None,
        });
    };
    let mut out = Aligned::new(count, |_| T::ZERO);
    row("copy", 2, &mut || {
        threads::for_each_chunk(threads::chunks_mut(&mut out, CHUNK), |i, out| {
            out.copy_from_slice(&x.data()[i * CHUNK..][..out.len()]);
        });
    });
    for &function in Function::ALL {
        let x = match function {
            Function::Ln | Function::Ln1p | Function::Sqrt => &positive,
            _ => &x,
        };
        row(function.name(), 2, &mut || map(function, x.data(), &mut out));
    }
    row("relu", 2, &mut || drop(x.relu()));
    row("add", 3, &mut || drop(&x + &target));
    row("sum", 1, &mut || drop(x.sum()));
    let shape = [count / LOGITS, LOGITS];
    let (logits, target) = (x.reshape(shape).requires_grad(), target.reshape(shape));
    row("bce fwd + bwd", 3, &mut || {
        drop(logits.bce_with_logits(&target).sum().into_gradients());
    });
    row("normal", 1, &mut || drop(noise.normal::<T>([count])));
    row("bernoulli", 2, &mut || drop(noise.bernoulli(&target)));
}
