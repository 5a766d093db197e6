//! The reparameterization trick in one screen: a random sample with a gradient.
//!
//! `cargo run --release --example first_gradient`

use elbo::prelude::*;

fn main() {
    // The sample is a differentiable function of mu and logvar: z = mu + exp(logvar / 2) * eps.
    let mu = Tensor::from([0.5, -1.0]).requires_grad();
    let logvar = Tensor::from([0.0, 0.3]).requires_grad();
    let mut noise = Stream::new(7);

    let z = Normal::new(&mu, &logvar).rsample(&mut noise);
    let loss = z.square().sum() + kl_standard_normal(&mu, &logvar).sum();

    let gradients = loss.backward();
    println!("d loss / d mu = {}", gradients[&mu]);
    println!("{}", loss.graph());
}
