"""seq-rep-4 of Welleck et al. 2020 (arXiv:1908.04319, section 6) on harmless made-up texts.

    python3 crates/seal-judge/tests/reference/seq_rep.py > crates/seal-judge/tests/reference/seq_rep.json

The share is that of the 4-grams that are copies of an earlier one: the sum over all 4-grams of (count - 1),
over their number. Units are words; in Chinese text characters, and 8 of them for 4 words.
"""

import json
import random
from collections import Counter

WORDS = "stone river lamp blue green walks sings and the of a near".split()
HAN = "今天气很好我们去公园看花山水"


def seq_rep(units, n):
    grams = Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1))
    total = sum(grams.values())
    return None if total == 0 else sum(count - 1 for count in grams.values()) / total


def cases():
    draw = random.Random(20201)
    for length in (0, 1, 3, 4, 5, 8, 20, 60, 200):
        for kinds in (1, 2, 4, 12):
            words = [draw.choice(WORDS[:kinds]) for _ in range(length)]
            yield " ".join(words), words, 4
    for length in (4, 8, 9, 40, 120):
        for kinds in (1, 3, 14):
            letters = [draw.choice(HAN[:kinds]) for _ in range(length)]
            yield "".join(letters), letters, 8


print("[")
rows = [json.dumps({"text": t, "seq_rep_4": seq_rep(u, n)}, ensure_ascii=False) for t, u, n in cases()]
print(",\n".join(rows))
print("]")
