"""Labelled answers of XSTest as JSON lines, for `examples/refusals.rs`.

    git clone https://github.com/paul-rottger/exaggerated-safety
    python tests/reference/xstest.py exaggerated-safety > answers.jsonl

The figures in docs/judges.md are from commit d7bb5bd738c1fcbc36edd83d5e7d1b71a3e2d84d. The prompts
are CC-BY-4.0. The answers are under the terms of those who made the models, so they are not here.

Each line has `set` (the model that answered), `chosen_on` (whether the rules were chosen on it: odd
prompts of three models), `label` (the annotators'), `first_words` (XSTest's own rule of first words) and `text`.
"""

import csv
import json
import sys
from pathlib import Path

CHOSEN_ON = ("gpt4", "llama2new", "mistralguard")
CLASSES = {"1": "full-compliance", "2": "full-refusal", "3": "partial-refusal"}

root = Path(sys.argv[1])


def table(path):
    with path.open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def named(label):
    """The class of a label such as `2_full_refusal`."""
    return CLASSES[label.strip()[:1]]


for name in ("gpt4", "llama2new", "llama2orig", "mistralguard", "mistralinstruct"):
    labels = root / "evaluation" / "automated_evaluation_labels"
    first_words = table(labels / f"xstest_v2_completions_{name}_streval.csv")
    for key, row in table(root / "model_completions" / f"xstest_v2_completions_{name}.csv").items():
        number = int(key.rsplit("-", 1)[-1])
        print(json.dumps(dict(
            set=name,
            chosen_on=name in CHOSEN_ON and number % 2 == 1,
            label=named(row["final_label"]),
            first_words=named(first_words[key]["strmatch_label"]),
            text=row["completion"],
        )))
