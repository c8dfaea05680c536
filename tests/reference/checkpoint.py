"""Checkpoints written by PyTorch, for the reader in the crate `seal-select`.

Each is a zip of less than 2 KB. The first four must be read as the same four
logits, the others be refused. PyTorch writes no time into them, so that
the same version gives the same bytes.

    python tests/reference/checkpoint.py crates/seal-select/tests/golden/checkpoint

Needs torch (2.9) on the CPU.
"""

import collections
import pathlib
import sys

import torch

LOGITS = torch.tensor([0.1, -2.5, 23.25, 0.0])

FILES = {
    "tensor": LOGITS,
    "parameter": torch.nn.Parameter(LOGITS),
    "dict": {"logits": torch.nn.Parameter(LOGITS)},
    "ordered_dict": collections.OrderedDict(p=LOGITS),
    "refused_double": LOGITS.double(),
    "refused_strided": torch.arange(8.0)[::2],
    "refused_two": {"a": LOGITS, "b": LOGITS + 1},
    "refused_module": torch.nn.ParameterDict({"p": LOGITS}).state_dict(),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, value in FILES.items():
        path = folder / f"{name}.pt"
        torch.save(value, path)
        assert path.stat().st_size < 2048, path


main()
