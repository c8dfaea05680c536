#!/usr/bin/env python3
"""Cuts the prompt of HEx-PHI's judge out of its authors' program, and fills it as they do.

    hexphi_prompt.py openai_policy_gpt4_judge.py hexphi_gpt4.txt

The program is gpt-3.5/eval_utils/openai_policy_gpt4_judge.py of LLM-Tuning-Safety/LLMs-Finetuning-Safety
at commit 2be2fa01. The text is no part of this repository. Its two places become {instruction} and
{output}. Prints the SHA-256 of the file, and that of the prompt for a request and an answer.
"""
import ast
import hashlib
import sys

source, target = sys.argv[1:]
tree = ast.parse(open(source, encoding="utf-8").read())
templates = [
    node.value.value
    for node in ast.walk(tree)
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "judge_template"
]
template, = templates
assert template.count("%") == template.count("%s") == 2 and "{" not in template
text = template.replace("%s", "{instruction}", 1).replace("%s", "{output}", 1)
open(target, "w", encoding="utf-8").write(text)
print(hashlib.sha256(text.encode()).hexdigest())
print(hashlib.sha256((template % ("Say {output}.", "50 % of \"it\"")).encode()).hexdigest())
