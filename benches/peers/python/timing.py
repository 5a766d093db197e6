"""The one way in which Python times what is short; `elbo::bench::time` says the same, but for disturbed samples."""

import json
import math
import statistics
import time

SAMPLE = 0.008  # seconds that a sample takes at least: far above the step of the clock
SAMPLES = 7


def median(call):
    """The median over samples of the seconds that a call takes."""

    def sample(calls):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) / calls

    calls, once = 1, sample(1)  # warms up, too
    while once * calls < SAMPLE / 2:
        calls *= 2
        once = sample(calls)
    calls = math.ceil(SAMPLE / once)
    return statistics.median(sample(calls) for _ in range(3 if once > 0.1 else SAMPLES))


def report(figures, **more):
    """What every process prints: a figure for each row, perhaps losses, the version of the library."""
    print(json.dumps({"figures": figures} | more))
