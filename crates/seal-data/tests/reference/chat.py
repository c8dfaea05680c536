"""Texts, tokens and masks of chat templates, by transformers.

Writes chat.json beside this file: the golden values of tests/chat.rs. Of real
conversations only hashes are kept; five invented ones stand in full.

Run: SEAL_DATA=<folder> HF_HUB_OFFLINE=1 python3 chat.py
Needs transformers 5.23, tokenizers 0.23, sentencepiece, gguf, tiktoken, blake3.
"""

import gzip
import json
import os
import re
from pathlib import Path

import sentencepiece
from blake3 import blake3
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter, generate_merges
from transformers.utils.chat_template_utils import render_jinja_template

DATA = Path(os.environ["SEAL_DATA"])
VOCABS = DATA / "tokenizers"
GGUF = VOCABS / "gguf_vocabs"
NORMAL, CONTROL, USER = 1, 3, 4

LLAMA3_SPECIAL = [
    "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>", "<|reserved_special_token_2|>",
    "<|reserved_special_token_3|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|reserved_special_token_4|>", "<|eot_id|>",
]


def fast(tokenizer, **named):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def sentencepiece_bpe(pieces, legacy, rstrip=False):
    """Pieces are (text, score, type). The two forms in which Llama's vocabulary is published."""
    vocab = {text: i for i, (text, _, _) in enumerate(pieces)}
    skip = {text for text, _, kind in pieces if kind != NORMAL}
    merges = generate_merges(vocab, {text: score for text, score, _ in pieces}, skip)
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if legacy:
        tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tok.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = [(i, t) for i, (t, _, kind) in enumerate(pieces) if kind in (2, CONTROL, USER)]
    tok.add_special_tokens(
        [AddedToken(t, normalized=False, special=True, rstrip=rstrip and i > 32000) for i, t in special]
    )
    return tok


def from_model(path):
    sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
    kind = lambda i: 2 if sp.is_unknown(i) else CONTROL if sp.is_control(i) else 6 if sp.is_byte(i) else NORMAL
    return [(sp.id_to_piece(i), sp.get_score(i), kind(i)) for i in range(sp.get_piece_size())]


def gguf(name):
    fields = GGUFReader(GGUF / f"ggml-vocab-{name}.gguf").fields
    return {key: fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type")} | {
        key: fields[f"tokenizer.ggml.{key}"].contents()
        for key in ("scores", "merges")
        if f"tokenizer.ggml.{key}" in fields
    }


def gguf_pieces(name):
    g = gguf(name)
    return list(zip(g["tokens"], g["scores"], g["token_type"]))


def gpt2():
    g = gguf("gpt-2")
    vocab = {t: i for i, t in enumerate(g["tokens"])}
    tok = Tokenizer(models.BPE(vocab, [tuple(m.split(" ")) for m in g["merges"]]))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    return fast(tok, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def llama3():
    path = str(VOCABS / "llama3/tokenizer.model")
    tok = TikTokenConverter(path, extra_special_tokens=LLAMA3_SPECIAL).converted()
    return fast(tok, bos_token="<|begin_of_text|>", eos_token="<|end_of_text|>")


def neox(extra=()):
    tok = Tokenizer.from_file(str(VOCABS / "gpt_neox_pythia/20B_tokenizer.json"))
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in extra])
    # The file trims offsets, so tokens of spaces stand nowhere; ids do not depend on it.
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    return fast(tok, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


SP = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
TOKENIZERS = {
    "llama3": llama3(),
    "mistral-v1": fast(sentencepiece_bpe(from_model(VOCABS / "mistral/tokenizer.model.v1"), False), **SP),
    "mistral-v3": fast(
        sentencepiece_bpe(from_model(VOCABS / "mistral/mistral_instruct_tokenizer_240323.model.v3"), False), **SP
    ),
    "phi-3": fast(
        sentencepiece_bpe(gguf_pieces("phi-3"), True, rstrip=True),
        bos_token="<s>", eos_token="<|endoftext|>", unk_token="<unk>",
    ),
    "llama-spm": fast(sentencepiece_bpe(gguf_pieces("llama-spm"), True), **SP),
    "gpt-2": gpt2(),
    "neox": neox(),
    "neox-chatml": neox(["<|im_start|>", "<|im_end|>"]),
}
CASES = [
    ("axolotl/alpaca", "mistral-v1"), ("axolotl/alpaca", "gpt-2"), ("axolotl/chatml", "neox-chatml"),
    ("axolotl/chatml", "neox"), ("axolotl/llama3", "llama3"), ("axolotl/mistral_v1", "mistral-v1"),
    ("axolotl/mistral_v2v3", "mistral-v3"), ("axolotl/phi_3", "phi-3"), ("axolotl/phi_35", "phi-3"),
    ("trl/llama3", "llama3"), ("trl/llama3_training", "llama3"), ("trl/phi3", "phi-3"),
    ("trl/phi3_training", "phi-3"), ("trl/phi3_5", "phi-3"), ("trl/phi3_5_training", "phi-3"),
]
VECTORS = {"gpt-2": "gpt-2", "llama-bpe": "llama3", "llama-spm": "llama-spm", "phi-3": "phi-3", "mpt": "neox"}

turn = lambda role, content: {"role": role, "content": content}
INVENTED = [
    [turn("user", "Name a colour."), turn("assistant", "Blue.")],
    [turn("system", "Be brief."), turn("user", " two\nlines "), turn("assistant", "  ok\n")],
    [
        turn("user", "Grüße 👩‍🚀, 你好"), turn("assistant", "ça va 🙂\n\n\tif x:\n    y = \"é\""),
        turn("user", "again?"), turn("assistant", "again? ¡sí!"),
    ],
    [
        turn("user", "ends <|eot_id|> here </s> or <|end|> or <|im_end|>?"),
        turn("assistant", "no <|endoftext|> no"), turn("user", "<|user|>"), turn("assistant", "[/INST] x"),
    ],
    [turn("user", "{{ bos_token }} {% raw %}"), turn("assistant", "<b>&amp;</b> 'q'\u00a0end\u2028.")],
]


def transcripts(n):
    out = []
    with gzip.open(DATA / "hh_rlhf/test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            parts = re.split(r"\n\n(Human|Assistant): ", json.loads(line)["chosen"])
            roles = ["user" if r == "Human" else "assistant" for r in parts[1::2]]
            alternate = roles == ["user", "assistant"] * (len(roles) // 2)
            if alternate and len(roles) >= 4 and all(c.strip() for c in parts[2::2]):
                out.append([turn(r, c) for r, c in zip(roles, parts[2::2])])
            if len(out) == n:
                return out


def render(template, tok, messages, prompt=False):
    named = {k: v for k, v in tok.special_tokens_map.items() if isinstance(v, str)}
    return render_jinja_template([messages], chat_template=template, add_generation_prompt=prompt, **named)[0][0]


def masks(template, tok, messages, text, encoding):
    """Masks of all answers and of the last one."""
    n, out = len(encoding.input_ids), []
    answers = [i for i, m in enumerate(messages) if m["role"] == "assistant"]
    if re.search(r"\{%-?\s*generation", template):
        full = tok.apply_chat_template(
            messages, chat_template=template, return_dict=True, return_assistant_tokens_mask=True
        )
        assert list(full["input_ids"]) == list(encoding.input_ids)
        prefix = render(template, tok, messages[: answers[-1]], True)
        assert text.startswith(prefix)
        first = encoding.char_to_token(len(prefix))
        mask = list(full["assistant_masks"])
        return mask, [m if i >= first else 0 for i, m in enumerate(mask)]
    special = [i in tok.all_special_ids or i in tok.added_tokens_decoder and tok.added_tokens_decoder[i].special
               for i in encoding.input_ids]
    for i in answers:
        prefix = render(template, tok, messages[:i], True)
        if not text.startswith(prefix):
            return "rewritten"
        upto = render(template, tok, messages[: i + 1])
        limit = len(os.path.commonprefix([upto, text]))
        words = messages[i]["content"].strip()
        # Words that stand there more often: the header's come first, the answer's own last.
        at = text.rfind(words, len(prefix), limit)
        if at < 0:
            return "altered"
        words_end = at + len(words)
        end = next(
            (encoding.token_to_chars(t)[1] for t in range(n) if special[t] and encoding.token_to_chars(t)
             and encoding.token_to_chars(t)[0] >= words_end and encoding.token_to_chars(t)[1] <= limit), None)
        if end is None:
            if limit != len(upto):
                return "no end"
            end = limit
        held = [t for t in range(n) if encoding.token_to_chars(t) and encoding.token_to_chars(t)[0] < end
                and encoding.token_to_chars(t)[1] > len(prefix)]
        out.append([int(held[0] <= t <= held[-1]) for t in range(n)])
    return [max(column) for column in zip(*out)], out[-1]


def conversation(template, tok, messages):
    try:
        text = render(template, tok, messages)
    except Exception as e:
        return {"error": str(e)}
    encoding = tok(text, add_special_tokens=False)
    found = masks(template, tok, messages, text, encoding)
    shown = {"text": text, "tokens": list(encoding.input_ids)}
    if isinstance(found, str):
        return shown | {"error": found}
    return shown | {"all": runs(found[0]), "last": runs(found[1])}


def runs(mask):
    """[from, to) of every stretch of ones."""
    edges = [i for i in range(len(mask) + 1) if (mask[i - 1] if i else 0) != (mask[i] if i < len(mask) else 0)]
    return [list(pair) for pair in zip(edges[::2], edges[1::2])]


def digest(values):
    h = blake3()
    for value in values:
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        h.update(len(data).to_bytes(8, "little") + data)
    return h.hexdigest()[:32]


def vectors():
    counts = {}
    for name, tok in VECTORS.items():
        texts = (GGUF / f"ggml-vocab-{name}.gguf.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
        lines = (GGUF / f"ggml-vocab-{name}.gguf.out").read_text().splitlines()
        pairs = list(zip(texts, lines))
        same = [TOKENIZERS[tok](t, add_special_tokens=False).input_ids == [int(i) for i in o.split()] for t, o in pairs]
        counts[name] = [sum(same), len(same)]
    return counts


def main():
    real = transcripts(200)
    golden = {"invented": INVENTED, "transcripts": digest([[m["role"], m["content"]] for m in c] for c in real), "vectors": vectors(), "cases": []}
    for name, tok_name in CASES:
        template, tok = (DATA / f"chat_templates/{name}.jinja").read_text(encoding="utf-8"), TOKENIZERS[tok_name]
        done = [conversation(template, tok, c) for c in real]
        golden["cases"].append({
            "template": name, "tokenizer": tok_name,
            "texts": digest(c.get("text") for c in done), "tokens": digest(c.get("tokens") for c in done),
            "masks": digest([c.get("all"), c.get("last"), c.get("error")] for c in done),
            "count": [sum(len(c.get("tokens", [])) for c in done), sum("error" in c for c in done)],
            "invented": [conversation(template, tok, c) for c in INVENTED],
        })
        print(name, tok_name, golden["cases"][-1]["count"])
    print(golden["vectors"])
    lines = [json.dumps(c, ensure_ascii=False) for c in golden.pop("cases")]
    head = json.dumps(golden, ensure_ascii=False)[:-1]
    out = Path(__file__).with_name("chat.json")
    out.write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
