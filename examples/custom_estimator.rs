//! An estimator of one's own: central differences with the same noise on both sides. It needs a path, but no
//! derivative of the function; its bias falls with the square of the step.
//!
//! `cargo run --release --example custom_estimator`

use elbo::estimators::Bias;
use elbo::estimators::known::{Cost, Gaussian};
use elbo::estimators::study::Study;
use elbo::models::RunFolder;
use elbo::models::pictures::{Line, Measured, Sweep};
use elbo::prelude::*;

/// (f(x(θ + h, ε)) - f(x(θ - h, ε))) / 2h
struct CentralDifference {
    h: f64,
}

// Any distribution with a path fits, and no other compiles.
impl<D: Reparameterized<f64>> Estimator<f64, D> for CentralDifference {
    fn name(&self) -> &'static str {
        "central_difference"
    }

    fn bias(&self) -> Bias {
        Bias::Biased
    }

    fn evaluations(&self, problem: &Expectation<f64, D>, samples: usize) -> usize {
        2 * samples * problem.parameters().iter().map(|(_, value)| value.count()).sum::<usize>()
    }

    fn estimate(
        &self,
        problem: &Expectation<f64, D>,
        draws: Draws,
        noise: &mut Stream,
    ) -> Vec<Tensor<f64>> {
        let theta = problem.leaves(draws.count());
        let start = noise.clone();
        let mut at = |i: usize, h: f64| {
            let mut shifted: Vec<_> = theta.iter().map(Tensor::detach).collect();
            shifted[i] = &shifted[i] + h;
            *noise = start.clone();
            problem.cost(&problem.family(&shifted).rsample(noise))
        };
        let difference = |i| draws.mean(&((at(i, self.h) - at(i, -self.h)) * (0.5 / self.h)));
        (0..theta.len()).map(difference).collect()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let known = Gaussian { cost: Cost::Cos, mu: 1.0, sigma: 1.0, k: 2.0 };
    let truth = known.gradient()[0];
    let study = Study { repeats: 200_000, samples: 1, seed: 1 };
    let mut line = Line { name: "central difference".into(), ..Line::default() };
    for step in 0..=8 {
        let h = 0.02 * 40f64.powf(step as f64 / 8.0);
        let found = study.run(&known.problem(), &CentralDifference { h }, None, &|_| ());
        let mean = found.parameters[0].elements[0];
        let [low, high] = mean.mean_ci();
        line.points.push(Measured { x: h, y: mean.mean(), low, high });
        // A cosine's difference is its derivative times sin(k h) / (k h).
        line.truth.push((h, truth * (known.k * h).sin() / (known.k * h)));
        if step % 4 == 0 {
            let (mean, error) = (mean.mean(), mean.mean_error());
            println!("h = {h:.3}: {mean:.4} ± {error:.4}, the gradient is {truth:.4}");
        }
    }

    let figure = Sweep {
        title: "Central differences of E cos(2 x) by mu".into(),
        x: "h".into(),
        y: "mean of the estimates".into(),
        log_x: true,
        lines: vec![line],
        ..Sweep::default()
    };
    let folder = RunFolder::scratch("example-custom-estimator")?;
    let path = folder.path().join("bias.png");
    figure.draw().save(&path)?;
    println!("{}", path.display());
    Ok(())
}
