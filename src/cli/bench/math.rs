//! Functions of one number on a million of them, losses, reductions and noise: bytes count here.
//!
//! Nobody counts the operations of a sine. Whether they or the bytes take longer is seen from the time that the same
//! work takes with numbers that are in the caches; with what a call costs beside, some hundredths of it.

use elbo::bench::{Aligned, Kind, Work, time};
use elbo::prelude::*;
use elbo_tensor::kernels::math::{Function, map};
use elbo_tensor::kernels::threads;

use super::Row;

/// Numbers that a thread copies at a time.
const CHUNK: usize = 1 << 16;

/// Logits of an image, and of a categorical variable.
const LOGITS: usize = 1 << 10;
const CLASSES: usize = 1 << 4;

/// Numbers of the work whose operands are in the caches of one core: at most half a MiB.
const IN_CACHE: usize = 1 << 14;

pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    let count = if quick { 1 << 17 } else { 1 << 20 };
    functions::<f32>(count, report);
    functions::<f64>(count, report);
}

fn functions<T: Real>(count: usize, report: &mut dyn FnMut(Row)) {
    for (mut piece, mut small) in pieces::<T>(count).into_iter().zip(pieces::<T>(IN_CACHE)) {
        let amount = Work {
            flop: piece.operations.unwrap_or(0.0) * count as f64,
            bytes: (piece.numbers * size_of::<T>() * count) as f64,
            kind: if T::NAME == "f64" { Kind::F64 } else { Kind::F32 },
        };
        let timing = time(&mut piece.call);
        let in_cache = piece.operations.is_none().then(|| {
            let one = threads::with(1, || time(&mut small.call)).median;
            one * count as f64 / (IN_CACHE * threads::count()) as f64
        });
        let shape = format!("[{count}] {}", T::NAME);
        report(Row { in_cache, ..Row::new("math", piece.name, shape, amount, timing) });
    }
}

/// Some work on each of many numbers.
struct Piece {
    name: &'static str,
    /// Numbers read and written for each.
    numbers: usize,
    /// Operations for each, where they are counted.
    operations: Option<f64>,
    call: Box<dyn FnMut()>,
}

fn pieces<T: Real>(count: usize) -> Vec<Piece> {
    let x: Tensor<T> = Stream::new(1).normal([count]);
    let positive = x.abs() + T::from_f64(0.1);
    let target: Tensor<T> = Stream::new(2).uniform([count], 0.0, 1.0);
    let mut pieces = Vec::new();
    let mut add = |name, numbers, operations, call| {
        pieces.push(Piece { name, numbers, operations, call });
    };

    let (from, mut out) = (x.clone(), Aligned::new(count, |_| T::ZERO));
    let copy = move || {
        threads::for_each_chunk(threads::chunks_mut(&mut out, CHUNK), |i, out| {
            out.copy_from_slice(&from.data()[i * CHUNK..][..out.len()]);
        });
    };
    add("copy", 2, Some(0.0), Box::new(copy) as Box<dyn FnMut()>);
    for &function in Function::ALL {
        let x = match function {
            Function::Ln | Function::Ln1p | Function::Sqrt => positive.clone(),
            _ => x.clone(),
        };
        let mut out = Aligned::new(count, |_| T::ZERO);
        add(function.name(), 2, None, Box::new(move || map(function, x.data(), &mut out)));
    }
    let (a, b) = (x.clone(), target.clone());
    add("add", 3, Some(1.0), Box::new(move || drop(&a + &b)));
    let a = x.clone();
    add("relu", 2, Some(1.0), Box::new(move || drop(a.relu())));
    let a = x.clone();
    add("sum", 1, Some(1.0), Box::new(move || drop(a.sum())));

    let shape = [count / LOGITS, LOGITS];
    let (a, rows) = (x.reshape(shape), x.reshape(shape).requires_grad());
    add("log_sum_exp", 1, None, Box::new(move || drop(a.log_sum_exp(1, false))));
    let a = x.reshape(shape);
    add("softmax", 2, None, Box::new(move || drop(a.softmax(1))));
    let a = x.reshape([count / CLASSES, CLASSES]);
    add("softmax of 16", 2, None, Box::new(move || drop(a.softmax(1))));
    let b = target.reshape(shape);
    let loss = move || drop(rows.bce_with_logits(&b).sum().into_gradients());
    add("bce fwd + bwd", 5, None, Box::new(loss));

    let mut noise = Stream::new(3);
    add("normal", 1, None, Box::new(move || drop(noise.normal::<T>([count]))));
    let mut noise = Stream::new(4);
    add("bernoulli", 2, None, Box::new(move || drop(noise.bernoulli(&target))));
    pieces
}
