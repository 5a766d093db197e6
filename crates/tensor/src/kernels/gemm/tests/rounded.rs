//! Products whose factors are rounded to bfloat16.

use proptest::prelude::*;

use super::*;

/// A bfloat16 as an f32, and 0 in place of subnormal numbers.
fn short(x: f32) -> f32 {
    if x.is_nan() {
        return x;
    }
    // 16 bits less: to the nearest, by the digits that an f32 of 2¹⁶ times the size drops.
    let bits = x.to_bits();
    let (kept, rest) = (bits >> 16, bits & 0xFFFF);
    let up = rest > 0x8000 || (rest == 0x8000 && kept % 2 == 1);
    flushed(f32::from_bits((kept + u32::from(up)) << 16) * if x.is_subnormal() { 0.0 } else { 1.0 })
}

fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0.0 * x } else { x }
}

/// A rounded product on every instruction set, and without the instruction, against the definition.
fn compare_rounded(of: Product<'_, f32>, old: &[f32], step: usize) -> Result<(), String> {
    let of = of.precision(Precision::Bf16);
    let mut truth = old.to_vec();
    // Behind the last of k terms, a chain goes on with zeros.
    let number = |x: Matrix<'_, f32>, i, l| if l < x.columns() { short(x.at(i, l)) } else { 0.0 };
    let (a, b) = (of.a, of.b.transpose());
    let chain = |i, j, terms: Range<usize>| {
        terms.fold(0.0, |sum, l| flushed(number(a, i, l).mul_add(number(b, j, l), sum)))
    };
    definition(&of, &mut truth, step, (32, 1024), |i, j, terms| {
        terms.step_by(32).fold(0.0, |sum, l| {
            flushed(sum + flushed(chain(i, j, l..l + 16) + chain(i, j, l + 16..l + 32)))
        })
    });
    let ways = [Product::multiply_rounded, Product::multiply_words, Product::multiply_halves];
    ways.into_iter()
        .try_for_each(|way| compare_with(&truth, old, step, |isa, c, step| way(&of, isa, c, step)))
}

proptest! {
    #[test]
    fn rounded_factors_agree_with_the_definition_on_every_instruction_set(
        [m, k, n] in [1usize..40, 1usize..70, 1usize..100], form in form(),
    ) {
        let (a, b) = (numbers(m * k, form.seed), numbers(k * n, form.seed + 1));
        let compare = |of: Product<'_, f32>, old: &[f32]| compare_rounded(of, old, n);
        prop_assert_eq!(with_form([m, k, n], &form, a, b, compare), Ok(()));
    }

    #[test]
    fn rounded_factors_may_be_any_numbers_at_any_steps(
        [m, k, n] in [1usize..6, 1usize..6, 1usize..20],
        [a_row, a_column, b_row, b_column] in [0usize..9, 0usize..9, 0usize..9, 0usize..9],
        bits in prop::collection::vec(any::<u32>(), 400), tiny in any::<bool>(),
    ) {
        // Exponents of any size, or such that products and sums come to the end of them.
        let number = |bits: &u32| match tiny {
            true => f32::from_bits(bits & 0x807F_FFFF | (50 + (bits >> 23 & 31)) << 23),
            false => f32::from_bits(*bits),
        };
        let numbers: Vec<f32> = bits.iter().map(number).collect();
        let a = Matrix::with_steps(&numbers, [m, k], [a_row, a_column]);
        let b = Matrix::with_steps(&numbers[100..], [k, n], [b_row, b_column]);
        prop_assert_eq!(compare_rounded(Product::new(a, b), &vec![0.0; m * n], n), Ok(()));
    }
}

#[test]
fn rounded_factors_agree_beyond_one_block_of_words_and_of_rows() {
    for [m, k, n] in [[3, 1025, 5], [13, 3071, 67], [ROWS + 19, 1029, 101], [545, 33, 41]] {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            let form = plain(transposed, 1.0);
            let compare = |of: Product<'_, f32>, old: &[f32]| compare_rounded(of, old, n);
            with_form([m, k, n], &form, numbers(m * k, 3), numbers(k * n, 4), compare).unwrap();
        }
    }
}

#[test]
fn only_what_is_worth_it_is_rounded() {
    let (ones, zeros) = (vec![1.01f32; 512 * 512], vec![0.0; 512 * 512]);
    let square = |data, n| Matrix::new(data, n, n);
    let is_rounded = |precision, a, b| Product::new(a, b).precision(precision).is_rounded();
    assert!(is_rounded(Precision::Bf16, square(&ones, 512), square(&ones, 512)));
    assert!(!is_rounded(Precision::Full, square(&ones, 512), square(&ones, 512)));
    assert!(!is_rounded(Precision::Bf16, square(&zeros, 512), square(&ones, 512)));
    assert!(!is_rounded(Precision::Bf16, square(&ones[..64], 8), square(&ones[..64], 8)));
    let product = |precision| {
        let mut c = [0.0; 64 * 64];
        let (a, b) = (square(&ones[..4096], 64), square(&ones[..4096], 64));
        Product::new(a, b).precision(precision).write(&mut c);
        c[0]
    };
    // 1.01 is 129.28 / 128.
    assert_eq!(product(Precision::Bf16), 64.0 * (129.0 / 128.0) * (129.0 / 128.0));
    assert!((product(Precision::Full) - 64.0 * 1.01 * 1.01).abs() < 1e-4);
}
