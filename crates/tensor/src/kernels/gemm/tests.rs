use proptest::prelude::*;

use super::super::processor::{self, Processor};
use super::plan::{BLOCK, ROWS};
use super::share::{ROW, share_by_cost};
use super::sparse::{PIECE, ROWS_FOR_MOST, WHOLE};
use super::*;

mod by_terms;
mod few_terms;
mod rounded;
mod rows;

/// The definition, block by block and in order: these are the bits. A block has `most` terms at most, and ends between
/// multiples of `together`; `sum` is that of some terms of element (i, j).
fn definition<T: Real>(
    of: &Product<'_, T>,
    c: &mut [T],
    step: usize,
    (together, most): (usize, usize),
    sum: impl Fn(usize, usize, Range<usize>) -> T,
) {
    let Product { a, b, alpha, beta, bias, then, .. } = *of;
    let (k, n) = (a.columns(), b.columns());
    let units = k.div_ceil(together);
    let blocks = units.div_ceil(most / together).max(1);
    let cut = |block: usize| (units * block / blocks * together).min(k);
    for i in 0..a.rows() {
        for j in 0..n {
            let c = &mut c[i * step + j];
            for block in 0..blocks {
                let keep = if block == 0 { beta } else { T::ONE };
                let sum = alpha * sum(i, j, cut(block)..cut(block + 1));
                *c = if keep == T::ZERO { sum } else { keep.mul_add(*c, sum) };
            }
            if let Some(bias) = bias {
                *c += bias[j];
            }
            *c = match then {
                Then::Relu if *c < T::ZERO => T::ZERO,
                Then::Mask(mask) if !is_positive(mask[i * n + j]) => T::ZERO,
                _ => *c,
            };
        }
    }
}

/// Which NaN is not.
fn is_positive<T: Real>(x: T) -> bool {
    x > T::ZERO
}

fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.5 - 1.0;
    (0..count).map(|i| T::from_f64(number(i))).collect()
}

/// As `numbers`, with so many of five that are not 0.
fn sparse<T: Real>(count: usize, seed: usize, fifths: usize) -> Vec<T> {
    let mut numbers = numbers(count, seed);
    let zero = |i: usize| (i * 31 + i / 7) % 5 >= fifths;
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
    definition(&of, &mut truth, step, (1, BLOCK), |i, j, terms| {
        terms.fold(T::ZERO, |sum, l| of.a.at(i, l).mul_add(of.b.at(l, j), sum))
    });
    compare_with(&truth, old, step, |isa, c, step| of.write_on(isa, c, step))
}

/// A product on every instruction set against its true elements.
fn compare_with<T: Real>(
    truth: &[T],
    old: &[T],
    step: usize,
    write: impl Fn(Isa, &mut [T], usize),
) -> Result<(), String> {
    for isa in isa::available() {
        // At any distance from a vector's bounds, between others' numbers, and the way of any processor.
        let before = old.len() % 17;
        processor::pretend(before);
        let mut all = [vec![T::ONE; before], old.to_vec(), vec![T::ONE; 17]].concat();
        let c = &mut all[before..][..old.len()];
        write(isa, c, step);
        // As numbers: C = 0 + sum and C = sum differ in the sign of a zero only.
        let same = |i: usize| c[i] == truth[i] || (c[i].is_nan() && truth[i].is_nan());
        if let Some(i) = (0..c.len()).find(|&i| !same(i)) {
            return Err(format!("{} {isa}: {} is not {} at {i}", T::NAME, c[i], truth[i]));
        }
        if all[..before].iter().chain(&all[before + old.len()..]).any(|&x| x != T::ONE) {
            return Err(format!("{} {isa}: writes outside of C", T::NAME));
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

fn check<T: Real>(sizes: [usize; 3], form: &Form, a: Vec<T>) -> Result<(), String> {
    let [_, k, n] = sizes;
    with_form(sizes, form, a, numbers::<T>(k * n, form.seed + 1), |of, old| compare(of, old, n))
}

/// With operands that begin somewhere in their data and have any steps, and a C whose rows lie apart.
fn check_steps<T: Real>(
    [m, k, n]: [usize; 3],
    [a_row, a_column, b_row, b_column]: [usize; 4],
    [gap, from]: [usize; 2],
    form: &Form,
) -> Result<(), String> {
    let seed = form.seed;
    let a = numbers::<T>(from + (m - 1) * a_row + (k - 1) * a_column + 1, seed);
    let b = numbers::<T>(from + (k - 1) * b_row + (n - 1) * b_column + 1, seed + 1);
    let bias = numbers::<T>(from + n, seed + 3);
    let a = Matrix::with_steps(&a[from..], [m, k], [a_row, a_column]);
    let b = Matrix::with_steps(&b[from..], [k, n], [b_row, b_column]);
    let mut of = Product::new(a, b).times(T::from_f64(form.alpha)).plus(T::from_f64(form.beta));
    if form.bias {
        of = of.bias(&bias[from..]);
    }
    if form.then == 1 {
        of = of.relu();
    }
    let step = n + gap;
    let old = numbers::<T>((m - 1) * step + n, seed + 2);
    compare(of, &old, step)?;
    // What everybody calls.
    let (mut truth, mut c) = (old.clone(), old);
    of.write_on(isa::current(), &mut truth, step);
    of.write_rows(&mut c, step);
    let same = |(x, y): (&T, &T)| x == y || (x.is_nan() && y.is_nan());
    if c.iter().zip(&truth).all(same) { Ok(()) } else { Err("write_rows".to_owned()) }
}

/// The product of that form, and an old C for it.
fn with_form<T: Real, R>(
    [m, k, n]: [usize; 3],
    form: &Form,
    a: Vec<T>,
    b: Vec<T>,
    then: impl FnOnce(Product<'_, T>, &[T]) -> R,
) -> R {
    let seed = form.seed;
    let old = numbers::<T>(m * n, seed + 2);
    let (mut bias, mut mask) = (numbers::<T>(n, seed + 3), numbers::<T>(m * n, seed + 4));
    // NaN stays behind the rectifier, and is 0 behind a mask that is NaN.
    bias.iter_mut().skip(seed).step_by(19).for_each(|x| *x = T::NAN);
    mask.iter_mut().skip(seed).step_by(7).for_each(|x| *x = T::NAN);
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
    then(of, &old)
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
        sizes in [1usize..20, 1usize..20, 1usize..60],
        steps in [0usize..25, 0usize..25, 0usize..65, 0usize..65],
        [gap, from] in [0usize..5, 0usize..17], form in form(),
    ) {
        prop_assert_eq!(check_steps::<f32>(sizes, steps, [gap, from], &form), Ok(()));
        prop_assert_eq!(check_steps::<f64>(sizes, steps, [gap, from], &form), Ok(()));
    }

    #[test]
    fn a_batch_is_one_product_after_the_other(
        count in 0usize..20, sizes in [1usize..20, 1usize..20, 1usize..20], threads in 1usize..4,
    ) {
        check_batch::<f32>(count, sizes, threads);
        check_batch::<f64>(count, sizes, threads);
    }
}

#[test]
fn so_is_a_batch_of_large_products() {
    for threads in [1, 2] {
        let sizes = [121, 65, 131];
        assert!(sizes.iter().product::<usize>() > 2 * TOGETHER);
        check_batch::<f32>(3, sizes, threads);
        check_batch::<f64>(3, sizes, threads);
    }
}

fn check_batch<T: Real>(count: usize, [m, k, n]: [usize; 3], threads: usize) {
    let (a, b) = (numbers::<T>(count * m * k, 1), numbers::<T>(k * n, 2));
    let [mut together, mut single] = [(); 2].map(|()| vec![T::ONE; count * m * n]);
    let product =
        |i: usize| Product::new(Matrix::new(&a[i * m * k..][..m * k], m, k), Matrix::new(&b, k, n));
    threads::with(threads, || gemm_batch([m, k, n], product, &mut together));
    single.chunks_mut(m * n).enumerate().for_each(|(i, c)| product(i).write(c));
    assert_eq!(together, single);
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
fn what_leaves_the_cache_changes_no_bit() {
    // One block of terms and several, few panels and so many that A is copied, rows of B that are read in place and that are packed,
    // and a last part of each; and those sizes of C for which `compare_with` pretends a processor that foresees rows and a
    // second-level cache that holds nothing.
    let sizes = [[13, 130, 203], [150, 2 * BLOCK + 7, 203], [37, BLOCK + 9, 1001], [5, 1001, 333]];
    for [m, k, n] in sizes {
        for transposed in [[false, false], [true, false], [false, true]] {
            for n in (n..n + 17).filter(|n| [5, 11].contains(&(m * n % 17))) {
                let form = plain(transposed, 1.0);
                check::<f32>([m, k, n], &form, numbers(m * k, n)).unwrap();
                check::<f64>([m, k, n], &form, numbers(m * k, n)).unwrap();
            }
        }
    }
}

#[test]
fn copies_of_panels_change_no_bit() {
    // For two blocks of rows; kept for three, with many blocks of terms in groups, which are not cut as all panels together would be;
    // with very many, kept in turn. With a transposed A, one block of terms after the other.
    let rows = 2 * ROWS + 5;
    let sizes = [[ROWS + 19, BLOCK + 5, 101], [rows, 4 * BLOCK + 3, 491], [rows, 100_000, 131]];
    for [m, k, n] in sizes {
        let (a, b) = (numbers::<f32>(m * k, 1), numbers::<f32>(k * n, 2));
        let a_transposed: Vec<f32> = (0..m * k).map(|i| a[i % m * k + i / m]).collect();
        for transposed in [false, true] {
            let b = matrix(&b, k, n, transposed);
            let [mut whole, mut of_transposed, mut rows] = [(); 3].map(|()| vec![0.0; m * n]);
            threads::with(1, || {
                gemm(Matrix::new(&a, m, k), b, false, &mut whole);
                gemm(matrix(&a_transposed, m, k, true), b, false, &mut of_transposed);
            });
            for (a, c) in a.chunks(8 * k).zip(rows.chunks_mut(8 * n)) {
                gemm(Matrix::new(a, a.len() / k, k), b, false, c);
            }
            assert!(whole == rows, "{m} {k} {n} {transposed}");
            assert!(of_transposed == rows, "{m} {k} {n} {transposed}, A transposed");
        }
    }
}

#[test]
fn skipping_zeros_changes_no_bit() {
    // Whole vectors and a rest, one block and several, stored either way; and a row that is longer than
    // a thread's grain.
    for [m, k, n] in [[128, 784, 400], [100, 1001, 97], [784, 128, 101], [3, 20_000, 97]] {
        for (fifths, transposed, beta) in
            [(1, false, 1.0), (1, true, 0.0), (3, false, 0.0), (3, true, 1.0)]
        {
            let a = sparse::<f32>(m * k, 5, fifths);
            let b = numbers::<f32>(k * n, 6);
            let product = Product::new(matrix(&a, m, k, transposed), Matrix::new(&b, k, n));
            let is_worth_it = fifths == 1 || m >= ROWS_FOR_MOST;
            let piece = is_worth_it.then_some(if fifths == 1 { WHOLE } else { PIECE });
            assert_eq!(product.sparse(Processor::Zen4), piece, "{m} {k} {n}");
            let whole = piece.filter(|&piece| piece == WHOLE);
            assert_eq!(product.sparse(Processor::Other), whole, "{m} {k} {n}");
            let form = plain([transposed, false], beta);
            check::<f32>([m, k, n], &form, a).unwrap();
            check::<f64>([m, k, n], &form, sparse(m * k, 5, fifths)).unwrap();
            check::<f32>([m, k, n], &form, twins([m, k], fifths, transposed)).unwrap();
            check::<f64>([m, k, n], &form, twins([m, k], fifths, transposed)).unwrap();
        }
    }
}

/// As `sparse`, where two rows next to each other are 0 in the same columns, but for every ninth.
fn twins<T: Real>([m, k]: [usize; 2], fifths: usize, transposed: bool) -> Vec<T> {
    let zeros = sparse::<T>(m * k, 5, fifths);
    let place = |i: usize, l: usize| if transposed { l * m + i } else { i * k + l };
    let mut twins = numbers(m * k, 4);
    for (i, l) in (0..m).flat_map(|i| (0..k).map(move |l| (i, l))) {
        let of = if l % 9 == 0 { i } else { i / 2 * 2 };
        if zeros[place(of, l)] == T::ZERO {
            twins[place(i, l)] = T::ZERO;
        }
    }
    twins
}

#[test]
fn zeros_times_infinity_are_not_skipped() {
    let [m, k, n] = [128, 784, 100];
    for (bad, fifths) in [(f32::NAN, 1), (f32::INFINITY, 3), (f32::NEG_INFINITY, 1)] {
        let a = sparse::<f32>(m * k, 5, fifths);
        let mut b = numbers::<f32>(k * n, 6);
        b[300 * n + 99] = bad;
        let product = Product::new(Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        assert!(product.sparse(Processor::Zen4).is_some());
        compare(product, &vec![0.0; m * n], n).unwrap();
        compare(product.plus(1.0), &numbers(m * n, 7), n).unwrap();
    }
}

proptest! {
    #[test]
    fn a_sparse_product_has_every_element_in_one_share(
        mut lit in prop::collection::vec(0..=31usize, 1..300), n in 1..400usize, threads in 1..9usize,
        [is_even, by_columns] in any::<[bool; 2]>(), dark in 0..4usize, k in prop::sample::select(vec![31, 1000]),
    ) {
        if is_even {
            // Shares end between rows exactly.
            lit.resize(lit.len().next_multiple_of(threads), 0);
            lit.fill(25);
        }
        // The last rows may be zeros, or all.
        let from = lit.len() * dark / 3;
        lit[from..].fill(0);
        let m = lit.len();
        let a: Vec<f32> = lit.iter().flat_map(|&lit| (0..k).map(move |l| f32::from(l < lit))).collect();
        let a = Matrix::new(&a, m, k);
        let of = Shares::equal(threads);
        let shares: Vec<_> = (0..threads).map(|i| share_by_cost(&a, n, by_columns, (i, &of))).collect();
        let mut owners = vec![0; m * n];
        for [rows, columns] in &shares {
            for row in rows.clone() {
                owners[row * n..][columns.clone()].iter_mut().for_each(|owner| *owner += 1);
            }
        }
        prop_assert!(owners.iter().all(|&owner| owner == 1));
        // Nobody has more terms, and rows, than an even part and one row more: of a row this short every
        // number is looked at.
        let cost = |rows: &Range<usize>| lit[rows.clone()].iter().map(|lit| ROW + lit).sum::<usize>();
        if !by_columns && k == 31 {
            for [rows, _] in &shares {
                prop_assert!(cost(rows) * threads <= cost(&(0..m)) + (ROW + 31) * threads);
            }
        }
    }
}

#[test]
fn skipping_zeros_does_not_change_the_sign_of_an_underflow() {
    // A sum that has underflowed to -0 stays so if the terms of 0 that come are skipped, and if they are added becomes +0. One block
    // and three, shares of columns and of rows.
    let [tiny, one] = [1e-30f32, 1.0];
    for [m, k, n] in [[785, 128, 101], [101, 450, 785]] {
        // All sums of every other row underflow, those of others do up to their last terms.
        let lit = |i: usize, l: usize| if i % 2 == 1 && l + 9 > k { one } else { -tiny };
        // And of every third all that a block ends with.
        let ends = |l: usize| (l + 1).is_multiple_of(k / k.div_ceil(BLOCK));
        let is_lit = |i: usize, l: usize| l.is_multiple_of(8) || ends(l) && i.is_multiple_of(3);
        let a: Vec<f32> = (0..m * k)
            .map(|at| (at / k, at % k))
            .map(|(i, l)| if is_lit(i, l) { lit(i, l) } else { 0.0 })
            .collect();
        let b: Vec<f32> = (0..k * n).map(|at| if at % 3 == 0 { -tiny } else { tiny }).collect();
        let negative = |x: &f32| x.to_bits() == (-0f32).to_bits();
        let product =
            |rows: usize| Product::new(Matrix::new(&a[..rows * k], rows, k), Matrix::new(&b, k, n));
        // Small products skip nothing, and have such sums.
        let mut c = vec![0.0; 3 * n];
        product(3).write(&mut c);
        assert!(c.iter().any(negative));
        for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-1.0, 0.0), (-0.75, -0.5)] {
            let product = product(m).times(alpha).plus(beta);
            assert_eq!(product.sparse(processor::current()), Some(WHOLE));
            let bits = |write: &dyn Fn(&mut [f32])| {
                let mut c: Vec<f32> = (0..m * n).map(|at| [-0.0, 0.0, 3.0][at % 3]).collect();
                write(&mut c);
                assert!(!c.iter().any(negative) && c.contains(&0.0));
                c.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
            };
            let one = bits(&|c| threads::with(1, || product.multiply_dense(isa::current(), c, n)));
            for (isa, threads) in isa::available()
                .into_iter()
                .flat_map(|isa| [1, 2, 3, 5, 8].map(|threads| (isa, threads)))
            {
                threads::with(threads, || {
                    let dense = bits(&|c| product.multiply_dense(isa, c, n));
                    assert!(dense == one, "{isa} {threads} {alpha} {beta}");
                    for piece in [WHOLE, PIECE] {
                        let skipped = bits(&|c| assert!(product.multiply_sparse(isa, c, n, piece)));
                        assert!(skipped == one, "{isa} {threads} {alpha} {beta} {piece}");
                    }
                });
            }
        }
    }
}

#[test]
fn narrow_products_have_the_bits_of_others() {
    // Of few rows, and of columns that leave lanes idle.
    let few = [
        [15, 64, 64],
        [16, 65, 130],
        [31, 401, 150],
        [32, 784, 400],
        [61, 127, 401],
        [64, 64, 257],
    ];
    let idle =
        [[15, 64, 1], [16, 70, 3], [32, 400, 9], [128, 401, 17], [512, 64, 10], [95, 203, 41]];
    for [m, k, n] in few.into_iter().chain(idle) {
        let (a, b) = (vec![1.0f32; m * k], vec![1.0f32; n * k]);
        let of = Product::new(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transpose());
        assert!(of.is_narrow(isa::current(), n), "{m} × {k} × {n}");
        for alpha in [1.0, -0.75] {
            let form = Form { alpha, beta: 0.0, bias: false, then: 0, ..plain([false, true], 0.0) };
            check::<f32>([m, k, n], &form, numbers(m * k, 3)).unwrap();
            check::<f64>([m, k, n], &form, numbers(m * k, 3)).unwrap();
        }
    }
    // A sum that underflows is -0, but not where zeros might be skipped.
    for [m, k, n] in [[32, 784, 400], [32, 64, 200], [512, 820, 10]] {
        let (a, b) = (vec![1e-30f32; m * k], vec![-1e-30f32; n * k]);
        let of = Product::new(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transpose());
        assert!(of.is_narrow(isa::current(), n));
        let [mut c, mut dense] = [(); 2].map(|()| vec![1.0; m * n]);
        of.write(&mut c);
        of.multiply_dense(isa::current(), &mut dense, n);
        let bits = |c: Vec<f32>| c.into_iter().map(f32::to_bits).collect::<Vec<u32>>();
        assert!(c.iter().all(|x| x.is_sign_positive() == of.may_skip));
        assert!(bits(c) == bits(dense));
    }
}

#[test]
fn products_of_few_columns_have_the_bits_of_others() {
    fn few_columns<T: Real>([m, k, n]: [usize; 3], threads: usize) {
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(n * k, 2));
        let of = Product::new(Matrix::new(&a, m, k), Matrix::new(&b, n, k).transpose());
        let of = of.times(T::from_f64(-0.75));
        let mut truth = vec![T::ONE; m * n];
        definition(&of, &mut truth, n, (1, BLOCK), |i, j, terms| {
            terms.fold(T::ZERO, |sum, l| of.a.at(i, l).mul_add(of.b.at(l, j), sum))
        });
        let old = vec![T::ONE; m * n];
        let write = |isa, c: &mut [T], step| match isa {
            Isa::Avx512 => threads::with(threads, || of.multiply_few_columns(isa, c)),
            _ => of.write_on(isa, c, step),
        };
        let right = compare_with(&truth, &old, n, write);
        assert!(right.is_ok(), "{m} × {k} × {n}, {threads} threads: {right:?}");
    }
    // Rows that fill vectors and that do not, terms that come together and that do not, one block and two, all widths of a tile.
    let rows = [15, 16, 31, 32, 61, 64];
    let terms = [64, 65, 66, 67, 200, 201, 403];
    for n in 1..=20 {
        for (i, m) in rows.into_iter().enumerate() {
            let k = terms[(n + i) % terms.len()];
            few_columns::<f32>([m, k, n], 1);
            few_columns::<f64>([m, k, n], 1);
        }
    }
    // Parts of several threads end in the middle of a vector, or between columns.
    for ([m, k, n], threads) in [([40, 2003, 17], 3), ([16, 2403, 20], 2), ([203, 701, 10], 3)] {
        few_columns::<f32>([m, k, n], threads);
        few_columns::<f64>([m, k, n], threads);
    }
}

#[test]
fn neither_threads_nor_instruction_sets_change_a_bit() {
    fn bits<T: Real>() {
        // Cut by rows, by columns, into fewer parts than threads, with a remainder; the last, if A is transposed, by rows
        // on two threads and by columns on more; and sparse.
        let sizes =
            [[128, 784, 400], [400, 128, 784], [784, 300, 10], [3, 50_000, 9], [200, 320, 500]];
        for [m, k, n] in sizes {
            for a in [numbers::<T>(m * k, 1), sparse(m * k, 1, 1), sparse(m * k, 1, 3)] {
                let b = numbers::<T>(k * n, 2);
                let product = |threads, isa, transposed: bool| {
                    let mut c = vec![T::ZERO; m * n];
                    let of = Product::new(matrix(&a, m, k, transposed), Matrix::new(&b, k, n));
                    threads::with(threads, || of.write_on(isa, &mut c, n));
                    bytemuck::cast_slice::<T, u8>(&c).to_vec()
                };
                for transposed in [false, true] {
                    let one = product(1, isa::current(), transposed);
                    for (isa, far) in
                        isa::available().into_iter().flat_map(|isa| [(isa, false), (isa, true)])
                    {
                        for threads in [2, 3, 7] {
                            // Far threads cut otherwise, and take C out of the caches.
                            distance::pretend(far);
                            let same = product(threads, isa, transposed) == one;
                            assert!(same, "{} {isa} {threads} {far} {m} {k} {n}", T::NAME);
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

#[test]
#[should_panic(
    expected = "gemm: 1000 × 1152921504606846976 times 1152921504606846976 × 48 is too large"
)]
fn terms_that_cannot_be_counted_are_refused() {
    // Room for 48 columns of so many terms would be no room.
    let a = Matrix::with_steps(&[1.0], [1000, 1 << 60], [0, 0]);
    let _ = Product::new(a, Matrix::with_steps(&[1.0], [1 << 60, 48], [0, 0]));
}

#[test]
#[should_panic(expected = "gemm: 9223372036854775809 × 1 times 1 × 2 is too large")]
fn sizes_that_cannot_be_counted_are_refused() {
    // m n would be 2 again.
    let a = Matrix::with_steps(&[1.0], [(1 << 63) + 1, 1], [0, 0]);
    Product::new(a, Matrix::with_steps(&[1.0], [1, 2], [0, 0])).write(&mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "matrix: 0 as 9223372036854775808 × 2")]
fn a_matrix_has_as_many_elements_as_its_size_says() {
    let _ = Matrix::<f32>::new(&[], 1 << 63, 2);
}

#[test]
#[should_panic(expected = "gemm: C of 2 for 3 × 1, rows 9223372036854775808 apart")]
fn rows_of_c_must_lie_in_it() {
    let a = Matrix::new(&[1.0; 3], 3, 1);
    Product::new(a, Matrix::new(&[1.0], 1, 1)).write_rows(&mut [0.0; 2], 1 << 63);
}
