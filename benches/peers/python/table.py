"""What was found, as Markdown."""

import math
import statistics

OURS = "elbo"


def number(x):
    """Three digits that count."""
    return f"{x:.{max(0, 2 - math.floor(math.log10(x)))}f}"


def flat(rounds):
    """The samples of all rounds."""
    return [sample for samples in rounds for sample in samples]


def middle(rounds):
    """The median of all samples, and half of the way from the least round to the most in percent of it."""
    median, of_rounds = statistics.median(flat(rounds)), [statistics.median(samples) for samples in rounds]
    spread = f" ± {50 * (max(of_rounds) - min(of_rounds)) / median:.0f} %" if len(rounds) > 1 else ""
    return number(median) + spread


def ratios(title, unit, more_is_better, found):
    """Ours, and how many times as fast it is as each of the others."""
    peers = [name for name in found if name != OURS]
    lines = [f"### {title}", "", f"Ours in {unit}: median ± half the spread. Then how many times as fast ours is as"]
    lines += ["each other library, the median over turns; its own figure follows in brackets.", ""]
    lines += ["| | ours | " + " | ".join(peers) + " | best peer |", "|---" * (len(peers) + 3) + "|"]
    every = {name: [] for name in [*peers, "best"]}
    for row, ours in found[OURS]["figures"].items():
        cells, rates = [], {}
        for name in peers:
            theirs = found[name]["figures"].get(row)
            if theirs is None:
                cells.append("-")
                continue
            # The figures of a turn are neighbours: what slows both leaves their ratio as it is. Who fails is in the first
            # rounds only.
            pairs = zip(flat(ours), flat(theirs), strict=False)
            ratio = statistics.median(our / their for our, their in pairs)
            rates[name] = ratio if more_is_better else 1 / ratio
            every[name].append(rates[name])
            cells.append(f"{rates[name]:.2f} ({middle(theirs)})")
        best = min(rates, key=rates.get, default=None)
        if best is not None:
            every["best"].append(rates[best])
        cells.append("-" if best is None else f"**{rates[best]:.2f}** {best}")
        lines.append(f"| {row} | {middle(ours)} | " + " | ".join(cells) + " |")
    means = [f"{statistics.geometric_mean(every[name]):.2f}" if every[name] else "-" for name in every]
    lines.append("| geometric mean | | " + " | ".join(means) + " |")
    return "\n".join(lines) + "\n"


def losses(found):
    """The mean training loss of each epoch, so that it can be seen that all learn the same."""
    curves = {name: runs["losses"] for name, runs in found.items() if "losses" in runs}
    if not curves:
        return ""
    rows = [(row, name, losses) for name, rows in curves.items() for row, losses in rows.items()]
    epochs = range(1, max(len(losses) for _, _, losses in rows) + 1)
    lines = ["Mean training loss of each epoch, in nats per image:", ""]
    lines += ["| | " + " | ".join(map(str, epochs)) + " |", "|---" * (len(epochs) + 1) + "|"]
    for row, name, losses in sorted(rows, key=lambda line: line[0]):
        lines.append(f"| {name}, {row} | " + " | ".join(f"{loss:.2f}" for loss in losses) + " |")
    return "\n".join(lines) + "\n"
