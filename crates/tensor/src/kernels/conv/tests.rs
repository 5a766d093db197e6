use proptest::prelude::*;

use super::super::isa::available;
use super::super::threads;
use super::*;

/// Products of all that meet, one after the other.
fn naive(sizes: &Sizes, x: &[f64], w: &[f64], gy: &[f64]) -> [Vec<f64>; 3] {
    let (mut y, mut gx, mut gw) = (vec![0.0; gy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    let [rows, columns] = sizes.axes;
    let position = |axis: Axis, i: usize, k: usize| {
        let at = (i * axis.stride + k * axis.dilation).checked_sub(axis.padding)?;
        (at < axis.input).then_some(at)
    };
    for image in 0..sizes.batch * sizes.groups {
        let group = image % sizes.groups;
        for (o, c) in (0..sizes.outputs).flat_map(|o| (0..sizes.inputs).map(move |c| (o, c))) {
            let to = (image * sizes.outputs + o) * area(sizes.output());
            let from = (image * sizes.inputs + c) * area(sizes.input());
            let taps = ((group * sizes.outputs + o) * sizes.inputs + c) * sizes.taps();
            for (i, j) in (0..rows.output).flat_map(|i| (0..columns.output).map(move |j| (i, j))) {
                for (k, l) in
                    (0..rows.kernel).flat_map(|k| (0..columns.kernel).map(move |l| (k, l)))
                {
                    let (row, column) = (position(rows, i, k), position(columns, j, l));
                    let (Some(row), Some(column)) = (row, column) else { continue };
                    let (to, from) =
                        (to + i * columns.output + j, from + row * columns.input + column);
                    let tap = taps + k * columns.kernel + l;
                    y[to] += x[from] * w[tap];
                    gx[from] += gy[to] * w[tap];
                    gw[tap] += gy[to] * x[from];
                }
            }
        }
    }
    [y, gx, gw]
}

fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let number = |i: usize| (i * 7919 + seed * 31) % 1013;
    (0..count).map(|i| T::from_f64(number(i) as f64 / 506.5 - 1.0)).collect()
}

/// All three kernels on one instruction set, on operands that are not aligned.
fn all<T: Real>(isa: Isa, sizes: &Sizes, seed: usize) -> [Vec<T>; 3] {
    let [x, w, gy] = [sizes.input_length(), sizes.weight_length(), sizes.output_length()]
        .map(|count| numbers::<T>(count + 1, seed));
    let results = [gy.len(), x.len(), w.len()].map(|count| vec![T::from_f64(9.0); count]);
    let [mut y, mut gx, mut gw] = results;
    conv2d_on(isa, sizes, &x[1..], &w[1..], Finish { bias: None, relu: false }, &mut y[1..]);
    conv2d_input_on(isa, sizes, &gy[1..], &w[1..], &mut gx[1..]);
    weight::gradient(isa, sizes, &x[1..], &gy[1..], &mut gw[1..]);
    [y, gx, gw].map(|result| result[1..].to_vec())
}

fn agree<T: Real>(sizes: &Sizes, seed: usize, tolerance: f64) {
    let [x, w, gy] =
        [sizes.input_length(), sizes.weight_length(), sizes.output_length()].map(|count| {
            numbers::<T>(count + 1, seed)[1..].iter().map(|x| x.to_f64()).collect::<Vec<_>>()
        });
    let truth = naive(sizes, &x, &w, &gy);
    let best = all::<T>(available()[0], sizes, seed);
    for (result, truth) in best.iter().zip(&truth) {
        let scale = truth.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
        for (result, truth) in result.iter().zip(truth) {
            assert!((result.to_f64() - truth).abs() <= tolerance * scale, "{sizes:?}");
        }
    }
    for isa in available() {
        assert!(all::<T>(isa, sizes, seed) == best, "{isa}: {sizes:?}: other bits");
    }
    let bias = numbers::<T>(sizes.groups * sizes.outputs, seed + 1);
    let area = area(sizes.output());
    let finished = |relu: bool, (i, sum): (usize, &T)| {
        let y = *sum + bias[i / area % bias.len()];
        if relu && y < T::ZERO { T::ZERO } else { y }
    };
    for (isa, relu) in available().into_iter().flat_map(|isa| [(isa, false), (isa, true)]) {
        let (x, w) = (numbers(sizes.input_length() + 1, seed), numbers(w.len() + 1, seed));
        let mut y = vec![T::from_f64(9.0); gy.len()];
        let finish = Finish { bias: Some(&bias), relu };
        conv2d_on(isa, sizes, &x[1..], &w[1..], finish, &mut y);
        let expected: Vec<T> = best[0].iter().enumerate().map(|at| finished(relu, at)).collect();
        assert!(y == expected, "{isa}: {sizes:?}: bias, relu {relu}");
    }
    for threads in [1, 3, 8] {
        let results = threads::with(threads, || all::<T>(available()[0], sizes, seed));
        assert!(results == best, "{threads} threads: {sizes:?}: other bits");
    }
}

fn axis() -> impl Strategy<Value = Axis> {
    (1usize..=4, 1usize..=3, 0usize..=3, 1usize..=3, 0usize..=35).prop_map(
        |(kernel, stride, padding, dilation, extra)| {
            let span = dilation * (kernel - 1) + 1;
            let input = (span + extra).saturating_sub(2 * padding).max(1);
            let output = (input + 2 * padding - span) / stride + 1;
            Axis { input, output, kernel, stride, padding, dilation }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_plain_loops_and_with_itself(
        batch in 0usize..4, groups in 1usize..3, inputs in 1usize..6, outputs in 1usize..18,
        axes in [axis(), axis()], seed in 0usize..1000,
    ) {
        let sizes = Sizes { batch, groups, inputs, outputs, axes };
        agree::<f32>(&sizes, seed, 1e-4);
        agree::<f64>(&sizes, seed, 1e-12);
    }
}

#[test]
fn an_image_of_several_bands() {
    let axis = |input, stride| {
        let output = (input + 2 - 3) / stride + 1;
        Axis { input, output, kernel: 3, stride, padding: 1, dilation: 1 }
    };
    for stride in [1, 2] {
        let axes = [axis(161, stride), axis(130, stride)];
        agree::<f32>(&Sizes { batch: 1, groups: 1, inputs: 5, outputs: 3, axes }, 1, 1e-4);
    }
}

#[test]
fn weights_take_nothing_from_pixels_that_they_do_not_meet() {
    let plain = Axis { input: 5, output: 3, kernel: 3, stride: 1, padding: 0, dilation: 1 };
    let padded = Axis { input: 5, output: 3, kernel: 3, stride: 2, padding: 1, dilation: 1 };
    let dilated = Axis { input: 6, output: 4, kernel: 2, stride: 1, padding: 0, dilation: 2 };
    for axes in [[plain; 2], [padded, plain], [plain, padded], [dilated, padded]] {
        let sizes = Sizes { batch: 2, groups: 2, inputs: 2, outputs: 2, axes };
        // No number of it is 0.
        let gy = numbers::<f32>(sizes.output_length(), 2);
        let meets = |axis: Axis, k: usize, at: usize| {
            let position = |i| i * axis.stride + k * axis.dilation;
            (0..axis.output).any(|i| position(i) == at + axis.padding)
        };
        let [height, width] = sizes.input();
        for pixel in 0..sizes.input_length() {
            let (plane, row, column) =
                (pixel / (height * width), pixel / width % height, pixel % width);
            let mut x = numbers::<f32>(sizes.input_length(), 1);
            x[pixel] = f32::INFINITY;
            for isa in available() {
                let mut gw = vec![0.0; sizes.weight_length()];
                weight::gradient(isa, &sizes, &x, &gy, &mut gw);
                for (at, entry) in gw.iter().enumerate() {
                    let tap = at % sizes.taps();
                    let (k, l) = (tap / axes[1].kernel, tap % axes[1].kernel);
                    let (input, output) = (at / sizes.taps() % 2, at / sizes.taps() / 2);
                    let is_channel = plane % 4 == output / 2 * 2 + input;
                    let is_met = is_channel && meets(axes[0], k, row) && meets(axes[1], l, column);
                    let is_right = if is_met { entry.is_infinite() } else { entry.is_finite() };
                    assert!(is_right, "{isa}: {entry} at {at}, {pixel}");
                }
            }
        }
    }
}
