#!/usr/bin/env python3
"""Time and memory of everything about rows that is not the model, beside `datasets` and `tokenizers`.

    pip install datasets tokenizers
    python benches/peer/rows.py --seal PROGRAM --work FOLDER [--rows N] [--safe N] [--no-model] [--short]
        [--no-peer]

PROGRAM is `seal`, or the binary of `cargo xtask`. FOLDER is empty and needs about 3 KB a row. The rows are
invented text from a seed: questions and answers of made-up words, some 60 tokens each. The model has
one layer of width 8, so that a selector is trained in a moment and what is measured is the rest.

Each stage is made by `run-stage` in a process of its own, which reads the rows again. So its time and
its peak of resident memory are those of reading and of the stage. `--no-model` leaves out the base, the
scores and the selector, whose time is that of the model for the most part; the rows are then chosen at
random. `--short` has rows of a few words, so that the model's share of the selector's time is small at any
number of rows. `--no-peer` leaves out `datasets` and `tokenizers`.

`datasets` reads the same file, and `tokenizers` encodes the same texts with the tokenizer that
the study has trained. The program's threads and Python's are as many as the machine has cores.

Prints one line a stage: seconds that passed, processor seconds, peak MiB, rows a second.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

CONFIG = """
[study]
name = "rows"
seeds = [0]
plan = "none"
[data]
root = "."
base = [{ path = "base.jsonl" }]
fine_tuning = [{ path = "train.jsonl", unsafe_field = "unsafe" }]
safe = [{ path = "safe.jsonl" }]
[data.test]
slimorca = [{ path = "test.jsonl" }]
[tokenizer]
kind = "bpe"
vocab_size = 4000
template = "Human: {}\\nAssistant: "
[model]
hidden_size = 8
num_hidden_layers = 1
num_attention_heads = 1
num_key_value_heads = 1
intermediate_size = 8
max_position_embeddings = 256
[base]
epochs = 1
batch = 64
[bilevel]
algorithm = "algorithm-2"
selector = "softmax"
epochs = 1
batch = 64
gamma = 0.05
[selection]
method = "selector"
keep = 0.8
[sft]
epochs = 1
batch = 64
[generate]
max_new_tokens = 4
[judge.slimorca]
kind = "answer-likelihood"
[[arms]]
id = "standard-sft"
label = "all rows"
role = "reference"
set = { "selection.method" = "all" }
[[arms]]
id = "seal"
label = "SEAL"
role = "seal"
set = {}
[[arms]]
id = "random"
label = "random rows"
role = "random"
set = { "selection.method" = "random" }
"""


# The fewest and the most words of a question and of its answer.
LONG, SHORT = ((6, 18), (10, 50)), ((1, 3), (1, 4))


def write_rows(path, count, draw, words, lengths, labels=False):
    """Rows of made-up text. Every fifth has the label of an unsafe row where there are labels."""
    of_question, of_answer = lengths
    with open(path, "w") as file:
        for i in range(count):
            asked = " ".join(draw.choices(words, k=draw.randint(*of_question)))
            said = " ".join(draw.choices(words, k=draw.randint(*of_answer)))
            row = {"prompt": f"{asked} {i}?", "response": f"{said}."}
            if labels:
                row["unsafe"] = i % 5 == 0
            file.write(json.dumps(row) + "\n")


def measured(command, cwd, log):
    """Seconds that passed, processor seconds, peak MiB and the output of a process."""
    start = time.monotonic()
    with open(log, "wb") as said:
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    passed = time.monotonic() - start
    text = Path(log).read_text(errors="replace")
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: {text[-2000:]}")
    return passed, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def say(name, rows, seconds, processor, mib):
    print(
        f"{name:<34} {seconds:8.2f} s {processor:8.2f} s {mib:8.0f} MiB {rows / seconds:10.0f} rows/s",
        flush=True,
    )


PYTHON = """
import sys, time, resource
from datasets import load_dataset
from tokenizers import Tokenizer
files, tokenizer, cache, what = sys.argv[1:-3], sys.argv[-3], sys.argv[-2], sys.argv[-1]
start = time.monotonic()
sets = load_dataset("json", data_files=files, split="train", cache_dir=cache)
if what == "read":
    rows = len(sets)
    # The texts that a trainer would see, once.
    characters = sum(len(p) for batch in sets.iter(1000) for p in batch["prompt"])
else:
    encoder = Tokenizer.from_file(tokenizer)
    def encode(batch):
        texts = [f"Human: {p}\\nAssistant: {r}" for p, r in zip(batch["prompt"], batch["response"])]
        return {"ids": [found.ids for found in encoder.encode_batch(texts)]}
    encoded = sets.map(encode, batched=True, remove_columns=sets.column_names)
    tokens = sum(len(ids) for batch in encoded.iter(1000) for ids in batch["ids"])
    print("tokens", tokens)
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seal", required=True, type=Path)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--rows", type=int, default=112_000)
    parser.add_argument("--safe", type=int, default=112_000)
    parser.add_argument("--no-model", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--no-peer", action="store_true")
    args = parser.parse_args()
    program, work = args.seal.resolve(), args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    parts = ["ba", "ko", "li", "mu", "ren", "sta", "vo", "zet", "pra", "dim", "ol", "ith"]
    words = sorted({"".join(draw.choices(parts, k=draw.randint(1, 4))) for _ in range(20_000)})
    lengths = SHORT if args.short else LONG
    write_rows(work / "base.jsonl", 2_000, draw, words, LONG)
    write_rows(work / "train.jsonl", args.rows, draw, words, lengths, labels=True)
    write_rows(work / "safe.jsonl", args.safe, draw, words, lengths)
    write_rows(work / "test.jsonl", 50, draw, words, lengths)
    (work / "study.toml").write_text(CONFIG)
    both = args.rows + args.safe
    size = sum((work / f"{name}.jsonl").stat().st_size for name in ("train", "safe")) >> 20
    print(f"{args.rows} + {args.safe} rows, {size} MiB, {os.cpu_count()} cores")

    def run(*words):
        return measured([program, *words], work, work / "said")

    passed, processor, mib, _ = run("plan", "--config", "study.toml", "--out", "run")
    say("plan (rows read, ids, overlap)", both, passed, processor, mib)
    run("ablate", "--config", "study.toml", "--out", "run", "--launch", "script")
    plan = json.loads((work / "run/launch/study.json").read_text())
    stages = plan.get("stages") or plan["record"]["stages"]
    model = {"base", "scores", "selector"}
    for stage in stages:
        kind, label = stage["stage"], stage["label"]
        is_wanted = kind in {"tokenizer", "tokens", "selection"} | (set() if args.no_model else model)
        is_wanted &= "standard-sft" not in label and "slimorca" not in label
        if args.no_model and kind == "selection" and "random" not in label:
            is_wanted = False
        if is_wanted:
            passed, processor, mib, _ = run("run-stage", "--out", "run", stage["key"])
            say(f"{kind} {label}", args.rows, passed, processor, mib)
    arm = [] if args.no_model else ["--arm", "seal"]
    if arm:
        passed, processor, mib, _ = run("select", "--config", "study.toml", "--out", "run", *arm)
        say("select (export of the selector)", args.rows, passed, processor, mib)
    if args.no_peer:
        return
    [tokenizer] = (work / "run/store/tokenizer").glob("*/tokenizer.json")
    for what in ("read", "encode"):
        for cache in ("cold", "warm"):
            command = [sys.executable, "-c", PYTHON, "train.jsonl", "safe.jsonl"]
            command += [tokenizer, work / f"cache-{what}", what]
            passed, processor, mib, said = measured(command, work, work / "said")
            name = f"datasets, {what}, {cache} cache"
            say(name, both, passed, processor, mib)


main()
