use proptest::prelude::*;

use super::part::{BLOCK, ROWS};
use super::*;

/// The definition, block by block and in order: these are the bits.
fn definition<T: Real>(of: &Product<'_, T>, c: &mut [T], step: usize) {
    let Product { a, b, alpha, beta, bias, then } = *of;
    let (k, n) = (a.columns(), b.columns());
    let blocks = k.div_ceil(BLOCK).max(1);
    for i in 0..a.rows() {
        for j in 0..n {
            let c = &mut c[i * step + j];
            for block in 0..blocks {
                let mut sum = T::ZERO;
                for l in k * block / blocks..k * (block + 1) / blocks {
                    sum = a.at(i, l).mul_add(b.at(l, j), sum);
                }
                let keep = if block == 0 { beta } else { T::ONE };
                let sum = alpha * sum;
                *c = if keep == T::ZERO { sum } else { keep.mul_add(*c, sum) };
            }
            if let Some(bias) = bias {
                *c += bias[j];
            }
            *c = match then {
                Then::Relu if *c < T::ZERO => T::ZERO,
                Then::Mask(mask) if mask[i * n + j] <= T::ZERO => T::ZERO,
                _ => *c,
            };
        }
    }
}

fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.5 - 1.0;
    (0..count).map(|i| T::from_f64(number(i))).collect()
}

/// As `numbers`, with about one in five that is not 0.
fn sparse<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let mut numbers = numbers(count, seed);
    let zero = |i: usize| !(i * 31 + i / 7).is_multiple_of(5);
    numbers.iter_mut().enumerate().filter(|(i, _)| zero(*i)).for_each(|(_, x)| *x = T::ZERO);
    numbers
}

fn matrix<T>(data: &[T], rows: usize, columns: usize, transposed: bool) -> Matrix<'_, T> {
    match transposed {
        true => Matrix::new(data, columns, rows).transpose(),
        false => Matrix::new(data, rows, columns),
    }
}

/// The same product on every instruction set against the definition, bit by bit.
fn compare<T: Real>(of: Product<'_, T>, old: &[T], step: usize) -> Result<(), String> {
    let mut truth = old.to_vec();
    definition(&of, &mut truth, step);
    for isa in isa::available() {
        let mut c = old.to_vec();
        of.write_on(isa, &mut c, step);
        // As numbers: C = 0 + sum and C = sum differ in the sign of a zero only.
        let same = |i: usize| c[i] == truth[i] || (c[i].is_nan() && truth[i].is_nan());
        if let Some(i) = (0..c.len()).find(|&i| !same(i)) {
            return Err(format!("{} {isa}: {} is not {} at {i}", T::NAME, c[i], truth[i]));
        }
    }
    Ok(())
}

/// Every form of a product of these sizes.
#[derive(Clone, Debug)]
struct Form {
    transposed: [bool; 2],
    alpha: f64,
    beta: f64,
    bias: bool,
    /// 0 for nothing, 1 for the rectifier, 2 for a mask.
    then: usize,
    seed: usize,
}

fn form() -> impl Strategy<Value = Form> {
    let factor = prop_oneof![Just(0.0), Just(1.0), Just(-0.75)];
    (any::<[bool; 2]>(), factor.clone(), factor, any::<bool>(), 0usize..3, 0usize..100).prop_map(
        |(transposed, alpha, beta, bias, then, seed)| Form {
            transposed,
            alpha,
            beta,
            bias,
            then,
            seed,
        },
    )
}

fn check<T: Real>([m, k, n]: [usize; 3], form: &Form, a: Vec<T>) -> Result<(), String> {
    let seed = form.seed;
    let (b, old) = (numbers::<T>(k * n, seed + 1), numbers::<T>(m * n, seed + 2));
    let (bias, mask) = (numbers::<T>(n, seed + 3), numbers::<T>(m * n, seed + 4));
    let a = matrix(&a, m, k, form.transposed[0]);
    let b = matrix(&b, k, n, form.transposed[1]);
    let mut of = Product::new(a, b).times(T::from_f64(form.alpha)).plus(T::from_f64(form.beta));
    if form.bias {
        of = of.bias(&bias);
    }
    of = match form.then {
        1 => of.relu(),
        2 => of.masked(&mask),
        _ => of,
    };
    compare(of, &old, n)
}

proptest! {
    #[test]
    fn agrees_with_the_definition_on_every_instruction_set(
        m in 0usize..70, k in 0usize..70, n in 0usize..200, form in form(),
    ) {
        prop_assert_eq!(check([m, k, n], &form, numbers::<f32>(m * k, form.seed)), Ok(()));
        prop_assert_eq!(check([m, k, n], &form, numbers::<f64>(m * k, form.seed)), Ok(()));
    }

    #[test]
    fn any_steps_will_do(
        [m, k, n] in [1usize..20, 1usize..20, 1usize..60],
        [a_row, a_column, b_row, b_column] in [0usize..25, 0usize..25, 0usize..65, 0usize..65],
        gap in 0usize..5, seed in 0usize..100,
    ) {
        let a = numbers::<f32>((m - 1) * a_row + (k - 1) * a_column + 1, seed);
        let b = numbers::<f32>((k - 1) * b_row + (n - 1) * b_column + 1, seed + 1);
        let old = numbers::<f32>((m - 1) * (n + gap) + n, seed + 2);
        let a = Matrix::with_steps(&a, [m, k], [a_row, a_column]);
        let b = Matrix::with_steps(&b, [k, n], [b_row, b_column]);
        prop_assert_eq!(compare(Product::new(a, b).plus(1.0), &old, n + gap), Ok(()));
    }

    #[test]
    fn a_batch_is_one_product_after_the_other(
        count in 0usize..20, [m, k, n] in [1usize..20, 1usize..20, 1usize..20], threads in 1usize..4,
    ) {
        let (a, b) = (numbers::<f32>(count * m * k, 1), numbers::<f32>(k * n, 2));
        let (mut together, mut single) = (vec![9.0; count * m * n], vec![9.0; count * m * n]);
        let operands = |i: usize| {
            (Matrix::new(&a[i * m * k..][..m * k], m, k), Matrix::new(&b, k, n))
        };
        threads::with(threads, || gemm_batch([m, k, n], operands, &mut together));
        for (i, c) in single.chunks_mut(m * n).enumerate() {
            let (a, b) = operands(i);
            gemm(a, b, false, c);
        }
        prop_assert_eq!(together, single);
    }
}

fn plain(transposed: [bool; 2], beta: f64) -> Form {
    Form { transposed, alpha: 1.0, beta, bias: true, then: 1, seed: 3 }
}

#[test]
fn agrees_beyond_one_block_of_terms_and_of_rows() {
    for [m, k, n] in [[1, BLOCK + 1, 5], [13, 3 * BLOCK - 1, 67], [ROWS + 19, BLOCK + 5, 101]] {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            for beta in [0.0, 1.0] {
                let form = plain(transposed, beta);
                check::<f32>([m, k, n], &form, numbers(m * k, 3)).unwrap();
                check::<f64>([m, k, n], &form, numbers(m * k, 3)).unwrap();
            }
        }
    }
}

#[test]
fn what_is_packed_ahead_changes_no_bit() {
    // All columns of B at once, and, with terms so many, one group of them after the other.
    for [m, k, n] in [[ROWS + 19, BLOCK + 5, 101], [ROWS + 3, 25_000, 131]] {
        let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2));
        for transposed in [false, true] {
            let b = matrix(&b, k, n, transposed);
            let (mut whole, mut rows) = (vec![0.0; m * n], vec![0.0; m * n]);
            threads::with(1, || gemm(Matrix::new(&a, m, k), b, false, &mut whole));
            for (a, c) in a.chunks(8 * k).zip(rows.chunks_mut(8 * n)) {
                gemm(Matrix::new(a, a.len() / k, k), b, false, c);
            }
            assert!(whole == rows, "{m} {k} {n} {transposed}");
        }
    }
}

#[test]
fn skipping_zeros_changes_no_bit() {
    // Whole vectors and a rest, one block and several, stored either way; and a row that is longer than
    // a thread's grain.
    for [m, k, n] in [[128, 784, 400], [100, 1001, 97], [784, 128, 101], [3, 20_000, 97]] {
        for transposed in [false, true] {
            let a = sparse::<f32>(m * k, 5);
            let b = numbers::<f32>(k * n, 6);
            let product = Product::new(matrix(&a, m, k, transposed), Matrix::new(&b, k, n));
            assert!(NonZeros::worth_it(&product), "{m} {k} {n}");
            let form = plain([transposed, false], 1.0);
            check::<f32>([m, k, n], &form, a).unwrap();
            check::<f64>([m, k, n], &form, sparse(m * k, 5)).unwrap();
        }
    }
}

#[test]
fn zeros_times_infinity_are_not_skipped() {
    let [m, k, n] = [128, 784, 100];
    let a = sparse::<f32>(m * k, 5);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut b = numbers::<f32>(k * n, 6);
        b[300 * n + 99] = bad;
        let product = Product::new(Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        assert!(NonZeros::worth_it(&product));
        compare(product, &vec![0.0; m * n], n).unwrap();
    }
}

#[test]
fn neither_threads_nor_instruction_sets_change_a_bit() {
    fn bits<T: Real>() {
        // Cut by rows, by columns, into fewer parts than threads, with a remainder; and sparse.
        for [m, k, n] in [[128, 784, 400], [400, 128, 784], [784, 300, 10], [3, 50_000, 9]] {
            for a in [numbers::<T>(m * k, 1), sparse::<T>(m * k, 1)] {
                let b = numbers::<T>(k * n, 2);
                let product = |threads, isa, transposed: bool| {
                    let mut c = vec![T::ZERO; m * n];
                    let of = Product::new(matrix(&a, m, k, transposed), Matrix::new(&b, k, n));
                    threads::with(threads, || of.write_on(isa, &mut c, n));
                    bytemuck::cast_slice::<T, u8>(&c).to_vec()
                };
                for transposed in [false, true] {
                    let one = product(1, isa::current(), transposed);
                    for isa in isa::available() {
                        for threads in [2, 3, 7] {
                            let same = product(threads, isa, transposed) == one;
                            assert!(same, "{} {isa} {threads} {m} {k} {n}", T::NAME);
                        }
                    }
                }
            }
        }
    }
    bits::<f32>();
    bits::<f64>();
}

#[test]
#[should_panic(expected = "gemm: 2 × 3 times 4 × 1")]
fn inner_dimensions_must_agree() {
    let _ = Product::new(Matrix::new(&[0.0; 6], 2, 3), Matrix::new(&[0.0; 4], 4, 1));
}

#[test]
#[should_panic(expected = "matrix: 5 as 2 × 3 with steps 3 and 1")]
fn a_matrix_must_lie_in_its_data() {
    let _ = Matrix::with_steps(&[0.0; 5], [2, 3], [3, 1]);
}
