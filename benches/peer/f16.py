"""Writes the f16 weights of a Llama folder as GGUF, for `answers.py`.

    python benches/peer/f16.py FOLDER LIKE.gguf OUT.gguf

Settings and tokenizer are those of LIKE.gguf, a file of the same model with other weights. Needs
gguf, numpy, torch and safetensors.
"""

import json
import sys

import gguf
import numpy as np
from safetensors.torch import load_file

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}


def turned(weight, heads):
    """The rows of each head in pairs of neighbours, as llama.cpp rotates them."""
    shape = weight.shape
    return weight.reshape(heads, 2, shape[0] // heads // 2, shape[1]).swapaxes(1, 2).reshape(shape)


def main():
    folder, like, out = sys.argv[1:]
    with open(f"{folder}/config.json") as text:
        config = json.load(text)
    reader = gguf.GGUFReader(like)
    writer = gguf.GGUFWriter(out, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == gguf.Keys.General.ARCHITECTURE:
            continue
        if field.name in (gguf.Keys.General.FILE_TYPE, gguf.Keys.General.QUANTIZATION_VERSION):
            continue
        kind, of = field.types[0], field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, of)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, weight in load_file(f"{folder}/model.safetensors").items():
        weight = weight.float().numpy()
        if name == "model.embed_tokens.weight":
            to = "token_embd.weight"
        elif name == "model.norm.weight":
            to = "output_norm.weight"
        else:
            _, _, layer, rest = name.split(".", 3)
            rest = rest.removesuffix(".weight")
            to = f"blk.{layer}.{NAMES[rest]}.weight"
            if rest == "self_attn.q_proj":
                weight = turned(weight, config["num_attention_heads"])
            if rest == "self_attn.k_proj":
                weight = turned(weight, config["num_key_value_heads"])
        writer.add_tensor(to, weight.astype(np.float16) if weight.ndim == 2 else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
