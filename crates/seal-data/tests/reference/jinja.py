"""What transformers' Jinja makes of small templates: golden values of the engine.

Writes jinja.json beside this file: [template, text, spans of generation] for
`MESSAGES`; spans are in characters.

Run: HF_HUB_OFFLINE=1 python3 jinja.py    (transformers 5.23, jinja2 3.1)
"""

import json
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

MESSAGES = [
    {"role": "user", "content": "Hello, wörld\n"},
    {"role": "assistant", "content": "\"ok\" <b>"},
]
TEMPLATES = [
    "{% for m in messages %}\n  {% if loop.index0 == 1 %}{% break %}{% endif %}\n  {{ m.content }}\n{% endfor %}\nend\n",
    "{{ messages | tojson }}|{{ messages[0] | tojson(indent=2) }}|{{ [1, 2.5, true, none, '<é&>'] | tojson }}",
    "{{ none }} {{ true }} {{ false }} {{ tools }} {{ undefined_name }}|{{ bos_token }}",
    "{{ '\x1c a \u00a0'.strip() }}|{{ '\x1f b ' | trim }}|{{ 'xxaxx'.strip('x') }}|{{ ' a'.lstrip() }}|{{ 'a b'.rstrip() }}",
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
    "{% set x = 1 %}a {% generation %} b{% set x = 2 %} {% endgeneration %} {{ x }}\n  {% generation %}\n  é {{ messages[0].content }}\n  {% endgeneration %}\nz",
    "{{ messages[0].content.split('o')[-1] }}|{{ messages[0]['content'].startswith('He') }}|{{ messages[0].content[1:3] }}|{{ messages[::-1][0].role }}|{{ messages[0].get('x') }}|{{ messages[0].items() | list | length }}|{{ 'a,b'.split(',') | join('-') }}|{{ 'ab'.upper() ~ 1 ~ none }}",
    "{%- macro show(m) -%}[{{ m.role }}:{{ m.content }}]{%- endmacro -%}{% for m in messages %}{{ show(m) }}{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined else 'none' }}>{{ m.role }}{{ ', ' if not loop.last }}{% endfor %}",
    "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | first }}|{{ messages | length }}|{{ messages[0].content is string }}|{{ messages is iterable }}|{{ messages[0] is mapping }}|{{ 'r' in messages[1].role }}|{{ 'x' in messages[0] }}|{{ 7 // 2 }}|{{ 7 / 2 }}|{{ 2 ** 3 }}",
    "a\r\n{# c #}\r\nb\r",
    "{% if messages[0].role == 'user' -%}\n   x\n{%- endif +%}\n  {%+ if true %}y{% endif %}\n",
    "{{ {'a': [1], 'b': {}}|tojson }}{{ {'z': 1, 'a': 2} | tojson(indent=1) }}",
    "{{ dict(a=1) | tojson }}{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}|{{ range(3) | list | tojson }}|{{ 'héllo' | length }}|{{ 'a' 'b' }}|{{ 'A'.lower().title() }}|{{ 'x' * 3 }}",
]

out = []
for template in TEMPLATES:
    texts, spans = render_jinja_template(
        [MESSAGES], chat_template=template, return_assistant_tokens_mask=True, bos_token="<s>"
    )
    out.append([template, texts[0], spans[0]])
lines = ",\n".join(json.dumps(o, ensure_ascii=False) for o in out)
Path(__file__).with_name("jinja.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
