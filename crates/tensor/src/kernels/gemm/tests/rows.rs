//! Some rows of a product by themselves.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn some_rows_are_those_of_the_whole(
        sizes in [1usize..40, 0usize..40, 1usize..60], cuts in [0.0..1.0, 0.0..1.0], form in form(),
    ) {
        prop_assert_eq!(check_rows::<f32>(sizes, cuts, &form, 5), Ok(()));
        prop_assert_eq!(check_rows::<f64>(sizes, cuts, &form, 5), Ok(()));
    }
}

/// Writes rows below some cuts, above them, and between them by themselves.
fn check_rows<T: Real>(
    [m, k, n]: [usize; 3],
    cuts: [f64; 2],
    form: &Form,
    fifths: usize,
) -> Result<(), String> {
    let a = sparse::<T>(m * k, form.seed, fifths);
    with_form([m, k, n], form, a, numbers(k * n, form.seed + 1), |of, old| {
        let bits = |c: &[T]| c.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<u64>>();
        let (mut whole, mut c) = (old.to_vec(), old.to_vec());
        of.write(&mut whole);
        let mut cuts = [0, 1].map(|i| (cuts[i] * (m + 1) as f64) as usize);
        cuts.sort_unstable();
        for rows in [0..cuts[0], cuts[0]..cuts[1], cuts[1]..m] {
            of.only(rows.clone()).write(&mut c[rows.start * n..rows.end * n]);
        }
        if bits(&c) == bits(&whole) { Ok(()) } else { Err(format!("cut at {cuts:?}")) }
    })
}

/// Zeros are skipped in some parts and not in others, and no sign of a zero shows it.
#[test]
fn so_are_rows_of_a_product_with_many_zeros() {
    for transposed in [[true, false], [false, false]] {
        for fifths in [1, 3, 5] {
            let sizes = [785, 130, 101];
            check_rows::<f32>(sizes, [0.01, 0.6], &plain(transposed, 0.0), fifths).unwrap();
            check_rows::<f64>(sizes, [0.3, 0.31], &plain(transposed, 1.0), fifths).unwrap();
        }
    }
    // All sums underflow: they are -0 but for the +0 that is added to those of a large product.
    let [m, k, n] = [785, 128, 101];
    let (a, b) = (vec![-1e-30f32; m * k], vec![1e-30f32; k * n]);
    let of = Product::new(Matrix::new(&a, k, m).transpose(), Matrix::new(&b, k, n));
    let mut c = vec![1.0; 3 * n];
    of.only(7..10).write(&mut c);
    assert!(c.iter().all(|x| x.to_bits() == 0));
}

#[test]
#[should_panic(expected = "gemm: rows 2..4 of 3")]
fn rows_must_exist() {
    let a = [1.0; 3];
    let _ = Product::new(Matrix::new(&a, 3, 1), Matrix::new(&a, 1, 3)).only(2..4);
}
