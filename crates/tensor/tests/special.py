# The figures of special.csv: function, orders of the derivative, arguments, value to 19 digits.
#
#     pip install mpmath==1.3.0
#     python special.py > special.csv

from mpmath import *

mp.dps = 60


def row(name, order, args, value):
    numbers = lambda numbers: " ".join(map(str, numbers))
    print(name, numbers(order), numbers(float(a) for a in args), nstr(value, 19), sep=",")


def m(x):
    """The f64 that is nearest, exactly."""
    return mpf(float(x))


for x in [-4, -1.01, -0.3, 1e-300, 1e-10, 0.1, 0.5, 0.69, 0.71, 0.9, 0.999, 1.001, 1.5, 2.5, 4, 5.9]:
    row("erf", [0], [x], erf(m(x)))
for x in [-37, -20, -8, -5, -2, -1, -0.71, -0.69, -0.3, -1e-10, 0, 0.3, 0.69, 0.71, 1, 3, 8]:
    row("normal_cdf", [0], [x], ncdf(m(x)))

for x in [1e-8, 0.3, 0.999, 1.001, 1.46, 1.4616321449683623, 1.4617, 1.7, 2.001, 7.5, 150, 1e6]:
    x = m(x)
    row("lgamma", [0], [x], loggamma(x))
    row("digamma", [0], [x], digamma(x))
    for n in [1, 2, 3, 4]:
        row("polygamma", [n], [x], psi(n, x))

small = [(1e-3, 1e-5), (0.05, 0.5), (0.5, 1.49), (0.5, 1.51), (1, 2)]
large = [(40, 25), (150, 160), (2000, 1950), (2000, 2100), (1e6, 999e3), (1e6, 1.001e6)]
for a, x in small + [(3.7, 0.1), (3.7, 4.6), (3.7, 4.8), (3.7, 30)] + large:
    a, x = m(a), m(x)
    row("gammainc", [0], [a, x], gammainc(a, 0, x, regularized=True))
    row("gammaincc", [0], [a, x], gammainc(a, x, inf, regularized=True))
    density = exp(a * log(x) - x) / gamma(a)
    for n in [1, 2, 3, 4] if a < 1e5 else [1]:
        mp.dps = 120
        P = diff(lambda a: gammainc(a, 0, x, regularized=True), a, n, h=mpf(10) ** -25)
        row("gammainc_ratio", [n], [a, x], P / density)
        mp.dps = 60

small = [(0.01, 0.02, 0.4), (0.5, 0.5, 0.001), (0.5, 3, 0.2), (2, 3, 0.7), (8, 0.7, 0.99)]
steep = [(0.0865, 166.63, 0.004755), (166.63, 0.0865, 0.995245), (1e-3, 900, 1e-4)]
for a, b, x in small + [(20, 30, 0.35), (300, 200, 0.61)] + steep:
    a, b, x = m(a), m(b), m(x)
    I = lambda a, b: betainc(a, b, 0, x, regularized=True)
    for i, j in [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (2, 1), (0, 3)]:
        mp.dps = 100
        row("betainc", [i, j], [a, b, x], diff(I, (a, b), (i, j), h=mpf(10) ** -20))
        mp.dps = 60

mp.dps = 90
log_i0 = lambda x, n: diff(lambda x: log(besseli(0, x)), x, n, h=mpf(10) ** -15)
for x in [1e-6, 0.4, 3, 24.9, 25.1, 700, 1e5]:
    for n in range(5):
        row("log_i0", [n], [m(x)], log_i0(m(x), n))

mp.dps = 60
wide, narrow = [(0.01, -3), (0.5, 1), (2, -1.5), (2, 3)], [(30, -0.3), (30, 0.9), (1e3, -0.01), (1e3, -0.2)]
for k, x in wide + narrow:
    k, x = m(k), m(x)
    points = [-pi] + [x - mpf(2) ** -j for j in range(-1, 10) if x - mpf(2) ** -j > -pi] + [x]
    A, A1, A2 = (log_i0(k, n) for n in [1, 2, 3])
    scores = [
        lambda c: mpf(1),
        lambda c: c - A,
        lambda c: (c - A) ** 2 - A1,
        lambda c: (c - A) ** 3 - 3 * (c - A) * A1 - A2,
    ]
    for n, score in enumerate(scores):
        mass = quad(lambda t: score(cos(t)) * exp(k * (cos(t) - 1)), points)
        row("von_mises_cdf", [n], [x, k], mass / (2 * pi * besseli(0, k) * exp(-k)))
