//! Runs that end before their time: killed, interrupted, out of disk, out of finite numbers. What
//! is on the disk is always a run that can be evaluated, and that goes on to the same bits.

#![cfg(unix)]

mod support;

use std::process::{Child, Command};
use std::time::Duration;

use support::{Lab, refused, signal, texts};

const LINE: &str = "train vae --data data --hidden 16 --latent 3 --batch-size 10";

/// The number of whole lines in the metrics of a run.
fn epochs(lab: &Lab, run: &str) -> usize {
    let text = std::fs::read_to_string(lab.path(run).join("metrics.jsonl")).unwrap_or_default();
    text.matches('\n').count()
}

/// Waits until a run has so many epochs, or has ended.
fn wait_for(lab: &Lab, child: &mut Child, run: &str, wanted: usize) {
    while epochs(lab, run) < wanted && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    const EPOCHS: usize = 40;
    let lab = Lab::new();
    lab.ok(&format!("{LINE} --epochs {EPOCHS} --out whole"));

    let mut child = lab.command(&format!("{LINE} --epochs {EPOCHS} --out killed")).spawn().unwrap();
    // At moments that are spread over an epoch, and over the writing of its files.
    for (kill, pause) in [3, 0, 11, 6, 1, 8, 4, 2].into_iter().enumerate() {
        let before = epochs(&lab, "killed");
        wait_for(&lab, &mut child, "killed", before.max(kill) + 2);
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(epochs(&lab, "killed") >= 2);
        if kill % 4 == 1 {
            lab.ok("eval killed --samples 0");
            lab.ok("eval killed --samples 0 --best");
        }
        child = lab.command("train vae --out killed --resume").spawn().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    let numbers: Vec<_> = lab.metrics("killed").iter().map(|m| m["epoch"].as_u64()).collect();
    assert_eq!(numbers, (1..=EPOCHS as u64).map(Some).collect::<Vec<_>>());
    lab.same_bits("whole", "killed");
    lab.ok("eval killed");

    let states = lab.list("killed").into_iter().filter(|name| name.starts_with("state-"));
    assert_eq!(states.collect::<Vec<_>>(), ["state-0040-0000000.safetensors"]);
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let lab = Lab::new();
    // Far more epochs than will be reached, so that there is always something to interrupt.
    let mut child = lab.command(&format!("{LINE} --epochs 1000000 --out run")).spawn().unwrap();
    for name in ["INT", "TERM", "INT"] {
        let before = epochs(&lab, "run");
        wait_for(&lab, &mut child, "run", before + 2);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(130), "{name}: {stderr}");
        assert_eq!(
            stderr,
            "elbo: interrupted; the state is saved. Go on with: \
             elbo train vae --out run --resume\n"
        );
        child = lab.command("train vae --out run --resume").spawn().unwrap();
    }
    // Before it can have come far.
    child.kill().unwrap();
    child.wait().unwrap();
    let end = epochs(&lab, "run") + 2;
    lab.ok(&format!("train vae --out run --resume --epochs {end}"));
    lab.ok(&format!("{LINE} --epochs {end} --out whole"));
    lab.same_bits("whole", "run");
    assert_eq!(lab.text("whole/config.toml"), lab.text("run/config.toml"));
}

#[test]
fn a_full_disk_leaves_the_checkpoint_before() {
    let lab = Lab::new();
    // Weights of 0.25 MB, moments of twice that.
    let line = LINE.replace("--hidden 16", "--hidden 400");
    lab.ok(&format!("{line} --epochs 2 --out run"));
    lab.copy("run", "whole");
    let before = lab.read("run/checkpoint.safetensors");

    // A block is 512 or 1024 bytes; no file may be longer than the limit. The first limit stops the
    // weights, the second the moments.
    for blocks in [100, 600] {
        let mut shell = Command::new("sh");
        lab.prepare(&mut shell);
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; \
             exec \"$0\" train vae --out run --resume --epochs 4"
        );
        let output = shell.args(["-c", &script, env!("CARGO_BIN_EXE_elbo")]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        refused(&script, &output, &[".safetensors: ", "check that the disk has room"]);
        assert!(lab.read("run/checkpoint.safetensors") == before, "{blocks}");
        assert!(!lab.list("run").iter().any(|name| name.contains("partial")), "{blocks}");
        lab.ok("eval run --samples 0");
    }
    for run in ["run", "whole"] {
        lab.ok(&format!("train vae --out {run} --resume --epochs 4"));
    }
    lab.same_bits("whole", "run");
    assert_eq!(lab.metrics("run").len(), 4);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_its_cause() {
    let lab = Lab::new();
    let line = format!("{LINE} --lr 1e30 --epochs 3 --out run");
    let output = lab.run(&line);
    assert_eq!(output.status.code(), Some(1));
    refused(&line, &output, &["elbo: the loss is ", "in epoch 1, step ", "try a lower lr"]);
    let (_, stderr) = texts(&output);
    let causes = ["the step before made ", "first NaN", "NaN", "too large for a 32-bit float"];
    assert!(causes.iter().any(|cause| stderr.contains(cause)), "{stderr}");

    // With a checkpoint there is something to go back to.
    lab.ok(&format!("{LINE} --epochs 2 --out good"));
    let before = lab.read("good/checkpoint.safetensors");
    let measured = lab.ok("eval good");
    let config = lab.text("good/config.toml");
    lab.write("good/config.toml", config.replace("lr = 0.001", "lr = 1e30"));
    let line = "train vae --out good --resume --epochs 4";
    let output = lab.run(line);
    assert_eq!(output.status.code(), Some(1));
    let kept = "good/checkpoint.safetensors holds the last good state";
    refused(line, &output, &["in epoch 3", kept]);
    assert!(lab.read("good/checkpoint.safetensors") == before);
    assert_eq!(lab.ok("eval good"), measured);
    lab.ok("eval good --best");
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let lab = Lab::new();
    lab.ok(&format!("{LINE} --epochs 2 --out run"));
    lab.copy("run", "copy");
    lab.ok("train vae --out run --resume");
    lab.same_bits("copy", "run");
    for name in lab.list("copy") {
        assert!(
            lab.read(&format!("copy/{name}")) == lab.read(&format!("run/{name}")),
            "{name} changed"
        );
    }
}

#[test]
fn a_run_without_a_checkpoint_begins_again() {
    let lab = Lab::new();
    lab.ok(&format!("{LINE} --epochs 2 --out whole"));
    // All that is there if the first epoch did not end.
    lab.write("run/config.toml", lab.text("whole/config.toml"));
    lab.write("run/metrics.jsonl", "{\"epoch\":1,\"train_");
    lab.ok("train vae --out run --resume");
    lab.same_bits("whole", "run");
}

/// The options of a run are those it was begun with; others would be ignored in silence.
#[test]
fn other_settings_are_refused_when_a_run_goes_on() {
    let lab = Lab::new();
    lab.ok(&format!("{LINE} --epochs 2 --out run"));
    for (option, name) in [
        ("--lr 0.5", "lr"),
        ("--seed 2", "seed"),
        ("--latent 4", "latent"),
        ("--hidden 8", "hidden"),
        ("--data sample", "data"),
    ] {
        let line = format!("train vae --out run --resume --epochs 3 {option}");
        lab.refuses(&line, &[&format!("{name} is "), "run"]);
    }
    lab.refuses("train vae --out run --resume --epochs 1", &["epochs is 1"]);
    // The same line again, with --resume behind it, is what one types.
    lab.ok(&format!("{LINE} --epochs 3 --out run --resume"));
    lab.ok("train vae --config run/config.toml --out run --resume");
    assert_eq!(lab.metrics("run").len(), 3);
}
