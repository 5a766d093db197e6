//! The curvature of a loss without its Hessian: products H v by differentiating a gradient, and
//! with them the largest eigenvalue by power iteration.
//!
//! `cargo run --release --example hessian_vector_product`

use elbo::prelude::*;

fn main() {
    // Logistic regression on 200 points in 6 dimensions: -Σ ln p(label | x w).
    let mut noise = Stream::new(1);
    let x: Tensor<f64> = noise.normal([200, 6]);
    let truth = Tensor::from([1.0, -2.0, 0.5, 0.0, 3.0, -1.0]).reshape([6, 1]);
    let labels = noise.bernoulli(&x.matmul(&truth).sigmoid());
    let w = (&truth * 0.1).requires_grad();
    let loss = x.matmul(&w).bce_with_logits(&labels).sum();

    // Power iteration: v ← H v / ‖H v‖.
    let mut v: Tensor<f64> = noise.normal([6, 1]);
    let mut eigenvalue = 0.0;
    for _ in 0..100 {
        let product = hessian_vector_product(&loss, &w, &v);
        eigenvalue = product.square().sum().item().sqrt();
        v = product.detach() / eigenvalue;
    }
    println!("largest eigenvalue of the Hessian: {eigenvalue:.6}");

    // The whole Hessian, for once, and its known form Xᵀ diag(p (1 - p)) X.
    let [gradient] = grad(&loss, [&w]);
    let hessian = jacobian(&gradient, &w).reshape([6, 6]);
    let p = x.matmul(&w.detach()).sigmoid();
    let closed_form = x.matmul_tn(&(&x * (&p - p.square())));
    let difference = (&hessian - closed_form).abs().max().item();
    println!("Hessian:\n{hessian:.3}");
    println!("largest difference from XᵀDX: {difference:.1e}");
    let rayleigh = v.matmul_tn(&hessian.matmul(&v)).item();
    println!("vᵀ H v = {rayleigh:.6}");
}
