"""Products of matrices in PyTorch: gemm_torch.py f32|f64 THREADS reads shapes, and answers each with the GFLOP/s of one sample."""

import sys

import timing
import torch

kind, threads = sys.argv[1:]
dtype = {"f32": torch.float32, "f64": torch.float64}[kind]
torch.set_num_threads(int(threads))


def matrix(rows, columns, stored):
    """Row-major, or the transpose of a row-major one."""
    return torch.randn(columns, rows, dtype=dtype).T if stored == "T" else torch.randn(rows, columns, dtype=dtype)


last = None
for shape in sys.stdin:
    if shape != last:
        sizes, layout = shape.strip().split(":")
        m, k, n = map(int, sizes.split("x"))
        a, b, c = matrix(m, k, layout[0]), matrix(k, n, layout[1]), torch.empty(m, n, dtype=dtype)
        last, sampler = shape, timing.Sampler(lambda: torch.mm(a, b, out=c))
    print(2e-9 * m * k * n / sampler.sample(), flush=True)
