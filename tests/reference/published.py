"""Figures of the published selectors, for the crate `seal-select`.

Counts pairs and sorts with numpy; takes the numbers straight out of the zip,
without PyTorch and without reading the pickle.

    python tests/reference/published.py "$SEAL_DATA"/seal_selectors/*.pt

Needs numpy.
"""

import sys
import zipfile

import numpy as np

UNSAFE = 22_393  # the first rows of the file

for path in sys.argv[1:]:
    with zipfile.ZipFile(path) as archive:
        [name] = [n for n in archive.namelist() if n.endswith("/data/0")]
        logits = np.frombuffer(archive.read(name), "<f4").astype(np.float64)
    unsafe, safe = np.sort(logits[:UNSAFE]), logits[UNSAFE:]
    below = np.searchsorted(unsafe, safe, "left").sum()
    not_above = np.searchsorted(unsafe, safe, "right").sum()
    print(path, len(logits), "rows, sum", repr(logits.sum()))
    print("  AUROC", (int(below) + int(not_above)) / 2 / (len(unsafe) * len(safe)))
    order = np.argsort(-logits, kind="stable")
    for percent in (20, 40, 60, 80, 90):
        keep = len(logits) * percent // 100
        ties = (logits == logits[order[keep - 1]]).sum()
        kept = (order[:keep] < UNSAFE).sum()
        print(f"  {percent} %: {kept} of {UNSAFE} unsafe rows, {ties} row(s) at the threshold")
