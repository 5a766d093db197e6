"""Products of matrices in PyTorch: gemm_torch.py f32|f64 THREADS SHAPE... prints GFLOP/s by shape."""

import sys

import timing
import torch

kind, threads, *shapes = sys.argv[1:]
dtype = {"f32": torch.float32, "f64": torch.float64}[kind]
torch.set_num_threads(int(threads))


def matrix(rows, columns, stored):
    """Row-major, or the transpose of a row-major one."""
    return torch.randn(columns, rows, dtype=dtype).T if stored == "T" else torch.randn(rows, columns, dtype=dtype)


figures = {}
for shape in shapes[:1] + shapes:  # the first twice: threads start in a turn that is not kept
    sizes, layout = shape.split(":")
    m, k, n = map(int, sizes.split("x"))
    a, b, c = matrix(m, k, layout[0]), matrix(k, n, layout[1]), torch.empty(m, n, dtype=dtype)
    figures[shape] = 2e-9 * m * k * n / timing.median(lambda: torch.mm(a, b, out=c))
timing.report(figures, version=torch.__version__)
