//! Derivatives that can be differentiated again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::Node;
use super::backward::{Pass, sweep};
use crate::{Real, Shape, Tensor};

/// The gradients of one number with respect to `inputs`, as tensors that can be differentiated again.
///
/// Inputs may be leaves or results; one that `output` does not depend on has gradient 0.
///
/// ```
/// # use elbo_tensor::{Tensor, grad};
/// let x = Tensor::from([3.0]).requires_grad();
/// let [first] = grad(&x.powi(3).sum(), [&x]);
/// let [second] = grad(&first.sum(), [&x]);
/// assert_eq!((first.item(), second.item()), (27.0, 18.0));
/// ```
///
/// # Panics
/// If `output` is not one number, or an input is not tracked.
#[track_caller]
pub fn grad<T: Real, const N: usize>(
    output: &Tensor<T>,
    inputs: [&Tensor<T>; N],
) -> [Tensor<T>; N] {
    assert_eq!(output.count(), 1, "grad: the output has shape {}, not one number", output.shape());
    vjp(output, &Tensor::ones(*output.shape()), inputs)
}

/// The vector-Jacobian product uᵀ (∂ output / ∂ input) for each input, differentiable again, also
/// with respect to u.
///
/// # Panics
/// If u does not have the shape of `output`, or an input is not tracked.
#[track_caller]
pub fn vjp<T: Real, const N: usize>(
    output: &Tensor<T>,
    u: &Tensor<T>,
    inputs: [&Tensor<T>; N],
) -> [Tensor<T>; N] {
    assert_eq!(u.shape(), output.shape(), "vjp: shapes of the cotangent and of the output");
    let ids = inputs.map(|input| match &input.node {
        Some(node) => node.id,
        None => panic!("grad: an input of {} is a constant; call requires_grad", input.shape()),
    });
    let mut gradients = [const { None }; N];
    if let Some(root) = &output.node {
        let on_the_way = ancestors_that_reach(root, &ids);
        let wanted = |id| on_the_way.contains(&id);
        if wanted(root.id) {
            sweep(output.clone(), u.clone(), Pass::Recorded, wanted, |node, cotangent| {
                for (gradient, _) in gradients.iter_mut().zip(ids).filter(|(_, id)| *id == node.id)
                {
                    *gradient = Some(cotangent.value().clone());
                }
            });
        }
    }
    let mut inputs = inputs.iter();
    gradients.map(|gradient| {
        let input = inputs.next().expect("as many as gradients");
        gradient.unwrap_or_else(|| Tensor::zeros(*input.shape()))
    })
}

/// The ids of those nodes below `root`, itself included, from which one of `targets` can be reached.
fn ancestors_that_reach<T: Real>(root: &Arc<Node<T>>, targets: &[u64]) -> HashSet<u64> {
    let oldest = targets.iter().copied().min().unwrap_or(u64::MAX);
    let mut found: BTreeMap<u64, &Node<T>> = BTreeMap::new();
    let mut open: Vec<&Node<T>> = vec![root];
    while let Some(node) = open.pop() {
        if node.id >= oldest && found.insert(node.id, node).is_none() {
            open.extend(node.edges.iter().filter_map(|edge| edge.node.as_deref()));
        }
    }
    let mut reach = HashSet::new();
    for (id, node) in found {
        let below =
            |edge: &super::Edge<T>| edge.node.as_ref().is_some_and(|n| reach.contains(&n.id));
        if targets.contains(&id) || node.edges.iter().any(below) {
            reach.insert(id);
        }
    }
    reach
}

/// The Jacobian: element [i…, j…] is ∂ output[i…] / ∂ input[j…]. Differentiable again.
///
/// It takes one backward pass per element of `output`.
///
/// # Panics
/// If `input` is not tracked.
#[track_caller]
pub fn jacobian<T: Real>(output: &Tensor<T>, input: &Tensor<T>) -> Tensor<T> {
    let rows: Vec<Tensor<T>> = (0..output.count())
        .map(|i| {
            let u = Tensor::write(*output.shape(), |u| {
                u.fill(T::ZERO);
                u[i] = T::ONE;
            });
            let [row] = vjp(output, &u, [input]);
            row
        })
        .collect();
    let sizes = [&**output.shape(), &**input.shape()].concat();
    if rows.is_empty() {
        return Tensor::zeros(Shape::new(&sizes));
    }
    Tensor::stack(&rows, 0).reshape(Shape::new(&sizes))
}

/// The product H v of the Hessian of one number with a vector, without the Hessian: the gradient of
/// ⟨∇f, v⟩ (Pearlmutter 1994, in reverse over reverse form). Differentiable again.
///
/// # Panics
/// If `output` is not one number, `input` is not tracked, or v has another shape than `input`.
#[track_caller]
pub fn hessian_vector_product<T: Real>(
    output: &Tensor<T>,
    input: &Tensor<T>,
    v: &Tensor<T>,
) -> Tensor<T> {
    assert_eq!(v.shape(), input.shape(), "hessian_vector_product: shapes of v and of the input");
    let [gradient] = grad(output, [input]);
    let [product] = grad(&(gradient * v).sum(), [input]);
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jacobian_and_hessian_of_a_hand_worked_function() {
        // f = x² y;  ∇f = (2xy, x²);  H = ((2y, 2x), (2x, 0)). At (3, 5): ∇ = (30, 9).
        let p = Tensor::from([3.0, 5.0]).requires_grad();
        let (x, y) = (p.slice(0, 0..1), p.slice(0, 1..2));
        let f = (x.square() * y).sum();
        let [gradient] = grad(&f, [&p]);
        assert_eq!(gradient.to_vec(), [30.0, 9.0]);
        assert_eq!(jacobian(&gradient, &p).to_vec(), [10.0, 6.0, 6.0, 0.0]);
        let v = Tensor::from([1.0, -2.0]);
        assert_eq!(hessian_vector_product(&f, &p, &v).to_vec(), [-2.0, 6.0]);
    }

    #[test]
    fn what_the_output_does_not_depend_on_has_gradient_zero() {
        let (x, y) = (Tensor::from([2.0]).requires_grad(), Tensor::from([3.0]).requires_grad());
        let [gx, gy] = grad(&x.square().sum(), [&x, &y]);
        assert_eq!((gx.item(), gy.item()), (4.0, 0.0));
        assert_eq!(hessian_vector_product(&(&x * 3.0).sum(), &x, &Tensor::from([1.0])).item(), 0.0);
    }

    #[test]
    fn gradients_with_respect_to_results_are_given_too() {
        let x = Tensor::from([2.0]).requires_grad();
        let y = x.square();
        let [gy] = grad(&y.square().sum(), [&y]);
        assert_eq!(gy.item(), 8.0);
    }

    #[test]
    fn the_tenth_derivative_of_exp_is_exp() {
        let x = Tensor::from([0.3]).requires_grad();
        let mut y = x.exp();
        for _ in 0..10 {
            [y] = grad(&y.sum(), [&x]);
        }
        assert!((y.item() - 0.3f64.exp()).abs() < 1e-12);
    }
}
