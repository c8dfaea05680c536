"""Replays a step trace of `cargo xtask select --trace FILE --trace-state K` and
says how far the two programs are apart. Written from the equations (paper, eq. 2
and 3; Algorithms 1 and 2), not from the Rust: float64, PyTorch's automatic
differentiation, the model of transformers.

    python tests/reference/replay.py TRACE CONFIG_JSON [--error sign|scale|order]

(a) from the traced losses: weights p and logits omega of every step;
(b) from each saved state: losses, gradient norms, and the update of every tensor;
(c) from the first state, free-running: weights of all rows, and the rows kept.

`--error` puts a mistake into this program, to show that the comparison notices:
the logits climb instead of descend; a batch's scores are summed, not averaged;
omega steps from losses taken after theta has moved. Exit code 1 if a limit is
exceeded. Needs torch 2.x on the CPU, transformers and safetensors.
"""

import argparse
import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

LIMIT_GIVEN, LIMIT_STEP, LIMIT_FREE = 1e-6, 1e-4, 1e-3


def read_trace(path):
    lines = [json.loads(line) for line in open(path)]
    start, end = lines[0], lines[-1]
    assert start["kind"] == "start" and end["kind"] == "end", "not a whole trace"
    rows = {"fine-tuning": {}, "safe": {}}
    for line in lines:
        if line["kind"] == "row":
            rows[line["set"]][line["id"]] = (line["tokens"], line["answer"])
    return start, rows, [line for line in lines if line["kind"] == "step"], end["omega"]


# --- selector ----------------------------------------------------------------

START = {"softmax": 0.0, "sigmoid": 0.0, "tanh": math.atanh(0.5), "relu": 1.0}
PUBLISHED_START = {"softmax": 0.1, "sigmoid": -1e-4}
SLOPE = {"softmax": 1.0, "sigmoid": 0.5, "tanh": 1.5, "relu": 1.0}


class Selector:
    def __init__(self, start, error=None):
        s = start["settings"]
        self.function, self.normalise = s["selector"], s["normalise"]
        self.baseline, self.batch, self.error = s["baseline"], s["batch"], error
        self.released = s["algorithm"] == "released"
        self.place = {row: i for i, row in enumerate(start["ids"])}
        n = len(start["ids"])
        rate = s["rate"] or s["kappa"] * s["batch"] / (s["epochs"] * start["mean_loss"])
        begin = START[self.function]
        if self.released:
            begin = PUBLISHED_START.get(self.function, begin)
        self.w = torch.full((n,), begin, requires_grad=True)
        self.opt = (
            torch.optim.Adam([self.w], lr=rate / SLOPE[self.function], betas=(0.9, 0.95), eps=1e-8)
            if self.released
            else torch.optim.SGD([self.w], lr=rate / SLOPE[self.function] ** 2)
        )

    def weights(self):
        """p as theta sees it, and p as the gradient of omega sees it."""
        w = self.w
        if self.function == "softmax":
            p = len(w) * torch.softmax(w, 0)
            return p, p
        if self.function == "tanh":
            return (2 * torch.tanh(w)).clamp(min=0), 2 * torch.tanh(w)
        p = 2 * torch.sigmoid(w) if self.function == "sigmoid" else torch.relu(w)
        return (p * len(w) / p.sum(),) * 2 if self.normalise == "mean" else (p, p)

    def of(self, ids):
        return self.weights()[0].detach()[[self.place[i] for i in ids]]

    def step(self, ids, scores):
        scores = scores - scores.mean() if self.baseline else scores
        p = self.weights()[1][[self.place[i] for i in ids]]
        size = 1 if self.error == "scale" else self.batch
        objective = (scores * p).sum() / size
        self.opt.zero_grad()
        (-objective if self.error == "sign" else objective).backward()
        if self.released:
            torch.nn.utils.clip_grad_norm_([self.w], 10.0)
        self.opt.step()


# --- model -------------------------------------------------------------------


def row_losses(model, rows):
    """Mean loss of each row's answer tokens, in nats."""
    longest = max(len(tokens) for tokens, _ in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    answer = torch.zeros(len(rows), longest - 1)
    for i, (tokens, start) in enumerate(rows):
        ids[i, : len(tokens)] = torch.tensor(tokens)
        mask[i, : len(tokens)] = 1
        answer[i, start - 1 : len(tokens) - 1] = 1
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    return (nll * answer).sum(1) / answer.sum(1)


class Learner:
    """A model with AdamW, from the tensors of a saved state."""

    def __init__(self, config, settings, steps, state):
        self.optim, self.steps = dict(settings["optim"]), steps
        if settings["algorithm"] == "released":
            self.optim.update(betas=(0.9, 0.95), weight_decay=0.0)
        self.model = LlamaForCausalLM(config).double()
        names = {name for name in state if not name.endswith((".exp_avg", ".exp_avg_sq"))}
        missing = self.model.load_state_dict({n: state[n].double() for n in names}, strict=False)
        assert not missing.unexpected_keys, missing.unexpected_keys
        assert set(missing.missing_keys) <= {"lm_head.weight"}, missing.missing_keys
        self.model.tie_weights()
        self.named = {n: p for n, p in self.model.named_parameters() if n in names}
        assert set(self.named) == names
        self.opt = torch.optim.AdamW(
            list(self.named.values()),
            lr=self.optim["lr"],
            betas=tuple(self.optim["betas"]),
            eps=self.optim["eps"],
            weight_decay=self.optim["weight_decay"],
            foreach=False,
        )
        self.state = state

    def resume(self, step):
        for name, p in self.named.items():
            if name + ".exp_avg" in self.state:
                self.opt.state[p] = {
                    "step": torch.tensor(float(step)),
                    "exp_avg": self.state[name + ".exp_avg"].double(),
                    "exp_avg_sq": self.state[name + ".exp_avg_sq"].double(),
                }
        return self

    def rate(self, step):
        o, steps = self.optim, self.steps
        warm = math.ceil(o["warmup"] * steps)
        if step < warm:
            return o["lr"] * (step + 1) / warm
        done = (step - warm) / max(steps - warm, 1)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return o["lr"] * {"constant": 1.0, "cosine": cosine, "linear": 1 - done}[o["schedule"]]

    def descend(self, loss, step):
        for group in self.opt.param_groups:
            group["lr"] = self.rate(step)
        self.opt.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.named.values(), self.optim["max_grad_norm"])
        self.opt.step()
        return norm.item()


def run_step(theta, value, selector, rows, trace, p):
    """Losses and gradient norms of one step; both models move."""
    safe = [rows["safe"][i] for i in trace["safe_ids"]]
    data = [rows["fine-tuning"][i] for i in trace["ids"]]
    gamma, size = trace["gamma"], selector.batch
    l_safe, l_data = row_losses(theta.model, safe), row_losses(theta.model, data)
    out = {"safe_losses": l_safe.detach(), "losses": l_data.detach()}
    loss = (1 - gamma) * l_safe.mean() + gamma * (p * l_data).sum() / size
    out["grad_norm"] = theta.descend(loss, trace["step"])
    if selector.error == "order":
        with torch.no_grad():
            out["losses"] = row_losses(theta.model, data)
    out["scores"] = out["losses"]
    if value:
        l_value = row_losses(value.model, data)
        out["value_losses"] = l_value.detach()
        out["scores"] = out["losses"] - out["value_losses"]
        out["value_grad_norm"] = value.descend((p * l_value).sum() / size, trace["step"])
    return out


# --- the three comparisons ---------------------------------------------------


def from_losses(start, steps, omega, error):
    selector, worst = Selector(start, error), 0.0

    def off(got, want):
        want = torch.tensor(want)
        return ((got - want).abs() / want.abs().clamp(min=1)).max().item()

    for t in steps:
        worst = max(worst, off(selector.of(t["ids"]), t["p"]))
        scores = torch.tensor(t["losses"])
        if "value_losses" in t:
            scores = scores - torch.tensor(t["value_losses"])
        selector.step(t["ids"], scores)
    end = torch.tensor([omega[i] for i in start["ids"]])
    return max(worst, off(selector.w.detach(), end.tolist()))


def single_steps(start, rows, steps, config, folder, error):
    worst = {"losses": 0.0, "gradient norm": 0.0, "update": 0.0, "update of its own": 0.0}
    selector, count = Selector(start, error), 0
    for home in sorted(folder.iterdir()):
        step = int(home.name.split("-")[1])
        trace = steps[step]
        learners = {}
        for name in ("theta", "value"):
            if (home / f"{name}.before.safetensors").exists():
                state = load_file(home / f"{name}.before.safetensors")
                learner = Learner(config, start["settings"], start["steps"], state)
                learners[name] = learner.resume(step)
        out = run_step(learners["theta"], learners.get("value"), selector, rows, trace,
                       torch.tensor(trace["p"]))
        for key in ("safe_losses", "losses", "value_losses"):
            if key in trace:
                want = torch.tensor(trace[key])
                off = ((out[key] - want).norm() / want.norm()).item()
                worst["losses"] = max(worst["losses"], off)
        for key in ("grad_norm", "value_grad_norm"):
            if key in trace:
                off = abs(out[key] / trace[key] - 1)
                worst["gradient norm"] = max(worst["gradient norm"], off)
        for name, learner in learners.items():
            after = load_file(home / f"{name}.after.safetensors")
            for tensor, p in learner.named.items():
                before = learner.state[tensor].double()
                ours, theirs = p.detach() - before, after[tensor].double() - before
                off = (ours - theirs).norm().item()
                worst["update"] = max(worst["update"], off / before.norm().item())
                own = off / theirs.norm().item()
                worst["update of its own"] = max(worst["update of its own"], own)
        count += 1
    return count, worst


def free_run(start, rows, steps, omega, config, folder, keep, error):
    home = folder / "step-000000"
    learner = lambda name: Learner(  # noqa: E731
        config, start["settings"], start["steps"], load_file(home / f"{name}.before.safetensors"))
    theta = learner("theta")
    value = learner("value") if (home / "value.before.safetensors").exists() else None
    selector = Selector(start, error)
    for trace in steps:
        out = run_step(theta, value, selector, rows, trace, selector.of(trace["ids"]))
        selector.step(trace["ids"], out["scores"])
    got = selector.weights()[0].detach()
    theirs = Selector(start)
    with torch.no_grad():
        theirs.w.copy_(torch.tensor([omega[i] for i in start["ids"]]))
    want = theirs.weights()[0].detach()
    kept = int(keep * len(want) + 0.5)
    cut = lambda w: w.sort(descending=True).values[kept - 1].item()  # noqa: E731
    ours, theirs_w = selector.w.detach(), theirs.w.detach()
    differ = (ours >= cut(ours)) != (theirs_w >= cut(theirs_w))
    far = differ & ((theirs_w - cut(theirs_w)).abs() > LIMIT_FREE)
    return (got - want).abs().max().item(), int(differ.sum()), int(far.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=pathlib.Path)
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--error", choices=["sign", "scale", "order"])
    parser.add_argument("--keep", type=float, default=0.8)
    args = parser.parse_args()
    start, rows, steps, omega = read_trace(args.trace)
    config = LlamaConfig(**json.loads(args.config.read_text()), attn_implementation="eager")
    folder = args.trace.with_suffix(".states")
    s = start["settings"]
    given = from_losses(start, steps, omega, args.error)
    count, single = single_steps(start, rows, steps, config, folder, args.error)
    free, differ, far = free_run(start, rows, steps, omega, config, folder, args.keep, args.error)
    held = {
        "given losses": given <= LIMIT_GIVEN,
        "single steps": all(
            single[k] <= LIMIT_STEP for k in ("losses", "gradient norm", "update")),
        "free run": free <= LIMIT_FREE and far == 0,
    }
    print(f"{s['algorithm']} {s['selector']}: {len(start['ids'])} rows, {len(steps)} steps | "
          f"(a) {given:.1e} | (b) {count} states: losses {single['losses']:.1e}, "
          f"norm {single['gradient norm']:.1e}, update/tensor {single['update']:.1e}, "
          f"update/update {single['update of its own']:.1e} | "
          f"(c) p {free:.1e}, kept differ {differ}, far from the cut {far} | "
          + (", ".join(k for k, ok in held.items() if not ok) + " FAILED"
             if not all(held.values()) else "held"))
    sys.exit(0 if all(held.values()) else 1)


if __name__ == "__main__":
    main()
