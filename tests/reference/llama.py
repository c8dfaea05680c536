"""Golden values for the crate `seal-lm`, made by Hugging Face transformers,
PEFT and PyTorch.

    python tests/reference/llama.py crates/seal-lm/tests/golden

Needs torch 2.x on the CPU, transformers, peft and safetensors. Two tiny random
models, with tied and untied output weights, are written as transformers writes
them. Their weights are scaled until attention is far from uniform and logits
are far from flat: at the usual initial scale a wrong rotary pairing or a wrong
grouping of heads would hardly show.
"""

import json
import math
import pathlib
import sys

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

VOCAB, CONTEXT = 96, 64
LENGTHS = [12, 7, 2, 9]  # tokens of each row
ANSWERS = [5, 3, 1, 8]  # where its answer starts
STEPS = 3
OPTIM = {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}
ADAPTERS = {
    "attention": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]},
    "all-linear": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"},
}


def config(tied):
    return LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        tie_word_embeddings=tied,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )


def make_model(tied):
    torch.manual_seed(20 + tied)
    model = LlamaForCausalLM(config(tied)).float()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                p.copy_(1 + 0.3 * torch.randn_like(p))
            elif "embed_tokens" in name:
                p.copy_(0.4 * torch.randn_like(p))
            elif "q_proj" in name or "k_proj" in name:
                p.copy_(2.0 / math.sqrt(p.shape[1]) * torch.randn_like(p))
            else:
                p.copy_(1.0 / math.sqrt(p.shape[1]) * torch.randn_like(p))
    return model


def rows(seed):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(VOCAB, (n,), generator=g).tolist() for n in LENGTHS]


def logits_of(model, batch):
    """Logits [B, T, V] of rows without their last token, padded on the right."""
    width = max(LENGTHS) - 1
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for b, row in enumerate(batch):
        ids[b, : len(row) - 1] = torch.tensor(row[:-1])
        mask[b, : len(row) - 1] = 1
    return model(input_ids=ids, attention_mask=mask).logits


def row_nll(logits, batch):
    """Mean loss in nats of each row's answer tokens."""
    out = []
    for b, (row, start) in enumerate(zip(batch, ANSWERS)):
        predicted = torch.log_softmax(logits[b, start - 1 : len(row) - 1], -1)
        targets = torch.tensor(row[start:])
        out.append(-predicted[torch.arange(len(targets)), targets].mean())
    return torch.stack(out)


def check_liveliness(model, batch):
    """Entropy of attention and spread of logits; returns both."""
    with torch.no_grad():
        out = model(input_ids=torch.tensor([batch[0]]), output_attentions=True)
    shares = []
    for attention in out.attentions:
        for t in range(3, attention.shape[2]):
            p = attention[0, :, t, : t + 1]
            entropy = -(p * p.clamp_min(1e-12).log()).sum(-1).mean().item()
            shares.append(entropy / math.log(t + 1))
    share, spread = sum(shares) / len(shares), out.logits.std().item()
    assert share < 0.7, f"attention is nearly uniform: {share}"
    assert spread > 1.0, f"logits are nearly flat: {spread}"
    return share, spread


def fingerprint(gradient):
    """Norm, and the product with cos(0), cos(1), ..: tells order from disorder."""
    g = gradient.double().flatten()
    return [g.norm().item(), (g @ torch.arange(len(g), dtype=torch.float64).cos()).item()]


def train(model):
    """Three AdamW steps with clipping by the global norm; returns the norms."""
    opt = torch.optim.AdamW(
        model.parameters(),
        lr=OPTIM["lr"],
        betas=tuple(OPTIM["betas"]),
        eps=OPTIM["eps"],
        weight_decay=OPTIM["weight_decay"],
        foreach=False,
    )
    norms = []
    for step in range(STEPS):
        batch = rows(100 + step)
        opt.zero_grad()
        loss = row_nll(logits_of(model, batch), batch).mean()
        loss.backward()
        norms.append(math.sqrt(sum(p.grad.double().pow(2).sum() for p in model.parameters())))
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm(norms), foreach=False)
        opt.step()
    return norms


def max_grad_norm(norms):
    """A bound that the first step exceeds and a later one keeps."""
    return round(0.9 * norms[0], 3)


def greedy(model, prompt, n=16):
    """Greedy continuation, by recomputation from scratch; fails near ties."""
    tokens = list(prompt)
    for _ in range(n):
        with torch.no_grad():
            top = model(input_ids=torch.tensor([tokens])).logits[0, -1].topk(2)
        assert top.values[0] - top.values[1] > 1e-3, "two tokens are nearly tied"
        tokens.append(top.indices[0].item())
    return tokens[len(prompt) :]


def write_safetensors(tensors, path):
    save_file({k: v.detach().float().contiguous() for k, v in tensors.items()}, path)


def adapters(model, folder, batch):
    """Adapters as PEFT makes and saves them, with the logits they give."""
    out = {}
    for name, settings in ADAPTERS.items():
        torch.manual_seed(7)
        base = make_model(True)
        base.load_state_dict(model.state_dict())
        adapted = get_peft_model(
            base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, bias="none", **settings)
        )
        with torch.no_grad():
            for key, p in adapted.named_parameters():
                if "lora_B" in key:  # PEFT starts them at 0, where nothing shows
                    p.copy_(0.3 * torch.randn_like(p))
        adapted.save_pretrained(folder / name)
        (folder / name / "README.md").unlink(missing_ok=True)
        written = folder / name / "adapter_config.json"
        listing = json.loads(written.read_text())
        listing["target_modules"].sort()  # PEFT writes a set, in no order
        written.write_text(json.dumps(listing, indent=2) + "\n")
        state = get_peft_model_state_dict(adapted)
        with torch.no_grad():
            logits = logits_of(adapted, batch)
            moved = (logits - logits_of(model, batch)).std().item()
        assert moved > 0.1, "the adapter hardly matters"
        out[name] = {
            "settings": settings,
            "tensors": {k: list(v.shape) for k, v in sorted(state.items())},
            "row_nll": row_nll(logits, batch).tolist(),
            "logits_row_0": logits[0].tolist(),
        }
    return out


def main(folder):
    for name, tied in (("tied", True), ("untied", False)):
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        model, batch = make_model(tied), rows(0)
        share, spread = check_liveliness(model, batch)
        model.save_pretrained(home)
        (home / "generation_config.json").unlink(missing_ok=True)
        logits = logits_of(model, batch)
        for b, row in enumerate(batch):  # padding must not matter to transformers either
            alone = model(input_ids=torch.tensor([row[:-1]])).logits[0]
            assert (alone - logits[b, : len(row) - 1]).abs().max() < 1e-4
        nll = row_nll(logits, batch)
        nll.mean().backward()
        expected = {
            "attention_entropy_of_uniform": share,
            "logits_sd": spread,
            "rows": [{"tokens": r, "answer": a} for r, a in zip(batch, ANSWERS)],
            "logits": [logits[b, : n - 1].tolist() for b, n in enumerate(LENGTHS)],
            "row_nll": nll.tolist(),
            "gradients": {k: fingerprint(p.grad) for k, p in model.named_parameters()},
            "prompts": [batch[0][:5], batch[1][:1], batch[3]],
            "greedy": [greedy(model, p) for p in (batch[0][:5], batch[1][:1], batch[3])],
        }
        if tied:
            expected["adapters"] = adapters(model, folder / "adapters", batch)
        norms = train(model)
        bound = max_grad_norm(norms)
        assert min(norms) < bound < norms[0], f"all steps were clipped: {norms}"
        expected["optim"] = {**OPTIM, "max_grad_norm": bound}
        expected["step_rows"] = [
            [{"tokens": r, "answer": a} for r, a in zip(rows(100 + s), ANSWERS)]
            for s in range(STEPS)
        ]
        expected["grad_norms"] = norms
        write_safetensors(dict(model.named_parameters()), home / "after.safetensors")
        with open(home / "expected.json", "w") as f:
            json.dump(round_all(expected), f, separators=(",", ":"))
            f.write("\n")
        print(f"{name}: attention entropy {share:.2f} of uniform, logits s.d. {spread:.2f}, "
              f"losses {nll.tolist()}, gradient norms {norms}, bound {bound}")


def round_all(x):
    """Floats to 8 significant digits: f32 has no more."""
    if isinstance(x, float):
        return float(f"{x:.8g}")
    if isinstance(x, dict):
        return {k: round_all(v) for k, v in x.items()}
    return [round_all(v) for v in x] if isinstance(x, list) else x


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
