"""What transformers makes of tokenizer folders: golden values of `tests/folders`.

Writes folders.json beside this file: a few small tokenizers, and folders made of them by
changes (`set`: JSON pointers into tokenizer.json; `files`: what stands around it). For each
folder it holds what transformers 5 gives, and what transformers 4 gives where that differs.
`refused` is a part of the message with which this project refuses a folder.

Run: HF_HUB_OFFLINE=1 TF5/bin/python folders.py TF4/bin/python
     (transformers 5.23 with tokenizers 0.23, transformers 4.57 with tokenizers 0.22)
"""

import copy
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = Path(__file__).parent
CORPUS = "how do you clean a lamp ? you clean a lamp with a cloth and water , slowly . the low tower is lower than the slow user assistant hello world ".split()
TEXTS = [
    "Hello world",
    "  hello  lamp ",
    "<|im_start|>user\nclean a lamp<|im_end|>\n<|im_start|>assistant\nslowly </s> lower",
    "a<|im_end|>b <pad> c <tool>d<s>",
    "e\u0301\u00e9 2024 don't , you .\t\n",
    "low<|im_end|>  lower <TOOL> toolow lowtool",
    "<|endoftext|> the </s><|padding|>x<new> <unk> y",
]
MESSAGES = [
    {"role": "user", "content": "clean a lamp"},
    {"role": "assistant", "content": "slowly, you"},
]
TURN = "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
CHAT = "{% for message in messages %}" + TURN + "{% endfor %}"
MARKED = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}" + TURN + "{% endif %}{% endfor %}"
)
NAMED = "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ think_token }}|{{ image_token }}|" + CHAT


# The tokenizers: byte-pair merges are counted here, so that no trainer's choices show.
def merges(words, n):
    words, out = [list(w) for w in words], []
    for _ in range(n):
        pairs = {}
        for w in words:
            for pair in zip(w, w[1:]):
                pairs[pair] = pairs.get(pair, 0) + 1
        if not pairs:
            break
        best = max(sorted(pairs), key=lambda p: pairs[p])
        out.append(best)
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best:
                    w[i : i + 2] = [w[i] + w[i + 1]]
                i += 1
    return out


def added(id, content, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": id, "content": content, **plain, **flags}


def tokenizer(model, added_tokens, **parts):
    rest = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added_tokens, **rest, **parts, "model": model}


def bpe(vocab, pairs, **flags):
    rest = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    rest |= {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {"type": "BPE", **rest, **flags, "vocab": vocab, "merges": [list(p) for p in pairs]}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def of_bytes():
    # The alphabet of byte-level BPE: printable bytes stand for themselves.
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(b) for b in shown] + [chr(256 + i) for i in range(256 - len(shown))]
    pairs = merges(["\u0120" + w for w in CORPUS] + CORPUS, 60)
    entries = ["<|endoftext|>"] + alphabet + [a + b for a, b in pairs]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(entries))}
    n = len(vocab)
    tokens = [added(0, "<|endoftext|>"), added(n, "<s>"), added(n + 1, "</s>"), added(n + 2, "<|im_start|>"), added(n + 3, "<|im_end|>")]
    tokens += [added(n + 4, "<pad>"), added(n + 5, "<tool>", special=False, normalized=True)]
    return tokenizer(bpe(vocab, pairs), tokens, pre_tokenizer=BYTE_LEVEL, post_processor=BYTE_LEVEL, decoder=BYTE_LEVEL)


def pieces():
    letters = sorted(set("".join(CORPUS) + "\u2581\n'Hdwe\u00e9024,."))
    pairs = merges(["\u2581" + w for w in CORPUS], 60)
    return letters, pairs


PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
SPM_DECODER = {"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}


def metaspace(scheme, split=False):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}


def template(bos=None, eos=None):
    piece = lambda t: [{"SpecialToken": {"id": t, "type_id": 0}}] if t else []
    ids = lambda *given: {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in given if t}
    single = lambda n: piece(bos and bos[0]) + [{"Sequence": {"id": "AB"[n], "type_id": 0}}] + piece(eos and eos[0])
    return {"type": "TemplateProcessing", "single": single(0), "pair": single(0) + single(1), "special_tokens": ids(*(t for t in (bos, eos) if t))}


def of_pieces():
    letters, pairs = pieces()
    entries = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + letters + [a + b for a, b in pairs]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(entries))}
    n = len(vocab)
    tokens = [added(i, t) for i, t in enumerate(["<unk>", "<s>", "</s>"])]
    tokens += [added(n, "<|im_start|>"), added(n + 1, "<|im_end|>"), added(n + 2, "<pad>"), added(n + 3, "<tool>", special=False, normalized=True)]
    model = bpe(vocab, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    return tokenizer(model, tokens, normalizer=PREPEND, post_processor=template(("<s>", 1)), decoder=SPM_DECODER)


def of_scores():
    letters, pairs = pieces()
    entries = dict.fromkeys(["<unk>", "<s>", "</s>"] + letters + [a + b for a, b in pairs])
    vocab = [[t, 0.0 if i < 3 else -1.0 - i / 16] for i, t in enumerate(entries)]
    n = len(vocab)
    tokens = [added(i, t) for i, t in enumerate(["<unk>", "<s>", "</s>"])] + [added(n, "<|im_start|>"), added(n + 1, "<|im_end|>"), added(n + 2, "<pad>")]
    space = metaspace("always", True)
    return tokenizer({"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}, tokens, pre_tokenizer=space, decoder=space)


def of_words():
    entries = dict.fromkeys(["<unk>", "<s>", "</s>"] + CORPUS + ["\n", "tool", "x", "y", "don", "t", "'"])
    vocab = {t: i for i, t in enumerate(entries)}
    n = len(vocab)
    tokens = [added(i, t) for i, t in enumerate(["<unk>", "<s>", "</s>"])] + [added(n, "<|im_start|>"), added(n + 1, "<|im_end|>"), added(n + 2, "<pad>")]
    return tokenizer({"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}, tokens, normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "Whitespace"})


BASES = {"bytes": of_bytes(), "pieces": of_pieces(), "scores": of_scores(), "words": of_words()}


def size(base):
    return max([t["id"] for t in base["added_tokens"]]) + 1


def at(base, content):
    return next(i for i, t in enumerate(BASES[base]["added_tokens"]) if t["content"] == content)


def id_of(base, content):
    return BASES[base]["added_tokens"][at(base, content)]["id"]


def decoder(base, **changed):
    """`added_tokens_decoder` as save_pretrained writes it, with the flags of some tokens changed."""
    tokens = {}
    for t in BASES[base]["added_tokens"]:
        t = {**t, **changed.get(t["content"], {})}
        tokens[str(t.pop("id"))] = t
    return tokens


CASES = []
KEYS = set()


def case(name, base="bytes", set=None, config={}, model={}, refused=None, rows=24, **files):
    """One folder. `config` is added to the usual tokenizer_config.json; None leaves the file out."""
    assert name not in KEYS, name
    KEYS.add(name)
    names = {"map": "special_tokens_map.json", "added": "added_tokens.json", "generation": "generation_config.json", "jinja": "chat_template.jinja"}
    usual = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "bos_token": "<s>", "pad_token": "<pad>"}
    written = {"config.json": {"model_type": "llama", "vocab_size": size(BASES[base]) + rows, **model}}
    if config is not None:
        merged = {**usual, **config}
        written["tokenizer_config.json"] = {k: v for k, v in merged.items() if v is not ...}
    written |= {names.get(k, k): v for k, v in files.items() if v is not None}
    CASES.append({"name": name, "base": base, "set": set or {}, "files": written, **({"refused": refused} if refused else {})})


def cases():
    special = at("bytes", "<|im_end|>")
    # Flags of a special token and of another, by the place that has them.
    for content, base_at in [("<|im_end|>", special), ("<tool>", at("bytes", "<tool>"))]:
        for flag, value in [("lstrip", True), ("rstrip", True), ("single_word", True), ("normalized", None), ("special", None)]:
            now = BASES["bytes"]["added_tokens"][base_at][flag]
            value = not now if value is None else value
            key = f"flag {content} {flag}"
            pointer = {f"/added_tokens/{base_at}/{flag}": value}
            there, same = decoder("bytes", **{content: {flag: value}}), decoder("bytes")
            case(f"{key} file", set=pointer)
            case(f"{key} file+same decoder", set=pointer, config={"added_tokens_decoder": there})
            case(f"{key} decoder", config={"added_tokens_decoder": there})
            case(f"{key} file-decoder", set=pointer, config={"added_tokens_decoder": same})
            case(f"{key} decoder lower", set={"/normalizer": {"type": "Lowercase"}}, config={"added_tokens_decoder": there})
            token = {"__type": "AddedToken", **added(0, content, **{flag: value})}
            token.pop("id"), token.pop("special")
            case(f"{key} config object", config={"eos_token": token})
            case(f"{key} map object", map={"eos_token": {k: v for k, v in token.items() if k != "__type"}})

    # Which file says what ends a text.
    plain = {"lstrip": False, "normalized": False, "rstrip": True, "single_word": False}
    says = {"text": "<|im_end|>", "object": {"__type": "AddedToken", "content": "<|im_end|>", **plain}, "null": None, "none": ...}
    of_map = {"text": "</s>", "object": {"content": "</s>", **plain}, "null": None, "none": ...}
    for (c, eos), (m, of), (d, table) in itertools.product(says.items(), of_map.items(), [("decoder", decoder("bytes")), ("none", ...)]):
        has_eos = (c not in ("null", "none")) if (d == "decoder" or m == "none") else m != "null"
        map = None if of is ... else {"eos_token": of, "pad_token": "<pad>"}
        case(f"eos config {c} map {m} decoder {d}", config={"eos_token": eos, "added_tokens_decoder": table}, map=map, refused=None if has_eos else "no file says which token ends a text")
    for name in ["bos_token", "unk_token", "sep_token", "cls_token", "mask_token"]:
        case(f"named {name} of the map", map={name: "<tool>"})
        case(f"named {name} of the config", config={name: "<tool>"})
        case(f"named {name} of the vocabulary", config={name: "low"})
    case("named text in both, flags in the file", set={f"/added_tokens/{special}/rstrip": True}, map={"eos_token": "<|im_end|>"})
    case("only the map", config=None, map={"eos_token": "</s>", "bos_token": "<s>"}, model={"tokenizer_class": "PreTrainedTokenizerFast"})

    # Classes by family of the model.
    classes = ["PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "LlamaTokenizerFast", "LlamaTokenizer"]
    classes += ["CodeLlamaTokenizer", "GPT2TokenizerFast", "GPT2Tokenizer", "GPTNeoXTokenizerFast", "Qwen2TokenizerFast", "Qwen2Tokenizer"]
    for cls in [*classes, "BertTokenizerFast", "GemmaTokenizer", "MadeUpTokenizer", None, ...]:
        for family in ["llama", "mistral", "gpt_neox", "phi3"]:
            known = family in ("mistral", "phi3")
            refused = None if known or cls != "BertTokenizerFast" else "tokenizer_class is"
            if cls in ("CodeLlamaTokenizer", "GemmaTokenizer") and not known:
                refused = "does not fit tokenizer.json"
            case(f"class {cls if cls is not ... else 'missing'} {family}", config={"tokenizer_class": cls}, model={"model_type": family}, refused=refused)
        refused = None if cls != "BertTokenizerFast" else "tokenizer_class is"
        case(f"class {cls if cls is not ... else 'missing'} pieces", "pieces", config={"tokenizer_class": cls}, refused=refused)
    for cls in ["PreTrainedTokenizerFast", "LlamaTokenizer", "GPT2TokenizerFast"]:
        for base in ["scores", "words"]:
            case(f"class {cls} {base}", base, config={"tokenizer_class": cls}, refused=None if cls.startswith("Pre") else "does not fit tokenizer.json")
    case("class of config.json", config={"tokenizer_class": ...}, model={"tokenizer_class": "GPT2TokenizerFast"})
    case("class of config.json, no other file", config=None, model={"tokenizer_class": "GPTNeoXTokenizerFast", "model_type": "gpt_neox"})
    case("class in both", config={"tokenizer_class": "Qwen2TokenizerFast"}, model={"tokenizer_class": "GPT2TokenizerFast"})
    digits = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL]}
    for cls in ["PreTrainedTokenizerFast", "GPT2TokenizerFast", "Qwen2TokenizerFast"]:
        case(f"class {cls} with digits", set={"/pre_tokenizer": digits}, config={"tokenizer_class": cls})
        case(f"class {cls} lower", set={"/normalizer": {"type": "Lowercase"}}, config={"tokenizer_class": cls})
    case("class Llama, Metaspace first", "pieces", set={"/normalizer": None, "/pre_tokenizer": metaspace("first")}, config={"tokenizer_class": "LlamaTokenizer", "legacy": False})
    case("class Llama, Metaspace always", "pieces", set={"/normalizer": None, "/pre_tokenizer": metaspace("always")}, config={"tokenizer_class": "LlamaTokenizer", "legacy": True})
    case("auto_map and a known class", config={"auto_map": {"AutoTokenizer": ["x.Slow", None]}})
    case("auto_map and no class", config={"tokenizer_class": ..., "auto_map": {"AutoTokenizer": ["x.Slow", None]}}, refused="auto_map names Python code")
    case("auto_map and an unknown class", config={"tokenizer_class": "MadeUpTokenizer", "auto_map": {"AutoTokenizer": ["x.Slow", None]}}, refused="auto_map names Python code")
    case("auto_map of the model alone", config={"tokenizer_class": ..., "auto_map": {"AutoModel": "x.Model"}})

    # The space before a text.
    for cls, base in [(c, "bytes") for c in ["PreTrainedTokenizerFast", "GPT2TokenizerFast", "GPTNeoXTokenizerFast", "Qwen2TokenizerFast"]] + [("LlamaTokenizerFast", "pieces")]:
        for asked, there in itertools.product([True, False, ...], [True, False]):
            pointer = {"/pre_tokenizer/add_prefix_space": there} if base == "bytes" else {} if there else {"/normalizer": PREPEND["normalizers"][1]}
            key = f"space {cls} asked {asked if asked is not ... else 'not'} file {there}"
            case(key, base, set=pointer, config={"tokenizer_class": cls, "add_prefix_space": asked})
    for legacy, asked in itertools.product([True, False, None, ...], [True, False]):
        case(f"legacy {legacy if legacy is not ... else 'missing'} space {asked}", "pieces", config={"tokenizer_class": "LlamaTokenizerFast", "legacy": legacy, "add_prefix_space": asked})
    for legacy in [True, False, None]:
        case(f"legacy {legacy}", "pieces", config={"tokenizer_class": "LlamaTokenizerFast", "legacy": legacy})
        case(f"legacy {legacy} decoder", "pieces", config={"tokenizer_class": "LlamaTokenizerFast", "legacy": legacy, "added_tokens_decoder": decoder("pieces")})

    # What begins a text.
    for cls, base in [("PreTrainedTokenizerFast", "bytes"), ("GPT2TokenizerFast", "bytes"), ("GPTNeoXTokenizerFast", "bytes"), ("LlamaTokenizerFast", "pieces")]:
        bos, eos = ("<s>", id_of(base, "<s>")), ("</s>", id_of(base, "</s>"))
        processors = {"none": None, "bos": template(bos), "both": template(bos, eos), "bytes": BYTE_LEVEL}
        for processor, (b, e) in itertools.product(processors, [(True, ...), (False, ...), (True, True), (False, True)]):
            key = f"begin {cls} {processor} bos {b} eos {e if e is not ... else 'missing'}"
            case(key, base, set={"/post_processor": processors[processor]}, config={"tokenizer_class": cls, "add_bos_token": b, "add_eos_token": e})
    two = template(("<s>", id_of("bytes", "<s>")))
    two["single"].insert(0, {"SpecialToken": {"id": "<s>", "type_id": 0}})
    case("begin with two", set={"/post_processor": two}, refused="puts 2 tokens before a text")
    case("begin with another token", set={"/post_processor": template(("<tool>", id_of("bytes", "<tool>")))})

    # Special tokens beyond the usual names.
    case("extra list, known", config={"extra_special_tokens": ["<tool>", "low"]})
    case("extra list, new", config={"extra_special_tokens": ["<new>"]})
    case("extra dict, known", config={"extra_special_tokens": {"think_token": "<tool>"}, "chat_template": NAMED})
    case("extra dict, new", config={"extra_special_tokens": {"think_token": "<new>"}, "chat_template": NAMED})
    case("extra dict, two new", config={"extra_special_tokens": {"think_token": "<new>", "image_token": "<TOOL>"}}, refused="tokens with names of their own")
    case("extra dict, empty", config={"extra_special_tokens": {}})
    case("extra dict names eos", config={"extra_special_tokens": {"eos_token": "</s>"}})
    case("extra and additional", config={"extra_special_tokens": ["<tool>"], "additional_special_tokens": ["low"]})
    case("extra dict and additional", config={"extra_special_tokens": {"think_token": "<tool>"}, "additional_special_tokens": ["low"]})
    case("extra of the map", map={"extra_special_tokens": ["<tool>"]})
    case("extra of both", config={"extra_special_tokens": ["low"]}, map={"extra_special_tokens": ["<tool>"]})
    case("extra of the map, not heeded", config={"added_tokens_decoder": decoder("bytes")}, map={"extra_special_tokens": ["<tool>"]})
    case("additional, known", config={"additional_special_tokens": ["<tool>", "<|im_start|>"]})
    case("additional, of the vocabulary", config={"additional_special_tokens": ["low"]})
    case("additional, new", config={"additional_special_tokens": ["<new>"]})
    case("additional of the map", map={"additional_special_tokens": ["<tool>"]})
    case("additional of both", config={"additional_special_tokens": ["low"]}, map={"additional_special_tokens": ["<tool>"]})
    case("additional with decoder", config={"additional_special_tokens": ["<tool>"], "added_tokens_decoder": decoder("bytes")})
    case("additional with Qwen2", config={"additional_special_tokens": ["<tool>"], "tokenizer_class": "Qwen2TokenizerFast", "added_tokens_decoder": decoder("bytes", **{"<|im_end|>": {"rstrip": True}})})
    case("image_token", config={"image_token": "<tool>", "chat_template": NAMED})
    case("image_token of the vocabulary", config={"image_token": "low", "chat_template": NAMED})
    case("image_token new", config={"image_token": "<new>", "chat_template": NAMED})
    case("image_token of the map", map={"image_token": "<tool>"}, config={"chat_template": NAMED})

    # Added tokens, with ids that agree and that do not.
    n = size(BASES["bytes"])
    new = lambda id: {**decoder("bytes"), str(id): {k: v for k, v in added(id, "<new>").items() if k != "id"}}
    case("decoder adds", config={"added_tokens_decoder": new(n)})
    case("decoder adds after a gap", config={"added_tokens_decoder": new(n + 3)}, refused="would give it")
    case("decoder adds, no row", config={"added_tokens_decoder": new(n)}, rows=0, refused="the tokenizer has ids up to")
    swapped = decoder("bytes")
    swapped[str(n - 1)], swapped[str(n - 2)] = swapped[str(n - 2)], swapped[str(n - 1)]
    case("decoder swaps ids", config={"added_tokens_decoder": swapped}, refused="would give it")
    missing = {k: v for k, v in decoder("bytes").items() if v["content"] != "<tool>"}
    case("decoder lacks a token", config={"added_tokens_decoder": missing})
    case("decoder lacks a token, GPT2", config={"added_tokens_decoder": missing, "tokenizer_class": "GPT2TokenizerFast"}, refused="would give it")
    case("decoder is empty", config={"added_tokens_decoder": {}})
    short = decoder("bytes")
    for t in short.values():
        t.pop("normalized"), t.pop("single_word")
    case("decoder leaves flags out", config={"added_tokens_decoder": short})
    case("file with a gap", set={f"/added_tokens/{at('bytes', '<tool>')}/id": n + 8}, refused="would give it")
    case("added_tokens.json, known", added={"<tool>": n - 1})
    case("added_tokens.json, new", added={"<new>": n})
    case("added_tokens.json, new and eos", added={"<new>": n}, config={"eos_token": "<new>"})
    case("added_tokens.json, gap", added={"<new>": n + 4}, refused="would give it")
    case("added_tokens.json, not heeded", added={"<new>": n}, config={"added_tokens_decoder": decoder("bytes")})
    case("added_tokens.json, GPT2", added={"<new>": n}, config={"tokenizer_class": "GPT2TokenizerFast"})
    case("pad is new", config={"pad_token": "<new>"})
    case("pad is new, no row", config={"pad_token": "<new>"}, rows=0, refused="names the token <new>")
    case("eos is new", config={"eos_token": "<new>"})
    case("eos is new, no row", config={"eos_token": "<new>"}, rows=0, refused="names the token <new>")
    case("default is new", config={"tokenizer_class": "GPTNeoXTokenizerFast", "pad_token": ...}, model={"model_type": "gpt_neox"})
    case("defaults of Llama", "pieces", config={"tokenizer_class": "LlamaTokenizer", "eos_token": ..., "bos_token": ..., "pad_token": ...})
    case("defaults of GPT2", config={"tokenizer_class": "GPT2Tokenizer", "eos_token": ..., "bos_token": ..., "pad_token": ...})
    case("defaults of Qwen2", config={"tokenizer_class": "Qwen2Tokenizer", "eos_token": ..., "bos_token": ..., "pad_token": ...})
    case("an empty name", config={"unk_token": ""}, refused="empty text")

    # Chat templates by place.
    jinja = CHAT.replace("'\n' }}{% endfor", "'!' }}{% endfor")
    other = CHAT.replace("<|im_start|>", "<s>")
    case("chat config", config={"chat_template": CHAT})
    case("chat config object", config={"chat_template": {"default": CHAT, "tool_use": other}})
    case("chat config object without default", config={"chat_template": {"rag": CHAT}})
    case("chat config list", config={"chat_template": [{"name": "default", "template": CHAT}, {"name": "rag", "template": other}]})
    case("chat config list without default", config={"chat_template": [{"name": "rag", "template": CHAT}]})
    case("chat config list, no name", config={"chat_template": [{"template": CHAT}]}, refused="needs a `name` and a `template`")
    case("chat config number", config={"chat_template": 3}, refused="must be a text")
    case("chat config null", config={"chat_template": None})
    case("chat file", jinja=jinja)
    case("chat file with CRLF", jinja=jinja.replace("{% endfor", "\r\n{% endfor"))
    case("chat file and config", jinja=jinja, config={"chat_template": other})
    case("chat file and config list", jinja=jinja, config={"chat_template": [{"name": "rag", "template": other}]})
    case("chat more files", jinja=jinja, **{"additional_chat_templates/rag.jinja": other})
    case("chat more files alone", **{"additional_chat_templates/rag.jinja": other})
    case("chat more files and config", config={"chat_template": CHAT}, **{"additional_chat_templates/rag.jinja": other})
    case("chat more files, default", **{"additional_chat_templates/default.jinja": other})
    case("chat more files, default twice", jinja=jinja, **{"additional_chat_templates/default.jinja": other, "additional_chat_templates/notes.txt": "no template"})
    case("chat of no tokenizer", **{"chat_template.json": {"chat_template": CHAT}})
    case("chat marked", jinja=MARKED)
    case("chat marked pieces", "pieces", jinja=MARKED)
    case("chat marked rstrip", jinja=MARKED, config={"added_tokens_decoder": decoder("bytes", **{"<|im_end|>": {"rstrip": True}})})
    case("chat marked Llama", "pieces", jinja=MARKED, config={"tokenizer_class": "LlamaTokenizer", "legacy": False})
    case("chat marked words", "words", jinja=MARKED)
    case("chat marked scores", "scores", jinja=MARKED)
    case("chat with names", config={"chat_template": NAMED})

    # What ends generation.
    end, stop = id_of("bytes", "<|im_end|>"), id_of("bytes", "</s>")
    case("generation agrees", generation={"eos_token_id": end}, model={"eos_token_id": end})
    case("generation says another", generation={"eos_token_id": stop}, model={"eos_token_id": end})
    case("generation says a list", generation={"eos_token_id": [stop, 0]}, model={"eos_token_id": end})
    case("generation says nothing", generation={"bos_token_id": 1}, model={"eos_token_id": stop})
    case("generation is missing", model={"eos_token_id": [end, stop]})
    case("generation names no token", generation={"eos_token_id": n + 9}, refused="generation_config.json: eos_token_id names the token")
    case("config names no token", model={"eos_token_id": [end, n + 9]}, generation={"eos_token_id": end}, refused="/config.json: eos_token_id names the token")
    case("generation says a text", generation={"eos_token_id": "</s>"}, refused="must be an id or a list of ids")

    # The rest.
    case("split special tokens", config={"split_special_tokens": True})
    case("split special tokens GPT2", config={"split_special_tokens": True, "tokenizer_class": "GPT2TokenizerFast", "added_tokens_decoder": decoder("bytes")})
    case("clean up bytes", config={"clean_up_tokenization_spaces": True})
    case("clean up words", "words", config={"clean_up_tokenization_spaces": True})
    case("clean up scores", "scores", config={"clean_up_tokenization_spaces": True})
    case("clean up bytes, asked twice", config={"clean_up_tokenization_spaces": True, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True})
    padding = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 3, "pad_type_id": 0, "pad_token": "<tool>"}
    case("padding of the file", set={"/padding": padding}, config={"pad_token": ...})
    case("padding of the file, named", set={"/padding": padding})
    case("padding of the file, null", set={"/padding": padding}, config={"pad_token": None})
    case("truncation of the file", set={"/truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}})
    case("words", "words")
    case("scores", "scores")
    case("other fields", config={"model_max_length": 10**30, "padding_side": "left", "sp_model_kwargs": {}, "use_default_system_prompt": False, "name_or_path": "x", "model_input_names": ["input_ids"]})
    case("no tokenizer_config.json", config=None, model={"eos_token_id": end, "tokenizer_class": "PreTrainedTokenizerFast"})
    case("nothing but eos", config={"bos_token": ..., "pad_token": ..., "tokenizer_class": ...})
    case("merges beside the vocabulary", set={"/model/ignore_merges": True})
    case("merges beside the vocabulary, GPT2", set={"/model/ignore_merges": True}, config={"tokenizer_class": "GPT2TokenizerFast"})


def change(base, changes):
    """The tokenizer.json of a folder."""
    out = copy.deepcopy(BASES[base])
    for pointer, value in changes.items():
        *way, last = [int(k) if k.isdigit() else k for k in pointer.split("/")[1:]]
        here = out
        for key in way:
            here = here[key]
        here[last] = value
    return out


def write(folder, entry):
    files = {"tokenizer.json": change(entry["base"], entry["set"]), **entry["files"]}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_bytes(text.encode())


def look(folder):
    """What the installed transformers makes of a folder."""
    from transformers import AutoTokenizer, GenerationConfig

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
        whole, low = tokenizer("low")["input_ids"], tokenizer("low", add_special_tokens=False)["input_ids"]
        starts = [i for i in range(len(whole) - len(low) + 1) if whole[i : i + len(low)] == low]
        special = set(tokenizer.all_special_ids) | {i for i, t in tokenizer.added_tokens_decoder.items() if t.special}
        named = {k: v for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
        found = {
            "ids": ids, "before": whole[: starts[0]] if starts else None, "special": sorted(special), "named": named,
            "texts": [tokenizer.decode(i, skip_special_tokens=True) for i in ids],
        }
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:80]}".replace(str(folder), "")}
    try:
        found["chat"] = tokenizer.apply_chat_template(MESSAGES, tokenize=False)
        marked = "{% generation %}" in tokenizer.get_chat_template()
        both = tokenizer.apply_chat_template(MESSAGES, tokenize=True, return_dict=True, return_assistant_tokens_mask=marked)
        found["chat_ids"] = both["input_ids"]
        if marked:
            found["chat_mask"] = "".join(str(m) for m in both["assistant_masks"])
    except Exception as error:
        found["chat"] = None
    if (folder / "generation_config.json").exists():
        stop = GenerationConfig.from_pretrained(folder).eos_token_id
        found["stops"] = stop if isinstance(stop, list) else [] if stop is None else [stop]
    return found


def look_at_all(root):
    import transformers

    transformers.logging.set_verbosity_error()
    return {"version": transformers.__version__, "found": [look(root / f"{i}") for i in range(len(CASES))]}


def main():
    cases()
    if sys.argv[1] == "--look":
        root = Path(sys.argv[2])
        (root / "found.json").write_text(json.dumps(look_at_all(root)))
        return
    with tempfile.TemporaryDirectory() as root:
        for i, entry in enumerate(CASES):
            write(Path(root) / f"{i}", entry)

        def ask(python):
            subprocess.run([python, __file__, "--look", root], check=True, capture_output=True)
            return json.loads((Path(root) / "found.json").read_text())

        new, old = ask(sys.executable), ask(sys.argv[1])
    counts = {"same": 0, "4 differs": 0, "4 fails": 0, "5 fails": 0}
    for entry, five, four in zip(CASES, new["found"], old["found"]):
        entry["5"] = five
        differs = {k: v for k, v in four.items() if five.get(k) != v}
        if differs:
            entry["4"] = differs
        counts["5 fails" if "error" in five else "4 fails" if "error" in four else "4 differs" if differs else "same"] += 1
    out = {"versions": [new["version"], old["version"]], "texts": TEXTS, "messages": MESSAGES, "bases": BASES}
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in CASES)
    head = json.dumps(out, ensure_ascii=False, separators=(",", ":"))[:-1]
    (HERE / "folders.json").write_text(f'{head},"folders":[\n{lines}\n]}}\n')
    print(len(CASES), "folders:", counts)


main()
