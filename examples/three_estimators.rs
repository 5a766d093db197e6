//! Three estimators of one gradient, by mu of E cos(k x) with x ~ N(mu, 1): which is best depends on the function.
//!
//! `cargo run --release --example three_estimators`

use elbo::estimators::MeasureValuedDifference;
use elbo::estimators::known::{Cost, Gaussian};
use elbo::estimators::study::Study;
use elbo::models::RunFolder;
use elbo::models::pictures::{Line, Measured, Sweep};
use elbo::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measure_valued = MeasureValuedDifference::coupled();
    let estimators: [&dyn Estimator<f64, Normal<f64>>; 3] =
        [&Pathwise, &ScoreFunction, &measure_valued];
    let study = Study { repeats: 100_000, samples: 1, seed: 1 };
    let mut lines = Vec::new();
    for estimator in estimators {
        let mut line = Line { name: estimator.name().replace('_', " "), ..Line::default() };
        for step in 0..=20 {
            // From slow waves to fast ones: the path's slopes grow with k, the function's values do not.
            let k = 0.5 * 10f64.powf(step as f64 / 20.0);
            let known = Gaussian { cost: Cost::Cos, mu: 1.0, sigma: 1.0, k };
            let found = study.run(&known.problem(), estimator, None, &|_| ());
            let moments = found.parameters[0].elements[0];
            let [low, high] = moments.variance_ci();
            line.points.push(Measured { x: k, y: moments.variance(), low, high });
            line.truth.extend(known.variance(estimator.name(), 1).map(|(by, _)| (k, by[0])));
        }
        let (slow, fast) = (line.points[0].y, line.points[20].y);
        println!("{:<16} variance {slow:.4} at k = 0.5, {fast:.4} at k = 5", line.name);
        lines.push(line);
    }

    let figure = Sweep {
        title: "Gradients of E cos(k x) by mu".into(),
        x: "k".into(),
        y: "variance of one draw's gradient".into(),
        log_x: true,
        log_y: true,
        lines,
    };
    let folder = RunFolder::scratch("example-three-estimators")?;
    let path = folder.path().join("variances.png");
    figure.draw().save(&path)?;
    println!("{}", path.display());
    Ok(())
}
