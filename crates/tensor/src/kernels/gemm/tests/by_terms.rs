//! Products for which each thread computes some terms.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::*;

/// Written so, on all instruction sets, whatever the rule says.
fn check_terms<T: Real>([m, k, n]: [usize; 3], form: &Form, threads: usize) -> Result<(), String> {
    let (a, b) = (numbers::<T>(m * k, form.seed), numbers(k * n, form.seed + 1));
    with_form([m, k, n], form, a, b, |of, old| {
        let mut truth = old.to_vec();
        definition(&of, &mut truth, n, (1, BLOCK), |i, j, terms| {
            terms.fold(T::ZERO, |sum, l| of.a.at(i, l).mul_add(of.b.at(l, j), sum))
        });
        compare_with(&truth, old, n, |isa, c, step| {
            // Every element of each block comes once.
            let elements = AtomicUsize::new(0);
            let part = |of: &Product<'_, T>, c: Target<T>, rows: Range<usize>| {
                elements.fetch_add(of.a.columns() * rows.len(), Relaxed);
                dispatch_vectors!(isa, T, vector => {
                    Part { of, c, rows: rows.clone(), columns: 0..n, vector, terms: Single }
                });
                true
            };
            threads::with(threads, || {
                assert!(of.in_terms(isa, Target::of(c, step), threads, part));
            });
            assert_eq!(elements.into_inner(), m * k);
        })
    })
}

proptest! {
    #[test]
    fn terms_by_threads_change_no_bit(
        [m, n] in [1usize..40, 1usize..150], threads in 1usize..6, blocks in 0usize..6, more in 0usize..BLOCK, form in form(),
    ) {
        let k = BLOCK * (threads + blocks) - more;
        let form = Form { beta: 0.0, ..form };
        prop_assert_eq!(check_terms::<f32>([m, k, n], &form, threads), Ok(()));
        prop_assert_eq!(check_terms::<f64>([m, k, n], &form, threads), Ok(()));
    }
}

#[test]
fn the_first_layer_and_the_last_ones_gradient_are_computed_so() {
    let (a, b) = (sparse::<f32>(128 * 784, 1, 1), numbers(784 * 100, 2));
    let takes = |of: Product<'_, f32>, threads| of.has_long_sums(threads);
    let (a, b) = (Matrix::new(&a, 128, 784), Matrix::new(&b, 784, 100));
    for threads in 1..8 {
        let of = Product::new(a, b);
        assert_eq!(takes(of, threads), (2..=4).contains(&threads), "{threads}");
        assert!(!takes(of.plus(1.0), threads) && !takes(of.only(0..20), threads), "{threads}");
    }
    // By this and by other ways, with zeros and without.
    for stored in [false, true] {
        for fifths in [1, 3, 5] {
            let form = Form { bias: !stored, then: 1, ..plain([false, stored], 0.0) };
            for threads in [1, 2, 3, 8] {
                threads::with(threads, || {
                    check([128, 784, 100], &form, sparse::<f32>(128 * 784, 5, fifths)).unwrap();
                });
            }
        }
    }
}

#[test]
fn what_one_thread_refuses_leaves_c_as_it_was() {
    let (a, b) = (numbers::<f32>(10 * 800, 1), numbers(800 * 20, 2));
    let of = Product::new(Matrix::new(&a, 10, 800), Matrix::new(&b, 800, 20));
    for refused in 0..4 {
        for isa in isa::available() {
            let mut c = vec![3.0; 10 * 20];
            let part = |of: &Product<'_, f32>, c: Target<f32>, rows: Range<usize>| {
                c.evict(&rows, &(0..20));
                of.a.at(0, 0) != a[refused * 200]
            };
            let done = threads::with(4, || of.in_terms(isa, Target::of(&mut c, 20), 4, part));
            assert!(!done && c.iter().all(|&x| x == 3.0), "{refused} {isa}");
        }
    }
}
