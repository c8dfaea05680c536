"""Golden values for the choice of tokens in `seal-lm`, made by the processors of
Hugging Face transformers, in the order in which its `generate` builds them.

    python tests/reference/sampling.py crates/seal-lm/tests/golden

Needs torch 2.x on the CPU and transformers 5. Writes `sampling.json`: logits,
contexts, and what remains of them under a grid of settings; and, for the model
in `tied`, greedy answers with a repetition penalty and several stop tokens.
Processing is in f64, so that rules are compared and not the rounding of f32.
"""

import json
import pathlib
import sys

import torch
from transformers import GenerationConfig, LlamaForCausalLM

torch.set_num_threads(1)

PENALTIES = [1.0, 1.3, 0.8]
TEMPERATURES = [1.0, 0.6, 1.8]
TOP_KS = [0, 1, 7, 60, 10_000]
TOP_PS = [1.0, 0.9, 0.3, 1e-6]
PROMPTS = [[5, 9, 9, 2], [17], list(range(40, 62)), [3, 3, 3, 3, 3, 3]]


def logits():
    """Plain, with many ties, with entries that are ruled out, all equal."""
    g = torch.Generator().manual_seed(7)
    plain = torch.randn(220, generator=g) * 3
    ties = (torch.randn(220, generator=g) * 2).round() / 2
    holes = torch.randn(50, generator=g) * 4
    holes[::3] = -float("inf")
    out = {"plain": plain, "ties": ties, "holes": holes, "equal": torch.full((12,), 1.5)}
    draw = lambda n: torch.randint(0, n, (25,), generator=g).tolist()
    return {name: (x, draw(len(x))) for name, x in out.items()}


def processed(model, scores, context, **settings):
    config = GenerationConfig(do_sample=True, **settings)
    ids = torch.tensor([context])
    processors = model._get_logits_processor(
        generation_config=config,
        input_ids_seq_length=ids.shape[1],
        encoder_input_ids=ids,
        prefix_allowed_tokens_fn=None,
        logits_processor=[],
        device="cpu",
    )
    return processors(ids, scores[None].double())[0].softmax(-1)


def grid():
    """Every pair of values of two settings, the others off; then all together."""
    off = {"repetition_penalty": 1.0, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    values = {
        "repetition_penalty": PENALTIES,
        "temperature": TEMPERATURES,
        "top_k": TOP_KS,
        "top_p": TOP_PS,
    }
    cases = []
    for a in values:
        for b in values:
            cases += [{**off, a: x, b: y} for x in values[a] for y in values[b] if a < b]
    cases += [
        {"repetition_penalty": r, "temperature": t, "top_k": k, "top_p": p}
        for r, t, k, p in [(1.3, 0.6, 60, 0.9), (0.8, 1.8, 7, 0.3), (1.3, 1.8, 60, 0.3)]
    ]
    return [json.loads(c) for c in sorted({json.dumps(c) for c in cases})]


def main(folder):
    model = LlamaForCausalLM.from_pretrained(folder / "tied").float().eval()
    vectors = []
    for name, (scores, context) in logits().items():
        cases = []
        for settings in grid():
            p = processed(model, scores, context, **settings)
            kept = p.nonzero()[:, 0].tolist()
            cases.append({
                "settings": settings,
                "kept": kept,
                "p": [round(x, 8) for x in p[kept].tolist()],
            })
        values = [None if x == -float("inf") else x for x in scores.tolist()]
        vectors.append({"name": name, "logits": values, "context": context, "cases": cases})
    answers = []
    for penalty in [1.0, 1.5]:
        for prompt in PROMPTS:
            for stops in [[95], [14, 68, 84]]:
                out = model.generate(
                    torch.tensor([prompt]),
                    attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                    do_sample=False,
                    max_new_tokens=24,
                    repetition_penalty=penalty,
                    eos_token_id=stops,
                    pad_token_id=0,
                )[0, len(prompt):].tolist()
                answers.append(
                    {"penalty": penalty, "prompt": prompt, "stops": stops, "tokens": out}
                )
    text = json.dumps({"vectors": vectors, "answers": answers}, separators=(",", ":"))
    (folder / "sampling.json").write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
