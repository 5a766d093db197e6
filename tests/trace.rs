//! `elbo trace`: its numbers against a network written out in loops.

mod support;

use serde_json::Value;
use support::{Lab, json_lines};

/// The numbers of a node: its value, or its cotangent.
fn numbers(all: &Value, label: &str, which: &str) -> Vec<f64> {
    let nodes = all["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["label"] == label);
    let numbers = node.unwrap_or_else(|| panic!("{label}"))[which].as_array();
    numbers
        .unwrap_or_else(|| panic!("{which} of {label}"))
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

/// x W + b, with W [in, out].
fn linear(x: &[f64], w: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    (0..n).map(|j| b[j] + (0..x.len()).map(|i| x[i] * w[i * n + j]).sum::<f64>()).collect()
}

/// y Wᵀ
fn back(y: &[f64], w: &[f64]) -> Vec<f64> {
    w.chunks(y.len()).map(|row| row.iter().zip(y).map(|(w, y)| w * y).sum()).collect()
}

fn tanh(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.tanh()).collect()
}

#[track_caller]
fn close(what: &str, found: &[f64], truth: &[f64]) {
    assert_eq!(found.len(), truth.len(), "{what}");
    for (a, b) in found.iter().zip(truth) {
        assert!((a - b).abs() < 1e-12, "{what}: {found:?} instead of {truth:?}");
    }
}

#[test]
fn values_and_cotangents_are_those_of_a_network_in_loops() {
    let lab = Lab::new();
    for line in ["--seed 1", "--seed 2 --inputs 6 --hidden 5 --latent 3", "--latent 1 --inputs 1"] {
        let said = json_lines(&lab.ok(&format!("trace --json {line}")));
        let [all] = &said[..] else { panic!("one object") };
        let value = |label: &str| numbers(all, label, "value");
        let bar = |label: &str| numbers(all, label, "cotangent");
        let (x, eps) = (value("x"), value("eps"));
        let [w1, b1, w2, b2] = ["0.weight", "0.bias", "2.weight", "2.bias"]
            .map(|name| value(&format!("encoder.{name}")));
        let [v1, c1, v2, c2] = ["0.weight", "0.bias", "2.weight", "2.bias"]
            .map(|name| value(&format!("decoder.{name}")));
        let latent = eps.len();

        let hidden = tanh(&linear(&x, &w1, &b1));
        let code = linear(&hidden, &w2, &b2);
        let (mu, logvar) = code.split_at(latent);
        let sigma: Vec<f64> = logvar.iter().map(|logvar| (logvar / 2.0).exp()).collect();
        let z: Vec<f64> = (0..latent).map(|i| mu[i] + sigma[i] * eps[i]).collect();
        let decoded = tanh(&linear(&z, &v1, &c1));
        let logits = linear(&decoded, &v2, &c2);
        let pair = logits.iter().zip(&x);
        let recon: f64 =
            pair.clone().map(|(l, x)| l.max(0.0) - l * x + (-l.abs()).exp().ln_1p()).sum();
        let kl: f64 =
            (0..latent).map(|i| 0.5 * (sigma[i].powi(2) + mu[i].powi(2) - 1.0 - logvar[i])).sum();
        close("mu", &value("mu"), mu);
        close("logvar", &value("logvar"), logvar);
        close("z", &value("z"), &z);
        close("logits", &value("logits"), &logits);
        close("loss", &value("loss"), &[recon + kl]);

        let logits_bar: Vec<f64> = pair.map(|(l, x)| 1.0 / (1.0 + (-l).exp()) - x).collect();
        let through_tanh = |bar: &[f64], y: &[f64]| -> Vec<f64> {
            bar.iter().zip(y).map(|(bar, y)| bar * (1.0 - y * y)).collect()
        };
        let z_bar = back(&through_tanh(&back(&logits_bar, &v2), &decoded), &v1);
        let mu_bar: Vec<f64> = (0..latent).map(|i| z_bar[i] + mu[i]).collect();
        let logvar_bar: Vec<f64> = (0..latent)
            .map(|i| z_bar[i] * eps[i] * sigma[i] / 2.0 + (sigma[i].powi(2) - 1.0) / 2.0)
            .collect();
        close("z̄", &bar("z"), &z_bar);
        close("m̄u", &bar("mu"), &mu_bar);
        close("logvar̄", &bar("logvar"), &logvar_bar);
        let code_bar = [mu_bar, logvar_bar].concat();
        close("b̄ of the encoder", &bar("encoder.2.bias"), &code_bar);
        let first_bar = through_tanh(&back(&code_bar, &w2), &hidden);
        let outer: Vec<f64> = x.iter().flat_map(|x| first_bar.iter().map(move |y| x * y)).collect();
        close("W̄ of the encoder", &bar("encoder.0.weight"), &outer);

        for (i, unit) in all["units"].as_array().unwrap().iter().enumerate() {
            let of = |name: &str| unit[name].as_f64().unwrap();
            close("z̄ of a unit", &[of("z_bar")], &[z_bar[i]]);
            close(
                "through z",
                &[of("logvar_bar_through_z")],
                &[z_bar[i] * eps[i] * sigma[i] / 2.0],
            );
            close(
                "sum",
                &[of("logvar_bar")],
                &[of("logvar_bar_through_z") + of("logvar_bar_of_kl")],
            );
        }
        for check in all["checks"].as_array().unwrap() {
            let [a, b] = ["cotangent", "difference"].map(|name| check[name].as_f64().unwrap());
            assert!((a - b).abs() < 1e-7, "{check}");
        }
    }
}

#[test]
fn the_noise_is_marked_and_so_is_the_path() {
    let lab = Lab::new();
    let said = lab.ok("trace --path encoder.0.bias --out t");
    for words in ["eps", "noise", "m̄u = z̄", "apart by", "t: graph.svg"] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert_eq!(lab.list("t"), ["graph.dot", "graph.png", "graph.svg", "trace.json"]);
    let all: Value = serde_json::from_str(&lab.text("t/trace.json")).unwrap();
    let nodes = all["nodes"].as_array().unwrap();
    let labels = |key: &str| -> Vec<&str> {
        nodes
            .iter()
            .filter(|node| node[key] == true)
            .map(|node| node["label"].as_str().unwrap())
            .collect()
    };
    assert_eq!(labels("stochastic"), ["eps"]);
    let path = labels("on_path");
    assert!(["encoder.0.bias", "mu", "z", "kl", "loss"].iter().all(|name| path.contains(name)));
    assert!(
        ["x", "eps", "encoder.0.weight", "decoder.0.bias"].iter().all(|name| !path.contains(name))
    );
    let dot = lab.text("t/graph.dot");
    assert_eq!(dot.matches("shape=diamond").count(), 1, "{dot}");
    let svg = lab.text("t/graph.svg");
    assert!(svg.contains(">z = reparameterize</text>") && svg.contains(">eps</text>"));
    assert!(lab.read("t/graph.png").starts_with(b"\x89PNG\r\n\x1a\n"));
    // The next one finds a folder of its own.
    lab.ok("trace --latent 20 --hidden 30 --inputs 50");
    assert!(lab.list("runs").contains(&"trace-001".to_string()));
}

#[test]
fn wrong_options_are_refused() {
    let lab = Lab::new();
    lab.refuses(
        "trace --path w",
        &["--path w: there is no such node", "mu, logvar", "encoder.0.weight"],
    );
    lab.refuses("trace --latent 0", &["--latent", "0 is not in 1..=1000"]);
    lab.refuses("trace --seed one", &["--seed", "invalid digit"]);
}
