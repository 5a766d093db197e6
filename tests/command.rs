//! The command on small data: what each subcommand writes and prints, and that a run can be
//! repeated from what it has written.

mod support;

use std::fs::File;

use ndarray::Array2;
use ndarray_npy::ReadNpyExt;
use serde_json::{Value, json};
use support::{Lab, SIDE, TEST, TRAIN, header, json_lines};

const PIXELS: usize = SIDE * SIDE;
/// A model small enough to train in a moment.
const SMALL: &str = "--data data --hidden 16 --batch-size 50 --epochs 2";

#[test]
fn help_and_version_are_printed() {
    let lab = Lab::new();
    let version = lab.ok("--version");
    assert_eq!(version.trim(), format!("elbo {}", env!("CARGO_PKG_VERSION")));
    let help = lab.ok("--help");
    for word in [
        "train",
        "eval",
        "sample",
        "reconstruct",
        "encode",
        "trace",
        "data",
        "bench",
        "study",
        "--threads",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
    for word in
        ["train", "eval", "sample", "reconstruct", "encode", "trace", "data", "bench", "study"]
    {
        assert!(lab.ok(&format!("{word} --help")).contains("Usage: elbo"), "{word}");
    }
}

#[test]
fn a_vae_run_holds_all_that_it_should() {
    let lab = Lab::new();
    let said = lab.ok(&format!("train vae {SMALL} --latent 2 --out run"));
    for word in ["vae 64-16-2", "epoch   2/2", "ELBO", "manifold.png", "next:", "elbo eval run"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let state = "state-0002-0000000.safetensors";
    assert_eq!(
        lab.list("run"),
        [
            "best.safetensors",
            "checkpoint.safetensors",
            "codes.png",
            "config.toml",
            "loss.png",
            "manifold.png",
            "metrics.jsonl",
            "reconstructions.png",
            "samples.png",
            state,
        ]
    );
    for name in lab.list("run").iter().filter(|name| name.ends_with(".png")) {
        assert!(lab.read(&format!("run/{name}")).starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
    }

    let metrics = lab.metrics("run");
    assert_eq!(metrics.len(), 2);
    for (number, line) in metrics.iter().enumerate() {
        assert_eq!(line["epoch"], json!(number + 1));
        for field in ["train_loss", "test_loss", "recon", "kl", "seconds"] {
            let value = line[field].as_f64().unwrap_or_else(|| panic!("{field} in {line}"));
            assert!(value.is_finite() && value > 0.0, "{field} in {line}");
        }
        let sum = line["recon"].as_f64().unwrap() + line["kl"].as_f64().unwrap();
        assert!((sum - line["test_loss"].as_f64().unwrap()).abs() < 1e-3, "{line}");
    }
    assert!(metrics[1]["test_loss"].as_f64() < metrics[0]["test_loss"].as_f64());

    // The names and layouts of PyTorch: [out, in].
    for file in ["run/checkpoint.safetensors", "run/best.safetensors"] {
        let header = header(&lab.read(file));
        for (name, shape) in
            [("encoder.0.weight", json!([16, PIXELS])), ("encoder.0.bias", json!([16]))]
        {
            assert_eq!(header[name]["shape"], shape, "{file}: {name}");
            assert_eq!(header[name]["dtype"], "F32", "{file}: {name}");
        }
    }
    let config = lab.text("run/config.toml");
    for line in ["model = \"vae\"", "latent = 2", "hidden = [16]", "seed = 1"] {
        assert!(config.lines().any(|found| found == line), "{line} in {config}");
    }
    // The whole path, so that the run finds its data from any folder.
    let data = config.lines().find_map(|line| line.strip_prefix("data = \"")?.strip_suffix('"'));
    let data = std::path::Path::new(data.expect("a folder"));
    assert!(data.is_absolute() && data.ends_with("data"), "{}", data.display());
}

#[test]
fn the_config_of_a_run_repeats_it_bit_for_bit() {
    let lab = Lab::new();
    let first =
        "--latent 3 --beta 0.5 --kl-warmup 1 --optimizer adamw --weight-decay 0.01 --seed 7";
    lab.ok(&format!("train vae {SMALL} {first} --clip-norm 5 --activation gelu --out first"));
    lab.ok("train vae --config first/config.toml --out again");
    lab.same_bits("first", "again");
    assert_eq!(lab.text("first/config.toml"), lab.text("again/config.toml"));

    // An option wins over the file.
    lab.ok("train vae --config first/config.toml --seed 8 --out other");
    assert_ne!(lab.read("first/checkpoint.safetensors"), lab.read("other/checkpoint.safetensors"));
}

#[test]
fn rounded_products_end_near_the_loss_of_full_ones() {
    let lab = Lab::new();
    let train = |precision: &str| {
        lab.ok(&format!("train vae --epochs 1 --precision {precision} --out {precision}"));
        assert!(lab.text(&format!("{precision}/config.toml")).contains(precision));
        lab.metrics(precision)[0]["test_loss"].as_f64().unwrap()
    };
    // In nats per image, of some 330.
    let (full, rounded) = (train("f32"), train("bf16"));
    assert!(full != rounded && (full - rounded).abs() < 0.3, "{full} {rounded}");
    lab.refuses(
        "train vae --precision f32 --resume --out bf16 --epochs 2",
        &["precision is \"bf16\" in this run, not \"f32\""],
    );
}

#[test]
fn json_is_one_object_per_line_and_nothing_else() {
    let lab = Lab::new();
    let said = json_lines(&lab.ok(&format!("train vae {SMALL} --json --out run")));
    assert_eq!(said, lab.metrics("run"));
    let said = json_lines(&lab.ok(&format!("train autoencoder {SMALL} --json --out ae")));
    assert_eq!(said, lab.metrics("ae"));
    assert_eq!(said[0].get("kl"), None);
    let said = json_lines(&lab.ok("train pca --data data --latent 4 --json --out pca"));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0]["components"], 4);
    let explained = said[0]["explained"].as_f64().unwrap();
    assert!(explained > 0.5 && explained <= 1.0, "{explained}");
}

/// `elbo eval --json` of a run.
fn eval(lab: &Lab, line: &str) -> Value {
    let said = json_lines(&lab.ok(&format!("eval --json {line}")));
    assert_eq!(said.len(), 1, "{line}");
    said[0].clone()
}

#[test]
fn every_model_trains_and_is_evaluated() {
    let lab = Lab::new();
    // Options, and the mean squared error that the model must beat: that of a grey image is 0.17.
    let runs = [
        ("vae", ""),
        ("vae", "--likelihood gaussian"),
        ("autoencoder", "--loss bce"),
        ("autoencoder", "--loss mse"),
        ("autoencoder", "--loss mse --output identity --code tanh"),
        ("autoencoder", "--loss l1"),
        ("autoencoder", "--loss categorical"),
        ("autoencoder", "--optimizer sgd --lr 0.01 --hidden 16,8"),
        ("pca", ""),
    ];
    for (number, (model, options)) in runs.iter().enumerate() {
        let small = if *model == "pca" { "--data data" } else { SMALL };
        // A later `--hidden` would be a second one.
        let small = match options.contains("--hidden") {
            true => small.replace("--hidden 16", ""),
            false => small.into(),
        };
        let small = small.replace("--batch-size 50 --epochs 2", "--batch-size 10 --epochs 12");
        lab.ok(&format!("train {model} {small} {options} --latent 4 --out {number}"));
        let found = eval(&lab, &number.to_string());
        assert_eq!(found["model"], *model);
        assert_eq!(found["data"], "data");
        assert_eq!(found["images"], TEST);
        let mse = found["mse_per_pixel"].as_f64().unwrap();
        assert!(mse > 0.0 && mse < 0.16, "{model} {options}: {mse}");
        let psnr = found["psnr_db"].as_f64().unwrap();
        assert!((psnr + 10.0 * mse.log10()).abs() < 1e-9, "{model} {options}: {psnr}");
        let has_bound = *model == "vae";
        for field in ["elbo", "recon", "kl", "nll", "kl_per_unit", "active_units"] {
            assert_eq!(found.get(field).is_some(), has_bound, "{model} {options}: {field}");
        }
        if has_bound {
            let field = |name: &str| found[name].as_f64().unwrap();
            assert!((field("elbo") + field("recon") + field("kl")).abs() < 1e-6, "{found}");
            assert_eq!(found["kl_per_unit"].as_array().unwrap().len(), 4);
            // The importance-weighted bound is the tighter one.
            assert!(field("nll") < -field("elbo"), "{found}");
        }
        // The words for people hold the same number.
        let text = lab.ok(&format!("eval {number} --samples 0"));
        assert!(text.contains(&format!("{mse:.6}")) && !text.contains("nll"), "{text}");
    }
}

#[test]
fn codes_are_written_twice_and_agree() {
    let lab = Lab::new();
    lab.ok(&format!("train vae {SMALL} --latent 3 --out vae"));
    lab.ok(&format!("train autoencoder {SMALL} --latent 3 --out autoencoder"));
    lab.ok("train pca --data data --latent 3 --out pca");
    let labels = lab.read("data/t10k-labels-idx1-ubyte")[8..].to_vec();
    for run in ["vae", "autoencoder", "pca"] {
        let said = lab.ok(&format!("encode {run}"));
        assert_eq!(said, format!("{run}/codes-test.npy\n{run}/codes-test.csv\n"));
        lab.ok(&format!("encode {run} --split train --out {run}-v1.5"));
        for (name, count) in [(format!("{run}/codes-test"), TEST), (format!("{run}-v1.5"), TRAIN)] {
            let npy = File::open(lab.path(&format!("{name}.npy"))).unwrap();
            let codes = Array2::<f32>::read_npy(npy).unwrap();
            assert_eq!(codes.dim(), (count, 3));
            let csv = lab.text(&format!("{name}.csv"));
            let mut lines = csv.lines();
            assert_eq!(lines.next(), Some("index,label,z1,z2,z3"));
            let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
            assert_eq!(lines.len(), count);
            for (index, (line, code)) in lines.iter().zip(codes.rows()).enumerate() {
                assert_eq!(line[0], index.to_string());
                if count == TEST {
                    assert_eq!(line[1], labels[index].to_string());
                }
                let numbers: Vec<f32> = line[2..].iter().map(|z| z.parse().unwrap()).collect();
                assert_eq!(numbers, code.to_vec(), "{name}, line {index}");
            }
        }
    }
}

#[test]
fn labels_may_be_absent() {
    let lab = Lab::new();
    for name in ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"] {
        std::fs::remove_file(lab.path("data").join(name)).unwrap();
    }
    lab.ok(&format!("train vae {SMALL} --latent 2 --out run"));
    lab.ok("encode run");
    assert!(lab.text("run/codes-test.csv").contains("\n0,,"));
    assert!(lab.ok("data info --data data").contains("no labels"));
}

#[test]
fn using_a_run_leaves_it_as_it_was() {
    let lab = Lab::new();
    lab.ok(&format!("train vae {SMALL} --out run"));
    let files = ["checkpoint.safetensors", "best.safetensors", "config.toml", "metrics.jsonl"];
    let read = || files.map(|name| lab.read(&format!("run/{name}")));
    let (before, measured) = (read(), eval(&lab, "run"));
    let samples = lab.read("run/samples.png");

    assert_eq!(lab.ok("sample run"), "run/samples.png\n");
    assert_eq!(lab.read("run/samples.png"), samples, "the same seed draws the same");
    lab.ok("sample run --count 7 --seed 3 --best");
    assert_ne!(lab.read("run/samples.png"), samples);
    for columns in [1, 4, 100] {
        let said = lab.ok(&format!("reconstruct run --columns {columns}"));
        assert_eq!(said, "run/reconstructions.png\n");
    }
    lab.ok("encode run");
    assert_eq!(read(), before);
    assert_eq!(eval(&lab, "run"), measured);
    assert_ne!(eval(&lab, "run --seed 2")["nll"], measured["nll"]);

    // And it can still go on.
    lab.ok("train vae --out run --resume --epochs 3");
    assert_eq!(lab.metrics("run").len(), 3);
    assert!(lab.text("run/config.toml").contains("epochs = 3"));
}

#[test]
fn best_is_the_epoch_with_the_best_test_loss() {
    let lab = Lab::new();
    lab.ok(
        "train autoencoder --data data --hidden 16 --batch-size 20 --epochs 12 --lr 0.1 --out run",
    );
    let losses: Vec<f64> =
        lab.metrics("run").iter().map(|line| line["test_loss"].as_f64().unwrap()).collect();
    let best = (0..12).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    lab.ok(&format!(
        "train autoencoder --config run/config.toml --epochs {} --out short",
        best + 1
    ));
    assert!(lab.read("run/best.safetensors") == lab.read("short/best.safetensors"));
    assert_eq!(eval(&lab, "run --best"), eval(&lab, "short"));
}

#[test]
fn training_stops_early() {
    let lab = Lab::new();
    // With this rate the loss stops falling soon.
    let line = "--data data --hidden 16 --batch-size 20 --epochs 400 --lr 0.5 --patience 2";
    let said = lab.ok(&format!("train autoencoder {line} --out run"));
    assert!(said.contains("stopped early: no better test loss for 2 epochs"), "{said}");
    let losses: Vec<f64> =
        lab.metrics("run").iter().map(|line| line["test_loss"].as_f64().unwrap()).collect();
    let n = losses.len();
    assert!((3..400).contains(&n));
    let best = losses[..n - 2].iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(best, losses[n - 3], "the last improvement: {losses:?}");
    assert!(losses[n - 2..].iter().all(|&loss| loss >= best), "{losses:?}");
}

#[test]
fn runs_are_numbered() {
    let lab = Lab::new();
    let line = format!("train vae {SMALL} --json");
    lab.ok(&line);
    lab.ok(&line);
    std::fs::create_dir(lab.path("runs/vae-041")).unwrap();
    lab.ok(&line);
    lab.ok("train pca --data data --latent 2 --json");
    assert_eq!(lab.list("runs"), ["pca-001", "vae-001", "vae-002", "vae-041", "vae-042"]);
    lab.same_bits("runs/vae-001", "runs/vae-042");
}

#[test]
fn the_images_inside_the_program_need_nothing_else() {
    let lab = Lab::new();
    let said = lab.ok("train vae --epochs 1 --hidden 32 --out run");
    assert!(said.contains("on sample (4000 training and 1000 test images of 28x28)"), "{said}");
    assert!(said.contains("elbo data fetch mnist"), "{said}");
    assert_eq!(eval(&lab, "run --samples 0")["images"], 1000);
    assert!(lab.ok("data verify").contains("OK"));
    assert_eq!(json_lines(&lab.ok("data info --json"))[0]["train"]["count"], 4000);
}

#[test]
fn hidden_layers_may_be_none_or_several() {
    let lab = Lab::new();
    let line = "train vae --data data --batch-size 50 --epochs 1";
    lab.ok(&format!("{line} --hidden \"\" --out none"));
    lab.ok(&format!("{line} --hidden 12,6 --out two"));
    let shapes = |run: &str| header(&lab.read(&format!("{run}/checkpoint.safetensors")));
    assert_eq!(shapes("two")["encoder.0.weight"]["shape"], json!([12, PIXELS]));
    assert_eq!(shapes("two")["encoder.2.weight"]["shape"], json!([6, 12]));
    for run in ["none", "two"] {
        assert_eq!(eval(&lab, run)["images"], TEST, "{run}");
    }
}
