"""Small Parquet files with invented rows, written by Apache Arrow.

Run in this folder; needs pyarrow. Tests read the committed files.
"""

import pyarrow as pa
import pyarrow.parquet as pq

texts = [f"Name thing {i}." for i in range(40)] + ["Grüße, 你好", ""]
answers = [f"Thing {i % 7}" for i in range(40)] + [None, "nothing"]
table = pa.table({
    "prompt": pa.array(texts),
    "response": pa.array(answers),
    "unsafe": pa.array([i % 5 == 0 for i in range(42)]),
    "score": pa.array([i / 4 for i in range(42)], pa.float32()),
    "extra": pa.array([None if i % 2 else i for i in range(42)], pa.int64()),
})
for codec, version in [("none", "1.0"), ("snappy", "1.0"), ("gzip", "2.0"), ("zstd", "2.0"),
                       ("lz4", "2.0"), ("brotli", "1.0")]:
    pq.write_table(table, f"texts-{codec}.parquet", compression=codec, row_group_size=16,
                   data_page_version=version, use_dictionary=codec != "gzip")
pq.write_table(
    table.select(["prompt", "response"]).set_column(1, "response", pa.array(range(42))),
    "numbers.parquet")
pq.write_table(
    pa.table({"prompt": pa.array([b"Name it.", b"\xff\xfe"]), "response": ["It", "is"]}),
    "bytes.parquet")


def chat(*turns):
    return [{"role": r, "content": c} for r, c in turns]


dialogues = [
    chat(("system", "Be brief."), ("user", "Hello?"), ("assistant", "Yes."), ("user", "Sure?"),
         ("assistant", "Quite.")),
    chat(("user", "One?"), ("assistant", "1")),
    chat(("user", "Unanswered?")),
    chat(("user", "A"), ("user", "B"), ("assistant", "C")),
    chat(("user", "Empty?"), ("assistant", "")),
    [],
]
turn = pa.struct([("role", pa.string()), ("content", pa.string())])
pq.write_table(
    pa.table({"messages": pa.array(dialogues, pa.list_(turn)), "source": ["a"] * 6}),
    "messages.parquet", row_group_size=2)
turn = pa.struct([("from", pa.string()), ("value", pa.string()), ("weight", pa.float64())])
names = {"user": "human", "assistant": "gpt", "system": "system"}
shared = [[{"from": names[t["role"]], "value": t["content"], "weight": None} for t in d]
          for d in dialogues]
pq.write_table(
    pa.table({"conversations": pa.array(shared, pa.list_(turn))}), "sharegpt.parquet",
    compression="zstd")
