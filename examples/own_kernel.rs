//! A kernel of yours beside ours: the same work, checked, timed in the same way, and set against what
//! this machine can do.
//!
//! `cargo run --release --example own_kernel`: put your product in the place of [`yours`].

use elbo::bench::{Kind, Machine, Timing, Work, time};
use elbo::prelude::*;
use elbo::tensor::kernels::gemm::{Matrix, gemm};
use elbo::tensor::kernels::threads;

/// Rows of A, columns of A, columns of B: the second layer of a small VAE with a batch of 128 images.
const M: usize = 128;
const K: usize = 400;
const N: usize = 784;

/// C ← A B, row-major: the order of loops that reads B and writes C along rows.
fn yours(a: &[f32], b: &[f32], c: &mut [f32]) {
    c.fill(0.0);
    for (a, c) in a.chunks_exact(K).zip(c.chunks_exact_mut(N)) {
        for (a, b) in a.iter().zip(b.chunks_exact(N)) {
            for (c, b) in c.iter_mut().zip(b) {
                *c += a * b;
            }
        }
    }
}

/// Panics where two results differ by more than rounding explains: K sums, each of at most |a| |b|.
fn check(c: &[f32], expected: &[f32], a: &[f32], b: &[f32]) {
    let largest = |x: &[f32]| x.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let rounding = K as f32 * largest(a) * largest(b) * f32::EPSILON * (K as f32).sqrt();
    for (i, (c, expected)) in c.iter().zip(expected).enumerate() {
        let near = (c - expected).abs() <= rounding;
        assert!(near, "row {}, column {}: {c}, not {expected}", i / N, i % N);
    }
}

fn main() {
    threads::set(1);
    let machine = Machine::measure(1);
    let mut noise = Stream::new(1);
    let (a, b): (Tensor, Tensor) = (noise.normal([M, K]), noise.normal([K, N]));
    let (a, b) = (a.data(), b.data());
    let (mut our_c, mut your_c) = (vec![0.0; M * N], vec![0.0; M * N]);

    let ours = time(|| gemm(Matrix::new(a, M, K), Matrix::new(b, K, N), false, &mut our_c));
    let yours = time(|| yours(a, b, &mut your_c));
    // A fast kernel that is wrong is worth nothing.
    check(&your_c, &our_c, a, b);

    let work = Work {
        flop: 2.0 * (M * K * N) as f64,
        bytes: (size_of::<f32>() * (M * K + K * N + M * N)) as f64,
        kind: Kind::F32,
    };
    let peak = machine.peak(work.kind);
    println!("{}, {}: {peak:.0} GFLOP/s on one thread", machine.cpu, machine.isa);
    println!(
        "{M} x {K} x {N}: {:.1} operations per byte, {} bound",
        work.intensity(),
        machine.bound(&work)
    );
    for (name, Timing { median, least, most, .. }) in [("ours", ours), ("yours", yours)] {
        let rate = work.flop / median * 1e-9;
        println!(
            "{name:<6} {:>8.1} µs ({:.1} to {:.1}) {rate:>7.1} GFLOP/s {:>4.0} % of the peak",
            1e6 * median,
            1e6 * least,
            1e6 * most,
            100.0 * rate / peak
        );
    }
}
