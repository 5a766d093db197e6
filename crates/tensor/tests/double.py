# The figures of double.csv: function, bits of the argument, bits of the nearest value, what is left in units in its last
# place.
#
#     pip install mpmath==1.3.0
#     python double.py > double.csv

import random
import struct
import sys

from mpmath import *

mp.dps = 60


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def nearest(value):
    """The f64 next to a value, also below the normal ones, and the value of its last place."""
    exponent = max(int(floor(log(abs(value), 2))), -1022)
    last = mpf(2) ** (exponent - 52)
    return float(int(nint(value / last)) * last), last


def tail(x):
    """Φ(x)"""
    return erfc(-x / sqrt(mpf(2))) / 2


def sine(f):
    def precise(x):
        with workdps(60 + max(0, int(mag(x) * 0.31))):
            return +f(x)
    return precise


FUNCTIONS = {
    "exp": (exp, [(-745, -700), (-700, 709.7), (-1, 1)]),
    "exp_m1": (expm1, [(-38, 709.7), (-1, 1), (-1e-8, 1e-8)]),
    "ln": (log, [(5e-324, 1e-307), (0, 1e300), (0.5, 2), (0.99, 1.01)]),
    "ln_1p": (log1p, [(-1, 1), (-1e-9, 1e-9), (0, 1e300)]),
    "tanh": (tanh, [(-20, 20), (-1, 1), (-1e-8, 1e-8)]),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), [(-745, -700), (-40, 40), (-1, 1)]),
    "softplus": (lambda x: log1p(exp(x)), [(-745, -700), (-40, 40), (-1, 1)]),
    "erf": (erf, [(-6, 6), (-1, 1), (-1e-8, 1e-8)]),
    "gelu": (lambda x: x * tail(x), [(-38.4, -37), (-37, 10), (-4, 4)]),
    "normal_cdf": (tail, [(-38.4, -37), (-37, 10), (-4, 4)]),
    "silu": (lambda x: x / (1 + exp(-x)), [(-745, -700), (-40, 40), (-1, 1)]),
    "sin": (sine(sin), [(-7, 7), (-1e5, 1e5), (-1e300, 1e300)]),
    "cos": (sine(cos), [(-7, 7), (-1e5, 1e5), (-1e300, 1e300)]),
    "sqrt": (sqrt, [(0, 1e300), (0.5, 4)]),
}

count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
for name, (function, ranges) in FUNCTIONS.items():
    chance = random.Random(name)
    for low, high in ranges:
        for _ in range(count):
            x = chance.uniform(low, high)
            if abs(low) >= 1e300 or high >= 1e300:
                # All sizes, not only the largest.
                x = 2 ** chance.uniform(-60, 990) * (chance.choice([-1, 1]) if low < 0 else 1)
            value = function(mpf(x))
            y, last = nearest(value)
            print(name, f"{bits(x):016x}", f"{bits(y):016x}", nstr((value - mpf(y)) / last, 4), sep=",")
