"""The study of this project: seconds of the whole command, with its start."""

import sys

import ours
import timing

names, repeats, threads = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
words = ["study", "quadratic", "--json", "--no-files", "--repeats", repeats, "--threads", threads, "--estimators"]
calls = {name: lambda name=name: ours.said("elbo", *words, name) for name in names}
timing.report({name: timing.median(call) for name, call in calls.items()})
