//! One library of matrix products: for each shape that it is given, GFLOP/s.
//!
//! `peer-gemm LIBRARY f32|f64 THREADS` where LIBRARY is elbo, faer, gemm, matrixmultiply, or the path of a
//! shared library with the functions of CBLAS. It reads shapes, one in a line, such as `128x784x400:NT`:
//! M × K × N, and for each factor whether it is stored as it is or transposed. It answers each with a line: one sample.

mod library;
mod sample;
mod shape;

use elbo::bench::Aligned;

use crate::library::{Float, Library};
use crate::sample::Sampler;
use crate::shape::Shape;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, kind, threads] = &args[..] else {
        panic!("usage: peer-gemm LIBRARY f32|f64 THREADS")
    };
    let threads = threads.parse().expect("a number of threads");
    elbo::tensor::kernels::threads::set(threads);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("a pool of threads");
    match kind.as_str() {
        "f32" => run::<f32>(library, threads),
        "f64" => run::<f64>(library, threads),
        _ => panic!("{kind}: f32 or f64"),
    }
}

fn run<T: Float>(name: &str, threads: usize) {
    let library = Library::<T>::open(name, threads);
    let mut lines = std::io::stdin().lines().map(|line| line.expect("a line")).peekable();
    while let Some(line) = lines.next() {
        let shape: Shape = line.parse().unwrap();
        let (a, b) = (numbers(shape.m * shape.k, 7), numbers(shape.k * shape.n, 5));
        let mut c = Aligned::new(shape.m * shape.n, |_| T::ZERO);
        library.multiply(&shape, &a, &b, &mut c);
        check(&shape, &a, &b, &c);
        let mut sampler = Sampler::new(|| library.multiply(&shape, &a, &b, &mut c));
        let mut answer = || println!("{:.3}", shape.flop() * 1e-9 / sampler.sample());
        answer();
        while lines.next_if_eq(&line).is_some() {
            answer();
        }
    }
}

/// Small whole numbers, so that every product can be checked exactly. Like our tensors and the matrices of faer and PyTorch, they
/// begin with a cache line: a large `Vec` mostly begins 16 bytes behind one.
fn numbers<T: Float>(count: usize, step: usize) -> Aligned<T> {
    Aligned::new(count, |i| T::from_f64((i * step % 17) as f64 - 8.0))
}

/// A library that is fast and wrong has no place in the table.
fn check<T: Float>(shape: &Shape, a: &[T], b: &[T], c: &[T]) {
    let ((ar, ac), (br, bc)) = shape.steps();
    for (i, j) in [(0, 0), (shape.m / 2, shape.n / 3), (shape.m - 1, shape.n - 1)] {
        let terms = (0..shape.k).map(|l| a[i * ar + l * ac].to_f64() * b[l * br + j * bc].to_f64());
        let (expected, found) = (terms.sum::<f64>(), c[i * shape.n + j].to_f64());
        assert_eq!(found, expected, "{shape}, element ({i}, {j})");
    }
}
