//! Products of matrices: those of a VAE's training step, and cubes.

use std::fmt;
use std::str::FromStr;

use elbo::bench::{Aligned, Kind, Work, time};
use elbo_tensor::Real;
use elbo_tensor::kernels::gemm::{Matrix, Product};

use super::Row;

/// M, K, N, and whether A and B are stored transposed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Shape {
    sizes: [usize; 3],
    transposed: [bool; 2],
}

impl Shape {
    const fn new(sizes: [usize; 3], transposed: [bool; 2]) -> Shape {
        Shape { sizes, transposed }
    }
}

/// The most numbers of a matrix: 8 GiB in `f32`.
const MOST: usize = 1 << 31;

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let wrong = || format!("{text:?} is no shape; one is 128x784x400 or 128x784x400:NT");
        let (sizes, letters) = text.split_once(':').unwrap_or((text, "NN"));
        let sizes: Result<Vec<usize>, _> = sizes.split('x').map(str::parse).collect();
        let sizes: [usize; 3] = sizes.ok().and_then(|s| s.try_into().ok()).ok_or_else(wrong)?;
        let transposed = match letters {
            "NN" => [false, false],
            "NT" => [false, true],
            "TN" => [true, false],
            "TT" => [true, true],
            _ => return Err(wrong()),
        };
        let [m, k, n] = sizes;
        let fits = |a: usize, b: usize| (1..=MOST).contains(&a.saturating_mul(b));
        match fits(m, k) && fits(k, n) && fits(m, n) {
            true => Ok(Shape { sizes, transposed }),
            false => Err(format!("{text}: matrices have 1 to {MOST} numbers")),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m, k, n] = self.sizes;
        let [a, b] = self.transposed.map(|transposed| if transposed { 'T' } else { 'N' });
        write!(f, "{m}x{k}x{n}:{a}{b}")
    }
}

/// Products of an A of which so much is not zero: a batch of images, forward and in the gradient of the weights, and what a rectifier
/// leaves.
const SPARSE: &[(Shape, f64)] = &[
    (Shape::new([128, 784, 400], [false, false]), 0.19),
    (Shape::new([784, 128, 400], [true, false]), 0.19),
    (Shape::new([128, 400, 784], [false, false]), 0.5),
    (Shape::new([400, 128, 784], [true, false]), 0.5),
];

/// Those that were asked for, or, if none, those of a VAE and cubes.
pub(super) fn measure(quick: bool, asked: &[Shape], report: &mut dyn FnMut(Row)) {
    let shapes = if asked.is_empty() { shapes(quick) } else { asked.to_vec() };
    let sparse = if asked.is_empty() { SPARSE } else { &[] };
    for &shape in &shapes {
        product::<f32>(shape, 1.0, Kind::F32).into_iter().for_each(&mut *report);
    }
    for &(shape, density) in sparse {
        product::<f32>(shape, density, Kind::F32).into_iter().for_each(&mut *report);
    }
    for &shape in &shapes {
        product::<f64>(shape, 1.0, Kind::F64).into_iter().for_each(&mut *report);
    }
    for &shape in &shapes {
        product::<f32>(shape, 1.0, Kind::Bf16).into_iter().for_each(&mut *report);
    }
}

fn shapes(quick: bool) -> Vec<Shape> {
    let batches: &[usize] = if quick { &[128] } else { &[32, 128, 512, 4096] };
    let cubes: &[usize] =
        if quick { &[64, 256, 1024] } else { &[64, 128, 256, 512, 1024, 2048, 4096] };
    let layers = batches.iter().flat_map(|&batch| {
        [
            ([batch, 784, 400], [false, false]),
            ([batch, 400, 784], [false, false]),
            ([batch, 400, 40], [false, false]),
            ([batch, 20, 400], [false, false]),
            // Gradients of weights, then of inputs.
            ([400, batch, 784], [true, false]),
            ([784, batch, 400], [true, false]),
            ([batch, 784, 400], [false, true]),
            ([batch, 400, 784], [false, true]),
            ([batch, 400, 20], [false, true]),
        ]
    });
    let others = cubes.iter().map(|&n| ([n; 3], [false, false]));
    let all = layers.chain([([512, 784, 512], [false, false])]).chain(others);
    all.map(|(sizes, transposed)| Shape::new(sizes, transposed)).collect()
}

/// Nothing if the factors would not be rounded as the kind says: then it is a product in `f32`.
fn product<T: Real>(shape: Shape, density: f64, kind: Kind) -> Option<Row> {
    let Shape { sizes: [m, k, n], transposed: [ta, tb] } = shape;
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
    let work = match kind {
        Kind::F32 if density < 1.0 => "gemm f32, zeros",
        Kind::F32 => "gemm f32",
        Kind::F64 => "gemm f64",
        Kind::Bf16 => "gemm bf16",
    };
    let shape = match density {
        1.0 => shape.to_string(),
        _ => format!("{shape}, {density}"),
    };
    let flop = 2.0 * (m * k * n) as f64;
    let bytes = (size_of::<T>() * (m * k + k * n + m * n)) as f64;
    let amount = Work { flop, bytes, kind };
    Some(Row::new("gemm", work, shape, amount, time(|| product.write(&mut c))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for text in ["128x784x400:NT", "1x1x1:NN", "4x5x6:TN", "4x5x6:TT"] {
            assert_eq!(text.parse::<Shape>().unwrap().to_string(), text);
        }
        assert_eq!("4x5x6".parse::<Shape>().unwrap().to_string(), "4x5x6:NN");
        for text in
            ["", "4", "4x5", "4x5x6x7", "4x5x6:", "4x5x6:NX", "axbxc", "-4x5x6", "4x5x6:NN:TT"]
        {
            let error = text.parse::<Shape>().unwrap_err();
            assert!(error.contains("is no shape"), "{text}: {error}");
        }
        for text in ["0x5x6", "4x0x6", "99999999999x5x6", "4294967296x4294967296x1"] {
            let error = text.parse::<Shape>().unwrap_err();
            assert!(error.contains("1 to"), "{text}: {error}");
        }
    }
}
