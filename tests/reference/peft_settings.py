"""Adapters of PEFT with every setting that is not the default, for the tests of
`seal-lm`: which of them are plain LoRA, and what the plain ones do.

    python tests/reference/peft_settings.py crates/seal-lm/tests/golden [NAME ...]

Names are those of the adapters to make; all unless given. Needs torch 2.x on the CPU, transformers 4.57, peft 0.17 and safetensors. Each adapter is put
on the model `tied` that llama.py made, its tensors are drawn, and it is saved by PEFT. It is
plain if PEFT's logits are those of the weights W + s B A written out here, with W the weights of
the folder and s = alpha / r, or alpha / sqrt(r), of the layer. A setting that is refused needs no tensors: only
`adapter_config.json` is kept.
"""

import json
import math
import pathlib
import re
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

torch.set_num_threads(1)
ROW = [5, 17, 3, 80, 41, 2, 66, 9, 30]
BASE = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
VARIANTS = {
    "default": {},
    "no-task": {"task_type": None},
    "gaussian": {"init_lora_weights": "gaussian"},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "no-start": {"init_lora_weights": False},
    "extra-names": {"target_modules": ["q_proj", "v_proj", "query_key_value", "c_attn"]},
    "pattern": {"target_modules": r".*\.1\.self_attn\.(q|o)_proj"},
    "fan-in": {"fan_in_fan_out": True},
    "unused-settings": {"loftq_config": {"loftq_bits": 4, "loftq_iter": 1}},
    "pissa": {"init_lora_weights": "pissa"},
    "pissa-niter": {"init_lora_weights": "pissa_niter_4"},
    "olora": {"init_lora_weights": "olora"},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "rank-pattern": {"rank_pattern": {"q_proj": 2}},
    "alpha-pattern": {"alpha_pattern": {"q_proj": 16}},
    "rslora-patterns": {
        "use_rslora": True, "rank_pattern": {"layers.1.self_attn.q_proj": 2, "v_proj": 8},
        "alpha_pattern": {"self_attn.v_proj": 3, "model.layers.0.self_attn.q_proj": 32},
    },
    "saved-module": {"modules_to_save": ["lm_head"]},
    "layers": {"layers_to_transform": [0]},
    "excluded": {"exclude_modules": ["layers.0.self_attn.q_proj"]},
    "layers-of": {"layers_to_transform": 1, "layers_pattern": "layers"},
    "tokens": {"trainable_token_indices": [3, 4]},
    "replicated": {"layer_replication": [[0, 2], [1, 2]]},
}
# What PEFT needs other packages or data for, or what changes nothing on a model without
# biases: the config alone.
CONFIG_ONLY = {
    "bias-all": {"bias": "all"},
    "bias-lora": {"bias": "lora_only"},
    "corda": {"init_lora_weights": "corda"},
    "eva": {"init_lora_weights": "eva"},
    "loftq": {"init_lora_weights": "loftq"},
    "a-later-start": {"init_lora_weights": "lora_ga"},
    "a-later-flag": {"use_something": True},
    "a-later-number": {"something_alpha": 2.5},
    "lora-bias": {"lora_bias": True},
    "rank-expression": {"rank_pattern": {"q_.*": 2}},
    "alpha-expression": {"alpha_pattern": {"layers.[01].self_attn.q_proj": 2}},
    "qalora": {"use_qalora": True},
    "parameters": {"target_parameters": ["mlp.up_proj.weight"]},
    "another-task": {"task_type": "SEQ_CLS"},
    "another-method": {"peft_type": "IA3"},
    "invocation": {"alora_invocation_tokens": [1, 2]},
}
# What a later version may write, without effect.
LATER_NEUTRAL = {"use_something": False, "something_config": None, "something_pattern": {},
                 "peft_version": "0.21.2", "megatron_core": "megatron.core"}


def base(home):
    return LlamaForCausalLM.from_pretrained(home, attn_implementation="eager").double()


def logits(model):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ROW])).logits[0]


def draw(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.2)


def of_layer(config, pattern, key, path):
    """The number of the layer `path`: of the pattern, or of the key that holds for all."""
    found = [n for name, n in config[pattern].items() if re.match(rf"(.*\.)?({name})$", path)]
    return found[0] if found else config[key]


def by_hand(home, folder):
    """The logits of W + s B A, or None if the file has other tensors."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    model, left = base(home), dict(tensors)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            at = "base_model.model." + name.removesuffix(".weight")
            a, b = left.pop(at + ".lora_A.weight", None), left.pop(at + ".lora_B.weight", None)
            r = of_layer(config, "rank_pattern", "r", name.removesuffix(".weight"))
            alpha = of_layer(config, "alpha_pattern", "lora_alpha", name.removesuffix(".weight"))
            if a is not None and a.shape[0] == r and b.shape[0] == weight.shape[0]:
                scale = alpha / (math.sqrt(r) if config["use_rslora"] else r)
                weight += scale * b.double() @ a.double()
            elif a is not None:
                return None
    return None if left else logits(model)


def main(golden, names):
    home, out = golden / "tied", golden / "peft"
    listing = {"row": ROW, "adapters": {}}
    if names:
        listing = json.loads((out / "expected.json").read_text())
        for name in names:
            shutil.rmtree(out / name, ignore_errors=True)
    else:
        shutil.rmtree(out, ignore_errors=True)
    chosen = lambda name: not names or name in names
    for i, (name, change) in enumerate(VARIANTS.items()):
        if not chosen(name):
            continue
        folder = out / name
        torch.manual_seed(i)
        # PiSSA and OLoRA change the base at their start, in f32.
        model = get_peft_model(base(home).float(), LoraConfig(**{**BASE, **change}))
        starts = model.peft_config["default"].init_lora_weights
        if not (isinstance(starts, str) and starts.startswith(("pissa", "olora"))):
            draw(model, i)
        model.save_pretrained(folder)
        (folder / "README.md").unlink()
        theirs = logits(PeftModel.from_pretrained(base(home).float(), folder).double())
        trained = logits(model.double())
        ours = by_hand(home, folder)
        # What was trained, what PEFT loads, and what is computed by hand must be one.
        plain = ours is not None and all(
            (ours - x).abs().max() < 1e-5 * ours.std() for x in (theirs, trained))
        entry = {"plain": plain}
        if plain:
            entry["logits"] = [[round(x, 7) for x in row] for row in theirs.tolist()]
        else:
            entry["field"] = next(iter(change))
            (folder / "adapter_model.safetensors").unlink()
        listing["adapters"][name] = entry
        print(f"{name}: plain {plain}", file=sys.stderr)
    default = json.loads((out / "default" / "adapter_config.json").read_text())
    for name, change in CONFIG_ONLY.items():
        if not chosen(name):
            continue
        (out / name).mkdir()
        text = json.dumps({**default, **change}, indent=2)
        (out / name / "adapter_config.json").write_text(text + "\n")
        listing["adapters"][name] = {"plain": False, "field": next(iter(change))}
    later = out / "later"
    if chosen("later"):
        shutil.copytree(out / "default", later)
        text = json.dumps({**default, **LATER_NEUTRAL}, indent=2)
        (later / "adapter_config.json").write_text(text + "\n")
        listing["adapters"]["later"] = listing["adapters"]["default"]
    (out / "expected.json").write_text(json.dumps(listing) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
