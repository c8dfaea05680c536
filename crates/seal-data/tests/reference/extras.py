"""What transformers' templates get of a row: python3 extras.py > extras.json.

Needs transformers 5.23. Version 4.57 gives the same but for reasoning, which it gives under
its own name alone."""

import json

from transformers.utils.chat_template_utils import render_jinja_template

THINK = """{%- for m in messages %}<{{ m.role }}>
{%- if m.role == 'assistant' and m.reasoning_content is string %}<think>{{ m.reasoning_content }}</think>{% endif -%}
{%- if m.content is string %}{{ m.content }}{% else %}(no text){% endif -%}
{%- for call in m.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments | tojson }}</call>{% endfor -%}
{%- if m.role == 'tool' %} of {{ m.tool_call_id }}{% endif %}<end>
{% endfor %}"""
TOOLS = """{%- if tools %}<tools>{% for tool in tools %}{{ tool | tojson }};{% endfor %}</tools>{% endif -%}
{%- for m in messages %}<{{ m.role }}{% if m.name is defined %} {{ m.name }}{% endif %}>{{ m.content }}
{%- if m.tool_calls is defined and m.tool_calls is not none %}{{ m.tool_calls | tojson }}{% endif %}<end>
{% endfor %}"""
NAMES = """{%- for m in messages %}<{{ m.role }}>{{ m.thinking }}|{{ m.reasoning }}|{{ m.content }}<end>{% endfor %}"""

TOOL = {"type": "function", "function": {"name": "w", "description": "Über „Wetter“", "parameters": {
    "type": "object", "required": ["b"], "properties": {"b": {"type": "string"}, "a": {"type": "number", "default": 1.0}}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": {"z": 1, "b": "é", "a": [True, None, 2.5]}}}
AS_TEXT = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{\"z\": 1}"}}


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


ASKED = turn("user", "Weather?")
ROWS = [
    {"messages": [ASKED, turn("assistant", "Sunny.", reasoning_content="light scatters")]},
    {"messages": [ASKED, turn("assistant", "Sunny.", reasoning_content="a\nb"), turn("user", "So?"),
                  turn("assistant", "Go.", reasoning_content="c")]},
    {"messages": [ASKED, turn("assistant", "Sunny.", thinking="x", reasoning="y")]},
    {"messages": [ASKED, turn("assistant", "Sunny.")], "tools": [TOOL]},
    {"messages": [turn("system", "Be brief."), ASKED, turn("assistant", None, tool_calls=[CALL]),
                  turn("tool", "sun", tool_call_id="c1", name="w"), turn("assistant", "Sunny.")], "tools": [TOOL, TOOL]},
    {"messages": [ASKED, turn("assistant", "", tool_calls=[AS_TEXT, CALL]), turn("tool", "sun", tool_call_id="c1"),
                  turn("tool", "rain", tool_call_id="c2"), turn("assistant", "Both."), turn("user", "So?", name="Ann"),
                  turn("assistant", "Stay.")], "tools": [TOOL]},
    {"messages": [ASKED, turn("assistant", "Let me see.", tool_calls=[CALL]), turn("tool", "", tool_call_id="c1"),
                  turn("assistant", "Dark.", reasoning_content="no sun")]},
]

cases = []
for template in (THINK, TOOLS, NAMES):
    for row in ROWS:
        texts, _ = render_jinja_template(conversations=[row["messages"]], tools=row.get("tools"),
                                         chat_template=template, add_generation_prompt=False)
        cases.append({"template": template, "row": json.dumps(row, ensure_ascii=False), "text": texts[0]})
print(json.dumps(cases, ensure_ascii=False, indent=1))
