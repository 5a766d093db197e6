//! Products of matrices: those of a VAE's training step, and cubes.

use elbo::bench::{Aligned, Kind, Work, time};
use elbo_tensor::Real;
use elbo_tensor::kernels::gemm::{Matrix, Product};

use super::Row;

/// M, K, N, and whether A and B are stored transposed.
type Shape = ([usize; 3], bool, bool);

/// Products of an A of which so much is not zero: a batch of images, forward and in the gradient of the weights, and what a rectifier
/// leaves.
const SPARSE: &[(Shape, f64)] = &[
    (([128, 784, 400], false, false), 0.19),
    (([784, 128, 400], true, false), 0.19),
    (([128, 400, 784], false, false), 0.5),
    (([400, 128, 784], true, false), 0.5),
];

pub(super) fn measure(quick: bool, report: &mut dyn FnMut(Row)) {
    let shapes = shapes(quick);
    for shape in &shapes {
        product::<f32>(shape, 1.0, Kind::F32).into_iter().for_each(&mut *report);
    }
    for &(shape, density) in SPARSE {
        product::<f32>(&shape, density, Kind::F32).into_iter().for_each(&mut *report);
    }
    for shape in &shapes {
        product::<f64>(shape, 1.0, Kind::F64).into_iter().for_each(&mut *report);
    }
    for shape in &shapes {
        product::<f32>(shape, 1.0, Kind::Bf16).into_iter().for_each(&mut *report);
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

/// Nothing if the factors would not be rounded as the kind says: then it is a product in `f32`.
fn product<T: Real>(&([m, k, n], ta, tb): &Shape, density: f64, kind: Kind) -> Option<Row> {
    let number = |i: usize| T::from_f64((i * 7919 % 1013) as f64 / 506.5 - 1.0);
    let is_there = |i: usize| (i * 104_729 % 1009) as f64 <= density * 1009.0;
    let a = Aligned::new(m * k, |i| if is_there(i) { number(i) } else { T::ZERO });
    let b = Aligned::new(k * n, number);
    let mut c = Aligned::new(m * n, |_| T::ZERO);
    let matrix = |data, rows, columns, transposed| match transposed {
        true => Matrix::new(data, columns, rows).transpose(),
        false => Matrix::new(data, rows, columns),
    };
    let (a, b) = (matrix(&a, m, k, ta), matrix(&b, k, n, tb));
    let product = Product::new(a, b).precision(kind.precision());
    if kind == Kind::Bf16 && !product.is_rounded() {
        return None;
    }
    let letter = |transposed| if transposed { 'T' } else { 'N' };
    let work = match kind {
        Kind::F32 if density < 1.0 => "gemm f32, zeros",
        Kind::F32 => "gemm f32",
        Kind::F64 => "gemm f64",
        Kind::Bf16 => "gemm bf16",
    };
    let shape = match density {
        1.0 => format!("{m}x{k}x{n}:{}{}", letter(ta), letter(tb)),
        _ => format!("{m}x{k}x{n}:{}{}, {density}", letter(ta), letter(tb)),
    };
    let flop = 2.0 * (m * k * n) as f64;
    let bytes = (size_of::<T>() * (m * k + k * n + m * n)) as f64;
    let amount = Work { flop, bytes, kind };
    Some(Row::new("gemm", work, shape, amount, time(|| product.write(&mut c))))
}
