"""Whether transformers and PEFT read what the crate `seal-lm` writes.

    cargo build -p seal-lm --example adapt
    python tests/reference/exports.py crates/seal-lm/tests/golden/families \\
        target/debug/examples/adapt

Run by hand; needs torch, transformers 5 and peft. For each golden model the example `adapt` trains an adapter and writes
it, the model with it merged, and one made from scratch; their logits here and
there are compared.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

ALLOWED = 1e-4  # of the logits' standard deviation


def read(folder):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def main(golden, adapt):
    bad = []
    for folder in sorted(p for p in golden.iterdir() if (p / "config.json").exists()):
        with tempfile.TemporaryDirectory() as out:
            out = pathlib.Path(out)
            subprocess.run([adapt, folder, out], check=True, stdout=subprocess.DEVNULL)
            listing = json.loads((out / "logits.json").read_text())
            ids = torch.tensor(listing["rows"])
            models = {
                "adapter": PeftModel.from_pretrained(read(folder), out / "adapter").eval(),
                "merged": read(out / "merged"),
                "fresh": read(out / "fresh"),
            }
            for name, model in models.items():
                ours = torch.tensor(listing[name])
                with torch.no_grad():
                    theirs = model(input_ids=ids).logits.flatten()
                off = ((ours - theirs).abs().max() / theirs.std()).item()
                print(f"{folder.name:16} {name:8} {off:.1e} of the logits' standard deviation")
                if not off <= ALLOWED:
                    bad.append((folder.name, name))
    sys.exit(f"differ: {bad}" if bad else 0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
