//! Products of matrices: those of a VAE's training step, and cubes.

use elbo::bench::{Aligned, Kind, Work, time};
use elbo_tensor::Real;
use elbo_tensor::kernels::gemm::{Matrix, Product};

use super::Row;

/// M, K, N, and whether A and B are stored transposed.
type Shape = ([usize; 3], bool, bool);

pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    let shapes = shapes(quick);
    for shape in &shapes {
        report(product::<f32>(shape, Kind::F32));
    }
    for shape in &shapes {
        report(product::<f64>(shape, Kind::F64));
    }
    for shape in &shapes {
        report(product::<f32>(shape, Kind::Bf16));
    }
}

fn shapes(quick: bool) -> Vec<Shape> {
    let batches: &[usize] = if quick { &[128] } else { &[32, 128, 512, 4096] };
    let cubes: &[usize] =
        if quick { &[64, 256, 1024] } else { &[64, 128, 256, 512, 1024, 2048, 4096] };
    let layers = batches.iter().flat_map(|&batch| {
        [
            ([batch, 784, 400], false, false),
            ([batch, 400, 784], false, false),
            ([batch, 400, 40], false, false),
            ([batch, 20, 400], false, false),
            // Gradients of weights, then of inputs.
            ([400, batch, 784], true, false),
            ([784, batch, 400], true, false),
            ([batch, 784, 400], false, true),
            ([batch, 400, 784], false, true),
        ]
    });
    let others = cubes.iter().map(|&n| ([n; 3], false, false));
    layers.chain([([512, 784, 512], false, false)]).chain(others).collect()
}

fn product<T: Real>(&([m, k, n], ta, tb): &Shape, kind: Kind) -> Row {
    let number = |i: usize| T::from_f64((i * 7919 % 1013) as f64 / 506.5 - 1.0);
    let (a, b) = (Aligned::new(m * k, number), Aligned::new(k * n, number));
    let mut c = Aligned::new(m * n, |_| T::ZERO);
    let matrix = |data, rows, columns, transposed| match transposed {
        true => Matrix::new(data, columns, rows).transpose(),
        false => Matrix::new(data, rows, columns),
    };
    let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
    let product = Product::new(a, b).precision(kind.precision());
    let letter = |transposed| if transposed { 'T' } else { 'N' };
    let work = match kind {
        Kind::F32 => "gemm f32",
        Kind::F64 => "gemm f64",
        Kind::Bf16 => "gemm bf16",
    };
    let shape = format!("{m}x{k}x{n}:{}{}", letter(ta), letter(tb));
    let flop = 2.0 * (m * k * n) as f64;
    let bytes = (size_of::<T>() * (m * k + k * n + m * n)) as f64;
    Row::new("gemm", work, shape, Work { flop, bytes, kind }, time(|| product.write(&mut c)))
}
