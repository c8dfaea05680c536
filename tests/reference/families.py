"""Golden models of each family that the crate `seal-lm` reads, made by Hugging
Face transformers and PEFT.

    python tests/reference/families.py crates/seal-lm/tests/golden/families [NAME ...]

With names, only these models are made.
Needs torch 2.x on the CPU, transformers 5, peft and safetensors. Every folder
is one model as transformers writes it (`config.json`, weights in one file or in
shards) with what transformers makes of it:

    expected.json        rows, per-row losses, greedy continuations with the gap
                         to the second token, how lively the model is; for later
                         families norm and fingerprint of the gradient of the mean
                         loss in every weight, and in those of the adapter
    logits.safetensors   `row.<i>`: logits [T, V] of row i
    adapter/             an adapter as PEFT writes it, for some families, with
                         its logits of the longest row as `adapter` above

The random weights are scaled until attention is far from uniform and logits far
from flat: at the usual initial scale a wrong rotary pairing or a wrong window
would hardly show.
"""

import json
import math
import pathlib
import shutil
import sys

import torch
from llama import fingerprint, round_all
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

VOCAB = 96
LENGTHS = [40, 13, 2, 9]  # tokens of each row
ANSWERS = [25, 3, 1, 8]  # where its answer starts
NEW = 64  # tokens of a continuation
PROMPTS = [5, 1, 9]  # tokens of the prompts, which rows 0, 1 and 3 start with

COMMON = dict(
    vocab_size=VOCAB,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=128,
    attn_implementation="eager",
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=None,
)
RMS = dict(rms_norm_eps=1e-4, num_key_value_heads=2)
NEOX = dict(layer_norm_eps=1e-4)
WIDE = {**COMMON, "num_attention_heads": 2}  # a quarter of a head is then two pairs

MODELS = {
    # Llama 3.2: tied, with heads that are not hidden_size / num_attention_heads.
    "llama_tied": LlamaConfig(
        **COMMON, **RMS, tie_word_embeddings=True, head_dim=16,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    ),
    # Llama 3.1, in shards of bf16.
    "llama_sharded": LlamaConfig(
        **COMMON, **RMS, dtype="bfloat16",
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
        },
    ),
    "llama_biased": LlamaConfig(
        **COMMON, **{**RMS, "num_key_value_heads": 1}, attention_bias=True, mlp_bias=True,
        rope_parameters={"rope_type": "linear", "rope_theta": 100.0, "factor": 3.0},
    ),
    "mistral": MistralConfig(
        **COMMON, **RMS, sliding_window=8,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    "neox_parallel": GPTNeoXConfig(
        **WIDE, **NEOX, hidden_act="gelu", use_parallel_residual=True,
        rope_parameters={
            "rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.25,
        },
    ),
    "neox_sequential": GPTNeoXConfig(
        **COMMON, **NEOX, hidden_act="gelu_new", use_parallel_residual=False,
        tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5,
        },
    ),
    # Original context 16: rows, and the continuations, are on both sides of it.
    "phi3": Phi3Config(
        **COMMON, **RMS, original_max_position_embeddings=16,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 100.0, "partial_rotary_factor": 0.75,
            "short_factor": [1.0, 1.1, 1.3],
            "long_factor": [1.5, 3.0, 7.0],
        },
    ),
    "phi3_window": Phi3Config(
        **COMMON, **RMS, sliding_window=11,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
}

SHARP = {**COMMON, "num_attention_heads": 2}

# Families that came later; their seeds follow those of the first.
LATER = {
    # Block 0 sees all tokens, block 1 a window.
    "qwen2": Qwen2Config(
        **COMMON, **RMS, use_sliding_window=True, sliding_window=8, max_window_layers=1,
        tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    "qwen2_tied": Qwen2Config(
        **COMMON, **RMS, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    ),
    "qwen3": Qwen3Config(
        **COMMON, **RMS, head_dim=16, use_sliding_window=True, sliding_window=8,
        max_window_layers=1, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    "qwen3_biased": Qwen3Config(
        **SHARP, **RMS, head_dim=8, attention_bias=True, tie_word_embeddings=False,
        rope_parameters={"rope_type": "linear", "rope_theta": 100.0, "factor": 2.0},
    ),
    "gemma": GemmaConfig(
        **SHARP, rms_norm_eps=1e-4, num_key_value_heads=1, head_dim=16,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    "gemma2": Gemma2Config(
        **SHARP, rms_norm_eps=1e-4, num_key_value_heads=1, head_dim=16, sliding_window=8,
        query_pre_attn_scalar=10, attn_logit_softcapping=5.0, final_logit_softcapping=4.0,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    # Two blocks with the window and a rotary base of their own, then one without.
    "gemma3": Gemma3TextConfig(
        **{**SHARP, "num_hidden_layers": 3}, rms_norm_eps=1e-4, num_key_value_heads=1,
        head_dim=16, sliding_window=8, sliding_window_pattern=3, query_pre_attn_scalar=10,
        final_logit_softcapping=6.0,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
        },
    ),
    "gemma3_untied": Gemma3TextConfig(
        **SHARP, rms_norm_eps=1e-4, num_key_value_heads=2, head_dim=8, sliding_window=8,
        layer_types=["full_attention", "sliding_attention"], query_pre_attn_scalar=8,
        tie_word_embeddings=False,
    ),
    # Block 1 knows no positions, and has a window.
    "smollm3": SmolLM3Config(
        **COMMON, **RMS, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=8,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
    "smollm3_untied": SmolLM3Config(
        **COMMON, **RMS, no_rope_layers=[0, 1], tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    ),
}
SEEDS = {name: seed for seed, name in enumerate(sorted(MODELS) + list(LATER))}
MODELS |= LATER

ADAPTERS = {
    "qwen2": {"r": 2, "lora_alpha": 6, "target_modules": "all-linear"},
    "gemma2": {"r": 2, "lora_alpha": 6, "target_modules": ["q_proj", "o_proj", "down_proj"]},
    "llama_tied": {"r": 2, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    "neox_parallel": {"r": 2, "lora_alpha": 6, "target_modules": "all-linear"},
    "phi3": {"r": 2, "lora_alpha": 6, "target_modules": "all-linear"},
}

DTYPES = {"llama_sharded": torch.bfloat16, "mistral": torch.float16}


def make_model(name, config):
    torch.manual_seed(SEEDS[name])
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    tied = config.tie_word_embeddings
    with torch.no_grad():
        for key, p in model.named_parameters():
            if key.endswith("bias"):
                p.copy_(0.3 * torch.randn_like(p))
            elif p.dim() == 1:
                gain = 1 + 0.3 * torch.randn_like(p)
                if "q_norm" in key or "k_norm" in key:
                    gain *= 2.0  # or scores would be no larger than 1
                p.copy_(gain - 1 if "gemma" in name else gain)
            elif "embed_tokens" in key or "embed_in" in key:
                spread = 0.4 if tied else 0.1
                if "gemma" in name:  # scaled afterwards
                    spread = 0.25
                p.copy_(spread * torch.randn_like(p))
            elif any(part in key for part in ("q_proj", "k_proj", "qkv_proj", "query_key_value")):
                p.copy_(2.0 / math.sqrt(p.shape[1]) * torch.randn_like(p))
            else:
                scale = 1.5 if "lm_head" in key or "embed_out" in key else 1.0
                p.copy_(scale / math.sqrt(p.shape[1]) * torch.randn_like(p))
        for p in model.parameters():  # what the file can hold
            p.copy_(p.to(DTYPES.get(name, torch.float32)).float())
    return model.eval()


def rows(seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(VOCAB, (n,), generator=g).tolist() for n in LENGTHS]


def logits_of(model, row):
    """Logits [T, V] of a row without its last token, by itself."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([row[:-1]])).logits[0]


def padded_logits(model, batch):
    width = max(LENGTHS) - 1
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for b, row in enumerate(batch):
        ids[b, : len(row) - 1] = torch.tensor(row[:-1])
        mask[b, : len(row) - 1] = 1
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=mask).logits


def nll(logits, row, start):
    """Mean loss in nats of the row's answer tokens."""
    predicted = torch.log_softmax(logits[start - 1 : len(row) - 1], -1)
    targets = torch.tensor(row[start:])
    return -predicted[torch.arange(len(targets)), targets].mean().item()


def liveliness(model, row):
    """Entropy of attention as a share of a uniform one's, and spread of logits."""
    with torch.no_grad():
        out = model(input_ids=torch.tensor([row]), output_attentions=True)
    shares = []
    for i, attention in enumerate(out.attentions):
        window = getattr(model.config, "sliding_window", None) or len(row)
        types = getattr(model.config, "layer_types", None)
        if types and types[i] == "full_attention":
            window = len(row)
        for t in range(3, attention.shape[2]):
            p = attention[0, :, t, : t + 1]
            entropy = -(p * p.clamp_min(1e-12).log()).sum(-1).mean().item()
            shares.append(entropy / math.log(min(t + 1, window)))
    share, spread = sum(shares) / len(shares), out.logits.std().item()
    assert share < 0.7, f"attention is nearly uniform: {share}"
    assert spread > 1.0, f"logits are nearly flat: {spread}"
    return share, spread


def gradients(model, batch):
    """Fingerprints of the gradients of the mean over rows of their losses, rows run alone."""
    model.zero_grad()
    for row, start in zip(batch, ANSWERS):
        logits = model(input_ids=torch.tensor([row[:-1]])).logits[0]
        predicted = torch.log_softmax(logits[start - 1 :], -1)
        targets = torch.tensor(row[start:])
        loss = -predicted[torch.arange(len(targets)), targets].mean() / len(batch)
        loss.backward()
    return {k: fingerprint(p.grad) for k, p in model.named_parameters() if p.grad is not None}


def greedy(model, prompt):
    """Continuation and the gaps to the second token, each step from scratch."""
    tokens, gaps = list(prompt), []
    for _ in range(NEW):
        with torch.no_grad():
            top = model(input_ids=torch.tensor([tokens])).logits[0, -1].topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        tokens.append(top.indices[0].item())
    new = tokens[len(prompt) :]
    with torch.no_grad():  # what transformers does with its cache
        ids = torch.tensor([prompt])
        cached = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False
        )
    cached = cached[0, len(prompt) :].tolist()
    clear = next((i for i, gap in enumerate(gaps) if gap < 1e-3), NEW)
    assert cached[:clear] == new[:clear], "transformers differs from itself"
    return {"tokens": new, "gaps": gaps}


def adapter(name, model, home, batch):
    """Logits of the first row with an adapter that PEFT made and wrote, and its gradients."""
    row = batch[0]
    settings = ADAPTERS[name]
    plain = logits_of(model, row)
    torch.manual_seed(7)
    adapted = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, bias="none", **settings)
    ).eval()
    with torch.no_grad():
        for key, p in adapted.named_parameters():
            if "lora_B" in key:  # PEFT starts them at 0, where nothing shows
                p.copy_(0.3 * torch.randn_like(p))
    adapted.save_pretrained(home / "adapter")
    (home / "adapter" / "README.md").unlink(missing_ok=True)
    written = home / "adapter" / "adapter_config.json"
    listing = json.loads(written.read_text())
    listing["target_modules"].sort()  # PEFT writes a set, in no order
    written.write_text(json.dumps(listing, indent=2) + "\n")
    logits = logits_of(adapted, row)
    assert (logits - plain).std() > 0.1, "the adapter hardly matters"
    tuned = gradients(adapted, batch) if name in LATER else {}
    names = {k.replace(".default.", "."): v for k, v in tuned.items()}
    return logits, names


def main(folder, names):
    for name in names or MODELS:
        config = MODELS[name]
        home = folder / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        model, batch = make_model(name, config), rows()
        share, spread = liveliness(model, batch[0])
        stored = DTYPES.get(name, torch.float32)
        shards = {"max_shard_size": "24KB"} if name == "llama_sharded" else {}
        model.to(stored).save_pretrained(home, **shards)
        (home / "generation_config.json").unlink(missing_ok=True)
        model = AutoModelForCausalLM.from_pretrained(
            home, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        logits = [logits_of(model, row) for row in batch]
        if name != "phi3":
            # Padding must not matter to transformers either. It does to longrope, which
            # there takes the padded width for the length: a row alone is what counts.
            padded = padded_logits(model, batch)
            for b, alone in enumerate(logits):
                assert (alone - padded[b, : len(alone)]).abs().max() < 1e-4
        expected = {
            "attention_entropy_of_uniform": share,
            "logits_sd": spread,
            "rows": [{"tokens": r, "answer": a} for r, a in zip(batch, ANSWERS)],
            "row_nll": [nll(x, r, a) for x, r, a in zip(logits, batch, ANSWERS)],
            "prompts": [batch[i][:n] for i, n in zip((0, 1, 3), PROMPTS)],
        }
        expected["greedy"] = [greedy(model, p) for p in expected["prompts"]]
        tensors = {f"row.{i}": x.contiguous() for i, x in enumerate(logits)}
        if name in LATER:
            expected["gradients"] = gradients(model, batch)
        if name in ADAPTERS:
            logits, tuned = adapter(name, model, home, batch)
            tensors["adapter"] = logits.contiguous()
            if tuned:
                expected["adapter_gradients"] = tuned
        save_file(tensors, home / "logits.safetensors")
        with open(home / "expected.json", "w") as f:
            json.dump(round_all(expected), f, separators=(",", ":"))
            f.write("\n")
        near = [min(g["gaps"]) for g in expected["greedy"]]
        print(f"{name}: attention entropy {share:.2f} of uniform, logits s.d. {spread:.2f}, "
              f"losses {[round(x, 3) for x in expected['row_nll']]}, closest calls {near}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
