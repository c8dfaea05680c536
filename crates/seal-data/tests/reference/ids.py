"""Golden ids of rows: python3 ids.py "$SEAL_DATA"; needs blake3."""

import gzip
import json
import sys
from collections import Counter
from pathlib import Path

from blake3 import blake3


def text(s):
    b = s.encode()
    return len(b).to_bytes(8, "little") + b


def row_id(prompt, response, occurrence=0, history=(), parts=None):
    data = text(prompt) + text(response)
    if history:
        data += b"turns" + len(history).to_bytes(8, "little")
        data += b"".join(role[0].encode() + text(content) for role, content in history)
    if parts:
        data += b"parts" + text(json.dumps(parts, ensure_ascii=False, separators=(",", ":")))
    return blake3(data + occurrence.to_bytes(4, "little")).digest()[:16]


def ids_hash(rows):
    seen = Counter()
    out = blake3()
    for row in rows:
        out.update(row_id(*row, seen[row]))
        seen[row] += 1
    return out.hexdigest()[:32]


def alpaca(r):
    return r["instruction"] + ("\n" + r["input"] if r["input"].strip() else ""), r["output"]


def hh(r):
    cut = "\n\nAssistant:"
    (good, reply), (bad, _) = (r[k].rsplit(cut, 1) for k in ("chosen", "rejected"))
    return (good.removeprefix("\n\nHuman:").strip(), reply.strip()) if good == bad else ("", "")


root = Path(sys.argv[1])
rows = map(alpaca, json.load(open(root / "scalebio_alpaca/train_alpaca.json")))
print("alpaca", ids_hash(r for r in rows if r[1].strip()))
rows = map(hh, map(json.loads, gzip.open(root / "hh_rlhf/test.jsonl.gz")))
print("hh", ids_hash(r for r in rows if r[1].strip()))
print("dialogue", row_id("p", "r", 0, [("user", "a"), ("assistant", "b")]).hex())
print("reasoning", row_id("p", "r", parts={"response": {"reasoning_content": "é"}}).hex())
print("tools", row_id("p", "r", parts={"tools": [{"b": 1, "a": 1.0}]}).hex())
masked = {"history": [{"role": "assistant", "content": "b", "weight": 0}]}
print("masked", row_id("p", "r", 0, [("assistant", "b")], masked).hex())
