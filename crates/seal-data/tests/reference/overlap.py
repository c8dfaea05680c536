"""Prompts of three Alpaca files that also stand in train_alpaca.json.

Golden numbers of `known_overlap_is_found` in tests/real_data.rs, counted apart
from the Rust code. Run: SEAL_DATA=<folder> python3 overlap.py
"""

import json
import os
import re
import unicodedata
from pathlib import Path

FOLDER = Path(os.environ["SEAL_DATA"]) / "scalebio_alpaca"


def prompts(name):
    for row in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")):
        if row["output"].strip():
            yield row["instruction"] + ("\n" + row["input"] if row["input"].strip() else "")


def normal(text):
    kept = (c for c in text.lower() if not unicodedata.category(c).startswith("P"))
    return re.sub(r"\s+", " ", "".join(kept)).strip()


train = set(prompts("train_alpaca"))
normal_train = {normal(p) for p in train}
for name in ["train_gpt4_alpaca", "val", "test"]:
    own = list(prompts(name))
    exact = sum(p in train for p in own)
    print(name, exact, sum(normal(p) in normal_train for p in own))
