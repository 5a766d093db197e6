"""Processes that take turns.

Every (library, threads) runs in a process of its own, on as many cores as it has threads: no pool of
threads spins beside another. The libraries take turns, round by round, and where rows are short sample by sample,
so that a slow moment of the machine falls on all of them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

TURNS = 9  # of each library, on each row of a round
LONG = 3  # seconds after which a row of a round has no further turns

POOLS = ["OMP", "MKL", "OPENBLAS", "BLIS", "MATMUL", "RAYON"]


def environment(threads):
    """As many threads for every library. OpenBLAS and BLIS fall back to slow kernels on a processor that
    is younger than they are: with AVX-512 they are told to take those of Skylake-X."""
    env = {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS} | {"ELBO_THREADS": str(threads)}
    facts = Path("/proc/cpuinfo")
    if facts.exists() and " avx512f " in facts.read_text():
        env |= {"OPENBLAS_CORETYPE": "SkylakeX", "BLIS_ARCH_TYPE": "skx"}
    return os.environ | env


def pinned(command, threads):
    """The command on as many cores as it has threads."""
    return ["taskset", "-c", ",".join(map(str, range(threads))), *map(str, command)]


def leave_out(name, stderr):
    print(f"{name} is left out: {' '.join(stderr.strip().splitlines()[-1:])}", file=sys.stderr)


def measure(name, command, threads):
    """What one process prints, or None."""
    done = subprocess.run(pinned(command, threads), env=environment(threads), text=True, capture_output=True)
    if done.returncode:
        leave_out(name, done.stderr)
        return None
    return json.loads(done.stdout)


class Asked:
    """A process that is asked for one sample after the other, and stands still, with all its threads, in between."""

    def __init__(self, command, threads):
        # What stands still would not notice that nobody is left to ask it.
        words = ["setpriv", "--pdeathsig", "KILL", *pinned(command, threads)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            words, env=environment(threads), text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, row):
        """The figure, or None if the process has ended."""
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(f"{row}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return None
        self.process.send_signal(signal.SIGSTOP)
        return float(answer)


def take_turns_by_sample(commands, rows, threads, rounds):
    """As take_turns, with several turns on a row, one sample each, before the next row."""
    with ExitStack() as stack:
        asked = {name: stack.enter_context(Asked(command, threads)) for name, command in commands.items()}
        for name, process in list(asked.items()):
            if process.ask(rows[0]) is None:  # threads start in a turn that is not kept
                leave_out(name, process.process.communicate()[1])
                del asked[name]
        found = {name: {"figures": {row: [] for row in rows}} for name in asked}
        for turn in range(rounds):
            print(f"{threads} thread(s): round {turn + 1} of {rounds}", file=sys.stderr)
            for row in rows:
                for name, figures in turns_on(row, asked).items():
                    found[name]["figures"][row].append(figures)
        return found


def turns_on(row, asked):
    """Each library's samples of a row. The first one is not kept: its arrays are new, in caches that others had."""
    samples, start = {name: [] for name in asked}, time.monotonic()
    for turn in range(TURNS + 1):
        if turn > 1 and time.monotonic() - start > LONG:
            break
        for name, process in asked.items():
            figure = process.ask(row)
            if figure is None:
                sys.exit(f"{name} has failed at {row}: {process.process.communicate()[1]}")
            if turn > 0:
                samples[name].append(figure)
    return samples


def take_turns(commands, threads, rounds):
    """By library: the figures of all rounds by row, each a list of one, and the last losses and version."""
    found = {}
    for turn in range(rounds):
        print(f"{threads} thread(s): round {turn + 1} of {rounds}", file=sys.stderr)
        for name, command in list(commands.items()):
            said = measure(name, command, threads)
            if said is None:
                del commands[name]  # it will not be there in the next round either
                continue
            runs = found.setdefault(name, {"figures": {}})
            for row, figure in said.pop("figures").items():
                runs["figures"].setdefault(row, []).append([figure])
            runs |= said
    return found
