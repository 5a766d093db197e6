"""The polynomials and constants of this folder, as Rust: `python fit.py` (needs mpmath).

Each polynomial meets its function at the Chebyshev nodes of an interval, which is within a small
factor of the best one. Beside it stands its largest error relative to what it becomes a part of.
"""

from mpmath import cos, erf, erfc, exp, expm1, log, log1p, lu_solve, matrix, mp, mpf, nstr, pi, polyval, sin, sqrt

mp.dps = 60
DIGITS = {"f32": 24, "f64": 53}


def nearest(x, digits):
    with mp.workprec(digits):
        return +x


def literal(x, digits):
    """The shortest decimal that reads back as the nearest number of so many binary digits."""
    x = nearest(x, digits)
    for places in range(1, 20):
        if nearest(mpf(nstr(x, places, strip_zeros=False)), digits) == x:
            return nstr(x, places, min_fixed=-3, max_fixed=7)


def fit(f, low, high, degree):
    middle, half, count = (low + high) / 2, (high - low) / 2, degree + 1
    # Half of 1e-30 keeps clear of 0, where the functions below are 0 / 0.
    nodes = [middle + half * cos(pi * (2 * i + 1) / (2 * count)) + mpf("1e-30") for i in range(count)]
    powers = matrix([[x**j for j in range(count)] for x in nodes])
    return list(lu_solve(powers, matrix([f(x) for x in nodes])))


def show(name, f, low, high, degrees, weight):
    low, high = mpf(low), mpf(high)
    for kind, degree in degrees.items():
        c = fit(f, low, high, degree)
        xs = [low + (high - low) * (mpf(k) + mpf(1) / 3) / 500 for k in range(500)]
        error = max(abs((polyval(c[::-1], x) - f(x)) * weight(x)) for x in xs)
        print(f"// {kind} {name}: relative error {nstr(error, 2)}")
        print("&[" + ", ".join(literal(x, DIGITS[kind]) for x in c) + "]")


def show_ln_erfc(kind, end, degree, count):
    """ln(1 - erf a) from 3 on, by least squares of what its errors are relative to erf a: they fall as erfc a does."""
    low, end = mpf(3), mpf(end)
    weight = lambda a: erfc(a) / erf(a)
    xs = [(low + end) / 2 + (end - low) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    rows = matrix([[weight(x) * x**j for j in range(degree + 1)] for x in xs])
    c = list(lu_solve(rows, matrix([weight(x) * log(erfc(x)) for x in xs])))
    xs = [low + (end - low) * (mpf(k) + mpf(1) / 3) / 500 for k in range(500)]
    error = max(abs((polyval(c[::-1], x) - log(erfc(x))) * weight(x)) for x in xs)
    print(f"// {kind} LN_ERFC: relative error of erf {nstr(error, 2)}")
    print("&[" + ", ".join(literal(x, DIGITS[kind]) for x in c) + "]")


def density(a):
    return exp(-a * a / 2) / sqrt(2 * pi)


def mills(a):
    return erfc(a / sqrt(mpf(2))) / 2 / density(a)


def show_mills(kind, end, degree_p, degree_q, centre):
    """P and Q in Mills' ratio P(a) / (a P(a) + Q(a)): right for large a.

    P begins with 1, and Q so that the tail at 0 is ½ to the last digit. They meet the ratio where
    Chebyshev polynomials of (a - centre) / (a + centre) would be extreme."""
    end, centre, count = mpf(end), mpf(centre), degree_p + degree_q
    k = nearest(density(0), DIGITS[kind])
    f = lambda a: mills(a) * density(0) / k
    p, q = [mpf(1)], [2 * k]
    half = end / (end + centre)
    at = lambda share: centre * share * half / (1 - share * half)
    nodes = [at((1 - cos(pi * (i + 1) / (count + mpf(1) / 2))) / 2) for i in range(count)]
    weight = lambda a: 1 - a * f(a)
    terms = lambda a: [weight(a) * a**j for j in range(1, degree_p + 1)] + [-f(a) * a**j for j in range(1, degree_q + 1)]
    rest = lambda a: f(a) * q[0] - weight(a) * p[0]
    solution = list(lu_solve(matrix([terms(a) for a in nodes]), matrix([rest(a) for a in nodes])))
    p, q = p + solution[:degree_p], q + solution[degree_p:]
    of_p, of_q = (lambda a, c=c: polyval(c[::-1], a) for c in (p, q))
    xs = [at((mpf(i) + mpf(1) / 3) / 500) for i in range(500)]
    error = max(abs(of_p(a) / (a * of_p(a) + of_q(a)) / f(a) - 1) for a in xs)
    print(f"// {kind} MILLS: relative error {nstr(error, 2)}")
    print("[" + ", ".join("&[" + ", ".join(literal(x, DIGITS[kind]) for x in c) + "]" for c in (p, q)) + "]")


def parts(name, x, count):
    for kind, digits in DIGITS.items():
        rest, out = x, []
        for _ in range(count):
            out.append(literal(rest, digits))
            rest -= nearest(rest, digits)
        print(f"// {kind} {name}: {', '.join(out)}")


def short_parts(name, x, lengths):
    """x to so many binary digits, and the rest."""
    for kind, digits in DIGITS.items():
        first = nearest(x, lengths[kind])
        print(f"// {kind} {name}: {literal(first, digits)}, {literal(x - first, digits)}")


half = log(mpf(2)) / 2 * mpf("1.01")
show("EXP", lambda r: (expm1(r) - r) / r**2, -half, half, {"f32": 4, "f64": 10}, lambda r: r**2 / expm1(r))
parts("LN_2", log(mpf(2)), 2)

low, high = sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1
show("LN", lambda f: (log1p(f) - f + f * f / 2) / f**3, low, high, {"f32": 7}, lambda f: f**3 / log1p(f))
twice_artanh = lambda s: log((1 + s) / (1 - s))
end = (high / (2 + high)) ** 2
show("LN", lambda z: (twice_artanh(sqrt(z)) / sqrt(z) - 2) / z, 0, end, {"f64": 6}, lambda z: z / 2)

ratio = lambda z: erf(sqrt(z)) / sqrt(z)
show("ERF", lambda s: ratio(s + 4), -4, 5, {"f32": 13, "f64": 22}, lambda s: 1 / ratio(s + 4))
show_ln_erfc("f32", 4, 2, 160)
show_ln_erfc("f64", 6, 7, 160)
of_r = lambda r: exp(r / 2) / sqrt(2 * pi)
show("DENSITY", of_r, -2 * half, 2 * half, {"f32": 6, "f64": 12}, lambda r: 1 / of_r(r))
show_mills("f32", 15, 4, 4, "3")
show_mills("f64", 39, 10, 9, "3.5")
short_parts("LN_2_SHORT", log(mpf(2)), {"f32": 16, "f64": 42})

end = mpf("0.8") ** 2
show("SIN", lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, 0, end, {"f32": 2, "f64": 5}, lambda z: z)
show("COS", lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, 0, end, {"f32": 2, "f64": 5}, lambda z: z * z)
parts("PI_2", pi / 2, 3)
mp.dps = 500
bits = int(2 / pi * mpf(2) ** 1216)
print("// 2/π:", ", ".join(f"0x{bits >> (64 * i) & (2**64 - 1):016x}" for i in reversed(range(19))))
