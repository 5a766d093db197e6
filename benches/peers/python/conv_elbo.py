"""The convolutional autoencoder of this project, as the example of that name trains it."""

import re
import statistics
import sys

import ours
import timing

folder, epochs, batch = sys.argv[1:]
assert batch == "128", "the example has one batch size"
said = ours.said("examples/convolutional_autoencoder", folder, epochs)
lines = [[float(number) for number in re.findall(r"\d+\.\d+", line)] for line in said.splitlines()]
figures = {"batch 128": statistics.median(seconds for _, seconds in lines[1:])}
timing.report(figures, losses={"batch 128": [loss for loss, _ in lines]})
