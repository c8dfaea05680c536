"""Golden values for judges that are local models, made by Hugging Face transformers.

    python tests/reference/judges.py crates/seal-lm/tests/golden/judges [NAME ...]

Needs torch 2.x on the CPU, transformers (4.57 for the first four models, 5 for the later ones) and
safetensors. With names, only these models are made. Every folder is one small random
model as transformers writes it, with what transformers makes of it:

    NAME/expected.json        a causal model: rows, and of each the log-probabilities of all tokens
                              after its last one
    NAME_score/expected.json  a model with a head of scores: rows, their scores by transformers'
                              own rule for the end of a row, and their scores at their last token

Each row was run alone, and in batches padded on the right and on the left, with equal results.
Weights are scaled as in `families.py`, so that a wrong mask or position shows.
"""

import json
import math
import pathlib
import shutil
import sys

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

VOCAB = 40
PAD = 5
LENGTHS = [21, 3, 1, 12, 8, 30]
COMMON = dict(
    vocab_size=VOCAB,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=64,
    attn_implementation="eager",
    bos_token_id=None,
    eos_token_id=None,
)
RMS = dict(rms_norm_eps=1e-5, num_key_value_heads=1)
MODELS = {
    "llama": LlamaConfig(
        **COMMON, **RMS, pad_token_id=PAD, tie_word_embeddings=True, rope_theta=500.0,
        rope_scaling={
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
        },
    ),
    "mistral": MistralConfig(
        **COMMON, **RMS, pad_token_id=PAD, sliding_window=8, rope_theta=100.0,
        tie_word_embeddings=False,
    ),
    "neox": GPTNeoXConfig(
        **COMMON, pad_token_id=PAD, layer_norm_eps=1e-5, hidden_act="gelu", rotary_pct=0.5,
        tie_word_embeddings=False,
    ),
    "phi3": Phi3Config(
        **COMMON, **RMS, pad_token_id=PAD, rope_theta=100.0, tie_word_embeddings=False,
        original_max_position_embeddings=64,
    ),
}
# Families that came later; their seeds follow those of the first.
LATER = {
    "qwen2": Qwen2Config(
        **COMMON, **RMS, pad_token_id=PAD, tie_word_embeddings=True, use_sliding_window=True,
        sliding_window=8, max_window_layers=1,
    ),
    "qwen3": Qwen3Config(
        **COMMON, **RMS, pad_token_id=PAD, tie_word_embeddings=False, head_dim=12,
    ),
}
SEEDS = {name: seed for seed, name in enumerate(sorted(MODELS) + list(LATER))}
MODELS |= LATER
# Number of scores of each model.
SCORES = {"llama": 1, "mistral": 3, "neox": 1, "phi3": 2, "qwen2": 1, "qwen3": 1}
# The head is half as wide as a file of this size: two shards.
SHARDED = {"llama": "6KB"}


def make(name, head):
    torch.manual_seed(SEEDS[name] + (10 if head == "score" else 0))
    config = MODELS[name].__class__(**MODELS[name].to_diff_dict())
    config._attn_implementation = "eager"
    if head == "score":
        config.num_labels = SCORES[name]
        model = AutoModelForSequenceClassification.from_config(config)
    else:
        model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for key, p in model.named_parameters():
            if key.endswith("bias"):
                p.copy_(0.3 * torch.randn_like(p))
            elif p.dim() == 1:
                heads = 2.0 if "q_norm" in key or "k_norm" in key else 1.0
                p.copy_(heads * (1 + 0.3 * torch.randn_like(p)))
            elif "embed_tokens" in key or "embed_in" in key:
                p.copy_(0.5 * torch.randn_like(p))
            else:
                scale = 2.0 if any(k in key for k in ("q_proj", "k_proj", "qkv", "query")) else 1.2
                p.copy_(scale / math.sqrt(p.shape[1]) * torch.randn_like(p))
        for p in model.parameters():  # what a file of bf16 can hold
            p.copy_(p.to(torch.bfloat16).float())
    return model.eval()


def rows():
    g = torch.Generator().manual_seed(3)
    made = [torch.randint(VOCAB, (n,), generator=g).tolist() for n in LENGTHS]
    for row in made:  # pad ids where they are put on purpose only
        for i, token in enumerate(row):
            row[i] = token if token != PAD else PAD + 1
    made[0][4] = PAD  # inside
    made[3][0] = PAD  # first
    made[4][-1] = PAD  # last: transformers reads the token before
    return made


def padded(batch, side):
    width = max(map(len, batch))
    ids = torch.full((len(batch), width), PAD)
    mask = torch.zeros_like(ids)
    for b, row in enumerate(batch):
        at = slice(width - len(row), width) if side == "left" else slice(0, len(row))
        ids[b, at] = torch.tensor(row)
        mask[b, at] = 1
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    return ids, mask, positions


def close(a, b, what):
    gap = (a - b).abs().max().item()
    assert gap < 2e-5, f"{what}: transformers differs from itself by {gap}"


def log_probabilities(model, batch):
    alone = []
    for row in batch:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row])).logits[0, -1]
        alone.append(torch.log_softmax(logits.double(), -1))
    for side in ("left", "right"):
        ids, mask, positions = padded(batch, side)
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
        for b, row in enumerate(batch):
            at = -1 if side == "left" else len(row) - 1
            close(torch.log_softmax(logits[b, at].double(), -1), alone[b], side)
    return [[round(x, 7) for x in p.tolist()] for p in alone]


def scores(model, batch):
    by_rule, at_last = [], []
    for row in batch:
        ids = torch.tensor([row])
        with torch.no_grad():
            by_rule.append(model(input_ids=ids).logits[0])
            hidden = model.base_model(input_ids=ids).last_hidden_state
            at_last.append(model.score(hidden)[0, -1])
    # transformers' own rule needs no mask for padding on the right.
    ids, mask, positions = padded(batch, "right")
    with torch.no_grad():
        together = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    close(together, torch.stack(by_rule), "right")
    for row, a, b in zip(batch, by_rule, at_last):
        assert torch.equal(a, b) == (row[-1] != PAD), "the rules differ for the pad id alone"
    told = lambda all: [[round(x, 7) for x in s.tolist()] for s in all]
    return told(by_rule), told(at_last)


def main(folder, names):
    batch = rows()
    for name in names or MODELS:
        for head in ("text", "score"):
            home = folder / (name if head == "text" else f"{name}_score")
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            model = make(name, head)
            shards = {"max_shard_size": SHARDED[name]} if name in SHARDED else {}
            model.to(torch.bfloat16).save_pretrained(home, **shards)
            (home / "generation_config.json").unlink(missing_ok=True)
            auto = AutoModelForCausalLM if head == "text" else AutoModelForSequenceClassification
            model = auto.from_pretrained(
                home, dtype=torch.float32, attn_implementation="eager"
            ).eval()
            if head == "text":
                expected = {"rows": batch, "log_probabilities": log_probabilities(model, batch)}
            else:
                by_rule, at_last = scores(model, batch)
                expected = {"rows": batch, "by_rule": by_rule, "at_last": at_last}
            with open(home / "expected.json", "w") as f:
                json.dump(expected, f, separators=(",", ":"))
                f.write("\n")
            size = sum(p.stat().st_size for p in home.iterdir())
            print(home.name, size, sorted(p.name for p in home.iterdir()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
