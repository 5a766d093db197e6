//! A run that is killed with SIGKILL, again and again, ends in the same bits as one that was not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn train(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elbo"));
    command.args(["train", "vae", "--epochs", "12", "--hidden", "60", "--latent", "4", "--out"]);
    command.arg(out).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn sigkill_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(train(&whole).status().unwrap().success());

    let mut kills = 0;
    // Later each time, so that kills fall on all parts of an epoch and the run still comes forward.
    for attempt in 0u64.. {
        let mut command = train(&killed);
        if killed.join("config.toml").exists() {
            command.arg("--resume");
        }
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(120 + 61 * attempt));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{status}");
                break;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    println!("killed {kills} times");
    assert!(kills > 0, "the run was over before it could be killed");
    for name in ["checkpoint.safetensors", "best.safetensors"] {
        let read = |run: &Path| std::fs::read(run.join(name)).unwrap();
        assert!(read(&whole) == read(&killed), "{name} differs");
    }
    let epochs = |run: &Path| {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let kept = |value: serde_json::Value| [value["epoch"].clone(), value["test_loss"].clone()];
        lines.map(kept).collect::<Vec<_>>()
    };
    assert_eq!(epochs(&whole), epochs(&killed));
}
