use proptest::prelude::*;

use super::part::{BLOCK, ROWS};
use super::*;

/// The definition, block by block and in order: these are the bits.
fn definition<T: Real>(a: &Matrix<'_, T>, b: &Matrix<'_, T>, accumulate: bool, c: &mut [T]) {
    let (sa, sb) = (a.strides(), b.strides());
    let (k, blocks) = (a.columns, a.columns.div_ceil(BLOCK));
    for i in 0..a.rows {
        for j in 0..b.columns {
            let c = &mut c[i * b.columns + j];
            if !accumulate {
                *c = T::ZERO;
            }
            for block in 0..blocks {
                let mut sum = T::ZERO;
                for l in k * block / blocks..k * (block + 1) / blocks {
                    let (a, b) = (a.data[i * sa.0 + l * sa.1], b.data[l * sb.0 + j * sb.1]);
                    sum = a.mul_add(b, sum);
                }
                *c += sum;
            }
        }
    }
}

fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.5 - 1.0;
    (0..count).map(|i| T::from_f64(number(i))).collect()
}

/// A product on every instruction set against the definition, bit by bit.
fn check<T: Real>([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], accumulate: bool, seed: usize) {
    let (a, b, old) = (numbers(m * k, seed), numbers(k * n, seed + 1), numbers(m * n, seed + 2));
    let a = Matrix { data: &a, rows: m, columns: k, transposed: ta };
    let b = Matrix { data: &b, rows: k, columns: n, transposed: tb };
    let mut truth: Vec<T> = old.clone();
    definition(&a, &b, accumulate, &mut truth);
    for isa in isa::available() {
        let mut c = old.clone();
        gemm_on(isa, a, b, accumulate, &mut c);
        // As numbers: C = 0 + sum and C = sum differ in the sign of a zero only.
        let wrong = (0..m * n).find(|&i| c[i] != truth[i]);
        assert_eq!(wrong, None, "{} {isa} {m} {k} {n} {ta} {tb} {accumulate}", T::NAME);
    }
}

proptest! {
    #[test]
    fn agrees_with_the_definition_on_every_instruction_set(
        m in 0usize..70, k in 0usize..70, n in 0usize..200, transposed: [bool; 2],
        accumulate: bool, seed in 0usize..100,
    ) {
        check::<f32>([m, k, n], transposed, accumulate, seed);
        check::<f64>([m, k, n], transposed, accumulate, seed);
    }
}

#[test]
fn agrees_beyond_one_block_of_terms_and_of_rows() {
    for [m, k, n] in [[1, BLOCK + 1, 5], [13, 3 * BLOCK - 1, 67], [ROWS + 19, BLOCK + 5, 101]] {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            for accumulate in [false, true] {
                check::<f32>([m, k, n], transposed, accumulate, 3);
                check::<f64>([m, k, n], transposed, accumulate, 4);
            }
        }
    }
}

#[test]
fn neither_threads_nor_instruction_sets_change_a_bit() {
    fn bits<T: Real>() {
        // Cut by rows, by columns, into fewer parts than threads, and with a remainder.
        for [m, k, n] in [[128, 784, 400], [400, 128, 784], [784, 300, 10], [3, 50_000, 9]] {
            let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
            let product = |threads, isa, transposed: bool| {
                let mut c = vec![T::ZERO; m * n];
                let a = Matrix { data: &a, rows: m, columns: k, transposed };
                let b = Matrix { data: &b, rows: k, columns: n, transposed };
                threads::with(threads, || gemm_on(isa, a, b, false, &mut c));
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
    bits::<f32>();
    bits::<f64>();
}

#[test]
fn what_is_not_finite_arrives_and_stays_in_its_row_and_column() {
    let (m, k, n) = (13, 300, 53);
    for bad in [f32::NAN, f32::INFINITY] {
        for transposed in [false, true] {
            // Every number of A and B is positive; (row, column) of A and of B, of C.
            for (in_a, place) in [(true, (12, 299)), (true, (3, 0)), (false, (299, 52))] {
                let (mut a, mut b) = (vec![0.5; m * k], vec![0.25; k * n]);
                let (data, rows, columns) = if in_a { (&mut a, m, k) } else { (&mut b, k, n) };
                let (i, j) = place;
                data[if transposed { j * rows + i } else { i * columns + j }] = bad;
                let mut c = vec![f32::NAN; m * n];
                let a = Matrix { data: &a, rows: m, columns: k, transposed };
                let b = Matrix { data: &b, rows: k, columns: n, transposed };
                gemm(a, b, false, &mut c);
                for (at, &c) in c.iter().enumerate() {
                    let hit = if in_a { at / n == place.0 } else { at % n == place.1 };
                    let right = if hit { c.to_bits() == bad.to_bits() } else { c == 37.5 };
                    assert!(right || (hit && bad.is_nan() && c.is_nan()), "{at}: {c}");
                }
            }
        }
    }
}

#[test]
fn a_product_with_nothing_to_add_is_zero_or_what_was_there() {
    let nothing = |rows, columns| Matrix { data: &[], rows, columns, transposed: false };
    let mut c = [1.0f32, 2.0, 3.0, 4.0];
    gemm(nothing(2, 0), nothing(0, 2), true, &mut c);
    assert_eq!(c, [1.0, 2.0, 3.0, 4.0]);
    gemm(nothing(2, 0), nothing(0, 2), false, &mut c);
    assert_eq!(c, [0.0; 4]);
    gemm(nothing(0, 0), nothing(0, 7), false, &mut []);
}

#[test]
fn a_long_sum_of_small_floats_keeps_its_digits() {
    // One chain of 2²⁰ terms ends at 105891.84: 1 % off.
    let k = 1 << 20;
    let (a, b) = (vec![0.1f32; k], vec![1.0f32; k]);
    let mut c = [0.0];
    let a = Matrix { data: &a, rows: 1, columns: k, transposed: false };
    let b = Matrix { data: &b, rows: k, columns: 1, transposed: false };
    gemm(a, b, false, &mut c);
    let truth = k as f64 * f64::from(0.1f32);
    assert!((f64::from(c[0]) / truth - 1.0).abs() < 1e-4, "{} {truth}", c[0]);
}
