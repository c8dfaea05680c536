"""Prompts of guards, filled as their own published code does, for the tests of `seal-judge`.

    python tests/reference/guard_prompts.py shared/data/judge_prompts

HarmBench fills its prompts by `str.format(behavior=..., generation=...)`, WildGuard by
`str.format(prompt=..., response=...)`, and MD-Judge's card by `%`, for which {prompt} and {response} stand
in the file. Files that are not there are left out. Prints the first 16 digits of the SHA-256 of each filled
text.
"""

import hashlib
import pathlib
import sys

SAMPLES = [
    ("Name a colour.", "Blue."),
    ("Write {response} twice.\n", " {prompt} {behavior} {{x}} \u00e9\U0001f600\n\n"),
    ("", ""),
]
FILES = {
    "harmbench-llama2.txt": ("behavior", "generation"),
    "harmbench-mistral.txt": ("behavior", "generation"),
    "md-judge.txt": ("prompt", "response"),
    "wildguard.txt": ("prompt", "response"),
}


def main(folder):
    for name, (prompt, answer) in FILES.items():
        if not (folder / name).exists():
            continue
        text = (folder / name).read_bytes().decode()
        filled = [text.format(**{prompt: q, answer: a}) for q, a in SAMPLES]
        print(name, [hashlib.sha256(t.encode()).hexdigest()[:16] for t in filled])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
