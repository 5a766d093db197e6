"""Functions in PyTorch on 2^20 elements: ns per element. The arrays are there, but for what differentiates."""

import sys

import timing
import torch

kind, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.set_default_dtype({"f32": torch.float32, "f64": torch.float64}[kind])
torch.manual_seed(1)
count = 1 << 20
x, t, y, sums = torch.randn(count), torch.rand(count), torch.empty(count), torch.empty(count // 1024)
positive = x.abs() + 0.1
logits = x.clone().requires_grad_()
aten = torch.ops.aten

NAMES = {"exp_m1": "expm1", "ln": "log", "ln_1p": "log1p"}
SAME = ["exp", "tanh", "sigmoid", "softplus", "erf", "gelu", "silu", "sin", "cos", "sqrt"]


def function(name):
    """A function of one argument into memory that is there."""
    write = getattr(aten, NAMES.get(name, name)).out
    source = positive if name in ("ln", "ln_1p", "sqrt") else x
    return lambda: write(source, out=y)


def bce():
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, t, reduction="sum")
    return torch.autograd.grad(loss, logits)


calls = {name: function(name) for name in [*NAMES, *SAME]} | {
    "copy": lambda: y.copy_(x),
    "relu": lambda: torch.clamp_min(x, 0, out=y),
    "add": lambda: torch.add(x, t, out=y),
    "sum": lambda: x.sum(),
    "normal_cdf": lambda: torch.special.ndtr(x, out=y),
    "log_sum_exp": lambda: torch.logsumexp(x.view(-1, 1024), 1, out=sums),
    "softmax": lambda: torch.softmax(x.view(-1, 1024), 1, out=y.view(-1, 1024)),
    "softmax of 16": lambda: torch.softmax(x.view(-1, 16), 1, out=y.view(-1, 16)),
    "bce fwd + bwd": bce,
    "normal": lambda: y.normal_(),
    "bernoulli": lambda: torch.bernoulli(t, out=y),
}
timing.report({name: 1e9 * timing.median(call) / count for name, call in calls.items()}, version=torch.__version__)
