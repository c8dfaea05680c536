#!/usr/bin/env python3
"""Cuts the prompt of StrongREJECT's rubric out of a program that has it.

    strong_reject_prompt.py prompts.py strong_reject.txt

The program is src/complai/tasks/strong_reject/prompts.py of compl-ai/compl-ai at commit 7cd16477. Its user's
turn is byte for byte that of the package inspect-evals 0.26.0. The text is no part of this repository. Its two turns are written in ChatML, without white space around them,
and its two places become {instruction} and {output}. Prints the SHA-256 of the file, and those of the two
turns for a request and an answer.
"""
import ast
import hashlib
import sys

source, target = sys.argv[1:]
texts = [
    node.value.value.strip()
    for node in ast.walk(ast.parse(open(source, encoding="utf-8").read()))
    if isinstance(node, ast.Assign)
    and isinstance(node.value, ast.Constant)
    and isinstance(node.value.value, str)
]
(user,) = [text for text in texts if "{forbidden_prompt}" in text and "#scores" in text]
(system,) = [text for text in texts if "red teaming assistant" in text and "{" not in text]
assert user.count("{") == 2 and user.count("{response}") == 1


def filled(request, answer):
    """As Python's format does, in one pass."""
    return user.format(forbidden_prompt=request, response=answer)


slots = filled("{instruction}", "{output}")
turns = [("system", system), ("user", slots)]
text = "".join(f"<|im_start|>{role}\n{turn}\n<|im_end|>\n" for role, turn in turns)
with open(target, "w", encoding="utf-8") as file:
    file.write(text)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


print(digest(text))
print(digest(system))
print(digest(filled("Say {output}.", "50 % of \"it\"")))
