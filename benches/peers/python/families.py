"""What is measured, and how each library is started on it."""

import glob
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", PEERS / "target")) / "release"
PYTHON = os.environ.get("PEERS_PYTHON", str(PEERS / ".venv/bin/python"))


@dataclass
class Measurement:
    """One table: the same work for every library."""

    title: str
    unit: str
    more_is_better: bool
    commands: dict
    rows: tuple = ()  # of commands that are asked for one sample at a time; the others know theirs


def script(name, *words):
    return [PYTHON, PEERS / "python" / f"{name}.py", *words]


def gemm(args, threads):
    """Products of matrices."""
    for kind in args.kinds:
        libraries = {"elbo": "elbo", "faer": "faer", "gemm": "gemm", "matrixmultiply": "matrixmultiply"} | blas()
        commands = {name: [BUILT / "peer-gemm", word, kind, threads] for name, word in libraries.items()}
        commands["torch"] = script("gemm_torch", kind, threads)
        yield Measurement(f"gemm, {kind}", "GFLOP/s", True, commands, args.shapes or shapes(args))


FEW = [
    *("128x784x400:NN", "128x400x784:NN", "128x400x40:NN", "128x20x400:NN"),
    *("400x128x784:TN", "784x128x400:TN", "128x784x400:NT"),
    *("32x784x400:NN", "512x784x512:NN", "512x400x40:NN", "4096x20x400:NN"),
    *("64x64x64:NN", "512x512x512:NN", "1024x1024x1024:NN"),
]


def shapes(args):
    """M x K x N: the products of a VAE's training step, their gradients, and cubes."""
    if args.few:
        return tuple(FEW)
    layers = ["{b}x784x400:NN", "{b}x400x784:NN", "{b}x400x40:NN", "{b}x20x400:NN"]
    gradients = ["400x{b}x784:TN", "784x{b}x400:TN", "{b}x784x400:NT", "{b}x400x784:NT"]
    gradients += ["400x{b}x40:TN", "20x{b}x400:TN", "{b}x40x400:NT", "{b}x400x20:NT"]
    cubes = [f"{n}x{n}x{n}:NN" for n in (64, 128, 256, 512, 1024, 2048, 4096) if n <= args.largest]
    return (*(s.format(b=b) for s in layers + gradients for b in (32, 128, 512, 4096)), "512x784x512:NN", *cubes)


def blas():
    """The shared libraries with the functions of CBLAS that are there."""
    prefix, debian = Path(PYTHON).parent.parent, f"/usr/lib/{platform.machine()}-linux-gnu"
    patterns = {
        "MKL": os.environ.get("PEERS_MKL", f"{prefix}/lib/libmkl_rt.so.?"),
        "OpenBLAS": f"{prefix}/lib/python3*/site-packages/numpy.libs/libscipy_openblas*.so",
        "BLIS": f"{debian}/blis-pthread/libblis.so.4",
    }
    found = {name: sorted(glob.glob(pattern)) for name, pattern in patterns.items()}
    for name in [name for name, files in found.items() if not files]:
        print(f"{name} is left out: no {patterns[name]}", file=sys.stderr)
    return {name: files[0] for name, files in found.items() if files}


def math(args, threads):
    """Functions of one number, a sum, a loss and noise, on a million elements."""
    for kind in args.kinds:
        commands = {
            "elbo": script("math_elbo", kind, threads),
            "torch": script("math_torch", kind, threads),
            "numpy": script("math_numpy", kind),
        }
        yield Measurement(f"functions on 2^20 elements, {kind}", "ns per element", False, commands)


def step(args, threads):
    """An epoch of training a VAE."""
    words = [args.data, args.epochs, *args.batches]
    commands = {
        "elbo": script("step_elbo", "f32", *words),
        "JAX, scan": script("step_jax", *words),
        "torch, eager": script("step_torch", "--eager", *words),
        "torch, fused Adam": script("step_torch", "--fused", *words),
        "torch.compile": script("step_torch", "--compile", *words),
        "burn": [BUILT / "peer-vae-burn", *words],
        "candle": [BUILT / "peer-vae-candle", *words],
    }
    unit = "seconds per epoch of 60,000 images"
    yield Measurement("VAE 784-400-20, Adam, f32", unit, False, commands)
    commands = {
        "elbo": script("step_elbo", "bf16", *words),
        "elbo, f32": script("step_elbo", "f32", *words),
        "torch, autocast": script("step_torch", "--autocast", *words),
    }
    yield Measurement("VAE 784-400-20, Adam, products in bf16", unit, False, commands)


def conv(args, threads):
    """Training a small convolutional autoencoder."""
    words = [args.data, args.epochs, 128]
    commands = {
        "elbo": script("conv_elbo", *words),
        "torch, channels-last": script("conv_torch", "--channels-last", *words),
        "torch, default layout": script("conv_torch", "--default", *words),
        "JAX, jit": script("conv_jax", *words),
    }
    yield Measurement("convolutional autoencoder, Adam, f32", "seconds per 10,000 images", False, commands)


def study(args, threads):
    """Repeating estimators of a gradient."""
    names = ["pathwise", "pathwise_antithetic", "score_function", "score_function_mean_baseline"]
    names += ["score_function_optimal_baseline", "measure_valued", "measure_valued_independent"]
    words = [",".join(names), 1_000_000, threads]
    commands = {
        "elbo": script("study_elbo", *words),
        "torch": script("study_torch", *words, 0),
        "torch, in blocks": script("study_torch", *words, 1 << 14),
    }
    yield Measurement("a million estimates of a gradient, f64", "seconds", False, commands)


FAMILIES = {"gemm": gemm, "math": math, "step": step, "conv": conv, "study": study}
