"""Prompts of guards by their chat templates, as transformers renders them.

Prints, for each template, the SHA-256 of its text, and length and SHA-256 of what it makes of invented
conversations: the golden values of tests/chat/guards.rs. No text is printed. Templates that others wrote
are no part of this repository; they are files of one's own:

- llama_guard_3.jinja: the chat_template of Llama-Guard-3-8B. The model is gated. Two published copies, one
  of them from a GGUF file of the model, have the same text.
- llama_guard_3_parts.jinja: the chat_template of Llama-Guard-3-1B or Llama-Guard-3-11B-Vision, which
  take the text of a turn as a list of parts. Our copy is that of the second.
- qwen3guard_gen.jinja: the chat_template of Qwen3Guard-Gen. Its SHA-512 is that of the template in
  tokenizer_config.json of Qwen/Qwen3Guard-Gen-0.6B, revision fada3b2f655b89601929198343c94cd2f64d93cc:
  1ee0059697eb31e20aa009406fa1d8446616685a767bf74ef165a593f9da2ac0
  f0d93290e30a67507b0d1f630ead78802ae299df307fd4576800a244c6c2f4ca

Run: python3 guard_templates.py [FOLDER] > guard_templates.json
Needs transformers 5 and jinja2 3.1.
"""

import hashlib
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
# Ours, with the same means; then those of others.
OWN = ["guard_parts.jinja", "guard_lines.jinja"]
OTHERS = ["llama_guard_3.jinja", "llama_guard_3_parts.jinja", "qwen3guard_gen.jinja"]
TAKES_PARTS = {"guard_parts.jinja", "llama_guard_3_parts.jinja"}

# As in tests/chat/guards.rs.
CONVERSATIONS = {
    "short": ["Hi", "Hello"],
    "question": ["Name a colour."],
    "edges": ["  Count to two. \n", "\n\n one,\ttwo \n "],
    "signs": ["{{ x }} {% if %} 'a' \"b\" <c> & \\n", "Gr\u00fc\u00dfe \U0001f469\u200d\U0001f680 \u4f60\u597d"],
    "empty": ["Say nothing.", ""],
    "long": ["One.", "1", "Two.", "2", "Three.", "3"],
    "follow-up": ["One.", "1", "And two?"],
}


def turns(texts, parts):
    roles = ["user", "assistant"]
    form = lambda text: [{"type": "text", "text": text}] if parts else text
    return [{"role": roles[i % 2], "content": form(text)} for i, text in enumerate(texts)]


def rendered(source, parts):
    found = {}
    for name, texts in CONVERSATIONS.items():
        texts, _ = render_jinja_template(
            conversations=[turns(texts, parts)], chat_template=source, add_generation_prompt=True
        )
        found[name] = {"chars": len(texts[0]), "sha256": sha256(texts[0])}
    return found


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def main():
    files = [HERE / "templates" / name for name in OWN]
    files += [Path(folder) / name for folder in sys.argv[1:2] for name in OTHERS]
    golden = {}
    for file in files:
        source = file.read_text(encoding="utf-8")
        is_parts = file.name in TAKES_PARTS
        golden[file.name] = {
            "sha256": sha256(source), "parts": is_parts, "rendered": rendered(source, is_parts)
        }
    print(json.dumps(golden, indent=1))


main()
