"""Replays a step trace of `cargo xtask select --trace FILE --trace-state K` and
says how far the two programs are apart. Written from the equations (paper, eq. 2
and 3; Algorithms 1 and 2; the published code for `released` and Adam), not from
the Rust: float64, PyTorch's automatic differentiation, the model of transformers.

    python tests/reference/replay.py TRACE CONFIG_JSON [--error NAME]

CONFIG_JSON is that of the base, with its weights beside it. Every setting of
`[bilevel]` is followed but dropout, whose masks are the program's own.

(a) from the settings: gamma, rate, visits; from the traced losses: weights p and
    logits omega of every step;
(b) from each saved state: losses, gradient norms, and the update of every tensor;
(c) from the first state, free-running: weights of all rows, and the rows kept.

`--error` puts a mistake into this program, to show that the comparison notices; ERRORS
lists them. Exit code 1 if a limit is exceeded. Needs torch 2.x on the CPU, transformers
and safetensors.
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
# An update by itself: Adam's first steps are of one size whatever the gradient, so that an
# entry whose gradient is all rounding in f32 moves at random.
LIMIT_OWN = 0.05

# Mistakes, and the settings under which each shows.
ERRORS = {
    "sign": ("the logits climb instead of descend", lambda s: True),
    "scale": ("a batch's scores are summed, not averaged", lambda s: not is_adam(s)),
    "order": ("omega steps from losses taken after theta has moved", lambda s: True),
    "gamma": ("gamma is that of the next epoch or step",
              lambda s: isinstance(s["gamma"], dict) and s["gamma"]["increment"] != 0),
    "rate": ("a raw rate is matched to the function, one from kappa is not",
             lambda s: SLOPE[s["selector"]] != 1),
    "baseline": ("the batch's mean score stays", lambda s: s["baseline"]),
    "normalise": ("weights are not divided by their mean",
                  lambda s: s["normalise"] == "mean" and s["selector"] != "softmax"),
    "value": ("theta^ is left out", lambda s: s["algorithm"] == "algorithm-1"),
    "adam": ("omega moves along its gradient", lambda s: is_adam(s)),
    "lora": ("the side path is not scaled",
             lambda s: s["lora"] and s["lora"]["lora_alpha"] != s["lora"]["r"]),
}


def read_trace(path):
    lines = [json.loads(line) for line in open(path)]
    start, end = lines[0], lines[-1]
    assert start["kind"] == "start" and end["kind"] == "end", "not a whole trace"
    rows = {"fine-tuning": {}, "safe": {}}
    for line in lines:
        if line["kind"] == "row":
            rows[line["set"]][line["id"]] = (line["tokens"], line["answer"], line.get("skip", []))
    return start, rows, [line for line in lines if line["kind"] == "step"], end["omega"]


# --- selector ----------------------------------------------------------------

START = {"softmax": 0.0, "sigmoid": 0.0, "tanh": math.atanh(0.5), "relu": 1.0, "shifted-tanh": 0.0}
PUBLISHED_START = {"softmax": 0.1, "sigmoid": -1e-4}
# dp/dw at the start.
SLOPE = {"softmax": 1.0, "sigmoid": 0.5, "tanh": 1.5, "relu": 1.0, "shifted-tanh": 1.0}


def is_adam(s):
    return s["algorithm"] == "released" or s.get("selector_optim", "sgd") == "adam"


def rate_of(start, error=None):
    """A raw rate as it is; one from kappa matched to the function, which is for plain steps."""
    s = start["settings"]
    matched = SLOPE[s["selector"]] ** (1 if is_adam(s) else 2)
    if s["rate"] is not None:
        return s["rate"] / (matched if error == "rate" else 1)
    plain = s["kappa"] * s["batch"] / (s["epochs"] * start["mean_loss"])
    return plain / (1 if error == "rate" else matched)


def gamma_at(gamma, epoch, step, error=None):
    """`epoch` and `step` count from 0."""
    if not isinstance(gamma, dict):
        return gamma
    n = step if gamma["per"] == "step" else epoch
    return gamma["start"] + gamma["increment"] * (n + (error == "gamma"))


class Selector:
    def __init__(self, start, error=None):
        s = start["settings"]
        self.function, self.normalise = s["selector"], s["normalise"]
        self.baseline, self.batch, self.error = s["baseline"], s["batch"], error
        self.place = {row: i for i, row in enumerate(start["ids"])}
        begin = START[self.function]
        if s["algorithm"] == "released":
            begin = PUBLISHED_START.get(self.function, begin)
        self.w = torch.full((len(start["ids"]),), begin, requires_grad=True)
        self.adam, rate = is_adam(s), rate_of(start, error)
        if self.adam and error != "adam":
            self.opt = torch.optim.Adam([self.w], lr=rate, betas=(0.9, 0.95), eps=1e-8)
        else:
            self.opt = torch.optim.SGD([self.w], lr=rate)

    def weights(self):
        """p, whose value theta sees and whose gradient omega sees."""
        w, n = self.w, len(self.w)
        if self.function == "softmax":
            return n * torch.softmax(w, 0)
        if self.function == "tanh":
            # Clamped in value, with the slope of the unclamped function.
            raw = 2 * torch.tanh(w)
            u = raw + (raw.clamp(min=0) - raw).detach()
        else:
            u = {
                "sigmoid": lambda: 2 * torch.sigmoid(w),
                "relu": lambda: torch.relu(w),
                "shifted-tanh": lambda: 1 + torch.tanh(w),
            }[self.function]()
        normalised = self.normalise == "mean" and self.error != "normalise"
        return u * n / u.sum() if normalised else u

    def of(self, ids):
        return self.weights().detach()[[self.place[i] for i in ids]]

    def step(self, ids, scores):
        if self.baseline and self.error != "baseline":
            scores = scores - scores.mean()
        p = self.weights()[[self.place[i] for i in ids]]
        objective = (scores * p).sum() / (1 if self.error == "scale" else self.batch)
        self.opt.zero_grad()
        (-objective if self.error == "sign" else objective).backward()
        if self.adam:
            torch.nn.utils.clip_grad_norm_([self.w], 10.0)
        self.opt.step()


# --- model -------------------------------------------------------------------


def row_losses(model, rows):
    """Mean loss of each row's answer tokens, in nats."""
    longest = max(len(tokens) for tokens, _, _ in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    answer = torch.zeros(len(rows), longest - 1)
    for i, (tokens, start, skip) in enumerate(rows):
        ids[i, : len(tokens)] = torch.tensor(tokens)
        mask[i, : len(tokens)] = 1
        answer[i, start - 1 : len(tokens) - 1] = 1
        for begin, end in skip:
            answer[i, begin - 1 : end - 1] = 0
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    return (nll * answer).sum(1) / answer.sum(1)


class SidePath(torch.nn.Module):
    """W x + (alpha / r) B A x, with W as it is."""

    def __init__(self, linear, a, b, scale):
        super().__init__()
        self.linear, self.scale = linear, scale
        self.a, self.b = torch.nn.Parameter(a), torch.nn.Parameter(b)

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.a.T) @ self.b.T


class Base:
    """The model that the study's training starts from."""

    def __init__(self, config_json):
        path = pathlib.Path(config_json)
        self.config = LlamaConfig(**json.loads(path.read_text()), attn_implementation="eager")
        self.weights = load_file(path.parent / "model.safetensors")

    def model(self):
        model = LlamaForCausalLM(self.config).double()
        missing = model.load_state_dict({n: w.double() for n, w in self.weights.items()}, False)
        assert not missing.unexpected_keys, missing.unexpected_keys
        assert set(missing.missing_keys) <= {"lm_head.weight"}, missing.missing_keys
        model.tie_weights()
        return model


class Learner:
    """A model with AdamW, from the tensors of a saved state."""

    def __init__(self, base, settings, steps, state, error=None):
        self.optim, self.steps, self.state = dict(settings["optim"]), steps, state
        if settings["algorithm"] == "released":
            self.optim.update(betas=(0.9, 0.95), weight_decay=0.0)
        names = {name for name in state if not name.endswith((".exp_avg", ".exp_avg_sq"))}
        self.model, self.sides = base.model(), {}
        if settings["lora"]:
            self.named = self.adapters(settings["lora"], names, error)
        else:
            named = dict(self.model.named_parameters())
            with torch.no_grad():
                for name in names:
                    named[name].copy_(state[name].double())
            self.named = {n: p for n, p in named.items() if n in names}
        assert set(self.named) == names
        self.opt = torch.optim.AdamW(
            list(self.named.values()),
            lr=self.optim["lr"],
            betas=tuple(self.optim["betas"]),
            eps=self.optim["eps"],
            weight_decay=self.optim["weight_decay"],
            foreach=False,
        )

    def adapters(self, lora, names, error):
        assert lora["lora_dropout"] == 0, "masks of dropout are the program's own"
        for p in self.model.parameters():
            p.requires_grad_(False)
        scale = 1.0 if error == "lora" else lora["lora_alpha"] / lora["r"]
        named = {}
        for name in sorted(n for n in names if n.endswith(".lora_A.weight")):
            path = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            above, last = path.rsplit(".", 1)
            other = name.replace("lora_A", "lora_B")
            a, b = self.state[name].double(), self.state[other].double()
            assert a.shape[0] == lora["r"]
            parent = self.model.get_submodule(above)
            side = SidePath(getattr(parent, last), a, b, scale)
            setattr(parent, last, side)
            named[name], named[other] = side.a, side.b
            self.sides[name] = side
        return named

    def apart(self, after):
        """Distance of each weight from that of the state `after`, over its norm; of an
        adapted layer that of the weight with its adapter."""
        if not self.sides:
            for name, p in self.named.items():
                want = after[name].double()
                yield ((p.detach() - want).norm() / want.norm()).item()
        for name, side in self.sides.items():
            a, b = after[name].double(), after[name.replace("lora_A", "lora_B")].double()
            ours, want = side.scale * side.b @ side.a, side.scale * b @ a
            weight = side.linear.weight + want
            yield ((ours - want).norm() / weight.norm()).item()

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
        # The first step of a warm-up has lr / warm, where transformers has 0.
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
        # 0 turns clipping off.
        most = self.optim["max_grad_norm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.named.values(), most)
        self.opt.step()
        return norm.item()


def run_step(theta, value, selector, rows, trace, gamma, p):
    """Losses and gradient norms of one step; both models move."""
    safe = [rows["safe"][i] for i in trace["safe_ids"]]
    data = [rows["fine-tuning"][i] for i in trace["ids"]]
    size = selector.batch
    l_safe, l_data = row_losses(theta.model, safe), row_losses(theta.model, data)
    out = {"safe_losses": l_safe.detach(), "losses": l_data.detach()}
    loss = (1 - gamma) * l_safe.mean() + gamma * (p * l_data).sum() / size
    out["grad_norm"] = theta.descend(loss, trace["step"])
    if selector.error == "order":
        with torch.no_grad():
            out["losses"] = row_losses(theta.model, data)
    out["scores"] = out["losses"]
    if value and selector.error != "value":
        l_value = row_losses(value.model, data)
        out["value_losses"] = l_value.detach()
        out["scores"] = out["losses"] - out["value_losses"]
        out["value_grad_norm"] = value.descend((p * l_value).sum() / size, trace["step"])
    return out


# --- the comparisons ---------------------------------------------------------


def wrong_visits(start, rows, steps):
    """What is wrong with which rows were visited when; None if nothing."""
    s, size = start["settings"], start["settings"]["batch"]
    n, m = len(rows["fine-tuning"]), len(rows["safe"])
    released = s["algorithm"] == "released"
    per_epoch = min(n, m) // size if released else math.ceil(n / size)
    if len(steps) != s["epochs"] * per_epoch or len(steps) != start["steps"]:
        return f"{len(steps)} steps"
    safe = [i for t in steps for i in t["safe_ids"]]
    for epoch in range(s["epochs"]):
        mine = [t for t in steps if t["epoch"] == epoch + 1]
        if len(mine) != per_epoch:
            return f"{len(mine)} steps in epoch {epoch + 1}"
        seen = [i for t in mine for i in t["ids"]]
        if len(set(seen)) != len(seen) or len(seen) != (per_epoch * size if released else n):
            return f"visits of epoch {epoch + 1}"
        if any(len(t["safe_ids"]) != size for t in mine):
            return "a short safe batch"
        if released and len({i for t in mine for i in t["safe_ids"]}) != per_epoch * size:
            return f"safe rows of epoch {epoch + 1}"
    passes = [safe[i : i + m] for i in range(0, len(safe), m)]
    if not released and any(len(set(p)) != len(p) for p in passes):
        return "safe rows are not cycled"
    return None


def from_losses(start, steps, omega, error):
    selector = Selector(start, error)
    worst = abs(rate_of(start, error) / start["rate"] - 1)

    def off(got, want):
        want = torch.tensor(want)
        return ((got - want).abs() / want.abs().clamp(min=1)).max().item()

    for t in steps:
        gamma = gamma_at(start["settings"]["gamma"], t["epoch"] - 1, t["step"], error)
        worst = max(worst, abs(gamma - t["gamma"]), off(selector.of(t["ids"]), t["p"]))
        scores = torch.tensor(t["losses"])
        if "value_losses" in t and error != "value":
            scores = scores - torch.tensor(t["value_losses"])
        selector.step(t["ids"], scores)
    end = torch.tensor([omega[i] for i in start["ids"]])
    return max(worst, off(selector.w.detach(), end.tolist()))


def single_steps(start, rows, steps, base, folder, error):
    worst = {"losses": 0.0, "gradient norm": 0.0, "update": 0.0, "update of its own": 0.0}
    selector, count = Selector(start, error), 0
    for home in sorted(folder.iterdir()):
        step = int(home.name.split("-")[1])
        trace = steps[step]
        learners = {}
        for name in ("theta", "value"):
            if (home / f"{name}.before.safetensors").exists():
                state = load_file(home / f"{name}.before.safetensors")
                learner = Learner(base, start["settings"], start["steps"], state, error)
                learners[name] = learner.resume(step)
        gamma = gamma_at(start["settings"]["gamma"], trace["epoch"] - 1, step, error)
        out = run_step(learners["theta"], learners.get("value"), selector, rows, trace, gamma,
                       torch.tensor(trace["p"]))
        for key in ("safe_losses", "losses", "value_losses"):
            if key in trace and key in out:
                want = torch.tensor(trace[key])
                off = ((out[key] - want).norm() / want.norm()).item()
                worst["losses"] = max(worst["losses"], off)
        for key in ("grad_norm", "value_grad_norm"):
            if key in trace and key in out:
                off = abs(out[key] / trace[key] - 1)
                worst["gradient norm"] = max(worst["gradient norm"], off)
        for name, learner in learners.items():
            after = load_file(home / f"{name}.after.safetensors")
            for tensor, p in learner.named.items():
                before = learner.state[tensor].double()
                ours, theirs = p.detach() - before, after[tensor].double() - before
                off = (ours - theirs).norm().item()
                # A does not move while B is 0.
                moved = theirs.norm().item()
                own = off / moved if moved else off
                worst["update of its own"] = max(worst["update of its own"], own)
            for off in learner.apart(after):
                worst["update"] = max(worst["update"], off)
        count += 1
    return count, worst


def free_run(start, rows, steps, omega, base, folder, keep, error):
    home, s = folder / "step-000000", start["settings"]
    learner = lambda name: Learner(  # noqa: E731
        base, s, start["steps"], load_file(home / f"{name}.before.safetensors"), error)
    theta = learner("theta")
    value = learner("value") if (home / "value.before.safetensors").exists() else None
    selector = Selector(start, error)
    for trace in steps:
        gamma = gamma_at(s["gamma"], trace["epoch"] - 1, trace["step"], error)
        out = run_step(theta, value, selector, rows, trace, gamma, selector.of(trace["ids"]))
        selector.step(trace["ids"], out["scores"])
    got = selector.weights().detach()
    theirs = Selector(start)
    with torch.no_grad():
        theirs.w.copy_(torch.tensor([omega[i] for i in start["ids"]]))
    want = theirs.weights().detach()
    kept = int(keep * len(want) + 0.5)
    cut = lambda w: w.sort(descending=True).values[kept - 1].item()  # noqa: E731
    ours, theirs_w = selector.w.detach(), theirs.w.detach()
    differ = (ours >= cut(ours)) != (theirs_w >= cut(theirs_w))
    far = differ & ((theirs_w - cut(theirs_w)).abs() > LIMIT_FREE)
    return (got - want).abs().max().item(), int(differ.sum()), int(far.sum())


def replay(path, base, error=None, keep=0.8):
    """The figures of a trace, and the names of the limits that they exceed."""
    start, rows, steps, omega = read_trace(path)
    folder = path.with_suffix(".states")
    visits = wrong_visits(start, rows, steps)
    given = from_losses(start, steps, omega, error)
    count, single = single_steps(start, rows, steps, base, folder, error)
    free, differ, far = free_run(start, rows, steps, omega, base, folder, keep, error)
    within = {
        "visits": visits is None,
        "given losses": given <= LIMIT_GIVEN,
        "single steps": all(
            single[k] <= LIMIT_STEP for k in ("losses", "gradient norm", "update"))
        and single["update of its own"] <= LIMIT_OWN,
        "free run": free <= LIMIT_FREE and far == 0,
    }
    failed = [name for name, ok in within.items() if not ok]
    figures = {"given": given, **single, "free": free}
    s = start["settings"]
    text = (
        f"{s['algorithm']} {s['selector']}: {len(start['ids'])} rows, {len(steps)} steps | "
        f"(a) {given:.1e} | (b) {count} states: losses {single['losses']:.1e}, "
        f"norm {single['gradient norm']:.1e}, update/tensor {single['update']:.1e}, "
        f"update/update {single['update of its own']:.1e} | "
        f"(c) p {free:.1e}, kept differ {differ}, far from the cut {far} | "
        + (", ".join(failed) + " FAILED" if failed else "held")
        + (f" ({visits})" if visits else ""))
    return text, figures, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=pathlib.Path)
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--error", choices=ERRORS)
    parser.add_argument("--keep", type=float, default=0.8)
    args = parser.parse_args()
    text, _, failed = replay(args.trace, Base(args.config), args.error, args.keep)
    print(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
