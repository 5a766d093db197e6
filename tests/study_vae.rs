//! `elbo study vae`: what it writes, that threads change nothing, and what it refuses.

mod support;

use serde_json::Value;
use support::{Lab, json_lines, same_figures, table};

const SMALL: &str = "--data data --hidden 8 --latent 2 --batch-size 50 --epochs 1";

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} in {object}"))
}

#[test]
fn every_parameter_has_its_figures() {
    let lab = Lab::new();
    lab.ok(&format!("train vae {SMALL} --likelihood gaussian --out run"));
    let said = json_lines(&lab.ok("study vae run --json --batches 40 --repeats 4 --out s"));
    let names: Vec<&str> = said.iter().map(|line| line["parameter"].as_str().unwrap()).collect();
    let layers = ["encoder.0", "encoder.2", "decoder.0", "decoder.2"];
    let mut expected: Vec<String> =
        layers.iter().flat_map(|l| [format!("{l}.weight"), format!("{l}.bias")]).collect();
    expected.push("observation.logvar".into());
    expected.extend(layers.map(String::from));
    expected.extend(["observation".into(), "all".into()]);
    assert_eq!(names, expected);
    for line in &said {
        let [variance, noise, images] =
            ["variance", "noise_variance", "image_variance"].map(|key| number(line, key));
        assert!((noise + images - variance).abs() < 1e-9 * variance && noise > 0.0, "{line}");
        assert!(
            (number(line, "per_sample_variance") - 50.0 * variance).abs() < 1e-9 * 50.0 * variance
        );
        // Two words on the same figure, of which the second is the noisier.
        let [low, high] =
            [0, 1].map(|i| line["image_variance_between_batches_ci"][i].as_f64().unwrap());
        let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
        assert!((images - middle).abs() < 2.5 * half, "{line}");
        let [signal, snr, cosine] = ["signal", "snr", "cosine"].map(|key| number(line, key));
        let seen = signal.max(0.0);
        assert!((snr.powi(2) * variance - seen).abs() < 1e-9 * variance, "{line}");
        assert!((cosine.powi(2) * (seen + variance) - seen).abs() < 1e-9 * variance, "{line}");
        let per_precision = number(line, "evaluations") * variance;
        assert!(
            (number(line, "evaluations_per_precision") - per_precision).abs()
                < 1e-9 * per_precision
        );
        assert_eq!((&line["batch_size"], &line["evaluations"]), (&50.into(), &50.into()));
    }
    assert_eq!(
        lab.list("s"),
        ["gradients.csv", "snr.png", "snr.svg", "variance.png", "variance.svg"]
    );
    let csv = lab.text("s/gradients.csv");
    assert_eq!(csv.lines().count(), 1 + 15);
    assert!(csv.starts_with("parameter,numbers,signal,signal_low,signal_high,variance,"), "{csv}");
    let figure = lab.text("s/variance.svg");
    assert!(figure.contains(">decoder.2.weight</text>") && figure.contains(">decoder.2</text>"));
    same_figures(&table(&csv), &said);
    lab.refuses("study vae run --batches 3 --repeats 2 --out s", &["s is not empty", "--out"]);

    let table = lab.ok("study vae run --batches 3 --repeats 2 --batch-size 7");
    assert!(
        table.contains("batches of 7: 3 of them") && table.contains("runs/study-001"),
        "{table}"
    );
}

#[test]
fn a_layer_is_the_sum_of_its_parameters() {
    let lab = Lab::new();
    lab.ok(&format!("train vae {SMALL} --likelihood gaussian --out run"));
    let said = json_lines(&lab.ok("study vae run --json --batches 5 --repeats 3 --out s"));
    let name = |line: &Value| line["parameter"].as_str().unwrap().to_owned();
    let (parameters, sums) = said.split_at(9);
    for line in sums {
        let layer = name(line);
        let within = |parameter: &&Value| {
            layer == "all" || name(parameter).rsplit_once('.').unwrap().0 == layer
        };
        let parts: Vec<&Value> = parameters.iter().filter(within).collect();
        let count = match &layer[..] {
            "all" => 9,
            "observation" => 1,
            _ => 2,
        };
        assert_eq!(parts.len(), count, "{layer}");
        for key in [
            "numbers",
            "signal",
            "variance",
            "noise_variance",
            "image_variance",
            "image_variance_between_batches",
        ] {
            let figures = || parts.iter().map(|part| number(part, key));
            let (sum, size) = (figures().sum::<f64>(), figures().map(f64::abs).sum::<f64>());
            assert!((number(line, key) - sum).abs() < 1e-9 * size, "{layer}, {key}: {sum}, {line}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let lab = Lab::new();
    lab.ok(&format!("train vae {SMALL} --hidden 400 --out run").replace("--hidden 8 ", ""));
    let study = |threads: usize| {
        lab.ok(&format!(
            "study vae run --json --batches 3 --repeats 2 --batch-size 100 --threads {threads} --out {threads}"
        ))
    };
    let one = study(1);
    assert_eq!(one, study(2));
    assert_eq!(one, study(4));
    assert!(lab.read("1/variance.png") == lab.read("4/variance.png"));
}

#[test]
fn what_has_no_noise_is_refused() {
    let lab = Lab::new();
    lab.ok(&format!("train autoencoder {SMALL} --out ae"));
    lab.ok("train pca --data data --latent 2 --out pca");
    lab.refuses("study vae ae", &["autoencoder has no latent noise to study", "elbo train vae"]);
    lab.refuses("study vae pca", &["pca has no latent noise to study"]);
    lab.refuses("study vae ae --repeats 1", &["--repeats", "1 is not in 2..=100000"]);
    lab.refuses("study vae ae --batches 2", &["--batches", "2 is not in 3..=10000"]);
    lab.refuses("study vae nowhere", &["nowhere holds no run"]);
}
