//! Files and options that are wrong: each is refused in one line that says what is wrong, before
//! anything is written.

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;
use support::{Lab, SIDE, TEST, refused, texts, write_set};

const IMAGES: &str = "data/train-images-idx3-ubyte";
const LABELS: &str = "data/train-labels-idx1-ubyte";
const TRAIN: &str = "train vae --data data --hidden 8 --latent 2 --batch-size 50 --epochs 1";

/// An IDX file of this type and shape, with so many bytes after the header.
fn idx(code: u8, shape: &[u32], bytes: usize) -> Vec<u8> {
    let mut file = vec![0, 0, code, shape.len() as u8];
    shape.iter().for_each(|length| file.extend(length.to_be_bytes()));
    file.resize(file.len() + bytes, 7);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn damaged_images_are_refused() {
    let lab = Lab::new();
    let good = lab.read(IMAGES);
    let side = SIDE as u32;
    let cut = |length: usize| good[..length].to_vec();
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let longer = [&good[..], &[0]].concat();
    let packed = gzip(&good);
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    // Unpacks to 64 MB that the header does not declare, from a file of some 300 kB.
    let bomb = gzip(&[&good[..], &vec![0; 64 << 20]].concat());
    let cases = [
        ("no bytes", vec![], "is empty"),
        ("one byte", cut(1), "the magic number"),
        ("half a magic number", cut(3), "the magic number"),
        ("half a header", cut(10), "the dimensions"),
        ("a header", cut(16), "its header declares 19216 bytes, it holds 16"),
        ("one byte short", cut(good.len() - 1), "declares 19216 bytes, it holds 19215"),
        ("one byte long", longer.clone(), "declares 19216 bytes, it holds 19217"),
        ("another magic number", with(0, b"PK"), "an IDX file starts with two zero bytes"),
        ("an unknown type", with(2, &[0x0a]), "unknown element type 0x0a"),
        ("no dimensions", idx(8, &[], 1), "declares no dimensions"),
        ("255 dimensions", idx(8, &[1; 255], 1), "[1, "),
        ("labels", idx(8, &[300], 300), "an images file is u8 [count, rows, cols]"),
        ("four dimensions", idx(8, &[3, 1, side, side], 192), "holds u8 [3, 1, 8, 8]"),
        ("f32", idx(0x0d, &[2, 4, 4], 128), "holds f32 [2, 4, 4]"),
        ("i8", idx(9, &[2, 4, 4], 32), "holds i8 [2, 4, 4]"),
        ("an overflow", idx(8, &[u32::MAX; 3], 9), "at most 4 GiB"),
        ("an overflow to 0", idx(8, &[1 << 31, 1 << 31, 4], 9), "at most 4 GiB"),
        ("more than there is", idx(8, &[1 << 20, 32, 32], 9), "it holds 25"),
        ("no images", idx(8, &[0, side, side], 0), "dimension 0 is empty"),
        ("no rows", idx(8, &[300, 0, side], 0), "dimension 1 is empty"),
        ("no columns", idx(8, &[300, side, 0], 0), "dimension 2 is empty"),
        ("gzip of nothing", gzip(b""), "magic number"),
        ("gzip garbage", [&[0x1f, 0x8b][..], &[0x55; 400]].concat(), IMAGES),
        ("gzip magic alone", vec![0x1f, 0x8b], IMAGES),
        ("gzip cut short", packed[..packed.len() / 2].to_vec(), IMAGES),
        ("gzip without its end", packed[..packed.len() - 3].to_vec(), IMAGES),
        ("gzip with a wrong sum", wrong_sum, IMAGES),
        ("gzip with bytes behind", [&packed[..], b"garbage"].concat(), IMAGES),
        ("gzip of too much", gzip(&longer), "goes on after the 19216 bytes"),
        ("a gzip bomb", bomb, "goes on after the 19216 bytes"),
        ("a bold gzip claim", gzip(&idx(8, &[1 << 20, 32, 32], 9)), "it can hold at most"),
    ];
    for (name, bytes, says) in cases {
        lab.write(IMAGES, bytes);
        for line in [format!("{TRAIN} --out run"), "data info --data data".into()] {
            let stderr = lab.refuses(&line, &[says]);
            assert!(stderr.contains(IMAGES), "{name}: which file? {stderr}");
        }
    }
    // What the mutations began with is fine.
    lab.write(IMAGES, packed);
    lab.ok(&format!("{TRAIN} --out run"));
}

#[test]
fn labels_and_images_that_disagree_are_refused() {
    let lab = Lab::new();
    let cases = [
        (idx(8, &[299], 299), "holds 299 labels for 300 images"),
        (idx(8, &[300, 1], 300), "a labels file is u8 [count]"),
        (idx(0x0c, &[300], 1200), "holds i32 [300]"),
        (idx(8, &[0], 0), "is empty"),
        (vec![], "is empty"),
    ];
    for (bytes, says) in cases {
        lab.write(LABELS, bytes);
        lab.refuses(&format!("{TRAIN} --out run"), &[LABELS, says]);
    }
}

#[test]
fn folders_that_hold_no_set_are_refused() {
    let lab = Lab::new();
    lab.write("empty/readme", "");
    let [train, test] = ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"];
    lab.refuses("train vae --data empty --out run", &["empty: lacks", train, test]);
    std::fs::remove_file(lab.path("data").join(test)).unwrap();
    lab.refuses("train vae --data data --out run", &["data: lacks t10k-images-idx3-ubyte"]);

    write_set(&lab.path("other"), 10, 10, 5);
    write_set(&lab.path("mixed"), 10, 10, 6);
    std::fs::copy(lab.path("other").join(test), lab.path("mixed").join(test)).unwrap();
    lab.refuses("train vae --data mixed --out run", &["training images are 6x6, test images 5x5"]);

    lab.refuses("train vae --data minst --out run", &["did you mean \"mnist\"?"]);
    lab.refuses("train vae --data nowhere --out run", &["neither a known set nor a folder"]);
    lab.refuses("train vae --data empty/readme --out run", &["is a file, not a folder"]);
    lab.refuses(
        "train vae --data mnist --out run",
        &["mnist is not on this machine", "no-data", "cache", "elbo data fetch mnist", train],
    );
    lab.refuses("data fetch minst --into new", &["did you mean \"mnist\"?"]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let lab = Lab::new();
    let cases = [
        ("vae --lr NaN", "lr is NaN"),
        ("vae --lr 0", "lr is 0.0; it must be a number above 0"),
        ("vae --lr=-0.1", "lr is -0.1"),
        ("vae --lr inf", "lr is inf"),
        ("vae --lr fast", "invalid value 'fast'"),
        ("vae --batch-size 0", "batch_size is 0"),
        ("vae --batch-size 301", "batch_size is 301; it must be at most 300"),
        ("vae --batch-size 1.5", "invalid value '1.5'"),
        ("vae --batch-size=-1", "invalid value '-1'"),
        ("vae --epochs 0", "epochs is 0"),
        ("vae --latent 0", "latent is 0"),
        ("vae --latent 99999999999", "latent is 99999999999"),
        ("vae --latent 18446744073709551615", "parameters"),
        ("vae --hidden 0", "hidden is [0]"),
        ("vae --hidden 16,0", "hidden is [16, 0]"),
        ("vae --hidden many", "`many` is not a size"),
        ("vae --hidden 16,-2", "`-2` is not a size"),
        ("vae --hidden 99999999,99999999", "at most 1000000000 parameters"),
        ("vae --beta=-1", "beta is -1.0"),
        ("vae --beta NaN", "beta is NaN"),
        ("vae --kl-warmup=-1", "kl_warmup is -1.0"),
        ("vae --weight-decay NaN", "weight_decay is NaN"),
        ("vae --clip-norm=-1", "clip_norm is -1.0"),
        ("vae --likelihood guassian", "a similar value exists: 'gaussian'"),
        ("autoencoder --optimizer adma", "a similar value exists: 'adam'"),
        ("vae --likelihood laplace", "[possible values: bernoulli, gaussian]"),
        ("vae --seed=-1", "invalid value '-1'"),
        ("autoencoder --loss bec", "a similar value exists: 'bce'"),
        ("autoencoder --activation rely", "relu"),
        (
            "vae --loss mse",
            "--loss is an option of autoencoder, not of vae; a VAE has a --likelihood",
        ),
        ("vae --likelihood gaussian --output tanh", "--output is an option of autoencoder"),
        ("autoencoder --beta 2", "--beta is an option of vae, not of autoencoder"),
        ("pca --epochs 3", "--epochs is an option of vae and autoencoder, not of pca"),
        ("pca --latent 65", "latent is 65; it must be at most 64"),
        ("pca --latent 0", "latent is 0"),
        ("vea", "a similar value exists: 'vae'"),
        ("vae --latnet 3", "a similar argument exists: '--latent'"),
        ("vae --threads 0", "--threads is 0; it must be at least 1"),
        ("vae --threads two", "invalid value 'two'"),
        ("vae extra", "unexpected argument 'extra'"),
    ];
    for (options, says) in cases {
        lab.refuses(&format!("train {options} --data data --out run"), &[says]);
    }
    lab.refuses("train", &["<MODEL>"]);
    lab.refuses("trian vae", &["some similar subcommands exist: 'trace', 'train'"]);
    lab.refuses("train pca --latent 20 --data data2", &["data2"]);
}

#[test]
fn an_environment_that_is_wrong_is_refused_before_a_folder_is_made() {
    let lab = Lab::new();
    for (name, value, says) in [
        ("ELBO_ISA", "mmx", "elbo: ELBO_ISA=mmx: this machine has "),
        ("ELBO_THREADS", "0", "elbo: ELBO_THREADS=0: it must be a number from 1 on"),
        ("ELBO_THREADS", "two", "elbo: ELBO_THREADS=two: it must be a number from 1 on"),
    ] {
        let output = lab.command(&format!("{TRAIN} --out run")).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let (stdout, stderr) = texts(&output);
        assert!(
            stdout.is_empty() && stderr.starts_with(says) && stderr.lines().count() == 1,
            "{stderr}"
        );
        assert!(!lab.path("run").exists());
    }
    // Options win, and names may be in capitals.
    let mut command = lab.command(&format!("{TRAIN} --threads 1 --out run"));
    let output = command.env("ELBO_THREADS", "0").env("ELBO_ISA", "Portable").output().unwrap();
    assert!(output.status.success());
}

#[test]
#[cfg(target_os = "linux")]
fn lines_that_cannot_be_written_are_a_failure_though_the_run_is_saved() {
    let lab = Lab::new();
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = lab.command(&format!("{TRAIN} --out run")).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (_, stderr) = texts(&output);
    assert!(stderr.starts_with("elbo: stdout: ") && stderr.lines().count() == 1, "{stderr}");
    lab.ok("eval run");
}

#[test]
fn a_file_of_settings_has_the_defaults_of_the_model_and_is_of_one_model() {
    let lab = Lab::new();
    lab.write("seed.toml", "seed = 3");
    let common = "--data data --hidden 8 --batch-size 50 --epochs 1";
    for (model, latent) in [("vae", 20), ("autoencoder", 32)] {
        lab.ok(&format!("train {model} --config seed.toml {common} --out {model}"));
        let said = lab.text(&format!("{model}/config.toml"));
        assert!(
            said.contains(&format!("latent = {latent}\n")) && said.contains("seed = 3"),
            "{said}"
        );
    }
    let says = "autoencoder/config.toml holds settings of autoencoder, not vae; say `elbo train autoencoder`";
    lab.refuses("train vae --config autoencoder/config.toml --out other", &[says]);
}

#[test]
fn folders_that_are_taken_are_left_alone() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --out run"));
    lab.write("foreign/letter.txt", "dear");
    lab.write("file", "dear");
    for model in ["vae", "autoencoder", "pca --latent 2"] {
        for (out, says) in [
            ("run", "run already holds a run; choose another folder with --out"),
            ("foreign", "foreign is not empty and holds no run"),
            ("file", "file: "),
            ("file/below", "file/below: "),
        ] {
            let options = if model.starts_with("pca") { "" } else { "--epochs 1 --batch-size 50" };
            let line = format!("train {model} --data data {options} --out {out}");
            lab.refuses(&line, &[says]);
        }
    }
}

#[test]
fn only_runs_go_on() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --out run"));
    lab.ok("train pca --data data --latent 3 --out pca");
    lab.write("foreign/letter.txt", "dear");
    let cases = [
        ("vae --resume", "--out"),
        ("vae --resume --out nowhere", "nowhere holds no run: there is no config.toml"),
        ("vae --resume --out foreign", "foreign holds no run"),
        ("autoencoder --resume --out run", "run holds a run of vae"),
        ("vae --resume --out pca", "pca holds a run of pca"),
        ("pca --resume --out pca", "pca holds a run of pca"),
        ("vae --resume --epochs 0 --out run", "epochs is 0"),
    ];
    for (options, says) in cases {
        lab.refuses(&format!("train {options}"), &[says]);
    }
    for command in ["eval", "sample", "encode", "reconstruct"] {
        lab.refuses(&format!("{command} nowhere"), &["nowhere holds no run"]);
        lab.refuses(&format!("{command} foreign"), &["foreign holds no run"]);
        lab.refuses(command, &["<RUN>"]);
        write_set(&lab.path("larger"), 10, 10, 9);
        lab.refuses(
            &format!("{command} run --data larger"),
            &["the model takes images of 64 pixels, larger has 81"],
        );
        lab.refuses(&format!("{command} run --data elsewhere"), &["\"elsewhere\" is neither"]);
    }
    lab.refuses("sample pca", &["pca has no distribution of codes to draw from"]);
    lab.refuses("sample run --count 0", &["--count"]);
    lab.refuses("sample run --count 99999999999", &["--count"]);
    lab.refuses("reconstruct run --columns 0", &["--columns"]);
    lab.refuses("reconstruct run --columns 99999999999", &["--columns"]);
    lab.refuses("eval run --samples 99999999999", &["--samples"]);
    lab.refuses("encode run --out no/such/folder", &["no/such/folder.npy: "]);

    // A state that is gone, and data that have shrunk, before anything is written.
    lab.copy("run", "stateless");
    std::fs::remove_file(lab.path("stateless/state-0001-0000000.safetensors")).unwrap();
    lab.refuses("train vae --resume --epochs 3 --out stateless", &["state-0001-0000000"]);
    lab.ok("eval stateless");
    write_set(&lab.path("data"), 40, TEST, SIDE);
    lab.refuses("train vae --resume --epochs 3 --out run", &["batch_size is 50", "at most 40"]);
}

#[test]
fn damaged_checkpoints_are_refused() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --out run"));
    let file = "run/checkpoint.safetensors";
    let good = lab.read(file);
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let refuse = |bytes: &[u8], says: &str| {
        lab.write(file, bytes);
        for command in ["eval", "sample", "encode", "reconstruct"] {
            lab.refuses(&format!("{command} run"), &[file, says]);
        }
        lab.refuses("train vae --resume --epochs 2 --out run", &[file, says]);
    };
    let whole = "not a whole safetensors file";
    for length in [0, 1, 7, 8, 9, header / 2, header - 1, header, header + 1, good.len() - 1] {
        refuse(&good[..length], whole);
    }
    refuse(&[&good[..], &[0]].concat(), whole);
    for length in [u64::MAX, 1 << 40, good.len() as u64, 0] {
        refuse(&[&length.to_le_bytes()[..], &good[8..]].concat(), whole);
    }
    for at in [header, header + 4, (header + good.len()) / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        refuse(&flipped, "its checksum is wrong");
    }
    refuse(b"\x02\0\0\0\0\0\0\0{}", "it was not written by elbo");
    std::fs::remove_file(lab.path(file)).unwrap();
    lab.refuses("eval run", &[file]);
    lab.write(file, &good);

    // The state beside it is checked as well.
    let state = "run/state-0001-0000000.safetensors";
    let mut bytes = lab.read(state);
    *bytes.last_mut().unwrap() ^= 1;
    lab.write(state, &bytes);
    lab.refuses("train vae --resume --epochs 2 --out run", &[state, "its checksum is wrong"]);
    lab.write(state, &bytes[..bytes.len() / 2]);
    lab.refuses("train vae --resume --epochs 2 --out run", &[state, whole]);
    // The weights are whole.
    lab.ok("eval run");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Whatever one byte becomes, a file is read or refused; there is no third way.
    #[test]
    fn a_checkpoint_with_any_byte_changed_is_no_reason_to_panic(
        place in 0.0..1.0f64, in_header: bool, change in 1u8..
    ) {
        let lab = Lab::new();
        lab.ok("train pca --data data --latent 2 --out run");
        let file = "run/checkpoint.safetensors";
        let mut bytes = lab.read(file);
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let at = if in_header { header } else { bytes.len() } as f64 * place;
        bytes[at as usize] ^= change;
        lab.write(file, &bytes);
        let output = lab.run("eval run");
        if !output.status.success() {
            refused("eval run", &output, &[file]);
        } else {
            prop_assert!(in_header || (at as usize) < header, "{:?}", texts(&output));
        }
    }
}

#[test]
fn checkpoints_of_other_models_are_refused() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --out run"));
    let other = TRAIN.replace("--hidden 8", "--hidden 9");
    lab.ok(&format!("{other} --out wider"));
    lab.ok(&format!("{} --out autoencoder", TRAIN.replace("vae", "autoencoder")));
    lab.ok(&format!("{TRAIN} --likelihood gaussian --out gaussian"));
    lab.ok("train pca --data data --latent 3 --out pca");
    let runs = ["run", "wider", "autoencoder", "gaussian", "pca"];
    let says = |config: &str, weights: &str| match (config, weights) {
        ("run" | "gaussian", "wider") => "encoder.0.weight is [9, 64], expected [8, 64]",
        ("wider", "run") => "encoder.0.weight is [8, 64], expected [9, 64]",
        ("pca", _) => "mean_ is missing",
        (_, "pca") => "encoder.0.weight is missing",
        _ => "checkpoint",
    };
    for config in runs {
        for weights in runs.into_iter().filter(|&weights| weights != config) {
            let mixed = format!("{config}-{weights}");
            lab.copy(config, &mixed);
            lab.write(
                &format!("{mixed}/checkpoint.safetensors"),
                lab.read(&format!("{weights}/checkpoint.safetensors")),
            );
            let says = says(config, weights);
            lab.refuses(&format!("eval {mixed}"), &[says, "the checkpoint of another model"]);
        }
    }
}

#[test]
fn damaged_settings_are_refused() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --out run"));
    let good = lab.text("run/config.toml");
    let latent = good.lines().position(|line| line == "latent = 2").unwrap() + 1;
    let line = format!("see line {latent}");
    let cases = [
        ("latnet = 2", "unknown field `latnet`", line.as_str()),
        ("latent = \"two\"", "invalid type: string \"two\"", line.as_str()),
        ("latent = -2", "invalid value", line.as_str()),
        ("latent = 2.5", "invalid type: floating point", line.as_str()),
        ("latent =", "", line.as_str()),
        ("latent = 2\nlatent = 3", "duplicate key", ""),
        ("latent = 0", "latent is 0", ""),
        ("latent = 99999999999", "latent is 99999999999", ""),
        ("latent = 2\nlevels = 1", "duplicate key", ""),
    ];
    for (change, says, line) in cases {
        lab.write("run/config.toml", good.replace("latent = 2", change));
        lab.refuses("eval run", &[says, line]);
        lab.refuses("train vae --resume --epochs 2 --out run", &[says, line]);
        let stderr = lab.refuses("train vae --config run/config.toml --out new", &[says, line]);
        assert!(says == "latent is 0" || line.is_empty() || stderr.contains("run/config.toml"));
    }
    lab.write("run/config.toml", [0xff, 0xfe]);
    lab.refuses("eval run", &["run/config.toml: "]);
    lab.refuses("train vae --config nowhere.toml --out new", &["nowhere.toml: "]);
    // A word that is none of the known ones.
    lab.write("run/config.toml", good.replace("\"vae\"", "\"vea\""));
    lab.refuses("eval run", &["unknown variant `vea`", "see line 1"]);
}

#[test]
fn a_damaged_line_of_metrics_is_named_or_mended() {
    let lab = Lab::new();
    lab.ok(&format!("{TRAIN} --epochs 2 --out run").replace("--epochs 1 ", ""));
    let text = lab.text("run/metrics.jsonl");
    assert_eq!(lab.metrics("run")[1]["epoch"], json!(2));
    // Half a line, as of a run that was killed: going on mends it.
    lab.write("run/metrics.jsonl", format!("{text}{{\"epoch\": 3, \"tr"));
    lab.ok("train vae --resume --epochs 3 --out run");
    assert_eq!(lab.metrics("run").len(), 3);
}
