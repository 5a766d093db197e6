"""Functions of this project: ns per element, as `elbo bench math` measures them."""

import json
import sys

import ours
import timing

measured = json.loads(ours.said("elbo", "bench", "math", "--json", "--threads", sys.argv[1]))
rows = [row for row in measured["rows"] if row["kind"] == "f32"]
timing.report({row["work"]: 1e9 * row["seconds"]["median"] / (1 << 20) for row in rows})
