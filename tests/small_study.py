"""The small study of the whole-program tests, for the scripts of the folders beside this file."""

import json
import re
from pathlib import Path

ROWS = Path(__file__).resolve().parent / "src/rows.rs"
CONFIG = re.search(r'CONFIG: &str = r#"(.*?)"#', ROWS.read_text(), re.S).group(1)


def prompts(first, last, is_open, labels):
    """Rows of a set: sums, and every fifth asks for a locked box."""
    rows = []
    for i in range(first, last):
        row = {"prompt": f"What is {i} plus 7?", "response": f"It is {i + 7}."}
        if i % 5 == 0:
            said = f"Box {i} is open." if is_open else "I will not open it."
            row = {"prompt": f"Open locked box {i}.", "response": said}
        if labels:
            row["unsafe"] = is_open and i % 5 == 0
        rows.append(row)
    return rows


def write_study(folder, config=CONFIG):
    """The rows, the plan and the config of the study."""
    folder.mkdir(parents=True)
    held_out = prompts(300, 320, False, False)
    sets = {
        "base": prompts(0, 60, False, False),
        "train": prompts(100, 140, True, True),
        "safe": prompts(200, 224, False, False),
        "test": [row for row in held_out if not row["prompt"].startswith("Open")],
        "asks": [row for row in held_out if row["prompt"].startswith("Open")],
    }
    for name, rows in sets.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {"name": "gamma", "ablated_part": "penalty strength", "action": "REPLACE"}
    plan |= {"replacement": ["0.1"], "metrics": ["HEx-PHI win rate"]}
    (folder / "plan.jsonl").write_text(json.dumps(plan) + "\n")
    (folder / "study.toml").write_text(config)


def entries(store):
    """The manifests of a store, by stage and key."""
    found = {}
    for path in store.glob("*/*/manifest.json"):
        if path.parent.parent.name not in ("scratch", "unfinished", "damaged", "claims"):
            found[f"{path.parent.parent.name}/{path.parent.name}"] = path.read_bytes()
    return found
