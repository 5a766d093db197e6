//! One line of a study's table: what was found about one estimator and one parameter.

use elbo_estimators::Bias;
use elbo_estimators::known::Truth;
use elbo_estimators::study::{Moments, Study};
use serde_json::{Value, json};

/// An estimator and a parameter.
pub(super) struct Row {
    pub(super) estimator: &'static str,
    pub(super) parameter: String,
    pub(super) study: Study,
    pub(super) moments: Moments,
    /// What the estimator says of itself.
    pub(super) bias: Bias,
    pub(super) evaluations: usize,
    pub(super) gradient: Option<(f64, Truth)>,
    pub(super) variance: Option<(f64, Truth)>,
    /// Of the estimate as a whole with the true gradient.
    pub(super) cosine: Option<f64>,
    /// Seconds for one estimate.
    pub(super) seconds: f64,
}

impl Row {
    /// For programs: nothing in it depends on the clock.
    pub(super) fn object(&self) -> Value {
        let value = |truth: Option<(f64, Truth)>| truth.map(|(value, _)| value);
        let source = |truth: Option<(f64, Truth)>| truth.map(|(_, truth)| truth.name());
        json!({
            "estimator": self.estimator,
            "parameter": self.parameter,
            "samples": self.study.samples,
            "seed": self.study.seed,
            "repeats": self.moments.count() as u64,
            "mean": self.moments.mean(),
            "mean_ci": self.moments.mean_ci(),
            "bias": self.off().map(|off| off[0]),
            "bias_ci": self.off().map(|off| [off[1], off[2]]),
            "is_biased": self.bias == Bias::Biased,
            "variance": self.moments.variance(),
            "variance_ci": self.moments.variance_ci(),
            "snr": finite(self.moments.snr()),
            "cosine": self.cosine,
            "truth_gradient": value(self.gradient),
            "truth_gradient_from": source(self.gradient),
            "truth_variance": value(self.variance),
            "truth_variance_from": source(self.variance),
            "evaluations": self.evaluations,
            "evaluations_per_precision": self.evaluations as f64 * self.moments.variance(),
        })
    }

    /// The mean less the true gradient, and where that is with 95 % confidence.
    fn off(&self) -> Option<[f64; 3]> {
        let (truth, _) = self.gradient?;
        let [low, high] = self.moments.mean_ci();
        Some([self.moments.mean(), low, high].map(|x| x - truth))
    }

    /// The names of the columns of [`cells`](Row::cells).
    pub(super) const COLUMNS: [&'static str; 23] = [
        "estimator",
        "parameter",
        "samples",
        "seed",
        "repeats",
        "mean",
        "mean_low",
        "mean_high",
        "bias",
        "bias_low",
        "bias_high",
        "is_biased",
        "variance",
        "variance_low",
        "variance_high",
        "snr",
        "cosine",
        "truth_gradient",
        "truth_gradient_from",
        "truth_variance",
        "truth_variance_from",
        "evaluations",
        "evaluations_per_precision",
    ];

    /// For a table in a file.
    pub(super) fn cells(&self) -> Vec<String> {
        let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        let source = |truth: Option<(f64, Truth)>| truth.map_or("", |(_, from)| from.name()).into();
        let off = |i: usize| number(self.off().map(|off| off[i]));
        let [mean_low, mean_high] = self.moments.mean_ci();
        let [low, high] = self.moments.variance_ci();
        vec![
            self.estimator.into(),
            self.parameter.clone(),
            self.study.samples.to_string(),
            self.study.seed.to_string(),
            self.moments.count().to_string(),
            self.moments.mean().to_string(),
            mean_low.to_string(),
            mean_high.to_string(),
            off(0),
            off(1),
            off(2),
            (self.bias == Bias::Biased).to_string(),
            self.moments.variance().to_string(),
            low.to_string(),
            high.to_string(),
            number(finite(self.moments.snr())),
            number(self.cosine),
            number(self.gradient.map(|g| g.0)),
            source(self.gradient),
            number(self.variance.map(|v| v.0)),
            source(self.variance),
            self.evaluations.to_string(),
            (self.evaluations as f64 * self.moments.variance()).to_string(),
        ]
    }

    /// The heads of [`line`](Row::line).
    pub(super) fn heads() -> String {
        format!(
            "{:<38} {:<9} {:>21} {:>10} {:>21} {:>12} {:>9} {:>6} {:>10} {:>8}",
            "estimator",
            "parameter",
            "mean",
            "bias",
            "variance",
            "truth",
            "SNR",
            "evals",
            "evals·var",
            "ns·var"
        )
    }

    /// What the columns of [`heads`](Row::heads) mean.
    pub(super) const LEGEND: &'static str = "± 95 %; truth of the variance: = closed form, ∫ quadrature, Σ \
        enumeration, ? not known; evals: evaluations of f in one estimate, and with ns: for a variance of 1";

    /// For people.
    pub(super) fn line(&self) -> String {
        let m = &self.moments;
        let half = |[low, high]: [f64; 2]| 0.5 * (high - low);
        let with = |x: f64, error: f64| format!("{} ± {}", short(x), short(error));
        let line = format!(
            "{:<38} {:<9} {:>21} {:>10} {:>21} {:>12} {:>9} {:>6} {:>10} {:>8}",
            self.estimator,
            self.parameter,
            with(m.mean(), half(m.mean_ci())),
            self.off().map_or("?".into(), |off| short(off[0])),
            with(m.variance(), half(m.variance_ci())),
            self.variance.map_or("?".into(), |(v, from)| format!("{} {}", sign(from), short(v))),
            match m.snr() {
                snr if snr.is_nan() => "?".into(),
                snr => finite(snr).map_or("∞".into(), short),
            },
            self.evaluations,
            short(self.evaluations as f64 * m.variance()),
            short(1e9 * self.seconds * m.variance()),
        );
        line.trim_end().into()
    }
}

/// How a truth is known, in one letter.
fn sign(truth: Truth) -> &'static str {
    match truth {
        Truth::ClosedForm => "=",
        Truth::Enumeration => "Σ",
        Truth::Quadrature => "∫",
        Truth::Reference => "~",
    }
}

/// Infinity and what is not a number have no place in a table.
pub(super) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Five digits that count.
pub(super) fn short(x: f64) -> String {
    let digits = |x: f64| (4 - x.abs().log10().floor() as i32).clamp(0, 8) as usize;
    match x.abs() {
        0.0 => "0".into(),
        1e-4..1e5 => format!("{x:.*}", digits(x)),
        _ => format!("{x:.2e}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Each cell is what an object has under the name of its column; `_low` and `_high` are the ends of `_ci`.
    pub(in super::super) fn assert_cells(columns: &[&str], cells: &[String], object: &Value) {
        assert_eq!(cells.len(), columns.len());
        for (column, cell) in columns.iter().zip(cells) {
            let figure = match column.rsplit_once('_') {
                Some((name, "low")) => &object[format!("{name}_ci")][0],
                Some((name, "high")) => &object[format!("{name}_ci")][1],
                _ => &object[*column],
            };
            match figure {
                Value::Null => assert_eq!(cell, "", "{column}"),
                Value::String(text) => assert_eq!(cell, text, "{column}"),
                Value::Number(_) => assert_eq!(cell.parse().ok(), figure.as_f64(), "{column}"),
                _ => assert_eq!(*cell, figure.to_string(), "{column}"),
            }
        }
    }

    /// Every figure is another number.
    fn row() -> Row {
        Row {
            estimator: "pathwise",
            parameter: "mu".into(),
            study: Study { repeats: 7, samples: 3, seed: 11 },
            moments: Moments::of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 13.0]),
            bias: Bias::Biased,
            evaluations: 6,
            gradient: Some((4.25, Truth::ClosedForm)),
            variance: Some((20.5, Truth::Quadrature)),
            cosine: Some(0.75),
            seconds: 2e-9,
        }
    }

    #[test]
    fn an_object_has_every_figure_under_its_name() {
        // The mean is 4, and Σ (x - 4)² is 112.
        let (row, variance) = (row(), 112.0 / 6.0f64);
        let [low, high] = row.moments.mean_ci();
        let expected = json!({
            "estimator": "pathwise", "parameter": "mu", "samples": 3, "seed": 11, "repeats": 7,
            "mean": 4.0, "mean_ci": [low, high],
            "bias": -0.25, "bias_ci": [low - 4.25, high - 4.25], "is_biased": true,
            "variance": variance, "variance_ci": row.moments.variance_ci(),
            "snr": 4.0 / variance.sqrt(), "cosine": 0.75,
            "truth_gradient": 4.25, "truth_gradient_from": "closed form",
            "truth_variance": 20.5, "truth_variance_from": "quadrature",
            "evaluations": 6, "evaluations_per_precision": 6.0 * variance,
        });
        assert_eq!(row.object(), expected);
        let unknown = Row { gradient: None, variance: None, cosine: None, ..row }.object();
        for key in ["gradient", "gradient_from", "variance", "variance_from"] {
            assert!(unknown[format!("truth_{key}")].is_null());
        }
        for key in ["bias", "bias_ci", "cosine"] {
            assert!(unknown[key].is_null());
        }
        let unbiased = Row { bias: Bias::Unbiased, ..self::row() }.object();
        assert_eq!(unbiased["is_biased"], false);
    }

    #[test]
    fn cells_stand_under_their_columns() {
        let unknown = Row { gradient: None, variance: None, cosine: None, ..row() };
        for row in [row(), unknown] {
            assert_cells(&Row::COLUMNS, &row.cells(), &row.object());
        }
    }

    #[test]
    fn a_line_has_its_figures_in_the_order_of_the_heads() {
        let (row, heads) = (row(), Row::heads());
        let (line, m) = (row.line(), row.moments);
        let half = |[low, high]: [f64; 2]| short(0.5 * (high - low));
        let expected = [
            ("estimator", "pathwise".into()),
            ("parameter", "mu".into()),
            ("mean", format!("4.0000 ± {}", half(m.mean_ci()))),
            ("bias", "-0.25000".into()),
            ("variance", format!("18.667 ± {}", half(m.variance_ci()))),
            ("truth", "∫ 20.500".into()),
            ("SNR", short(4.0 / m.variance().sqrt())),
            ("evals", "6".into()),
            ("evals·var", "112.00".into()),
            ("ns·var", short(2.0 * m.variance())),
        ];
        let words: Vec<&str> = line.split_whitespace().collect();
        let all: Vec<String> = expected.iter().map(|(_, figure)| figure.clone()).collect();
        assert_eq!(words, all.join(" ").split(' ').collect::<Vec<_>>());
        // A head ends or begins where its figure does.
        let names: Vec<&str> = heads.split_whitespace().collect();
        assert_eq!(names, expected.iter().map(|(head, _)| *head).collect::<Vec<_>>());
        assert_eq!(heads.chars().count(), line.chars().count());
    }

    #[test]
    fn what_is_exact_has_no_finite_ratio() {
        let row = Row { moments: Moments::of(&[2.0, 2.0, 2.0]), variance: None, ..row() };
        assert!(row.object()["snr"].is_null());
        let snr = Row::COLUMNS.iter().position(|column| *column == "snr").unwrap();
        assert_eq!(row.cells()[snr], "");
        assert!(row.line().contains(" ∞ ") && row.line().contains(" ? "));
    }

    #[test]
    fn five_digits_count() {
        let shown = [0.0, 1.0, -12.345678, 99999.4, 123456.0, 0.00123456, 1e-5].map(short);
        assert_eq!(shown, ["0", "1.0000", "-12.346", "99999", "1.23e5", "0.0012346", "1.00e-5"]);
    }
}
