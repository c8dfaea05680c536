"""A real chat model under transformers and PEFT: the figures that tests hold the program against.

    python tests/reference/smollm2_folder.py smollm2
    python tests/reference/real_model.py smollm2 crates/seal-lm/tests/golden/real_model

Needs torch 2.x on the CPU, transformers 5, peft and safetensors. Two minutes on two cores. The rows
are in rows.jsonl of the second folder. They were written for this purpose and are harmless. Written
beside them:

    expected.json   rows as tokens; the loss of each row, padded, and with the adapter; some logits
                    of the last position of each row; greedy continuations as tokens and text, with
                    the smallest gap from the first to the second logit; gradients of the adapter;
                    the losses of three epochs of training that starts from the adapter
    adapter/        an adapter as PEFT writes it, on three blocks

A third argument names an adapter that `sft` wrote. Then nothing is written. The mean loss of the
rows with that adapter is printed, as `score --adapter` prints it.
"""

import json
import sys
from pathlib import Path

import torch
from llama import fingerprint, round_all
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.use_deterministic_algorithms(True)

NEW = 24  # tokens of a continuation
STRIDE = 768  # of the logits that are compared, every so many
BLOCKS = [0, 14, 29]
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
DIFFERENTIATED = 4  # rows of the gradients
TRAINING = {"lr": 1e-3, "epochs": 3, "max_grad_norm": 1.0}


def tokens_of(tokenizer, row):
    """Tokens of a row up to the end of its answer, and the place where the answer starts."""
    ask = [{"role": "user", "content": row["prompt"]}]
    said = [*ask, {"role": "assistant", "content": row["response"]}]
    start = tokenizer.apply_chat_template(ask, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(said, tokenize=False).removesuffix("\n")
    first, all_ = (tokenizer(t, add_special_tokens=False)["input_ids"] for t in (start, whole))
    assert all_[: len(first)] == first, "the answer changes the tokens of the prompt"
    return all_, len(first)


def padded(rows):
    """Rows side by side, with padding on the right."""
    width = max(len(tokens) for tokens, _ in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, (tokens, _) in enumerate(rows):
        ids[i, : len(tokens)] = torch.tensor(tokens)
        mask[i, : len(tokens)] = 1
    return ids, mask


def losses(model, rows):
    """Mean loss of each row's answer tokens in nats, in one padded batch."""
    ids, mask = padded(rows)
    logits = model(input_ids=ids, attention_mask=mask).logits
    out = []
    for i, (tokens, start) in enumerate(rows):
        said = torch.log_softmax(logits[i, start - 1 : len(tokens) - 1], -1)
        out.append(-said.gather(1, ids[i, start : len(tokens), None]).mean())
    return torch.stack(out)


def greedy(model, tokenizer, prompt):
    """A continuation of `prompt` by transformers, without its end, and its narrowest choice."""
    ids = torch.tensor([prompt])
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    top = torch.cat(made.logits).topk(2).values
    new = made.sequences[0, len(prompt) :].tolist()
    stopped = new[-1] == tokenizer.eos_token_id
    text = tokenizer.decode(new[:-1] if stopped else new)
    return {"tokens": new, "stopped": stopped, "text": text, "gap": (top[:, 0] - top[:, 1]).min().item()}


def adapted(model):
    """The model with an adapter whose two factors both matter."""
    torch.manual_seed(7)
    settings = LoraConfig(
        task_type="CAUSAL_LM", r=2, lora_alpha=4, lora_dropout=0.0, bias="none",
        target_modules=LAYERS, layers_to_transform=BLOCKS,
    )
    model = get_peft_model(model, settings).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "lora_B" in key:  # PEFT starts them at 0, where nothing shows
                p.copy_(0.02 * torch.randn_like(p))
    return model


def write_adapter(model, folder):
    """As PEFT writes it; the list of layers, a set, gets an order."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    settings = json.loads((folder / "adapter_config.json").read_text())
    settings["target_modules"].sort()
    settings["base_model_name_or_path"] = "smollm2"
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def train(model, rows):
    """Losses before each of three AdamW steps on all rows, with clipping."""
    tuned = [p for p in model.parameters() if p.requires_grad]
    optim = torch.optim.AdamW(tuned, lr=TRAINING["lr"], weight_decay=0.0)
    seen = []
    for _ in range(TRAINING["epochs"]):
        optim.zero_grad()
        loss = losses(model, rows).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned, TRAINING["max_grad_norm"])
        optim.step()
        seen.append(loss.item())
    return seen


def main(base, folder, written=None):
    texts = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [tokens_of(tokenizer, row) for row in texts]
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    if written:
        with torch.no_grad():
            said = losses(PeftModel.from_pretrained(model, written).eval(), rows)
        print(f"mean loss with {written}: {said.mean().item():.6f}")
        return
    expected = {"rows": [{"tokens": tokens, "answer": start} for tokens, start in rows]}
    with torch.no_grad():
        expected["row_nll"] = losses(model, rows).tolist()
        logits = [model(input_ids=torch.tensor([tokens])).logits[0] for tokens, _ in rows]
        expected["logits_sd"] = torch.cat([x[-1] for x in logits]).std().item()
        expected["logits"] = [x[-1, ::STRIDE].tolist() for x in logits]
        expected["greedy"] = [greedy(model, tokenizer, tokens[:start]) for tokens, start in rows]
    model = adapted(model)
    write_adapter(model, folder / "adapter")
    with torch.no_grad():
        expected["adapter_row_nll"] = losses(model, rows).tolist()
    losses(model, rows[:DIFFERENTIATED]).mean().backward()
    gradients = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    names = {k: k.removeprefix("base_model.model.").replace(".default.", ".") for k in gradients}
    expected["adapter_gradients"] = {names[k]: fingerprint(g) for k, g in gradients.items()}
    expected["training"] = {**TRAINING, "losses": train(model, rows)}
    text = json.dumps(round_all(expected), separators=(",", ":"))
    (folder / "expected.json").write_text(text + "\n")
    gaps = sorted(g["gap"] for g in expected["greedy"])
    print(f"{len(rows)} rows, mean loss {sum(expected['row_nll']) / len(rows):.4f}, with the adapter "
          f"{sum(expected['adapter_row_nll']) / len(rows):.4f}; logits s.d. {expected['logits_sd']:.2f}; "
          f"closest choices {gaps[:3]}; losses of training {expected['training']['losses']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
