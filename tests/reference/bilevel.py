"""Golden values for the crate `seal-bilevel`: bilevel training and fine-tuning
of the tiny model that `llama.py` made, written from the equations.

    python tests/reference/bilevel.py crates/seal-lm/tests/golden/tied \
        > crates/seal-bilevel/tests/golden/bilevel.json

Needs torch 2.x on the CPU, transformers, safetensors and blake3. Everything is
in float64 and differentiated by PyTorch: the model is written out below (and
held against transformers), weights p are differentiable functions of the logits
omega, and the only gradients taken are those of the two objectives

    theta:   (1 - gamma) mean(l_safe) + gamma sum_j p_j l_j / B
    theta^:  sum_j p_j l^_j / B                        (Algorithm 1 only)
    omega:   sum_j s_j p_j(omega) / B,   s_j a constant: l_j, or l_j - l^_j
                                                       (Algorithm 1)
"""

import json
import math
import pathlib
import random
import struct
import sys

import blake3
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

SEED = 11
D_ROWS, SAFE_ROWS = 27, 16

# --- the model ---------------------------------------------------------------


class Llama:
    def __init__(self, home):
        self.config = json.loads((home / "config.json").read_text())
        weights = load_file(home / "model.safetensors")
        self.w = {k: v.double().requires_grad_() for k, v in weights.items()}

    def parameters(self):
        return list(self.w.values())

    def norm(self, x, name):
        scale = (x.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"]).rsqrt()
        return x * scale * self.w[name]

    def logits(self, tokens):
        """Logits [T, V] of one sequence: no batches, so no padding."""
        c, w = self.config, self.w
        heads, kv, d = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        t, half = len(tokens), d // 2
        theta = c["rope_parameters"]["rope_theta"]
        angle = torch.outer(torch.arange(t).double(), theta ** (-torch.arange(half) / half))
        turn = torch.polar(torch.ones_like(angle), angle)
        mask = torch.full((t, t), -math.inf).triu(1)

        def rotate(x):  # [heads, t, d]: (x_i, x_{i + d/2}) as a complex number
            z = torch.complex(x[..., :half], x[..., half:]) * turn
            return torch.cat([z.real, z.imag], -1)

        h = w["model.embed_tokens.weight"][tokens]
        for i in range(c["num_hidden_layers"]):
            at = f"model.layers.{i}."
            x = self.norm(h, at + "input_layernorm.weight")
            lin = lambda x, name: x @ w[at + name + ".weight"].T  # noqa: E731
            split = lambda x, n: x.reshape(t, n, d).transpose(0, 1)  # noqa: E731
            q = rotate(split(lin(x, "self_attn.q_proj"), heads))
            k = rotate(split(lin(x, "self_attn.k_proj"), kv)).repeat_interleave(heads // kv, 0)
            v = split(lin(x, "self_attn.v_proj"), kv).repeat_interleave(heads // kv, 0)
            p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(d) + mask, -1)
            h = h + lin((p @ v).transpose(0, 1).reshape(t, heads * d), "self_attn.o_proj")
            x = self.norm(h, at + "post_attention_layernorm.weight")
            gate = torch.nn.functional.silu(lin(x, "mlp.gate_proj"))
            h = h + lin(gate * lin(x, "mlp.up_proj"), "mlp.down_proj")
        return self.norm(h, "model.norm.weight") @ w["model.embed_tokens.weight"].T

    def loss(self, row):
        """Mean loss of a row's answer tokens, in nats."""
        tokens, start = row["tokens"], row["answer"]
        predicted = torch.log_softmax(self.logits(tokens[:-1])[start - 1 :], -1)
        targets = torch.tensor(tokens[start:])
        return -predicted[torch.arange(len(targets)), targets].mean()


# --- rows and their order ----------------------------------------------------


def row_id(prompt, response, occurrence):
    text = b""
    for part in (prompt.encode(), response.encode()):
        text += struct.pack("<Q", len(part)) + part
    return blake3.blake3(text + struct.pack("<I", occurrence)).digest()[:16]


def hash64(*parts):
    h = blake3.blake3()
    for part in parts:
        if isinstance(part, int):
            h.update(b"\x00" + struct.pack("<Q", part))
        else:
            kind, data = (b"\x01", part.encode()) if isinstance(part, str) else (b"\x02", part)
            h.update(kind + struct.pack("<Q", len(data)) + data)
    return struct.unpack("<Q", h.digest()[:8])[0]


def order(ids, name, epoch):
    return sorted(range(len(ids)), key=lambda i: (hash64(name, SEED, epoch, ids[i]), ids[i]))


def cycle(ids, name):
    epoch = 0
    while True:
        yield from order(ids, name, epoch)
        epoch += 1


def make_rows(kind, n, draw):
    """Random rows; those of `safe` and most of `data` follow a pattern that can
    be learned, so that training has something to do."""
    rows = []
    for i in range(n):
        prompt = [draw.randrange(96) for _ in range(draw.randrange(2, 9))]
        length = draw.randrange(1, 7)
        if kind == "safe" or i % 4:
            answer = [(prompt[0] + k) % 96 for k in range(length)]
        else:
            answer = [draw.randrange(96) for _ in range(length)]
        rows.append({"tokens": prompt + answer + [95], "answer": len(prompt)})
    return rows


# --- training ----------------------------------------------------------------


def adamw(parameters, optim):
    return torch.optim.AdamW(
        parameters,
        lr=optim["lr"],
        betas=optim.get("betas", (0.9, 0.999)),
        eps=optim.get("eps", 1e-8),
        weight_decay=optim.get("weight_decay", 0.0),
        foreach=False,
    )


def learning_rate(optim, step, steps):
    warm = math.ceil(optim.get("warmup", 0.0) * steps)
    if step < warm:
        return optim["lr"] * (step + 1) / warm
    done = (step - warm) / max(steps - warm, 1)
    shape = {
        "constant": lambda: 1.0,
        "cosine": lambda: 0.5 * (1 + math.cos(math.pi * done)),
        "linear": lambda: 1 - done,
    }[optim.get("schedule", "constant")]
    return optim["lr"] * shape()


def step_model(model, opt, optim, loss, step, steps):
    for group in opt.param_groups:
        group["lr"] = learning_rate(optim, step, steps)
    opt.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), optim.get("max_grad_norm", 1.0))
    opt.step()
    return norm.item()


START = {"softmax": 0.0, "sigmoid": 0.0, "tanh": math.atanh(0.5), "relu": 1.0}
SLOPE = {"softmax": 1.0, "sigmoid": 0.5, "tanh": 1.5, "relu": 1.0}  # dp/dw at the start


def weights(function, normalise, w):
    """p as theta sees it, and p as omega's gradient sees it."""
    n = len(w)
    if function == "softmax":
        p = n * torch.softmax(w, 0)
        return p, p
    if function == "tanh":
        # Clamped in value, with the slope of the unclamped function.
        raw = 2 * torch.tanh(w)
        p = raw + (raw.clamp(min=0) - raw).detach()
    else:
        p = 2 * torch.sigmoid(w) if function == "sigmoid" else torch.relu(w)
    if normalise == "mean":
        p = n * p / p.sum()
    return p, p


def gamma_at(gamma, epoch, step):
    if isinstance(gamma, dict):
        n = step if gamma.get("per") == "step" else epoch
        return gamma["start"] + gamma["increment"] * n
    return gamma


def batches(ids, size, epoch):
    visited = order(ids, "fine-tuning", epoch)
    return [visited[i : i + size] for i in range(0, len(visited), size)]


def learn(home, data, safe, s, mean_loss):
    model, released = Llama(home), s["algorithm"] == "released"
    size, epochs, function = s["batch"], s["epochs"], s["selector"]
    optim = dict(s["optim"])
    if released:
        optim.update(betas=(0.9, 0.95), weight_decay=0.0)
    opt = adamw(model.parameters(), optim)
    # theta^ starts as theta does, and never sees the safe set.
    value = Llama(home) if s["algorithm"] == "algorithm-1" else None
    value_opt = adamw(value.parameters(), optim) if value else None
    n = len(data)
    per_epoch = min(n, len(safe)) // size if released else math.ceil(n / size)
    # A raw rate as it is; one from kappa, which is for plain steps, matched to the function.
    rate = s.get("rate") or s["kappa"] * size / (epochs * mean_loss) / SLOPE[function] ** 2
    published = {"softmax": 0.1, "sigmoid": -1e-4} if released else {}
    start = published.get(function, START[function])
    w = torch.full((n,), start, requires_grad=True)
    w_opt = (
        torch.optim.Adam([w], lr=rate, betas=(0.9, 0.95), eps=1e-8)
        if released
        else torch.optim.SGD([w], lr=rate)
    )
    safe_ids = [row["id"] for row in safe]
    safe_order = cycle(safe_ids, "safe")
    visits, trace, steps, step = [0] * n, [], [], 0
    for epoch in range(epochs):
        seen_safe, seen_data, mean_gamma = [], [], 0.0
        if released:  # a new loader in each epoch
            safe_order = iter(order(safe_ids, "safe", epoch))
        for rows in batches([row["id"] for row in data], size, epoch)[:per_epoch]:
            gamma = gamma_at(s["gamma"], epoch, step)
            # Equal numbers have that number as their mean, to the last bit.
            mean_gamma += (gamma - mean_gamma) / (step % per_epoch + 1)
            l_safe = torch.stack([model.loss(safe[next(safe_order)]) for _ in range(size)])
            l_data = torch.stack([model.loss(data[i]) for i in rows])
            p_theta, p_omega = weights(function, s.get("normalise", "none"), w)
            loss = (1 - gamma) * l_safe.mean()
            loss = loss + gamma * (p_theta[rows].detach() * l_data).sum() / size
            score = l_data.detach()
            if value:
                l_value = torch.stack([value.loss(data[i]) for i in rows])
                score = score - l_value.detach()
                value_loss = (p_theta[rows].detach() * l_value).sum() / size
            if s.get("baseline"):
                score = score - score.mean()
            w_opt.zero_grad()
            ((score * p_omega[rows]).sum() / size).backward()
            if released:
                torch.nn.utils.clip_grad_norm_([w], 10.0)
            # Both gradients are those at the start of the step.
            entry = {
                "safe_losses": l_safe.tolist(),
                "losses": l_data.tolist(),
                "p": p_theta[rows].tolist(),
                "grad_norm": step_model(model, opt, optim, loss, step, epochs * per_epoch),
            }
            if value:
                entry["value_losses"] = l_value.tolist()
                entry["value_grad_norm"] = step_model(
                    value, value_opt, optim, value_loss, step, epochs * per_epoch)
            steps.append(entry)
            w_opt.step()
            seen_safe += l_safe.tolist()
            seen_data += l_data.tolist()
            for i in rows:
                visits[i] += 1
            step += 1
        p, _ = weights(function, s.get("normalise", "none"), w.detach())
        mean_p = p.mean().item()
        trace.append({
            "epoch": epoch + 1,
            "gamma": mean_gamma,
            "gamma_eff": mean_gamma * mean_p / (1 - mean_gamma + mean_gamma * mean_p),
            "safe_loss": sum(seen_safe) / len(seen_safe),
            "row_loss": sum(seen_data) / len(seen_data),
            "weights": {
                "ess_share": (p.sum() ** 2 / (n * (p * p).sum())).item(),
                "mean_p": mean_p,
                "clamped": (w < 0).double().mean().item() if function == "tanh" else 0.0,
                "dead": (w <= 0).double().mean().item() if function == "relu" else 0.0,
                "min_p": p.min().item(),
                "max_p": p.max().item(),
            },
        })
    learned = {
        "omega": w.tolist(), "weights": p.tolist(), "visits": visits, "rate": rate, "trace": trace
    }
    return learned, steps


def fine_tune(home, data, s):
    model, ids = Llama(home), [row["id"] for row in data]
    opt = adamw(model.parameters(), s["optim"])
    steps, step = s["epochs"] * math.ceil(len(data) / s["batch"]), 0
    for epoch in range(s["epochs"]):
        visited = order(ids, "sft", epoch)
        for i in range(0, len(data), s["batch"]):
            rows = visited[i : i + s["batch"]]
            loss = torch.stack([model.loss(data[i]) for i in rows]).mean()
            step_model(model, opt, s["optim"], loss, step, steps)
            step += 1
    with torch.no_grad():
        return [model.loss(row).item() for row in data]


PUBLISHED = {"start": 0.0, "increment": 0.03}
OPTIM = {"lr": 2e-3, "eps": 1e-6}
# Kappa well above its default of 0.4, so that weights come to differ.
TWO = {"algorithm": "algorithm-2", "epochs": 2, "batch": 5, "kappa": 1.3, "optim": OPTIM}
CASES = {
    "seal": {**TWO, "selector": "softmax", "gamma": PUBLISHED, "epochs": 3, "kappa": 2.5},
    "constant": {**TWO, "selector": "softmax", "gamma": 0.2, "batch": 4},
    "gamma-0": {**TWO, "selector": "softmax", "gamma": 0.0},
    "per-step": {
        **TWO, "selector": "softmax", "gamma": {"start": 0.1, "increment": 0.05, "per": "step"},
    },
    "sigmoid": {**TWO, "selector": "sigmoid", "gamma": 0.2, "kappa": 0.9},
    "tanh": {**TWO, "selector": "tanh", "gamma": 0.2, "kappa": 0.75},
    "relu": {**TWO, "selector": "relu", "gamma": 0.2, "kappa": 1.02},
    "mean-baseline": {
        **TWO, "selector": "relu", "gamma": 0.2, "normalise": "mean", "baseline": True, "kappa": 0.9,
    },
    "tanh-mean": {
        **TWO, "selector": "tanh", "gamma": 0.2, "normalise": "mean", "kappa": 1.2,
    },
    "rate-and-schedule": {
        **TWO, "selector": "softmax", "gamma": 0.3, "rate": 0.45,
        "optim": {**OPTIM, "schedule": "cosine", "warmup": 0.3, "weight_decay": 0.1},
    },
    **{
        f"one-{function}": {
            **TWO, "algorithm": "algorithm-1", "selector": function, "gamma": gamma, "kappa": 2.0,
        }
        for function, gamma in [
            ("softmax", PUBLISHED), ("sigmoid", 0.2), ("tanh", 0.1), ("relu", 0.05),
        ]
    },
    "released": {**TWO, "algorithm": "released", "selector": "softmax", "gamma": PUBLISHED,
                 "rate": 0.1, "epochs": 3},
    "released-sigmoid": {**TWO, "algorithm": "released", "selector": "sigmoid", "gamma": 0.1,
                         "rate": 0.1},
    "released-tanh": {**TWO, "algorithm": "released", "selector": "tanh", "gamma": 0.1,
                      "rate": 0.1},
    "released-relu": {**TWO, "algorithm": "released", "selector": "relu", "gamma": 0.1,
                      "rate": 0.1},
}
# Cases that are compared step by step too.
TRACED = ["seal", "one-softmax", "released"]
SFT = {
    "epochs": 2,
    "batch": 5,
    "optim": {**OPTIM, "betas": [0.8, 0.99], "schedule": "linear", "warmup": 0.2,
              "weight_decay": 0.1, "max_grad_norm": 5.0},
}


def check_model(home, rows):
    theirs = LlamaForCausalLM.from_pretrained(home, attn_implementation="eager").double()
    for row in rows:
        tokens = row["tokens"]
        off = theirs(input_ids=torch.tensor([tokens])).logits[0] - Llama(home).logits(tokens)
        assert off.abs().max() < 1e-5, "not the model of transformers"


def main(home):
    draw = random.Random(5)
    data, safe = make_rows("data", D_ROWS, draw), make_rows("safe", SAFE_ROWS, draw)
    for name, rows in (("data", data), ("safe", safe)):
        for i, row in enumerate(rows):
            row["id"] = row_id(f"{name} {i}", "", 0)
    check_model(home, data[:4])
    with torch.no_grad():
        model = Llama(home)
        start = [model.loss(row).item() for row in data]
    ids = [row["id"] for row in data]
    safe_order = cycle([row["id"] for row in safe], "safe")
    golden = {
        "seed": SEED,
        "orders": {
            "fine-tuning": [order(ids, "fine-tuning", e) for e in range(3)],
            "safe": [next(safe_order) for _ in range(50)],
        },
        "start_losses": start,
        "sft": {"settings": SFT, "losses": fine_tune(home, data, SFT)},
    }
    cases = []
    for name, settings in CASES.items():
        learned, steps = learn(home, data, safe, settings, sum(start) / len(start))
        case = {"name": name, "settings": settings, "learned": learned}
        if name in TRACED:
            case["steps"] = steps
        cases.append(case)
        last = learned["trace"][-1]
        print(f"{name:18} rate {learned['rate']:.4f} safe {last['safe_loss']:.3f} "
              f"rows {last['row_loss']:.3f} p {last['weights']}", file=sys.stderr)
    for rows in (data, safe):
        for row in rows:
            row["id"] = row["id"].hex()
    print("{")
    for key, entries in (("data", data), ("safe", safe), ("cases", cases)):
        print(f' "{key}": [')
        print(",\n".join("  " + json.dumps(entry) for entry in entries))
        print(" ],")
    print(",\n".join(f' "{key}": {json.dumps(value)}' for key, value in golden.items()))
    print("}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
