//! [`Row`]: what an estimator does at one step; and the [`Reference`] that it is held against.

use elbo_estimators::known::Truth;
use elbo_estimators::study::{Findings, Moments, Parameter, Study};
use elbo_estimators::{Bias, Draws, Estimator, Expectation, Pathwise};
use elbo_tensor::Tensor;
use serde_json::json;

use super::super::row::short;
use super::training::{self, Weights};

/// The gradient from many pathwise draws.
pub(super) struct Reference {
    pub(super) mean: Vec<Tensor<f64>>,
    elements: Vec<Vec<Moments>>,
}

impl Reference {
    pub(super) const DRAWS: usize = 20_000;

    pub(super) fn of(problem: &Expectation<f64, Weights>, study: Study) -> Reference {
        const BLOCKS: usize = 100;
        let draws = Draws::new(BLOCKS, Reference::DRAWS / BLOCKS);
        let blocks = Pathwise.estimate(problem, draws, &mut study.pilot());
        Reference::new(blocks.iter().map(Moments::of_columns).collect())
    }

    fn new(elements: Vec<Vec<Moments>>) -> Reference {
        let mean = |moments: &Vec<Moments>| {
            Tensor::from(moments.iter().map(Moments::mean).collect::<Vec<f64>>())
        };
        Reference { mean: elements.iter().map(mean).collect(), elements }
    }
}

/// What an estimator does at one step, by one parameter. Variances are means over its numbers.
pub(super) struct Row {
    study: Study,
    step: usize,
    loss: f64,
    estimator: &'static str,
    parameter: &'static str,
    is_biased: bool,
    /// The root of the mean square of mean - truth, and what it is from noise alone.
    bias: (f64, f64),
    mean_variance: f64,
    /// Half of the interval of 95 %.
    half: f64,
    max_variance: f64,
    snr: f64,
    cosine: f64,
    evaluations: usize,
}

impl Row {
    /// Of all parameters.
    pub(super) fn all(
        study: Study,
        step: usize,
        loss: f64,
        found: &Findings,
        bias: Bias,
        reference: &Reference,
    ) -> Vec<Row> {
        let cosine = found.cosine.map_or(f64::NAN, |cosine| cosine.mean());
        let row = |(p, truth): (&Parameter, &Vec<Moments>)| {
            let (mean_variance, error) = p.mean_variance();
            Row {
                study,
                step,
                loss,
                estimator: found.estimator,
                parameter: p.name,
                is_biased: bias == Bias::Biased,
                bias: p.distance(truth),
                mean_variance,
                half: 1.96 * error,
                max_variance: p.elements.iter().map(Moments::variance).fold(0.0, f64::max),
                snr: p.snr().0,
                cosine,
                evaluations: found.evaluations,
            }
        };
        found.parameters.iter().zip(&reference.elements).map(row).collect()
    }

    pub(super) const COLUMNS: [&'static str; 18] = [
        "step",
        "loss",
        "estimator",
        "parameter",
        "samples",
        "seed",
        "is_biased",
        "bias",
        "bias_of_noise",
        "mean_variance",
        "mean_variance_low",
        "mean_variance_high",
        "max_variance",
        "variance_in_training",
        "snr",
        "cosine",
        "evaluations",
        "evaluations_per_precision",
    ];

    /// With as many draws as a step of the training has.
    fn in_training(&self) -> f64 {
        self.mean_variance * self.study.samples as f64 / training::DRAWS as f64
    }

    fn per_precision(&self) -> f64 {
        self.evaluations as f64 * self.mean_variance
    }

    /// Where the mean variance is, with 95 % confidence; not below 0.
    fn mean_variance_ci(&self) -> [f64; 2] {
        [(self.mean_variance - self.half).max(0.0), self.mean_variance + self.half]
    }

    pub(super) fn object(&self) -> serde_json::Value {
        json!({
            "step": self.step, "loss": self.loss, "estimator": self.estimator, "parameter": self.parameter,
            "samples": self.study.samples, "seed": self.study.seed, "repeats": self.study.repeats,
            "is_biased": self.is_biased, "bias": self.bias.0, "bias_of_noise": self.bias.1,
            "mean_variance": self.mean_variance,
            "mean_variance_ci": self.mean_variance_ci(),
            "max_variance": self.max_variance, "variance_in_training": self.in_training(), "snr": self.snr,
            "cosine": self.cosine, "truth_gradient_from": Truth::Reference.name(),
            "evaluations": self.evaluations, "evaluations_per_precision": self.per_precision(),
        })
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.step.to_string(), self.loss.to_string()];
        cells.extend([self.estimator, self.parameter].map(String::from));
        cells.extend([self.study.samples.to_string(), self.study.seed.to_string()]);
        cells.push(self.is_biased.to_string());
        let [low, high] = self.mean_variance_ci();
        let numbers = [
            self.bias.0,
            self.bias.1,
            self.mean_variance,
            low,
            high,
            self.max_variance,
            self.in_training(),
            self.snr,
            self.cosine,
        ];
        cells.extend(numbers.map(|x| x.to_string()));
        cells.extend([self.evaluations.to_string(), self.per_precision().to_string()]);
        cells
    }

    pub(super) fn heads() -> String {
        format!(
            "{:>6} {:>9} {:<38} {:<9} {:>19} {:>19} {:>10} {:>9} {:>7} {:>6} {:>10}",
            "step",
            "loss",
            "estimator",
            "parameter",
            "bias",
            "mean var",
            "max var",
            "SNR",
            "cosine",
            "evals",
            "evals·var"
        )
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{:>6} {:>9} {:<38} {:<9} {:>19} {:>19} {:>10} {:>9} {:>7.4} {:>6} {:>10}",
            self.step,
            short(self.loss),
            self.estimator,
            self.parameter,
            format!("{} ({})", short(self.bias.0), short(self.bias.1)),
            format!("{} ± {}", short(self.mean_variance), short(self.half)),
            short(self.max_variance),
            short(self.snr),
            self.cosine,
            self.evaluations,
            short(self.per_precision())
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::row::tests::assert_cells;
    use super::*;

    /// Equal, up to the last digits of a number.
    fn same(found: &Value, expected: &Value) -> bool {
        match (found, expected) {
            (Value::Number(_), Value::Number(_)) => {
                let [found, expected] = [found, expected].map(|x| x.as_f64().unwrap());
                (found - expected).abs() < 1e-12 * expected.abs()
            }
            (Value::Array(found), Value::Array(expected)) => {
                found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| same(a, b))
            }
            _ => found == expected,
        }
    }

    #[test]
    fn figures_stand_under_their_names() {
        // Means 1 and 3, variances 1 and 4; the variances of the variances are 2/9 and 16 times that.
        let elements = vec![Moments::of(&[0.0, 1.0, 2.0]), Moments::of(&[1.0, 3.0, 5.0])];
        let other = Parameter { name: "log_sigma", elements: elements[..1].to_vec() };
        let mu = Parameter { name: "mu", elements };
        let snr = mu.snr().0;
        let found = Findings {
            estimator: "pathwise",
            evaluations: 6,
            parameters: vec![mu, other],
            cosine: Some(Moments::of(&[0.25, 0.75])),
        };
        // Means 0, 5 and 4 with the squared errors 1/2, 1/4 and 0.
        let root = 0.5f64.sqrt();
        let of_mu = [[-root, root], [4.5, 5.5]].map(|x| Moments::of(&x)).to_vec();
        let reference = Reference::new(vec![of_mu, vec![Moments::of(&[4.0, 4.0])]]);
        assert_eq!(reference.mean[0].data(), [0.0, 5.0]);
        let study = Study { repeats: 3, samples: 4, seed: 11 };
        let rows = Row::all(study, 10, 7.5, &found, Bias::Biased, &reference);
        assert_eq!(rows.iter().map(|row| row.parameter).collect::<Vec<_>>(), ["mu", "log_sigma"]);
        // Off by 1 and 2; noise of 1/3 + 1/2 and 4/3 + 1/4.
        let (bias, noise) = (2.5f64.sqrt(), (29.0f64 / 24.0).sqrt());
        let half = 1.96 * 5.0 * 2f64.sqrt() / 6.0;
        let expected = json!({
            "step": 10, "loss": 7.5, "estimator": "pathwise", "parameter": "mu",
            "samples": 4, "seed": 11, "repeats": 3,
            "is_biased": true, "bias": bias, "bias_of_noise": noise,
            "mean_variance": 2.5, "mean_variance_ci": [2.5 - half, 2.5 + half], "max_variance": 4.0,
            "variance_in_training": 0.2, "snr": snr, "cosine": 0.5,
            "truth_gradient_from": "reference run", "evaluations": 6, "evaluations_per_precision": 15.0,
        });
        let object = rows[0].object();
        let keys = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&object), keys(&expected));
        for (key, value) in expected.as_object().unwrap() {
            assert!(same(&object[key], value), "{key}: {} instead of {value}", object[key]);
        }
        assert!(
            same(&json!(rows[1].bias), &json!([3.0, 3f64.sqrt().recip()])),
            "{:?}",
            rows[1].bias
        );

        assert_cells(&Row::COLUMNS, &rows[0].cells(), &object);

        let (heads, line) = (Row::heads(), rows[0].line());
        let shown = [
            ("step", "10".into()),
            ("loss", "7.5000".into()),
            ("estimator", "pathwise".into()),
            ("parameter", "mu".into()),
            ("bias", format!("{} ({})", short(bias), short(noise))),
            ("mean var", format!("2.5000 ± {}", short(half))),
            ("max var", "4.0000".into()),
            ("SNR", short(snr)),
            ("cosine", "0.5000".into()),
            ("evals", "6".into()),
            ("evals·var", "15.000".into()),
        ];
        let joined = |words: Vec<&str>| words.join(" ");
        let all = |text: &str| joined(text.split_whitespace().collect());
        assert_eq!(all(&heads), joined(shown.iter().map(|(head, _)| *head).collect()));
        assert_eq!(
            all(&line),
            joined(shown.iter().map(|(_, figure): &(_, String)| &figure[..]).collect())
        );
        assert_eq!(heads.chars().count(), line.chars().count());
        // No variance is below 0, however wide the interval.
        let [low, high] = Row { half: 3.0, ..rows.into_iter().next().unwrap() }.mean_variance_ci();
        assert_eq!([low, high], [0.0, 5.5]);
    }
}
