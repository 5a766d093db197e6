"""The VAE of this project, as `elbo train vae` trains it: step_elbo.py PRECISION DATA EPOCHS BATCH...

Its clock leaves out what the others do not do: the test images, and saving.
"""

import sys
import tempfile

import ours
import timing

precision, folder, epochs, *batches = sys.argv[1:]
figures, losses = {}, {}
for batch in batches:
    with tempfile.TemporaryDirectory() as out:
        words = ["--data", folder, "--epochs", epochs, "--batch-size", batch, "--precision", precision]
        words += ["--json", "--out", f"{out}/run"]
        lines = ours.objects(ours.said("elbo", "train", "vae", *words))
    seconds = sorted(line["seconds"] for line in lines if line.get("epoch", 0) > 1)
    figures[f"batch {batch}"] = seconds[len(seconds) // 2]
    losses[f"batch {batch}"] = [line["train_loss"] for line in lines if "epoch" in line]
timing.report(figures, losses=losses)
