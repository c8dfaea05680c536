"""An aligned base and the adapters on it, as transformers and PEFT load them.

    python tests/reference/aligned_base.py PROGRAM RUN DATA TEMPLATE

PROGRAM is `seal` or a program with its verbs. RUN is the run folder of a study whose model folder
was aligned first and whose arms have adapters. DATA is a file of rows, TEMPLATE the template of the study.
The losses of the rows by the verb `score` are compared with those by transformers on RUN/base, and
with those by PEFT on each adapter of RUN/cells. PEFT finds the base by itself, from
`adapter_config.json`. Needs torch on the CPU, transformers and peft; run with torch 2.15,
transformers 5.24 and peft 0.21.
"""

import json
import pathlib
import subprocess
import sys

import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer

MOST = 1e-5


def lines(program, verb, base, data, template, *more):
    call = [program, verb, "--model", base, "--data", data, "--template", template, *more]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    assert "base_model_name_or_path" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def loss(model, row):
    """Mean negative log-likelihood of the trained tokens of a row."""
    tokens = torch.tensor([[token["id"] for token in row["tokens"]]])
    trained = torch.tensor([token["trained"] for token in row["tokens"]])[1:]
    with torch.no_grad():
        logs = model(tokens).logits[0, :-1].double().log_softmax(-1)
    return -logs[trained].gather(1, tokens[0, 1:][trained][:, None]).mean().item()


def compare(name, model, rows, scored):
    losses = {row["id"]: loss(model, row) for row in rows if not row.get("left_out")}
    assert losses.keys() == scored.keys(), name
    apart = max(abs(losses[row] - scored[row]) for row in losses)
    print(f"{name}: {len(losses)} rows, largest difference {apart:.1e}")
    assert apart < MOST, name
    return losses


def main(program, run, data, template):
    torch.set_num_threads(1)
    run = pathlib.Path(run)
    base = str(run / "base")
    rows = lines(program, "inspect", base, data, template, "--format", "json", "--limit", "1000000")
    AutoTokenizer.from_pretrained(base)

    def scored(*more):
        return {row["id"]: row["nll"] for row in lines(program, "score", base, data, template, *more)}

    whole = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    of_base = compare("base", whole, rows, scored())
    adapters = sorted(path.parent for path in run.glob("cells/*/*/adapter_config.json"))
    assert adapters, "the study has no adapters"
    for adapter in adapters:
        model = AutoPeftModelForCausalLM.from_pretrained(str(adapter), dtype=torch.float32).eval()
        name = str(adapter.relative_to(run))
        losses = compare(name, model, rows, scored("--adapter", str(adapter)))
        # A test that could not fail would compare the base with itself.
        assert max(abs(losses[row] - of_base[row]) for row in losses) > 100 * MOST, name


if __name__ == "__main__":
    main(*sys.argv[1:])
