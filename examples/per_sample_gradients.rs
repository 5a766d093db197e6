//! Gradients of each image from one graph: which image pulls on the decoder, and how much they disagree.
//!
//! `cargo run --release --example per_sample_gradients`

use elbo::models::batch_of;
use elbo::prelude::*;

fn main() {
    let set = data::load(&data::Source::Sample).expect("the sample is inside the library");
    let x = batch_of(&set.train, &[0, 1, 2, 3, 4, 5, 6, 7]);
    let vae = Vae::new(784, &Settings::default(), &mut Stream::new(1));
    let loss = vae.loss(&x, &mut Stream::new(2), &mut Pass::Eval, 0.0).total;

    let mut parameters = Vec::new();
    vae.visit("", &mut |name, parameter| {
        parameters.push((name.to_string(), parameter.tensor().clone()));
    });

    // The loss is a mean, so that each image's own gradient is 8 times its part.
    let each = loss.backward_with(BatchReduce::PerSample);
    let squares = loss.backward_with(BatchReduce::SumOfSquares);
    let sum = loss.backward_with(BatchReduce::Sum);

    println!(
        "{:<18} {:>14} {:>9}   ‖gradient‖ of each image",
        "parameter", "[batch, ..]", "‖mean‖"
    );
    for (name, parameter) in &parameters {
        let parts = &each[parameter] * 8.0;
        let norms = parts.flatten_from(1).square().sum_axes(-1, false).sqrt();
        let norms: Vec<String> = norms.data().iter().map(|norm| format!("{norm:6.1}")).collect();
        let (shape, mean) = (parts.shape().to_string(), norm(&sum[parameter]));
        println!("{name:<18} {shape:>14} {mean:>9.1}   {}", norms.join(" "));
    }

    // Var g = E g² - (E g)², of one image, from the squares alone: no [batch, ..] is ever made.
    println!("\n{:<18} {:>9}", "parameter", "noise/signal of one image");
    for (name, parameter) in &parameters {
        let mean_of_squares = f64::from(squares[parameter].sum().item()) * 8.0;
        let square_of_mean = norm(&sum[parameter]).powi(2);
        println!(
            "{name:<18} {:>9.2}",
            ((mean_of_squares - square_of_mean) / square_of_mean).sqrt()
        );
    }
}

fn norm(x: &Tensor) -> f64 {
    f64::from(x.square().sum().item()).sqrt()
}
