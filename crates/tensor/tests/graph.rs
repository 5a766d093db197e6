//! What the graph promises: one rule for every order, no work for constants, the same bits.

use elbo_tensor::kernels::threads;
use elbo_tensor::{Stream, Tensor, find_nan, no_grad};

#[test]
fn threads_change_no_bit_of_a_gradient() {
    let gradients = |threads| {
        threads::with(threads, || {
            let mut noise = Stream::new(4);
            let w1 = (noise.normal::<f32>([784, 400]) * 0.05).requires_grad();
            let b1 = Tensor::zeros([400]).requires_grad();
            let x = noise.uniform([128, 784], 0.0, 1.0);
            let y = x.linear(&w1, &b1).relu().square().sum();
            let g = y.into_gradients();
            (g[&w1].to_vec(), g[&b1].to_vec())
        })
    };
    let one = gradients(1);
    assert!(one == gradients(2) && one == gradients(4));
}

#[test]
fn the_constant_batch_costs_no_product() {
    // The cotangent of x would be a [16, 50] product; nobody asks for it.
    let mut noise = Stream::new(3);
    let w1 = noise.normal::<f32>([50, 20]).requires_grad();
    let b1 = Tensor::zeros([20]).requires_grad();
    let x = noise.uniform([16, 50], 0.0, 1.0);
    let gradients = x.linear(&w1, &b1).sum().backward();
    assert_eq!(gradients.iter().count(), 2);
    assert!(gradients.get(&x).is_none());
}

#[test]
fn what_runs_without_gradients_keeps_nothing() {
    let w = Tensor::from([1.0f32, 2.0]).requires_grad();
    let y = no_grad(|| (&w * &w).exp().sum());
    assert!(!y.is_tracked());
    assert!((&w * &w).is_tracked());
}

#[test]
fn the_first_nan_is_found_where_it_was_made() {
    let x = Tensor::from([1.0f32, -1.0]).requires_grad();
    let (_, origin) = find_nan(|| ((&x * 2.0).ln() + 1.0).sum());
    assert_eq!(origin.unwrap().op, "ln");
    let huge = Tensor::from([1e30f32]).requires_grad();
    let (_, origin) = find_nan(|| {
        let infinite = huge.square();
        (&infinite - &infinite).sum()
    });
    let origin = origin.unwrap();
    assert_eq!((origin.op, origin.from_infinity), ("sub", true));
    assert!(find_nan(|| x.exp().sum()).1.is_none());
}

#[test]
fn a_gradient_is_shared_by_all_uses_of_a_tensor() {
    // y = x·x + x·3 + x: dy/dx = 2x + 4.
    let x = Tensor::from([5.0]).requires_grad();
    let y = (&x * &x + &x * 3.0 + &x).sum();
    assert_eq!(y.backward()[&x].item(), 14.0);
    // The graph is still there.
    assert_eq!(y.backward()[&x].item(), 14.0);
}

#[test]
fn values_may_change_in_place_without_touching_a_graph() {
    let mut w = Tensor::from([2.0]).requires_grad();
    let y = w.square().sum();
    w.data_mut()[0] = 10.0;
    assert_eq!(y.backward()[&w].item(), 4.0);
    assert_eq!(w.square().sum().backward()[&w].item(), 20.0);
}
