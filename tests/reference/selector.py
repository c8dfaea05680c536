"""Golden values for the selector updates of the crate `seal-select`.

Written from the equations alone: weights p are built as differentiable
functions of the logits, and PyTorch differentiates, clips and steps them in
float64. Nothing here knows the closed-form gradients that the crate uses.

    python tests/reference/selector.py > crates/seal-select/tests/golden/selector.json

Needs torch (2.x) on the CPU.
"""

import json
import math
import random
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ROWS, BATCH, STEPS = 60, 8, 200

# (function, start, normalise, baseline, optimizer, rate)
CASES = [
    ("softmax", 0.0, "none", False, "plain", 0.02),
    ("softmax", 0.0, "none", True, "plain", 0.06),
    ("sigmoid", 0.0, "none", False, "plain", 0.1),
    ("tanh", math.atanh(0.5), "none", False, "plain", 0.03),
    ("relu", 1.0, "none", False, "plain", 0.05),
    ("shifted-tanh", 0.0, "none", False, "plain", 0.05),
    ("sigmoid", 0.0, "mean", False, "plain", 0.3),
    ("relu", 1.0, "mean", False, "plain", 0.01),
    ("softmax", 0.1, "none", False, "adam", 5e-3),
    ("sigmoid", -1e-4, "none", False, "adam", 5e-3),
    ("sigmoid", 0.0, "mean", True, "adam", 2e-2),
]


def batches():
    """Random rows, with repeats, and random losses; every 25th batch is so
    large that Adam's gradient is clipped."""
    draw = random.Random(20)
    for step in range(STEPS):
        scale = 40.0 if step % 25 == 24 else 1.0
        size = BATCH if step % 10 else BATCH - 3  # a short batch now and then
        rows = [draw.randrange(ROWS) for _ in range(size)]
        losses = [round(scale * draw.uniform(0.2, 5.0), 4) for _ in rows]
        yield rows, losses


def weights(function, normalise, w):
    """Weights as the model sees them, and as the gradient sees them."""
    if function == "softmax":
        p = len(w) * torch.softmax(w, 0)
        return p, p
    if function == "tanh":
        raw = 2 * torch.tanh(w)
        assert normalise == "none"
        return raw.clamp(min=0), raw
    p = {
        "sigmoid": lambda: 2 * torch.sigmoid(w),
        "relu": lambda: torch.relu(w),
        "shifted-tanh": lambda: 1 + torch.tanh(w),
    }[function]()
    if normalise == "mean":
        p = len(w) * p / p.sum()
    return p, p


def run(function, start, normalise, baseline, optimizer, rate):
    w = torch.full((ROWS,), start, requires_grad=True)
    if optimizer == "adam":
        opt = torch.optim.Adam([w], lr=rate, betas=(0.9, 0.95), eps=1e-8, foreach=False)
    else:
        opt = torch.optim.SGD([w], lr=rate, foreach=False)
    clipped = 0
    for rows, losses in batches():
        scores = torch.tensor(losses)
        if baseline:
            scores = scores - scores.mean()
        _, p = weights(function, normalise, w)
        opt.zero_grad()
        ((p[rows] * scores).sum() / BATCH).backward()
        if optimizer == "adam":
            norm = torch.nn.utils.clip_grad_norm_([w], 10.0, foreach=False)
            clipped += bool(norm > 10.0)
        opt.step()
    p, _ = weights(function, normalise, w)
    assert optimizer == "plain" or baseline or clipped, "no batch was clipped"
    print(
        f"{function:13} {normalise:5} {optimizer:6} clipped {clipped}"
        f" p {p.min().item():.3f} to {p.max().item():.3f}",
        file=sys.stderr,
    )
    return {
        "settings": {
            "function": function,
            "normalise": normalise,
            "baseline": baseline,
            "optimizer": {"kind": "plain"}
            if optimizer == "plain"
            else {"kind": "adam", "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "max_norm": 10.0},
            "start": start,
        },
        "rate": rate,
        "omega": w.tolist(),
        "p": p.tolist(),
    }


def main():
    golden = {
        "rows": ROWS,
        "nominal_batch": BATCH,
        "batches": [{"rows": r, "losses": l} for r, l in batches()],
        "cases": [run(*case) for case in CASES],
    }
    # One line an entry, so that a change shows in a diff.
    print("{")
    print(f' "rows": {ROWS}, "nominal_batch": {BATCH},')
    for key, end in (("batches", ","), ("cases", "")):
        print(f' "{key}": [')
        print(",\n".join("  " + json.dumps(entry) for entry in golden[key]))
        print(f" ]{end}")
    print("}")


if __name__ == "__main__":
    main()
