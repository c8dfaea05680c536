"""How a selector ranks rows in the course of its training, from a step trace.

    python ranking_over_steps.py TRACE --unsafe-from N [--frozen LOSSES] [--every STEPS] [--keep SHARE]

TRACE is written by `cargo xtask select --trace FILE`. Its rows stand in the order of the data. The rows from
position N on, from 0, are the unsafe ones. LOSSES is losses.json of the stage `scores`, or the JSON lines of
`cargo xtask score`: the losses of the rows under the base. The script prints a table: steps, epochs, AUROC
(the probability that an unsafe row ranks below a safe one, ties count half), the share of the unsafe rows that
--keep keeps, and Spearman's correlation with the order by frozen loss.

The logits are replayed from the losses of the trace by the equations (paper, Algorithm 2; plain steps on
omega with the softmax over all rows), in float64. The script fails if they end more than 1e-9 from the
logits of the trace. Needs numpy.
"""

import argparse
import json
import sys

import numpy as np


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def frozen_losses(path):
    """Loss by row id, from either form."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.startswith("{\n"):
        stage = json.loads(text)
        return dict(zip(stage["ids"], stage["losses"]))
    rows = [json.loads(line) for line in text.splitlines()]
    return {row["id"]: row["nll"] for row in rows if "id" in row}


def ranks(values):
    """From 0, the mean of their places where values are equal."""
    values = np.asarray(values)
    order = np.argsort(values, kind="stable")
    places = np.empty(len(values))
    places[order] = np.arange(len(values))
    for value in np.unique(values):
        same = values == value
        places[same] = places[same].mean()
    return places


def auroc(logits, unsafe):
    places = ranks(logits)
    safe = ~unsafe
    above = places[safe].sum() - safe.sum() * (safe.sum() - 1) / 2
    return above / (safe.sum() * unsafe.sum())


def spearman(a, b):
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trace")
    parser.add_argument("--unsafe-from", type=int, required=True)
    parser.add_argument("--frozen")
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--keep", type=float, default=0.8)
    options = parser.parse_args()

    lines = read(options.trace)
    start, end = lines[0], lines[-1]
    settings = start["settings"]
    is_plain = settings["algorithm"] == "algorithm-2" and settings.get("selector_optim", "sgd") == "sgd"
    if settings["selector"] != "softmax" or not is_plain:
        sys.exit("only Algorithm 2 with softmax and plain steps is replayed")
    ids = start["ids"]
    place = {row: i for i, row in enumerate(ids)}
    n = len(ids)
    unsafe = np.arange(n) >= options.unsafe_from
    frozen = None
    if options.frozen:
        losses = frozen_losses(options.frozen)
        frozen = np.array([losses[row] for row in ids])
    rate = settings["rate"]
    if rate is None:
        rate = settings["kappa"] * settings["batch"] / (settings["epochs"] * start["mean_loss"])

    logits = np.zeros(n)
    steps = [line for line in lines if line["kind"] == "step"]
    print(f"{n} rows, {unsafe.sum()} of them unsafe")
    print("step  epochs  auroc  unsafe kept  spearman to frozen loss")
    for step in steps:
        rows = np.array([place[row] for row in step["ids"]])
        losses = np.array(step["losses"])
        if settings["baseline"]:
            losses = losses - losses.mean()
        soft = np.exp(logits - logits.max())
        soft /= soft.sum()
        weighted = n * soft[rows] * losses / settings["batch"]
        gradient = -soft * weighted.sum()
        np.add.at(gradient, rows, weighted)
        logits = logits - rate * gradient
        done = step["step"] + 1
        if done % options.every == 0 or done == len(steps):
            kept = np.argsort(-logits, kind="stable")[: round(options.keep * n)]
            share = unsafe[kept].sum() / unsafe.sum()
            rho = "" if frozen is None else f"{spearman(logits, -frozen):.3f}"
            print(f"{done:4d}  {done * settings['batch'] / n:6.2f}  {auroc(logits, unsafe):.3f}  {share:11.3f}  {rho}")
    off = max(abs(logits[place[row]] - omega) for row, omega in end["omega"].items())
    if off > 1e-9:
        sys.exit(f"the replayed logits end {off:.1e} from those of the trace")


main()
