"""What the scripts that train have in common: images, the clock, and the JSON that they print; `mnist/` says the same."""

import gzip
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import timing


def train(new, version, images=None, seconds_per=60_000):
    """Trains a new model for each batch size, as the arguments DATA EPOCHS BATCH... at the end say.

    `new(x, batch)` makes a model, and what it returns trains for an epoch on rows of x, an array (steps, batch), and
    returns the mean loss per image. Timed is all that an epoch needs: the shuffle, copying the images of each
    batch, the steps, reading the losses. The first epoch warms up; a last batch that is not full is left out.
    """
    folder, epochs, *batches = [word for word in sys.argv[1:] if not word.startswith("-")]
    raw = gzip.decompress((Path(folder) / "train-images-idx3-ubyte.gz").read_bytes())
    x = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)[:images].astype(np.float32) / 255
    figures, losses = {}, {}
    for batch in map(int, batches):
        epoch, random = new(x, batch), np.random.default_rng(1)
        steps, seconds, curve = len(x) // batch, [], []
        for _ in range(int(epochs)):
            start = time.perf_counter()
            rows = random.permutation(len(x))[: steps * batch].reshape(steps, batch)
            curve.append(epoch(rows))
            seconds.append(time.perf_counter() - start)
        row = f"batch {batch}"
        figures[row] = statistics.median(seconds[1:]) * seconds_per / (steps * batch)
        losses[row] = curve
    timing.report(figures, losses=losses, version=version)
