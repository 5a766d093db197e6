"""Functions in NumPy on 2^20 elements, into memory that is there: ns per element. It knows one thread only."""

import sys

import numpy as np
import timing

count, kind = 1 << 20, {"f32": np.float32, "f64": np.float64}[sys.argv[1]]
random = np.random.default_rng(1)
x, t = random.standard_normal(count, kind), random.random(count, kind)
y, positive = np.empty_like(x), np.abs(x) + kind(0.1)

calls = {
    "copy": lambda: np.copyto(y, x),
    "exp": lambda: np.exp(x, out=y),
    "exp_m1": lambda: np.expm1(x, out=y),
    "ln": lambda: np.log(positive, out=y),
    "ln_1p": lambda: np.log1p(positive, out=y),
    "tanh": lambda: np.tanh(x, out=y),
    "sin": lambda: np.sin(x, out=y),
    "cos": lambda: np.cos(x, out=y),
    "sqrt": lambda: np.sqrt(positive, out=y),
    "relu": lambda: np.maximum(x, 0, out=y),
    "add": lambda: np.add(x, t, out=y),
    "sum": lambda: np.sum(x),
    "normal": lambda: random.standard_normal(count, kind, out=y),
}
timing.report({name: 1e9 * timing.median(call) / count for name, call in calls.items()}, version=np.__version__)
