"""The same study in PyTorch, vectorized: mean, variance and fourth moment of estimates of the gradient of E x^2 by mu
and sigma at mu = sigma = 1, in f64. Seconds, without starting Python. In blocks, or all repeats at once."""

import math
import sys

import timing
import torch

names, repeats, threads, block = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
PILOT = 1 << 18  # as many as ours draws


def leaves(n):
    return torch.ones(n, requires_grad=True), torch.ones(n, requires_grad=True)


def normal(mu, sigma):
    return torch.distributions.Normal(mu, sigma, validate_args=False)


def cost(x):
    return x.square()


def pathwise(n):
    theta = leaves(n)
    return torch.autograd.grad(cost(normal(*theta).rsample()).sum(), theta)


def antithetic(n):
    theta = leaves(n)
    x = normal(*theta).rsample()
    pair = cost(x) + cost(2 * theta[0] - x)
    return torch.autograd.grad(0.5 * pair.sum(), theta)


def scored(n):
    theta = leaves(n)
    q = normal(*theta)
    x = q.sample()
    scores = torch.autograd.grad(q.log_prob(x).sum(), theta)
    return cost(x), scores


def with_baselines(baselines):
    def estimate(n):
        f, scores = scored(n)
        return [(f - b) * s for b, s in zip(baselines, scores)]

    return estimate


def mean_baseline():
    f, _ = scored(PILOT)
    return with_baselines([f.mean()] * 2)


def optimal_baseline():
    f, scores = scored(PILOT)
    return with_baselines([(f * s**2).mean() / (s**2).mean() for s in scores])


def measure_valued(coupled):
    def maxwell(n):
        return torch.randn(3, n).norm(dim=0) * torch.randint(0, 2, (n,)).mul(2).sub(1)

    def estimate(n):
        w = torch.empty(n).exponential_().mul(2).sqrt()
        other = w if coupled else torch.empty(n).exponential_().mul(2).sqrt()
        by_mu = (cost(1 + w) - cost(1 - other)) / math.sqrt(2 * math.pi)
        m = maxwell(n)
        normal = m * torch.rand(n) if coupled else torch.randn(n)
        return by_mu, cost(1 + m) - cost(1 + normal)

    return estimate


ESTIMATORS = {
    "pathwise": lambda: pathwise,
    "pathwise_antithetic": lambda: antithetic,
    "score_function": lambda: with_baselines([0, 0]),
    "score_function_mean_baseline": mean_baseline,
    "score_function_optimal_baseline": optimal_baseline,
    "measure_valued": lambda: measure_valued(True),
    "measure_valued_independent": lambda: measure_valued(False),
}


def study(name):
    estimate = ESTIMATORS[name]()
    size = block or repeats
    sums = torch.zeros(2, 4)
    for start in range(0, repeats, size):
        for i, g in enumerate(estimate(min(size, repeats - start))):
            square = g * g
            sums[i] += torch.stack([g.sum(), square.sum(), (square * g).sum(), (square * square).sum()])
    return sums / repeats


for name in names:  # what is timed is right: 2 and 2 are the gradients
    assert torch.allclose(study(name)[:, 0], torch.tensor(2.0), atol=0.3), name
timing.report({name: timing.median(lambda: study(name)) for name in names}, version=torch.__version__)
