//! Why more importance samples hurt the encoder (Rainforth et al. 2018): the bound gets tighter, the model's
//! gradient clearer, and the encoder's drowns in noise, unless it is doubly reparameterized.
//!
//! `cargo run --release --example importance_samples`

use elbo::estimators::bound::{BoundEstimator, DoublyReparameterized, TotalDerivative};
use elbo::estimators::known::LinearGaussian;
use elbo::estimators::study::Study;
use elbo::layers::dist::Independent;
use elbo::models::RunFolder;
use elbo::models::pictures::{Line, Measured, Sweep};
use elbo::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // p(z) = N(mu, 1), p(x|z) = N(z, 1), q(z) = N(m, 2/3) in 20 dimensions, a little off the optimum.
    let model = LinearGaussian::published(20, 0.01, &mut Stream::new(1));
    let rules: [&dyn BoundEstimator<f64, Independent<Normal<f64>>>; 2] =
        [&TotalDerivative, &DoublyReparameterized];
    let study = Study { repeats: 20_000, samples: 1, seed: 2 };
    let mut lines = Vec::new();
    for rule in rules {
        let mut both = ["model", "encoder"].map(|of| Line {
            name: format!("{of}, {}", rule.name().replace('_', " ")),
            ..Line::default()
        });
        for k in [1, 2, 4, 8, 16, 32, 64] {
            let found = study.run_bound(&model.bound(k), rule, None, &|_| ());
            for (line, parameter) in both.iter_mut().zip(&found.parameters) {
                let (y, error) = parameter.snr();
                let (low, high) = (y - 1.96 * error, y + 1.96 * error);
                line.points.push(Measured { x: k as f64, y, low: low.max(0.0), high });
            }
        }
        lines.extend(both);
    }
    // The model's gradient is the same for both rules.
    lines.remove(2);
    println!("signal-to-noise ratio of a gradient   K = 1   K = 64");
    for line in &lines {
        println!("{:<35} {:>8.3} {:>8.3}", line.name, line.points[0].y, line.points[6].y);
    }

    let figure = Sweep {
        title: "More importance samples: who gains, who loses".into(),
        x: "K, importance samples".into(),
        y: "signal-to-noise ratio of a gradient".into(),
        log_x: true,
        log_y: true,
        lines,
    };
    let folder = RunFolder::scratch("example-importance-samples")?;
    let path = folder.path().join("snr.png");
    figure.draw().save(&path)?;
    println!("{}", path.display());
    Ok(())
}
