"""How Python times what is short: all at once, as `elbo::bench::time` does but for disturbed samples, or sample by
sample, as `gemm/src/sample.rs`."""

import json
import math
import statistics
import time

SAMPLE = 0.008  # seconds that a sample takes at least: far above the step of the clock
SAMPLES = 7
NEW = 0.05  # seconds that calls go on before the first sample, at least: threads and memory are new
STOOD = 0.002  # seconds that they go on before each sample of a process that stood still


def seconds(call, calls):
    """How long each of so many calls takes."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def median(call):
    """The median over samples of the seconds that a call takes."""
    start, calls = time.perf_counter(), 1
    while True:
        once = seconds(call, calls)
        is_enough = once * calls >= SAMPLE / 2
        if is_enough and time.perf_counter() - start >= NEW:
            break
        calls *= 1 if is_enough else 2
    calls = math.ceil(SAMPLE / once)
    return statistics.median(seconds(call, calls) for _ in range(3 if once > 0.1 else SAMPLES))


class Sampler:
    """A call, and how many of it a sample is."""

    def __init__(self, call):
        self.call, self.calls = call, 1
        self._warm_up(NEW)
        while self.calls * seconds(call, self.calls) < SAMPLE:
            self.calls *= 2

    def sample(self):
        """Seconds per call."""
        if self.calls > 1:
            self._warm_up(STOOD)
        return seconds(self.call, self.calls)

    def _warm_up(self, least):
        start = time.perf_counter()
        while time.perf_counter() - start < least:
            self.call()


def report(figures, **more):
    """What every process prints: a figure for each row, perhaps losses, the version of the library."""
    print(json.dumps({"figures": figures} | more))
