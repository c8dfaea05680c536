"""Token ids of judges' prompts, by transformers, for the tests of `seal-model`.

    SEAL_DATA=DIR python tests/reference/judge_tokens.py \\
        crates/seal-model/tests/judge_tokens crates/seal-data/tests/reference

Needs transformers, tokenizers, sentencepiece, gguf, tiktoken and blake3. The vocabularies are those
of the real data, put together by `chat.py` in the second folder. Writes `expected.json` into the
first one: of each judge and sample the number of tokens, the SHA-256 of their ids, and how many of
them begin a text; and the ids of verdict tokens.
"""

import hashlib
import json
import os
import pathlib
import sys

HOME, REFERENCE = map(pathlib.Path, sys.argv[1:3])
sys.path.insert(0, str(REFERENCE))
import chat  # noqa: E402
from tokenizers import processors  # noqa: E402

DATA = pathlib.Path(os.environ["SEAL_DATA"])
SAMPLES = [
    ("Name a colour.", "Blue."),
    ("How are {names} written?\n", "  In braces: {response}, {generation}.\n\nThat is all. "),
    ("Gr\u00fc\u00dfe \U0001f469\u200d\U0001f680, \u4f60\u597d", "\u00e7a va \U0001f642\n\n\tif x:\n    y = 1"),
    ("Say nothing.", ""),
]


def with_bos(name):
    """The tokenizer as a folder has it that puts a token before every text."""
    tok = chat.TOKENIZERS[name]
    bos = tok.bos_token
    tok.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tok.bos_token_id)]
    )
    return tok


def raw(file, slots):
    text = (DATA / "judge_prompts" / file).read_bytes().decode()
    return lambda tok, q, a: tok(text.format(**{slots[0]: q, slots[1]: a}))["input_ids"]


def conversation(template, asked):
    def ids(tok, q, a):
        turns = [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
        return tok.apply_chat_template(
            turns, chat_template=template, add_generation_prompt=asked, tokenize=True,
            return_dict=False,
        )

    return ids


def turn(template, own):
    def ids(tok, q, a):
        text = own.replace("{prompt}", "\0").replace("{response}", a).replace("\0", q)
        return tok.apply_chat_template(
            [{"role": "user", "content": text}], chat_template=template,
            add_generation_prompt=True, tokenize=True, return_dict=False,
        )

    return ids


def skywork(template):
    """As the card of Skywork-Reward-V2 has it: the text without its first token, then tokenised
    with special tokens."""

    def ids(tok, q, a):
        turns = [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
        text = tok.apply_chat_template(turns, chat_template=template, tokenize=False)
        return tok(text.removeprefix(tok.bos_token))["input_ids"]

    return ids


def main():
    templates = DATA / "chat_templates"
    read = lambda path: path.read_bytes().decode()
    judges = {
        "harmbench": ("llama-spm", raw("harmbench-llama2.txt", ("behavior", "generation"))),
        "wildguard": ("mistral-v3", raw("wildguard.txt", ("prompt", "response"))),
        "chat": ("llama3", conversation(read(HOME / "guard.jinja"), True)),
        "turn": (
            "neox-chatml",
            turn(read(templates / "axolotl/chatml.jinja"), read(HOME / "turn.txt")),
        ),
        "reward": ("llama3", skywork(read(templates / "trl/llama3.jinja"))),
    }
    out = {}
    for name, (vocabulary, ids_of) in judges.items():
        # ChatML's vocabulary begins no text with a token.
        tok = chat.TOKENIZERS[vocabulary] if name == "turn" else with_bos(vocabulary)
        found = []
        for q, a in SAMPLES:
            ids = list(ids_of(tok, q, a))
            digest = hashlib.sha256(json.dumps(ids, separators=(",", ":")).encode())
            begins = 0 if name == "turn" else ids.count(tok.bos_token_id)
            found.append({"n": len(ids), "sha256": digest.hexdigest()[:32], "begins": begins})
        out[name] = found
    with open(HOME / "expected.json", "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
