"""The one way in which Python times what is short; `elbo::bench::time` says the same, but for disturbed samples."""

import json
import math
import statistics
import time

SAMPLE = 0.008  # seconds that a sample takes at least: far above the step of the clock
SAMPLES = 7
WARM_UP = 0.05  # seconds that calls go on before the first sample, at least: threads and memory are new


def median(call):
    """The median over samples of the seconds that a call takes."""

    def sample(calls):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) / calls

    start, calls = time.perf_counter(), 1
    while True:
        once = sample(calls)
        is_enough = once * calls >= SAMPLE / 2
        if is_enough and time.perf_counter() - start >= WARM_UP:
            break
        calls *= 1 if is_enough else 2
    calls = math.ceil(SAMPLE / once)
    return statistics.median(sample(calls) for _ in range(3 if once > 0.1 else SAMPLES))


def report(figures, **more):
    """What every process prints: a figure for each row, perhaps losses, the version of the library."""
    print(json.dumps({"figures": figures} | more))
