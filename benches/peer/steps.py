"""The work of `cargo xtask bench`, in PyTorch.

Reads the job file that `cargo xtask bench --peer FORM` writes (model shape and token
ids), does the steps, prints one JSON line. Forms:

lean   A plain Llama or GPT-NeoX written for speed: one forward pass for the safe and the
       fine-tuning rows, logits at answer positions only, scaled_dot_product_attention,
       fused RMS and layer normalisation, fused AdamW.
usual  transformers and PEFT as most people use them: padded batches, all logits, one
       forward pass for each set, the default AdamW.
loop   As usual, but a row at a time with accumulated gradients and a fused AdamW, as the
       published Llama-3 script of SEAL runs (micro-batches of 1).
published  As loop, with gradient checkpointing, which that script switches on.

Needs torch; all but lean need transformers and peft.
"""

import argparse
import json
import math
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_UP = 2


def status(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return None


# The lean model.


class Lora(nn.Module):
    """A frozen linear layer with a trained side path."""

    def __init__(self, linear, r, alpha):
        super().__init__()
        self.linear, self.scale = linear, alpha / r
        self.a = nn.Parameter(torch.empty(r, linear.in_features).uniform_(-1, 1) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, r))

    def forward(self, x):
        return self.linear(x) + F.linear(F.linear(x, self.a), self.b) * self.scale


def rotate(x, cos, sin):
    """Half-split rotary positions on the first 2 * cos.shape[-1] dimensions."""
    r = cos.shape[-1]
    a, b, rest = x[..., :r], x[..., r : 2 * r], x[..., 2 * r :]
    return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), -1)


class Attention(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.h, self.kv = m["num_attention_heads"], m["num_key_value_heads"]
        d, self.d = m["hidden_size"], m["hidden_size"] // m["num_attention_heads"]
        self.neox = m["neox"]
        if self.neox:
            self.query_key_value = nn.Linear(d, 3 * d)
            self.o_proj = nn.Linear(d, d)
        else:
            self.q_proj = nn.Linear(d, self.h * self.d, bias=False)
            self.k_proj = nn.Linear(d, self.kv * self.d, bias=False)
            self.v_proj = nn.Linear(d, self.kv * self.d, bias=False)
            self.o_proj = nn.Linear(self.h * self.d, d, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        if self.neox:
            q, k, v = self.query_key_value(x).view(b, t, self.h, 3, self.d).permute(3, 0, 2, 1, 4)
        else:
            q = self.q_proj(x).view(b, t, self.h, self.d).transpose(1, 2)
            k = self.k_proj(x).view(b, t, self.kv, self.d).transpose(1, 2)
            v = self.v_proj(x).view(b, t, self.kv, self.d).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # Padding stands on the right, so the causal mask alone keeps it away.
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.h != self.kv)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


class Block(nn.Module):
    def __init__(self, m):
        super().__init__()
        d, f, self.neox, self.eps = m["hidden_size"], m["intermediate_size"], m["neox"], m["rms_norm_eps"]
        norm = (lambda: nn.LayerNorm(d, eps=self.eps)) if self.neox else (lambda: nn.RMSNorm(d, eps=self.eps))
        self.input_layernorm, self.post_attention_layernorm = norm(), norm()
        self.attention = Attention(m)
        if self.neox:
            self.up_proj, self.down_proj = nn.Linear(d, f), nn.Linear(f, d)
        else:
            self.gate_proj, self.up_proj = nn.Linear(d, f, bias=False), nn.Linear(d, f, bias=False)
            self.down_proj = nn.Linear(f, d, bias=False)

    def feed(self, x):
        if self.neox:
            return self.down_proj(F.gelu(self.up_proj(x)))
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))

    def forward(self, x, cos, sin):
        attended = self.attention(self.input_layernorm(x), cos, sin)
        if self.neox:
            return x + attended + self.feed(self.post_attention_layernorm(x))
        x = x + attended
        return x + self.feed(self.post_attention_layernorm(x))


class Lean(nn.Module):
    def __init__(self, case):
        super().__init__()
        m = case["model"]
        m["neox"] = m.get("architecture", {}).get("model_type") == "gpt_neox"
        self.m, d, v = m, m["hidden_size"], m["vocab_size"]
        self.embed = nn.Embedding(v, d)
        self.layers = nn.ModuleList(Block(m) for _ in range(m["num_hidden_layers"]))
        self.norm = nn.LayerNorm(d, eps=m["rms_norm_eps"]) if m["neox"] else nn.RMSNorm(d, eps=m["rms_norm_eps"])
        self.head = nn.Linear(d, v, bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=m["initializer_range"])
        if m["tie_word_embeddings"]:
            self.head.weight = self.embed.weight
        head = d // m["num_attention_heads"]
        r = int(head * m.get("architecture", {}).get("partial_rotary_factor", 1.0))
        rates = m["rope_theta"] ** (-torch.arange(0, r, 2) / r)
        angles = torch.outer(torch.arange(m["max_position_embeddings"]).float(), rates)
        self.cos, self.sin = angles.cos(), angles.sin()
        if case["lora"]:
            self.requires_grad_(False)
            lora = case["lora"]
            for module in list(self.modules()):
                for name, child in list(module.named_children()):
                    if name in lora["target_modules"]:
                        setattr(module, name, Lora(child, lora["r"], lora["lora_alpha"]))

    def place(self, device, dtype):
        self.to(device=device, dtype=dtype)
        for module in self.modules():
            if isinstance(module, Lora) and dtype != torch.float32:
                module.a.data, module.b.data = module.a.data.float(), module.b.data.float()
                # The side path in f32, as here.
                module.forward = mixed(module)
        self.cos, self.sin = self.cos.to(device, dtype), self.sin.to(device, dtype)
        return self

    def hidden(self, ids):
        t = ids.shape[1]
        cos, sin = self.cos[:t], self.sin[:t]
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def row_losses(self, batch):
        """Mean loss over the answer of each row."""
        hidden = self.hidden(batch.ids).flatten(0, 1)[batch.at]
        nll = F.cross_entropy(self.head(hidden).float(), batch.targets, reduction="none")
        sums = torch.zeros(batch.rows, device=nll.device).index_add(0, batch.row_of, nll)
        return sums / batch.counts


def mixed(lora):
    def forward(x):
        a, b = lora.a.to(x.dtype), lora.b.to(x.dtype)
        return lora.linear(x) + F.linear(F.linear(x, a), b) * lora.scale
    return forward


class Batch:
    """Rows padded to the longest, with the flat positions that predict answers."""

    def __init__(self, rows, device):
        width = max(len(r["tokens"]) for r in rows) - 1
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        at, targets, row_of = [], [], []
        for b, row in enumerate(rows):
            tokens, answer = row["tokens"], row["answer"]
            ids[b, : len(tokens) - 1] = torch.tensor(tokens[:-1])
            at += [b * width + i - 1 for i in range(answer, len(tokens))]
            targets += tokens[answer:]
            row_of += [b] * (len(tokens) - answer)
        self.rows, self.ids = len(rows), ids.to(device)
        self.at, self.targets = torch.tensor(at, device=device), torch.tensor(targets, device=device)
        self.row_of = torch.tensor(row_of, device=device)
        self.counts = torch.tensor([len(r["tokens"]) - r["answer"] for r in rows], device=device)
        self.tokens = sum(len(r["tokens"]) - 1 for r in rows)


# The usual model.


def usual_model(case, trains):
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

    m = case["model"]
    same = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings", "initializer_range", "tie_word_embeddings"]
    shape = {name: m[name] for name in same}
    arch = m.get("architecture", {})
    if arch.get("model_type") == "gpt_neox":
        rope = {"rope_type": "default", "rope_theta": m["rope_theta"],
                "partial_rotary_factor": arch["partial_rotary_factor"]}
        config = GPTNeoXConfig(**shape, rope_parameters=rope, layer_norm_eps=m["rms_norm_eps"])
        model = GPTNeoXForCausalLM(config)
    else:
        config = LlamaConfig(**shape, num_key_value_heads=m["num_key_value_heads"], rms_norm_eps=m["rms_norm_eps"],
                             rope_parameters={"rope_type": "default", "rope_theta": m["rope_theta"]})
        model = LlamaForCausalLM(config)
    # A cache is of no use in training, and would be filled there.
    model.config.use_cache = not trains
    if case["lora"]:
        from peft import LoraConfig, get_peft_model

        lora = case["lora"]
        model = get_peft_model(model, LoraConfig(
            r=lora["r"], lora_alpha=lora["lora_alpha"], lora_dropout=lora["lora_dropout"],
            target_modules=lora["target_modules"], task_type="CAUSAL_LM"))
    return model


def padded(rows, device):
    width = max(len(r["tokens"]) for r in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels, mask = torch.full((len(rows), width), -100), torch.zeros(len(rows), width, dtype=torch.long)
    for b, row in enumerate(rows):
        n = len(row["tokens"])
        ids[b, :n], mask[b, :n] = torch.tensor(row["tokens"]), 1
        labels[b, row["answer"] : n] = torch.tensor(row["tokens"][row["answer"] :])
    return ids.to(device), labels.to(device), mask.to(device)


def usual_losses(model, rows, device):
    ids, labels, mask = padded(rows, device)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    targets = labels[:, 1:]
    nll = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100, reduction="none")
    return nll.sum(1) / (targets != -100).sum(1)


# The work.


class Steps:
    def __init__(self, job, form, device, dtype, trains):
        self.job, self.case, self.form, self.device = job, job["case"], form, device
        self.one_by_one = form in ("loop", "published")
        torch.manual_seed(0)
        if form == "lean":
            self.model = Lean(self.case).place(device, dtype)
        else:
            self.model = usual_model(self.case, trains).to(device=device, dtype=dtype)
        if form == "published":
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.omega = torch.zeros(len(job["data"]), dtype=torch.float64)
        self.step = 0

    def optimizer(self):
        fused = {} if self.form == "usual" else {"fused": True}
        return torch.optim.AdamW(self.trained, lr=1e-4, weight_decay=0.0, **fused)

    def rows(self, name, n):
        rows = self.job[name]
        order = [(self.step * n + i) % len(rows) for i in range(n)]
        return order, [rows[i] for i in order]

    def losses(self, rows):
        if self.form == "lean":
            return self.model.row_losses(Batch(rows, self.device))
        return usual_losses(self.model, rows, self.device)

    def finish(self, optimizer):
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def selector(self, optimizer, rate=1e-3):
        half, gamma = self.case["rows"] // 2, self.case["gamma"]
        _, safe = self.rows("safe", half)
        at, data = self.rows("data", half)
        p = (torch.softmax(self.omega, 0) * len(self.omega))[at]
        c_safe = torch.full((half,), (1 - gamma) / half, device=self.device)
        c_data = (gamma * p / half).float().to(self.device)
        if self.form == "lean" and gamma == 0:
            (self.losses(safe) * c_safe).sum().backward()
            with torch.no_grad():
                data_losses = self.losses(data)
        elif self.form == "lean":
            losses = self.losses(safe + data)
            (losses * torch.cat((c_safe, c_data))).sum().backward()
            data_losses = losses.detach()[half:]
        elif self.form == "usual":
            safe_losses, data_losses = self.losses(safe), self.losses(data)
            ((safe_losses * c_safe).sum() + (data_losses * c_data).sum()).backward()
            data_losses = data_losses.detach()
        else:
            data_losses = []
            for i in range(half):
                a, b = self.losses(safe[i : i + 1]), self.losses(data[i : i + 1])
                (a[0] * c_safe[i] + b[0] * c_data[i]).backward()
                data_losses.append(b.detach()[0])
            data_losses = torch.stack(data_losses)
        self.finish(optimizer)
        scores = data_losses.double().cpu()
        # d p_i / d w_k of N softmax(w), summed over the batch.
        whole = torch.softmax(self.omega, 0)
        gradient = -whole * (scores * p).sum()
        gradient[at] += scores * p
        self.omega -= rate / half * gradient
        return sum(len(r["tokens"]) - 1 for r in safe + data), float(data_losses.mean())

    def sft(self, optimizer):
        n = self.case["rows"]
        _, rows = self.rows("data", n)
        if self.one_by_one:
            loss = 0.0
            for row in rows:
                one = self.losses([row])[0] / n
                one.backward()
                loss += float(one.detach())
        else:
            mean = self.losses(rows).mean()
            mean.backward()
            loss = float(mean.detach())
        self.finish(optimizer)
        return sum(len(r["tokens"]) - 1 for r in rows), loss

    @torch.no_grad()
    def score(self, _):
        _, rows = self.rows("data", self.case["rows"])
        if self.one_by_one:
            losses = torch.cat([self.losses([row]) for row in rows])
        else:
            losses = self.losses(rows)
        return sum(len(r["tokens"]) - 1 for r in rows), float(losses.mean())

    @torch.no_grad()
    def generate(self, _):
        new = self.case["tokens"] // 2
        rows = self.job["data"][: self.case["rows"]]
        prompts = [r["tokens"][: r["answer"]] for r in rows]
        width = max(map(len, prompts))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for b, prompt in enumerate(prompts):
            ids[b, width - len(prompt) :], mask[b, width - len(prompt) :] = torch.tensor(prompt), 1
        out = self.model.generate(
            input_ids=ids.to(self.device), attention_mask=mask.to(self.device), max_new_tokens=new,
            min_new_tokens=new, do_sample=False, pad_token_id=0, eos_token_id=None)
        return out[:, width:].numel(), None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", required=True)
    parser.add_argument("--work", required=True, choices=["selector", "sft", "score", "generate"])
    parser.add_argument("--form", required=True, choices=["lean", "usual", "loop", "published"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with open(args.job) as text:
        job = json.load(text)
    form = args.form
    if args.work == "generate" and form != "usual":
        parser.error("generation is measured in the form `usual` only: transformers has the cache")
    cuda = args.device.startswith("cuda")
    if form != "lean":
        import peft  # noqa: F401  what is imported is not the work's memory
        import transformers  # noqa: F401
    torch.randn(64, 64, device=args.device) @ torch.randn(64, 64, device=args.device)
    start = status("VmRSS")
    trains = args.work in ("selector", "sft")
    steps = Steps(job, form, args.device, getattr(torch, args.dtype), trains)
    steps.model.train(trains)
    optimizer = steps.optimizer() if trains else None
    times, tokens, first = [], [], None
    count = job["case"]["steps"] if args.work != "generate" else 1 + -(-job["case"]["steps"] // 4)
    for step in range(WARM_UP + count):
        steps.step = step
        begun = time.perf_counter()
        n, loss = getattr(steps, args.work)(optimizer)
        if cuda:
            torch.cuda.synchronize()
        took = time.perf_counter() - begun
        first = loss if first is None else first
        if step >= WARM_UP:
            times.append(took * 1e3)
            tokens.append(n)
    if cuda:
        start, peak = 0.0, torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = status("VmHWM")
    n = 1024
    a = torch.randn(n, n, device=args.device, dtype=getattr(torch, args.dtype))
    best = math.inf
    for _ in range(4):
        begun = time.perf_counter()
        a @ a
        if cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    print(json.dumps({"step_ms": times, "step_tokens": tokens, "start_mib": start, "peak_mib": peak,
                      "matmul_flops": 2 * n**3 / best, "first_loss": first}))


if __name__ == "__main__":
    main()
