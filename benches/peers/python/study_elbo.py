"""The study of this project: seconds of the pilot run and all repeats."""

import statistics
import sys

import ours
import timing

names, repeats, threads = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
words = ["study", "quadratic", "--json", "--time", "--no-files", "--repeats", repeats, "--threads", threads]


def seconds(name):
    return repeats * ours.objects(ours.said("elbo", *words, "--estimators", name))[0]["seconds"]


timing.report({name: statistics.median(seconds(name) for _ in range(timing.SAMPLES)) for name in names})
