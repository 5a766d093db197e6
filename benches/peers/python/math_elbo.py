"""Functions of this project: ns per element, as `elbo bench math` measures them.

Without patience: Python takes no sample again either."""

import json
import sys
import tempfile

import ours
import timing

kind, threads = sys.argv[1:]
with tempfile.TemporaryDirectory() as out:
    said = ours.said("elbo", "bench", "math", "--json", "--out", out, "--threads", threads, "--patience", 0)
rows = [row for row in json.loads(said)["rows"] if row.get("kind") == kind]
timing.report({row["work"]: 1e9 * row["seconds"]["median"] / (1 << 20) for row in rows})
