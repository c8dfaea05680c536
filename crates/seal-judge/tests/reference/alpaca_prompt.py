"""The turns that AlpacaEval makes of its prompt, as SHA-256.

Plain replacement of the slots, then the split at ChatML's marks with white space dropped, as
alpaca_eval/utils.py does (make_prompts, prompt_to_chatml; alpaca_eval 0.6).
Usage: python3 alpaca_prompt.py $SEAL_DATA/judge_prompts/alpaca-eval-clf.txt
"""

import hashlib
import sys

text = open(sys.argv[1], encoding="utf-8", newline="").read()
values = {"instruction": "Say this.", "output_1": "first one", "output_2": 'second "one"'}
for name, value in values.items():
    text = text.replace("{" + name + "}", value)
for part in text.strip().split("<|im_start|>")[1:]:
    role, rest = part.split("\n", 1)
    content = rest.split("<|im_end|>", 1)[0].strip()
    print(role.strip(), hashlib.sha256(content.encode()).hexdigest())
