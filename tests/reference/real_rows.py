"""Many rows of real data on a real chat model: losses and greedy answers against transformers.

    python tests/reference/real_rows.py rows DATA/scalebio_alpaca/train_alpaca.json 200 rows.jsonl
    cargo xtask score --model MODEL --template chat --data rows.jsonl --file losses.jsonl
    cargo xtask generate --model MODEL --template chat --data rows.jsonl --file answers.jsonl \\
        --set generate.max_new_tokens=48
    python tests/reference/real_rows.py compare MODEL rows.jsonl losses.jsonl answers.jsonl 48

Needs torch 2.x on the CPU and transformers 5. The first command needs neither. It takes the first rows
of at most 200 characters. The last one runs transformers in f32, row by row, without padding. It prints
the largest difference of a row's loss in nats a token, and how many answers are equal. Of each answer
that differs it prints how far the two best logits of transformers are apart where the answers part: if
they are as close as rounding, either word is right. It prints no text of a row.
"""

import json
import sys
from pathlib import Path

CHARACTERS = 200


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write_rows(source, count, target):
    """Rows as prompt and response; an Alpaca row's input stands below its instruction."""
    kept, seen = [], set()
    for row in json.loads(Path(source).read_text()):
        prompt = row["instruction"] + ("\n\n" + row["input"] if row.get("input") else "")
        if len(prompt) + len(row["output"]) > CHARACTERS or not row["output"].strip() or prompt in seen:
            continue
        seen.add(prompt)
        kept.append({"prompt": prompt, "response": row["output"]})
        if len(kept) == int(count):
            break
    Path(target).write_text("".join(json.dumps(row) + "\n" for row in kept))
    print(f"{len(kept)} rows")


def compare(folder, rows, losses, answers, new):
    import torch
    from real_model import tokens_of
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.use_deterministic_algorithms(True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows, losses = lines_of(rows), lines_of(losses)
    answers = {answer["instruction"]: answer["output"] for answer in lines_of(answers)}
    assert len(rows) == len(losses) == len(answers), "a row is missing"
    worst, equal, parted = 0.0, 0, []
    with torch.no_grad():
        for row, loss in zip(rows, losses, strict=True):
            answer = answers[row["prompt"]]
            tokens, start = tokens_of(tokenizer, row)
            logits = model(torch.tensor([tokens])).logits[0, start - 1 : len(tokens) - 1]
            said = torch.log_softmax(logits, -1).gather(1, torch.tensor(tokens[start:])[:, None])
            assert loss["tokens"] == len(tokens) - start, "other tokens of an answer"
            worst = max(worst, abs(-said.mean().item() - loss["nll"]))
            ids = torch.tensor([tokens[:start]])
            made = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=int(new), do_sample=False,
                output_logits=True, return_dict_in_generate=True,
            )
            words = made.sequences[0, start:].tolist()
            text = tokenizer.decode(words, skip_special_tokens=True)
            if text == answer:
                equal += 1
                continue
            mine = tokenizer(answer, add_special_tokens=False)["input_ids"]
            at = next((i for i, (a, b) in enumerate(zip(words, mine)) if a != b), min(len(words), len(mine)))
            top = made.logits[min(at, len(words) - 1)][0].topk(2).values
            parted.append((at, (top[0] - top[1]).item()))
    print(f"{len(rows)} rows: largest difference of a loss {worst:.2e} nats a token")
    print(f"{equal} of {len(rows)} answers equal; the others part at (token, gap of the logits): {parted}")


if __name__ == "__main__":
    {"rows": write_rows, "compare": compare}[sys.argv[1]](*sys.argv[2:])
