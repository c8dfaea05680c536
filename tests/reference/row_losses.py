"""Losses of 200 real rows under small models of each family, by transformers and by
`cargo xtask score`, side by side.

    python tests/reference/row_losses.py PROGRAM SEAL_DATA [FOLDER]

PROGRAM is the built xtask. Models have random weights, scaled as in families.py, and the
tokenizer of GPT-NeoX; rows are Alpaca's, with the template of the published code, in padded
batches of 8. Prints the largest relative difference of a row's mean loss for each family;
no text of a row is printed. Needs torch and transformers; no network.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

SIZES = dict(vocab_size=50304, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
             intermediate_size=96, max_position_embeddings=512, tie_word_embeddings=False)
FAMILIES = {
    "llama": dict(num_key_value_heads=2, rope_parameters=dict(
        rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0,
        high_freq_factor=4.0, original_max_position_embeddings=64)),
    "mistral": dict(num_key_value_heads=2, sliding_window=24),
    "gpt_neox": dict(use_parallel_residual=True, rope_parameters=dict(
        rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25)),
    "phi3": dict(num_key_value_heads=2, pad_token_id=0, sliding_window=None),
}


def scaled(model):
    """Random weights that make attention uneven and logits spread."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                scale = 1.0 if "embed" in name else 2.0 / p.shape[1] ** 0.5
                p.copy_(torch.randn(p.shape, generator=generator) * scale)
    return model.eval()


def losses(model, tokenizer, rows, eos):
    """Mean loss of each row's answer, its end included."""
    out = []
    for start in range(0, len(rows), 8):
        batch = []
        for row in rows[start:start + 8]:
            prompt = tokenizer("Human: " + row["prompt"] + "\nAssistant: ").input_ids
            batch.append((prompt, prompt + tokenizer(row["response"]).input_ids + [eos]))
        width = max(len(ids) for _, ids in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        for i, (_, tokens) in enumerate(batch):
            ids[i, :len(tokens)] = torch.tensor(tokens)
            mask[i, :len(tokens)] = 1
        with torch.no_grad():
            logits = model(ids, attention_mask=mask).logits.double()
        logs = torch.log_softmax(logits, -1)
        for i, (prompt, tokens) in enumerate(batch):
            at = range(len(prompt) - 1, len(tokens) - 1)
            out.append(-sum(logs[i, t, tokens[t + 1]].item() for t in at) / len(at))
    return out


def main():
    program, data = sys.argv[1:3]
    folder = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()
    source = f"{data}/tokenizers/gpt_neox_pythia/20B_tokenizer.json"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=source, eos_token="<|endoftext|>")
    alpaca = json.load(open(f"{data}/scalebio_alpaca/train_alpaca.json"))
    alpaca = alpaca.get("instances", alpaca) if isinstance(alpaca, dict) else alpaca
    rows = []
    for row in alpaca:
        prompt = row["instruction"] + ("\n" + row["input"] if row.get("input") else "")
        if row["output"].strip() and len(prompt) + len(row["output"]) < 1200:
            rows.append(dict(prompt=prompt, response=row["output"]))
        if len(rows) == 200:
            break
    with open(f"{folder}/rows.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    for family, settings in FAMILIES.items():
        torch.manual_seed(0)
        config = AutoConfig.for_model(family, **SIZES, **settings)
        model = scaled(AutoModelForCausalLM.from_config(config))
        place = f"{folder}/{family}"
        model.save_pretrained(place)
        shutil.copy(source, f"{place}/tokenizer.json")
        json.dump(dict(eos_token="<|endoftext|>"), open(f"{place}/tokenizer_config.json", "w"))
        printed = subprocess.run([program, "score", "--model", place, "--data",
                                  f"{folder}/rows.jsonl", "-q"],
                                 check=True, capture_output=True, text=True).stdout
        got = [json.loads(line)["nll"] for line in printed.splitlines()]
        want = losses(model, tokenizer, rows, tokenizer.eos_token_id)
        assert len(got) == len(want) == len(rows), (len(got), len(want))
        worst = max(abs(a - b) / b for a, b in zip(got, want))
        print(f"{family:9} {len(rows)} rows, mean loss {sum(want) / len(want):.4f}, largest "
              f"relative difference {worst:.1e}", flush=True)


main()
