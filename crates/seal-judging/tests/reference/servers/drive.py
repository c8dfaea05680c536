#!/usr/bin/env python3
"""Judges pairs by a real server, with faults and kills, and counts what was lost or paid twice.

    drive.py --program target/debug/seal --upstream http://127.0.0.1:8080 --out FOLDER [--model judge]

SEAL_DATA names the folder with AlpacaEval's answers. fault_proxy.py stands between program and
server. The program is killed at random moments, and run again until all is judged. Then each question
has one verdict, and by the proxy's count none whose reply had been handed on whole was asked again, but
for those that were under way when the program was killed. Only Python's own library is needed.
"""
import argparse
import collections
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from fault_proxy import HARMLESS

HERE = Path(__file__).resolve().parent
# Short, so that a small model on a busy machine reads it in less than a second.
PROMPT = "{instruction}\nA: {output_1}\nB: {output_2}\nBetter, A or B?"


def pairs(data, count, cut):
    """`count` pairs of published answers, cut to so many characters."""
    read = lambda name: json.loads((data / "alpaca_eval" / name).read_text())
    rows = {name: read(f"{name}.model_outputs.json") for name in ("vicuna-7b", "merlinite-7B-AOT", "text_davinci_003")}
    of = {name: {row["instruction"]: row["output"] for row in found} for name, found in rows.items()}
    reference = of["text_davinci_003"]
    arm, base = [], []
    for model in ("vicuna-7b", "merlinite-7B-AOT"):
        for instruction, output in of[model].items():
            if len(arm) < count and instruction in reference:
                asked = f"{len(arm)}. {instruction[:cut]}"
                arm.append({"instruction": asked, "output": output[:cut], "generator": "arm"})
                base.append({"instruction": asked, "output": reference[instruction][:cut], "generator": "base"})
    assert len(arm) == count, f"{len(arm)} pairs"
    return arm, base


def table(options, prompt):
    return f"""kind = "pairwise"
canaries = 3
max_missing = 1.0
[prompt]
file = "{prompt}"
sha256 = "any"
[verdict]
form = "first-token"
least_mass = 0.0
[endpoint]
base_url = "http://127.0.0.1:{options.port}/v1"
model = "{options.model}"
{f'api_key_env = "{options.api_key_env}"' if options.api_key_env else ""}
temperature = 0.0
max_tokens = {options.max_tokens}
top_logprobs = 20
[endpoint.limits]
concurrency = {options.concurrency}
[endpoint.patience]
attempts = 10
first_wait = 0.05
longest_wait = 2.0
timeout = 120.0
deadline = 600.0
[endpoint.price]
input = 1.0
output = 1.0
"""


def lines(path):
    """The whole lines of a file of JSON objects."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line.strip()]


def is_blank(line):
    return not (line["reply"]["content"] or "").strip() and line["reply"]["finish"] not in ("length", "content_filter")


def answered(log):
    return {f"seal-{line['key'][:48]}" for line in lines(log) if not is_blank(line)}


def predicted(options):
    """Tokens that llama.cpp's server predicted, by its own count; with one token a reply, replies."""
    if not options.metrics:
        return None
    with urllib.request.urlopen(options.metrics) as reply:
        text = reply.read().decode()
    return int(float(re.search(r"(?m)^llamacpp:tokens_predicted_total (\S+)", text)[1]))


def settle(options):
    """Waits until the proxy has no request under way."""
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{options.port}/under_way") as reply:
            if json.load(reply)["under_way"] == 0:
                return
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--metrics", help="llama.cpp's page of metrics, for its own count of replies")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="judge")
    parser.add_argument("--api-key-env", help="the variable that holds the key of the server")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--cut", type=int, default=24, help="characters of each text")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--rate", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=1)
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True)
    arm, base = pairs(Path(os.environ["SEAL_DATA"]), options.pairs, options.cut)
    for name, found in (("arm.json", arm), ("base.json", base)):
        (out / name).write_text(json.dumps(found))
    (out / "prompt.txt").write_text(PROMPT)
    (out / "judge.toml").write_text(table(options, "prompt.txt"))
    log, proxy_log = out / "verdicts.jsonl", out / "proxy.jsonl"
    draw = random.Random(options.seed)
    # Equal answers tie without a question.
    total = 2 * sum(one["output"] != two["output"] for one, two in zip(arm, base))
    permanent = sorted(draw.sample(range(total // 10, total), 3))
    proxy = subprocess.Popen([
        sys.executable, HERE / "fault_proxy.py", "--listen", str(options.port), "--upstream", options.upstream,
        "--log", proxy_log, "--seed", str(options.seed), "--rate", str(options.rate),
        "--permanent", ",".join(map(str, permanent)),
    ])
    try:
        time.sleep(1)
        run(options, log, proxy_log, draw, total)
    finally:
        proxy.terminate()


def run(options, log, proxy_log, draw, total):
    command = [
        options.program, "judge", "--candidate", "arm.json", "--reference", "base.json",
        "--judge", "judge.toml", "--file", "verdicts.jsonl",
    ]
    kills = sorted(draw.sample(range(total // 50, total * 95 // 100), options.kills))
    codes, lost_at, started = collections.Counter(), collections.Counter(), time.time()
    before = predicted(options)
    while True:
        said = open(options.out / "said.txt", "a", encoding="utf-8")
        figures = open(options.out / "figures.txt", "w", encoding="utf-8")
        environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
        process = subprocess.Popen(command, cwd=options.out, stdout=figures, stderr=said, env=environment)
        while process.poll() is None:
            # Not only between two lines: a moment later, too.
            if kills and log.exists() and log.read_bytes().count(b"\n") >= kills[0]:
                time.sleep(draw.random())
                process.send_signal(signal.SIGKILL)
                kills.pop(0)
            time.sleep(0.1)
        code = process.wait()
        settle(options)
        delivered = collections.Counter(line["key"] for line in lines(proxy_log) if line["delivered"])
        # Of this run alone: a question that an earlier kill left open may still be so.
        open_keys = {key for key in delivered.keys() - answered(log) if delivered[key] > lost_at[key]}
        lost_at.update(open_keys)
        killed = code == -signal.SIGKILL
        assert killed or not open_keys, f"a run that ended by itself lost {open_keys}"
        assert len(open_keys) <= options.concurrency, f"{len(open_keys)} replies are not in the log"
        codes["killed" if killed else code] += 1
        print(f"{time.time() - started:.0f} s: {len(lines(log))} lines, ended by {code}, {len(open_keys)} under way", flush=True)
        if code == 0 and not kills:
            break
        assert killed or code in (0, 2), f"exit code {code}: {(options.out / 'said.txt').read_text()[-2000:]}"
    report(options, log, proxy_log, codes, lost_at, total, time.time() - started)
    if options.metrics and options.max_tokens == 1:
        made, counted = sum(line["made"] for line in lines(proxy_log)), predicted(options) - before
        print(f"replies_by_the_server_s_own_count {counted}")
        assert made == counted, f"the proxy counts {made}"


def report(options, log, proxy_log, codes, lost_at, total, seconds):
    found, asked = lines(log), lines(proxy_log)
    verdicts = collections.Counter(f"seal-{line['key'][:48]}" for line in found if not is_blank(line))
    whole = collections.Counter(line["key"] for line in asked if line["delivered"])
    of_pairs = {line["key"] for line in found if line["subject"] == "pair" and not is_blank(line)}
    twice = {key: n for key, n in whole.items() if n > 1 + lost_at[key]}
    tail = (options.out / "said.txt").read_text()
    print(f"seconds {seconds:.0f}")
    print(f"runs {sum(codes.values())} {dict(codes)}")
    print(f"questions_of_pairs {total}, with_one_verdict_line {len(of_pairs)}")
    print(f"questions_with_several_verdict_lines {sum(n > 1 for n in verdicts.values())}")
    print(f"blank_lines {sum(map(is_blank, found))}")
    print(f"requests {len(asked)}, completions_made_by_the_server {sum(line['made'] for line in asked)}")
    print(f"completions_handed_on_whole {sum(whole.values())}, of_questions {len(whole)}")
    print(f"made_and_not_handed_on {sum(line['made'] and not line['delivered'] for line in asked)}")
    # The server made these, and the program was gone when they came: they may be on a bill.
    is_cut_off = lambda line: line["made"] and not line["delivered"] and line["fault"] in (None, *HARMLESS)
    print(f"made_and_under_way_at_a_kill {sum(map(is_cut_off, asked))}")
    print(f"handed_on_and_under_way_at_a_kill {sum(lost_at.values())}")
    print(f"asked_again_after_a_verdict_was_in_the_log {len(twice)}")
    print(f"faults {dict(sorted(collections.Counter(str(line['fault']) for line in asked).items()))}")
    print((options.out / "figures.txt").read_text())
    print("\n".join(re.findall(r"(?m)^(?:canary|empty|constant|injection|injected-copy|copy|the judge).*$", tail)[-9:]))
    assert len(of_pairs) == total and not twice and verdicts.keys() >= whole.keys() and max(verdicts.values()) == 1
    print(f"pairs {hashlib.sha256((options.out / 'arm.json').read_bytes()).hexdigest()[:16]}")
    print("held: nothing lost, nothing asked again")


if __name__ == "__main__":
    main()
