//! The first gradient through the trick: E (x - 3)² with x ~ N(mu, sigma²) has the gradient 2 (mu - 3) by mu and
//! 2 sigma by sigma, and the mean of differentiated draws finds it.
//!
//! `cargo run --release --example gradient_through_the_trick`

use elbo::estimators::study::{Moments, Study};
use elbo::models::RunFolder;
use elbo::models::pictures::{Line, Measured, Sweep};
use elbo::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mu, sigma) = (1.0, 1.5);
    let problem = Expectation::new(
        [("mu", Tensor::scalar(mu)), ("sigma", Tensor::scalar(sigma))],
        |[mu, sigma]| Normal::from_sigma(mu, sigma),
        |x: &Tensor<f64>| (x - 3.0).square(),
    );
    let truth = [2.0 * (mu - 3.0), 2.0 * sigma];

    // The more draws, the closer: the error falls as one over the root of their number.
    let mut lines =
        truth.map(|truth| Line { truth: vec![(10.0, truth), (1e6, truth)], ..Line::default() });
    for power in 4..=24 {
        let draws = 10f64.powf(power as f64 / 4.0) as usize;
        let found =
            Study { repeats: draws, samples: 1, seed: 7 }.run(&problem, &Pathwise, None, &|_| ());
        for (line, parameter) in lines.iter_mut().zip(&found.parameters) {
            let moments: &Moments = &parameter.elements[0];
            let [low, high] = moments.mean_ci();
            line.name = format!("by {}", parameter.name);
            line.points.push(Measured { x: draws as f64, y: moments.mean(), low, high });
        }
    }
    for (line, truth) in lines.iter().zip(truth) {
        let last = line.points[line.points.len() - 1];
        println!("{}: {:.4} ± {:.4}, exactly {truth}", line.name, last.y, last.high - last.y);
    }

    let figure = Sweep {
        title: "Gradients of E (x − 3)², draw by draw".into(),
        x: "draws".into(),
        y: "mean of the gradients, with 95 % confidence".into(),
        log_x: true,
        lines: lines.into(),
        ..Sweep::default()
    };
    let folder = RunFolder::scratch("example-gradient-through-the-trick")?;
    let path = folder.path().join("gradients.png");
    figure.draw().save(&path)?;
    println!("{}", path.display());
    Ok(())
}
