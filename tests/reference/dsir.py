"""Golden values for DSIR in the crate `seal-select`, from the authors' package.

Texts are written to JSON lines, and `HashedNgramDSIR` of the package fits,
weighs and resamples them as a user would have it do. Only the noise is taken
from its hands: numpy's generator is seeded, drawn from, seeded alike again,
and the numbers go into the golden file beside the rows chosen with them.

NLTK before 3.10.3 tokenises with Python's `re`, later versions with the package
`regex`, and the two disagree on what a word is. The file has cases of both;
whichever NLTK is installed, the other rule is put in by hand, and the output is
the same bytes under both.

    pip install data-selection==1.0.3 nltk==3.10.4 regex
    python tests/reference/dsir.py > crates/seal-select/tests/golden/dsir.json

The sets of characters are those of Python 3.11 (Unicode 14); a later Python
adds characters to them.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
import unicodedata

import nltk
import numpy as np
import regex

sys.stderr = open(os.devnull, "w")  # the package's progress bars
from data_selection import HashedNgramDSIR  # noqa: E402

PATTERN = r"\w+|[^\w\s]+"
FLAGS = re.UNICODE | re.MULTILINE | re.DOTALL
RULES = {
    "unicode": regex.compile(PATTERN, regex.UNICODE | regex.MULTILINE | regex.DOTALL),
    "alphanumeric": re.compile(PATTERN, FLAGS),
}
VERSION = tuple(int(part) for part in nltk.__version__.split("."))
INSTALLED = "unicode" if VERSION >= (3, 10, 3) else "alphanumeric"

# A text, or a text and how often it is repeated.
RAW = [
    "",
    "   \n\t ",
    ".",
    "?!... --",
    "word",
    "Word WORD word",
    "The kettle is on the stove; the soup is in the pot.",
    "the kettle is on the stove ; the soup is in the pot .",
    "Don't stir it: it's too hot, isn't it?",
    "snake_case __init__ _ a_b_c",
    "It cost $3.50 (or 3,50 EUR) on 2024-02-29 at 07:45.",
    "1 22 333 4444 55555 666666",
    "tab\tand\nnew line\r\nand\x0bvertical\x0cform",
    "fields\x1cfiles\x1dgroups\x1eunits\x1fend",
    "no\u00a0break\u2003em\u2028line\u3000wide\u0085next\u200bzero",
    "Caf\u00e9 au lait, na\u00efve, \u00c0 LA CARTE",
    "Cafe\u0301 written with a combining accent",
    "\u039f\u0394\u039f\u03a3 \u03a3\u03b9\u03b3\u03ac \u03a3 \u0391\u03a3. \u039d\u0391\u03a3\u0391",
    "\u0130stanbul, I\u015eIK, \u01c5ungla, STRA\u1e9eE",
    "\u0421\u0443\u043f \u0432 \u043a\u0430\u0441\u0442\u0440\u044e\u043b\u0435 \u2014 \u0433\u043e\u0440\u044f\u0447\u0438\u0439!",
    "\u6c64\u5728\u9505\u91cc\uff0c\u5f88\u70ed\u3002soup\u6c64",
    "\u30b9\u30fc\u30d7\u306f\u9b3c\u306e\u934b\u306b\u3042\u308b\u30fb\u71b1\u3044",
    "\u0938\u0942\u092a \u092c\u0930\u094d\u0924\u0928 \u092e\u0947\u0902 \u0939\u0948\u0964",
    "\u0627\u0644\u062d\u0633\u0627\u0621\u064f \u0641\u064a \u0627\u0644\u0642\u062f\u0631\u060c \u0663\u0664",
    "\u05d4\u05de\u05b8\u05e8\u05b8\u05e7 \u05d1\u05e1\u05d9\u05e8",
    "\u0e0b\u0e38\u0e1b\u0e23\u0e49\u0e2d\u0e19\u0e21\u0e32\u0e01",
    "x\u00b2 + \u00bd\u00b7y \u2260 \u2167 \u2460 \u24b6 3\u2070",
    "\U0001f389\U0001f389 party \U0001f468\u200d\U0001f469\u200d\U0001f467 time\u203fnow",
    "\U0001d400\U0001d401 \U00010400\U00010428 \u1e9e",
    ["soup ", 150],
    ["salt, pepper and stock; ", 120],
    ["The market fell. ", 90],
    ["a", 4000],
    ["\u6c64\u9505", 700],
    ["e!", 1500],
    ["zzz \u043d\u0435\u0442 99 ", 60],
    "sell the stock, buy the bond",
    "short the stock and hold the cash",
    "salt the stock and stir the soup",
    "supercalifragilisticexpialidocious antidisestablishmentarianism floccinaucinihilipilification",
]
TARGET = [
    "Stir the soup in the pot.",
    "Salt the soup, then taste it; is it hot?",
    ["soup and salt and stock. ", 40],
    "La soupe est dans le caf\u00e9 \u2014 \u6c64\u5728\u9505\u91cc\u3002",
    "",
]

# (longest n-gram, buckets, fewest tokens, rule, rows sampled)
CASES = [
    (2, 10_000, 100, "unicode", 3),
    (2, 10_000, 0, "unicode", 15),
    (2, 10_000, 0, "alphanumeric", 15),
    (1, 97, 5, "unicode", 10),
    (3, 4096, 1, "alphanumeric", 20),
    (4, 65_537, 8, "unicode", 1),
    # With so few buckets weights lie close together, and noise decides.
    (2, 3, 1, "unicode", 12),
    (1, 2, 2, "alphanumeric", 16),
]


def spelt(entry):
    return entry if isinstance(entry, str) else entry[0] * entry[1]


def lines(path, texts):
    with open(path, "w") as file:
        for row, entry in enumerate(texts):
            file.write(json.dumps({"row": row, "text": spelt(entry)}) + "\n")
    return path


def run(case):
    ngrams, buckets, min_tokens, rule, sampled = case
    with tempfile.TemporaryDirectory() as dir:
        dsir = HashedNgramDSIR(
            [lines(f"{dir}/raw.jsonl", RAW)],
            [lines(f"{dir}/target.jsonl", TARGET)],
            cache_dir=f"{dir}/cache",
            num_proc=1,
            ngrams=ngrams,
            num_buckets=buckets,
            min_example_length=min_tokens,
        )
        if rule != INSTALLED:
            dsir.tokenizer = RULES[rule].findall
        dsir.fit_importance_estimator(num_tokens_to_fit="all")
        dsir.compute_importance_weights()
        weights = np.load(f"{dir}/cache/log_importance_weights/0.npy")
        long_enough = np.load(f"{dir}/cache/perexample_metadata/0.npy") >= min_tokens

        # One number for each row that can be chosen, as the package draws them.
        np.random.seed(ngrams)
        noise = np.random.gumbel(size=long_enough.sum())
        np.random.seed(ngrams)
        chosen = {}
        for name, top in (("chosen", False), ("top", True)):
            out = f"{dir}/{name}"
            dsir.resample(out, num_to_sample=sampled, cache_dir=f"{out}.part", top_k=top)
            with open(f"{out}/0.jsonl") as file:
                chosen[name] = [json.loads(line)["row"] for line in file]
        assert len(chosen["chosen"]) == sampled
    return {
        "settings": {
            "ngrams": ngrams,
            "buckets": buckets,
            "min_tokens": min_tokens,
            "words": rule,
        },
        "log_weights": weights.tolist(),
        "long_enough": long_enough.tolist(),
        "noise": noise.tolist(),
        **chosen,
    }


def runs(flags):
    """Lengths of the runs of equal flags, the first run being of False."""
    lengths, last = [0], False
    for flag in flags:
        if flag != last:
            lengths.append(0)
            last = flag
        lengths[-1] += 1
    return lengths


def characters():
    """Which characters are words and spaces under each rule, how each is
    tokenised, and a hash of each one's lower case."""
    chars = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000]
    known = [unicodedata.category(c) != "Cn" for c in chars]
    assigned = [c for c, k in zip(chars, known) if k]
    lower = hashlib.sha256("\n".join(c.lower() for c in assigned).encode()).hexdigest()
    found = {"assigned": runs(known), "lower": lower}
    for rule, tokens in RULES.items():
        # Between two letters, a word character joins, a space parts them
        # without a token of its own, and anything else is a third token.
        # Upper and lower case of one letter are in one class.
        count = [len(tokens.findall(f"a{c}b")) for c in assigned]
        found[rule] = {"word": runs(n == 1 for n in count), "other": runs(n == 3 for n in count)}
    return found


def main():
    golden = {"raw": RAW, "target": TARGET, "cases": [run(case) for case in CASES]}
    assert sum(case["chosen"] != case["top"] for case in golden["cases"]) >= 2, "noise is idle"
    # One line an entry, so that a change shows in a diff.
    print("{")
    for key, entries in golden.items():
        print(f' "{key}": [')
        print(",\n".join("  " + json.dumps(entry) for entry in entries))
        print(" ],")
    print(f' "characters": {json.dumps(characters(), separators=(",", ":"))}')
    print("}")


if __name__ == "__main__":
    main()
