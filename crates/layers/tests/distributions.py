# The figures of distributions.csv: family, parameters, x, and ln p(x), P(X ≤ x), entropy, mean, variance
# (nan where there is none), by scipy 1.x; and those of divergences.csv: two families with parameters and
# KL, by torch.distributions.
#
#     pip install torch scipy
#     python distributions.py
#
# Normal and LogNormal are given by mu and sigma.

import math

import scipy.stats as s
import torch
import torch.distributions as d
from scipy import special

FAMILIES = {
    "Normal": (lambda m, t: s.norm(m, t), [(0.5, 1.5), (-2, 0.3)], [-1.7, 0.2, 8.0]),
    "LogNormal": (lambda m, t: s.lognorm(t, scale=math.exp(m)), [(0.5, 1.5), (-2, 0.3)], [0, 0.1, 0.9, 8]),
    "Laplace": (s.laplace, [(0.5, 1.5), (-2, 0.3)], [-3.0, 0.5, 4.0]),
    "Logistic": (s.logistic, [(0.5, 1.5), (-2, 0.3)], [-3.0, 0.5, 4.0]),
    "Gumbel": (s.gumbel_r, [(0.5, 1.5), (-2, 0.3)], [-2.1, 0.5, 4.0]),
    "Uniform": (lambda l, h: s.uniform(l, h - l), [(0.5, 1.5), (-2, 7)], [0.6, 1.25, 6.0]),
    "Exponential": (lambda r: s.expon(scale=1 / r), [(0.5,), (3,)], [0.01, 1.0, 6.0]),
    "Gamma": (lambda a, r: s.gamma(a, scale=1 / r), [(0.3, 0.5), (1, 2), (7.5, 3)], [0, 0.01, 1.0, 6.0]),
    "Beta": (s.beta, [(0.3, 0.5), (1, 2), (2, 1), (1, 1), (7.5, 3)], [0, 0.01, 0.5, 0.97, 1]),
    "StudentT": (s.t, [(0.8, 0, 1), (1.5, 1, 2), (4.5, -1, 0.5), (60, 0, 1)], [-3.0, 0.2, 4.0]),
    "VonMises": (lambda m, k: s.vonmises(k, m), [(0.5, 0.2), (-1, 3), (0, 20)], [-0.3, 0.4, 1.5]),
    "Bernoulli": (s.bernoulli, [(0.2,), (0.9,)], [0, 1]),
    "Geometric": (lambda p: s.geom(p, loc=-1), [(0.2,), (0.9,)], [0, 1, 7]),
    "Binomial": (s.binom, [(7, 0.2), (40, 0.9)], [0, 3, 7]),
    "Poisson": (s.poisson, [(0.4,), (12,)], [0, 3, 15]),
}


def distributions(file):
    for name, (make, parameters, points) in FAMILIES.items():
        for p in parameters:
            f = make(*p)
            density = f.logpmf if hasattr(f.dist, "pmf") else f.logpdf
            mean, variance, entropy = f.mean(), f.var(), f.entropy()
            if name == "VonMises":
                # The circular variance.
                variance = 1 - special.i1e(p[1]) / special.i0e(p[1])
            for x in points:
                figures = [density(x), f.cdf(x), entropy, mean, variance]
                row = [name, " ".join(map(str, p)), x, *(repr(float(v)) for v in figures)]
                print(*row, sep=",", file=file)


def t(x):
    return torch.tensor(x, dtype=torch.float64)


DIVERGENCES = {
    "Normal": (lambda m, sd: d.Normal(t(m), t(sd)), [(0.5, 1.5), (-2.0, 0.3)]),
    "LogNormal": (lambda m, sd: d.LogNormal(t(m), t(sd)), [(0.5, 1.5), (-2.0, 0.3)]),
    "Laplace": (lambda m, b: d.Laplace(t(m), t(b)), [(0.5, 1.5), (-2.0, 0.3)]),
    "Gumbel": (lambda m, b: d.Gumbel(t(m), t(b)), [(0.5, 1.5), (-2.0, 0.7)]),
    "Uniform": (lambda l, h: d.Uniform(t(l), t(h)), [(0.0, 1.0), (0.2, 0.7), (-2.0, 7.0)]),
    "Exponential": (lambda r: d.Exponential(t(r)), [(0.5,), (3.0,)]),
    "Gamma": (lambda a, r: d.Gamma(t(a), t(r)), [(0.3, 0.5), (7.5, 3.0)]),
    "Beta": (lambda a, b: d.Beta(t(a), t(b)), [(0.3, 0.5), (7.5, 3.0)]),
    "Bernoulli": (lambda p: d.Bernoulli(t(p)), [(0.2,), (0.9,)]),
    "Geometric": (lambda p: d.Geometric(t(p)), [(0.2,), (0.9,)]),
    "Binomial": (lambda n, p: d.Binomial(t(n), t(p)), [(7.0, 0.2), (7.0, 0.9)]),
    "Poisson": (lambda r: d.Poisson(t(r)), [(0.4,), (12.0,)]),
}


def divergences(file):
    for q_name, (q_make, q_parameters) in DIVERGENCES.items():
        for p_name, (p_make, p_parameters) in DIVERGENCES.items():
            for q in q_parameters:
                for p in p_parameters:
                    try:
                        kl = d.kl_divergence(q_make(*q), p_make(*p)).item()
                    except NotImplementedError:
                        continue
                    if math.isnan(kl):
                        continue
                    row = [q_name, " ".join(map(str, q)), p_name, " ".join(map(str, p)), repr(kl)]
                    print(*row, sep=",", file=file)


with open("distributions.csv", "w") as file:
    distributions(file)
with open("divergences.csv", "w") as file:
    divergences(file)

# The vectors in distributions.rs.
loc = t([0.3, -1.0, 0.5])
tril = t([[1.2, 0.0, 0.0], [0.4, 0.7, 0.0], [-0.3, 0.2, 1.5]])
other = t([[0.9, 0.0, 0.0], [-0.2, 1.1, 0.0], [0.5, 0.1, 0.8]])
q, p = d.MultivariateNormal(loc, scale_tril=tril), d.MultivariateNormal(t([0.0, 0.5, 0.2]), scale_tril=other)
print("mvn", q.log_prob(t([0.1, 0.2, -0.4])).item(), q.entropy().item(), d.kl_divergence(q, p).item(), q.variance.tolist())
q, p = d.Dirichlet(t([0.4, 2.0, 3.5])), d.Dirichlet(t([1.5, 1.0, 0.8]))
print("dirichlet", q.log_prob(t([0.2, 0.3, 0.5])).item(), q.entropy().item(), d.kl_divergence(q, p).item(), q.variance.tolist())
q, p = d.Categorical(logits=t([0.3, -1.0, 0.5])), d.Categorical(logits=t([0.0, 0.5, 0.2]))
print("categorical", q.log_prob(t(1)).item(), q.entropy().item(), d.kl_divergence(q, p).item())
q = d.RelaxedOneHotCategorical(t(0.7), logits=t([0.3, -1.0, 0.5]))
print("relaxed_categorical", q.log_prob(t([0.2, 0.3, 0.5])).item())
q = d.RelaxedBernoulli(t(0.7), logits=t(0.3))
print("relaxed_bernoulli", q.log_prob(t(0.2)).item())
q = d.MixtureSameFamily(d.Categorical(logits=t([0.3, -1.0])), d.Normal(t([-1.0, 2.0]), t([0.5, 1.5])))
print("mixture", q.log_prob(t(0.2)).item(), q.cdf(t(0.2)).item(), q.mean.item(), q.variance.item())
base = d.Normal(t([0.3, -0.2]), t([0.5, 1.5]))
q = d.TransformedDistribution(base, [d.transforms.TanhTransform()])
print("tanh", q.log_prob(t([0.2, -0.6])).tolist())
q = d.TransformedDistribution(base, [d.transforms.AffineTransform(t(1.0), t(2.0)), d.transforms.ExpTransform()])
print("affine exp", q.log_prob(t([0.2, 3.0])).tolist())

# The divergences of events and of transforms.
base, other = d.Normal(t([0.3, -0.2]), t([0.5, 1.5])), d.Normal(t([-0.4, 0.6]), t([0.9, 0.8]))
laplace = d.Laplace(t([0.1, 0.2]), t([0.7, 1.1]))
affine = [d.transforms.AffineTransform(t(1.0), t(2.0))]
print("independent", d.kl_divergence(d.Independent(base, 1), d.Independent(other, 1)).item())
for name, transforms in {
    "exp": [d.transforms.ExpTransform()],
    "tanh": [d.transforms.TanhTransform()],
    "affine": affine,
    "affine exp": [*affine, d.transforms.ExpTransform()],
    "tanh affine": [d.transforms.TanhTransform(), *affine],
}.items():
    q, p, l = (d.TransformedDistribution(b, transforms) for b in [base, other, laplace])
    print(name, d.kl_divergence(q, p).tolist(), d.kl_divergence(l, q).tolist())
q, p = (d.TransformedDistribution(d.Independent(b, 1), affine) for b in [base, other])
print("affine of events", d.kl_divergence(q, p).item())
