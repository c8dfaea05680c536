"""Draws settings of the method by seed, trains a selector of a tiny study with each, and
replays every trace by replay.py; then puts deliberate errors in, which must be noticed.

    python tests/reference/draws.py PROGRAM FOLDER [--settings 200] [--seed 0]

PROGRAM is the command line (`target/debug/program` after `cargo build -p whole-program`).
FOLDER holds the study, its base and the traces. Drawn are algorithm, selector function,
normalisation, baseline, optimiser of omega, raw rate or kappa, gamma (constant, by epoch, by
step), epochs, batch, micro-batch, recomputation, adapters without dropout, AdamW and its
schedule, and the study seed. A selector that collapses ends its run with an error, as it is
meant to; such settings are drawn again, and counted. Needs what replay.py needs.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

import replay

ROWS = 60
# A small model that has learned a little: losses differ between rows.
STUDY = {
    "model.hidden_size": 32, "model.intermediate_size": 48, "base.epochs": 1, "study.limit": ROWS,
}
EACH_ERROR = 4


def draw(rng):
    """Dotted keys of a config and their values, and a study seed."""
    pick = rng.choice
    algorithm = pick(["algorithm-2", "algorithm-1", "released"])
    adam = algorithm != "released" and rng.random() < 0.3
    s = {
        "algorithm": algorithm,
        "selector": pick(["softmax", "sigmoid", "tanh", "relu", "shifted-tanh"]),
        "normalise": pick(["none", "mean"]),
        "baseline": rng.random() < 0.4,
        "selector_optim": "adam" if adam else "sgd",
        "epochs": rng.randint(1, 3),
        "batch": rng.randint(5, 13),
        "recompute": rng.random() < 0.3,
        "optim.lr": round(10 ** rng.uniform(-3.5, -2.5), 6),
        "optim.betas": [pick([0.8, 0.9]), pick([0.95, 0.99, 0.999])],
        "optim.eps": pick([1e-8, 1e-6]),
        "optim.weight_decay": pick([0.0, 0.1]),
        "optim.max_grad_norm": pick([0.0, 0.5, 1.0]),
        "optim.schedule": pick(["constant", "cosine", "linear"]),
        "optim.warmup": pick([0.0, 0.2, 0.5]),
    }
    far = s["selector"] in ("tanh", "relu") and rng.random() < 0.4
    if far:
        # Far enough for rows to reach weight 0, and to be visited there.
        # Where neither makes scores relative, all rows would.
        s.update(algorithm="algorithm-2", selector_optim="sgd", epochs=3,
                 baseline=s["baseline"] or s["normalise"] == "none")
        adam = False
    kind = pick(["constant", "epoch", "step"])
    if kind == "constant":
        s["gamma"] = pick([0.0, 0.03, 0.2, 0.5])
    else:
        start, most = pick([0.0, 0.1]), 0.4
        n = s["epochs"] if kind == "epoch" else 3 * (ROWS // s["batch"] + 1)
        s["gamma"] = {"start": start, "increment": round(most / n, 4), "per": kind}
    if far:
        s["kappa"] = round(rng.uniform(6, 12), 3)
    elif adam or algorithm == "released":
        s["rate"] = round(10 ** rng.uniform(-2.7, -1.7), 5)
    elif rng.random() < 0.4:
        s["rate"] = round(10 ** rng.uniform(-1.3, -0.3), 4)
    else:
        s["kappa"] = round(rng.uniform(0.1, 0.6), 3)
    if rng.random() < 0.4:
        s["micro_batch"] = rng.randint(1, 6)
    if rng.random() < 0.4:
        targets = pick([["q_proj", "v_proj"], ["all-linear"], ["down_proj", "o_proj"]])
        r = rng.randint(1, 4)
        s["lora"] = {"r": r, "lora_alpha": pick([r, 2 * r, 5]), "lora_dropout": 0.0,
                     "target_modules": targets}
    return {f"bilevel.{key}": value for key, value in s.items()}, rng.randint(0, 3)


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def train(program, folder, keys, seed, name):
    """Trains with a trace; the trace's path, or the words of the program's error."""
    trace = folder / f"{name}.jsonl"
    shutil.rmtree(trace.with_suffix(".states"), ignore_errors=True)
    steps = keys["bilevel.epochs"] * (ROWS // keys["bilevel.batch"] + 1)
    command = [program, "select", "-q", "--out", folder / "run", "--seed", str(seed),
               "--file", folder / f"{name}.selector.jsonl", "--trace", trace,
               "--trace-state", str(max(1, steps // 3))]
    for key, value in {**STUDY, **keys}.items():
        command += ["--set", f"{key}={toml(value)}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return (trace, None) if done.returncode == 0 else (None, done.stderr.strip())


def is_an_end(error):
    """Whether the method itself ends such a run."""
    return "collapsed" in error or "every row's weight is 0" in error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--settings", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rng, begun = random.Random(args.seed), time.time()
    base, done, ended, bad, worst = None, [], 0, [], {}
    out = open(args.folder / "results.jsonl", "w")
    while len(done) < args.settings:
        keys, seed = draw(rng)
        name = f"{len(done):04}"
        trace, error = train(args.program, args.folder, keys, seed, name)
        if error and is_an_end(error):
            ended += 1
            continue
        if error:
            sys.exit(f"{name}: the program failed with {keys}, seed {seed}: {error}")
        if base is None:
            (config,) = (args.folder / "run" / "store" / "base").glob("*/config.json")
            base = replay.Base(config)
        text, figures, failed = replay.replay(trace, base)
        settings = replay.read_trace(trace)[0]["settings"]
        clamped = any(p == 0 for step in replay.read_trace(trace)[2] for p in step["p"])
        done.append((trace, {**settings, "clamped": clamped}))
        bad += [name] if failed else []
        for key, value in figures.items():
            worst[key] = max(worst.get(key, 0.0), value)
        line = {"name": name, "keys": keys, "seed": seed, "figures": figures, "failed": failed}
        out.write(json.dumps(line) + "\n")
        out.flush()
        if failed or len(done) % 20 == 0:
            print(f"{name} {time.time() - begun:.0f} s: {text}", flush=True)
    unseen = []
    for error, (what, applies) in replay.ERRORS.items():
        tried = [trace for trace, s in done if applies(s)][:EACH_ERROR]
        missed = [trace.stem for trace in tried if not replay.replay(trace, base, error)[2]]
        print(f"error {error} ({what}): noticed in {len(tried) - len(missed)} of {len(tried)}"
              + (f", not in {missed}" if missed else ""))
        if missed or not tried:
            unseen.append(error)
    count = {}
    for _, s in done:
        gamma = s["gamma"]["per"] if isinstance(s["gamma"], dict) else "constant"
        zero = f"{s['selector']}, {s['normalise']}, rows at weight 0" if s["clamped"] else None
        covered = [s["algorithm"], s["selector"], f"normalise {s['normalise']}", zero,
                   s["baseline"] and "baseline", replay.is_adam(s) and "adam",
                   f"gamma {gamma}", s["gamma"] == 0 and "gamma 0",
                   s["rate"] and "raw rate", s["lora"] and "lora",
                   s.get("micro_batch") and "micro-batch", s.get("recompute") and "recompute"]
        for key in filter(None, covered):
            count[key] = count.get(key, 0) + 1
    print(json.dumps(count, sort_keys=True))
    print(f"{len(done) - len(bad)} of {len(done)} drawn settings held, {ended} collapsed and were "
          f"drawn again, {time.time() - begun:.0f} s; largest differences "
          + ", ".join(f"{key} {value:.1e}" for key, value in worst.items()))
    if bad or unseen:
        sys.exit(f"failed: {bad}; errors that were not noticed: {unseen}")


if __name__ == "__main__":
    main()
