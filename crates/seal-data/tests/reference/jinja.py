"""What transformers' Jinja makes of templates: golden values of the engine.

Writes jinja.json beside this file: for each template [template, text, spans of
generation], rendered with `MESSAGES`, `TOOLS` and `KWARGS`; spans are in characters.
Where transformers fails the text is null: the engine must fail too.

Run with both versions; the second run checks that they agree, and lists where not:

    HF_HUB_OFFLINE=1 python3 jinja.py          (transformers 4.57, jinja2 3.1)
    HF_HUB_OFFLINE=1 python3 jinja.py --check  (transformers 5.23, jinja2 3.1)
"""

import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
MESSAGES = [
    {"role": "user", "content": "Hello, wörld\n"},
    {"role": "assistant", "content": "\"ok\" <b>"},
]
TOOLS = json.loads((HERE / "tools.json").read_text(encoding="utf-8"))
KWARGS = {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False, "think_token": "<think>"}


def render(template, messages=MESSAGES, tools=TOOLS, prompt=False, **kwargs):
    spans = "generation" in template
    out = render_jinja_template(
        [messages], tools=tools, chat_template=template, add_generation_prompt=prompt,
        return_assistant_tokens_mask=spans, **kwargs)
    return out[0][0], [list(s) for s in out[1][0]] if spans else []


def main():
    lines = []
    for template in (HERE / "jinja.txt").read_text(encoding="utf-8")[:-1].split("\n----\n"):
        try:
            text, spans = render(template, **KWARGS)
        except Exception as e:
            text, spans = None, f"{type(e).__name__}: {e}"
        lines.append(json.dumps([template, text, spans], ensure_ascii=False))
    for path in sorted((HERE / "templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for name, talk in json.loads((HERE / "templates/talks.json").read_text(encoding="utf-8")).items():
            for prompt in (False, True):
                kwargs = KWARGS | talk.get("kwargs", {})
                try:
                    text, _ = render(template, talk["messages"], TOOLS if talk.get("tools") else None, prompt, **kwargs)
                except Exception as e:
                    text = None
                lines.append(json.dumps([path.stem, text, [name, prompt]], ensure_ascii=False))
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    if "--check" not in sys.argv:
        (HERE / "jinja.json").write_text(text, encoding="utf-8")
        return
    other = (HERE / "jinja.json").read_text(encoding="utf-8").splitlines()
    failed = lambda line: "null, \"" in line  # the words of errors may differ
    pairs = zip(other, text.splitlines())
    differ = [(a, b) for a, b in pairs if a != b and not (failed(a) and failed(b))]
    for a, b in differ:
        print("4:", a, "\n5:", b)
    print(len(lines), "templates,", len(differ), "differ")


main()
