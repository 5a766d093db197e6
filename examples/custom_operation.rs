//! An operation of your own, with its derivative rule, its check and its place in the graph.
//!
//! `cargo run --release --example custom_operation`

use elbo::prelude::*;

/// The smooth clipping y = x / √(1 + x²).
struct SoftClip;

impl<T: Real> Op<T> for SoftClip {
    fn name(&self) -> &'static str {
        "soft_clip"
    }

    fn rule(&self) -> &'static str {
        "x̄ = ȳ / (1 + x²)^(3/2)"
    }

    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let x = &inputs[0];
        x / (x.square() + T::ONE).sqrt()
    }

    // Written in tensor operations: so it can be differentiated again.
    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        vec![Some(gy * (values.input(0).square() + T::ONE).powf(-1.5))]
    }
}

fn soft_clip<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    apply(SoftClip, [x.clone()])
}

fn main() {
    let x = Tensor::from([-2.0, 0.0, 0.5, 3.0]).requires_grad();
    let y = soft_clip(&x);
    println!("y        = {y}");

    let [first] = grad(&y.sum(), [&x]);
    let [second] = grad(&first.sum(), [&x]);
    println!("dy/dx    = {first}");
    println!("d²y/dx²  = {second}");

    // First and second derivatives against finite differences, in random directions.
    match check::derivatives(|x| soft_clip(&x[0]), &[x.detach()], 1) {
        Ok(()) => println!("the rule agrees with finite differences"),
        Err(error) => println!("the rule is wrong: {error}"),
    }
    println!("\n{}", (y.square().sum()).graph());
}
