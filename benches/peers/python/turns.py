"""Processes that take turns.

Every (library, threads) runs in a process of its own, on as many cores as it has threads: no pool of
threads spins beside another. The libraries take turns, round by round, so that a slow minute of the machine
falls on all of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

POOLS = ["OMP", "MKL", "OPENBLAS", "BLIS", "MATMUL", "RAYON"]


def environment(threads):
    """As many threads for every library. OpenBLAS and BLIS fall back to slow kernels on a processor that
    is younger than they are: with AVX-512 they are told to take those of Skylake-X."""
    env = {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS} | {"ELBO_THREADS": str(threads)}
    facts = Path("/proc/cpuinfo")
    if facts.exists() and " avx512f " in facts.read_text():
        env |= {"OPENBLAS_CORETYPE": "SkylakeX", "BLIS_ARCH_TYPE": "skx"}
    return os.environ | env


def measure(name, command, threads):
    """What one process prints, or None."""
    cores = ",".join(map(str, range(threads)))
    pinned = ["taskset", "-c", cores, *map(str, command)]
    done = subprocess.run(pinned, env=environment(threads), text=True, capture_output=True)
    if done.returncode:
        print(f"{name} is left out: {' '.join(done.stderr.strip().splitlines()[-1:])}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def take_turns(commands, threads, rounds):
    """By library: the figures of all rounds by row, and the last losses and version."""
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
                runs["figures"].setdefault(row, []).append(figure)
            runs |= said
    return found
