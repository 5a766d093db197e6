"""Where the programs of this project are built, and what they say."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def build():
    """Brings the programs up to date with the code: what is measured is what stands there, and not what was once installed."""
    environment = dict(os.environ)
    if "CARGO_TARGET_DIR" in environment:
        # Cargo runs in another folder, and shall build where this is looked for.
        environment["CARGO_TARGET_DIR"] = str(BUILT.parent.resolve())
    products = ["--manifest-path", ROOT / "benches/peers/Cargo.toml", "-p", "peer-gemm"]
    for words in (["--bin", "elbo", "--example", "convolutional_autoencoder"], products):
        subprocess.run(["cargo", "build", "--release", *words], check=True, cwd=ROOT, env=environment)


def said(program, *words):
    """What a program prints."""
    return subprocess.run([BUILT / program, *map(str, words)], check=True, text=True, stdout=subprocess.PIPE).stdout


def objects(text):
    """One JSON object for each line."""
    return [json.loads(line) for line in text.splitlines()]
