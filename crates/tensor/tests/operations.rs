//! Every registered operation: its value in f64 and f32 against a naive reference, its first and
//! second derivatives against finite differences, over random shapes, broadcasts and parameters.

use elbo_tensor::{Tensor, check};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn values_and_derivatives_are_right(seed: u64) {
        for entry in check::registry() {
            if let Err(error) = (entry.check)(seed) {
                return Err(TestCaseError::fail(format!("{}: {error}", entry.name)));
            }
        }
    }
}

#[test]
fn the_registry_is_not_empty_and_names_are_unique() {
    let mut names: Vec<_> = check::registry().iter().map(|entry| entry.name).collect();
    assert!(names.len() > 40, "{}", names.len());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), check::registry().len());
}

#[test]
fn a_wrong_rule_is_caught() {
    // The value of x³ with the derivative of x²: what the check is there to find.
    use elbo_tensor::{Op, Real, Values, apply};
    #[derive(Clone, Copy)]
    struct Wrong;
    impl<T: Real> Op<T> for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn rule(&self) -> &'static str {
            "x̄ = 2 x ȳ"
        }
        fn forward(&self, x: &mut [Tensor<T>]) -> Tensor<T> {
            x[0].powi(3)
        }
        fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
            vec![Some(gy * values.input(0) * T::from_f64(2.0))]
        }
    }
    let x = Tensor::from([0.5, 1.5, -2.0]);
    let error = check::derivatives(|x| apply(Wrong, [x[0].clone()]), &[x], 1).unwrap_err();
    assert!(error.contains("first derivative"), "{error}");
}

proptest! {
    #[test]
    fn large_broadcasts_agree_with_ndarray(
        sizes in prop::collection::vec(1usize..40, 1..4),
        stretch in prop::collection::vec(any::<[bool; 2]>(), 4),
        seed in 0u64..1000,
    ) {
        let part = |which: usize| -> Vec<usize> {
            sizes.iter().zip(&stretch).map(|(&n, s)| if s[which] { 1 } else { n }).collect()
        };
        let (a, b) = (part(0), part(1));
        let mut noise = elbo_tensor::Stream::new(seed);
        let a: Tensor = noise.normal(&a[..]);
        let b: Tensor = noise.normal(&b[..]);
        let truth = &a.view() - &b.view();
        prop_assert_eq!((&a - &b).to_ndarray(), truth.clone());
        prop_assert_eq!((a + 0.0 - &b).to_ndarray(), truth);
    }
}
