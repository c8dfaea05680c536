"""Greedy answers of a chat model: this program, transformers and llama.cpp in turns.

    benches/peer/answers.py --seal target/debug/seal --model DIR --data prompts.jsonl \
        --python VENV/bin/python --llama VENV/bin/python --gguf model-f16.gguf

Each measurement is a process of its own, which reads the model, answers the first --rows prompts
by the model's template in batches, and ends. The programs take turns. A table shows the median of
the rounds: seconds that passed, and processor time (user and system), which other work of the
machine changes less. Both are without those of the same process with one prompt and one new token,
so that reading the model and laying its weights out do not count. Passes over the prompts do.

A prompt is the `instruction` of a row. A row with an `input` is refused: the program adds it.

The interpreter after --python has torch and transformers; the one after --llama has xllamacpp.
`benches/peer/f16.py` makes a file of f16 weights of the folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def prompts(args):
    with open(args.data) as lines:
        rows = [json.loads(line) for line in lines][: args.rows]
    if any(row.get("input") for row in rows):
        raise SystemExit(f"{args.data}: a row has an input, which is no part of a prompt here")
    return [row["instruction"] for row in rows]


def transformers(args):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.model, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype=getattr(torch, args.dtype)).eval()
    turns = [[{"role": "user", "content": text}] for text in prompts(args)]
    texts = [tokenizer.apply_chat_template(t, tokenize=False, add_generation_prompt=True) for t in turns]
    texts.sort(key=lambda text: len(tokenizer(text)["input_ids"]))
    tokens = 0
    for start in range(0, len(texts), args.batch):
        batch = tokenizer(texts[start : start + args.batch], return_tensors="pt", padding=True,
                          add_special_tokens=False)
        with torch.no_grad():
            out = model.generate(**batch, max_new_tokens=args.new, do_sample=False)
        made = out[:, batch["input_ids"].shape[1] :]
        tokens += int((made != tokenizer.pad_token_id).sum())
    print(json.dumps({"tokens": tokens}))


def llama(args):
    from concurrent.futures import ThreadPoolExecutor

    import xllamacpp as xlc

    params = xlc.CommonParams()
    params.model.path = args.gguf
    params.n_parallel = args.batch
    params.n_ctx = args.batch * 512
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    server = xlc.Server(params)

    def answer(text):
        reply = server.handle_chat_completions({
            "messages": [{"role": "user", "content": text}], "max_tokens": args.new,
            "temperature": 0, "cache_prompt": True})
        reply = json.loads(reply) if isinstance(reply, str) else reply
        return reply["usage"]["completion_tokens"]

    with ThreadPoolExecutor(args.batch) as pool:
        print(json.dumps({"tokens": sum(pool.map(answer, prompts(args)))}))
    sys.stdout.flush()
    os._exit(0)


def seal(args, new, rows, out):
    command = [args.seal, "generate", "--model", args.model, "--template", "chat", "--data", args.data,
               "--limit", str(rows), "--file", out, "--quiet"]
    for setting in (f"max_new_tokens={new}", f"batch={args.batch}", "temperature=0"):
        command += ["--set", f"generate.{setting}"]
    return command


def measured(command, env):
    """Seconds and processor time of a command, and the last line that it prints."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as text:
        child = subprocess.Popen(command, env=env, stdout=text, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        took = time.perf_counter() - start
        if status:
            raise SystemExit(f"{' '.join(command)}: status {status}")
        text.seek(0)
        lines = text.read().splitlines()
    return took, used.ru_utime + used.ru_stime, lines[-1] if lines else ""


def count(args):
    """Tokens of the answers of a file, with those that end one, as the other programs count."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    with open(args.answers) as lines:
        answers = [json.loads(line) for line in lines]
    ended = sum(answer["finish"] == "stop" for answer in answers)
    texts = [answer["output"] for answer in answers]
    tokens = sum(len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
    print(json.dumps({"tokens": tokens + ended}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seal")
    parser.add_argument("--python")
    parser.add_argument("--llama")
    parser.add_argument("--gguf")
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["transformers", "llama", "count"], help=argparse.SUPPRESS)
    parser.add_argument("--answers", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="float32", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return {"transformers": transformers, "llama": llama, "count": count}[args.one](args)

    prompts(args)

    def peer(python, one, new, rows, *more):
        command = [python, __file__, "--one", one, "--model", args.model, "--data", args.data,
                   "--new", str(new), "--rows", str(rows)]
        for name in ("batch", "threads"):
            command += [f"--{name}", str(getattr(args, name))]
        return command + list(more)

    forms = {}
    if args.seal:
        forms["seal"] = lambda new, rows, out: seal(args, new, rows, out)
    if args.python:
        for dtype in ("float32", "bfloat16"):
            forms[f"transformers {dtype}"] = (
                lambda new, rows, _, dtype=dtype: peer(args.python, "transformers", new, rows, "--dtype", dtype))
    if args.llama:
        forms["llama.cpp"] = lambda new, rows, _: peer(args.llama, "llama", new, rows, "--gguf", args.gguf)
    env = {**os.environ, "RAYON_NUM_THREADS": str(args.threads), "OMP_NUM_THREADS": str(args.threads)}
    found = {name: [] for name in forms}
    for _ in range(args.rounds):
        for name, command in forms.items():
            with tempfile.TemporaryDirectory() as folder:
                least = measured(command(1, 1, f"{folder}/one.jsonl"), env)
                most = measured(command(args.new, args.rows, f"{folder}/all.jsonl"), env)
                said = most[2]
                if name == "seal" and args.python:
                    answers = ("--answers", f"{folder}/all.jsonl")
                    said = measured(peer(args.python, "count", args.new, args.rows, *answers), env)[2]
            found[name].append((most[0] - least[0], most[1] - least[1]))
            print(f"{name}: {found[name][-1][0]:.1f} s, processor {found[name][-1][1]:.1f} s {said}", flush=True)
    print("| program | seconds | processor seconds |\n| :-- | --: | --: |")
    for name, rounds in found.items():
        seconds, used = (statistics.median(x) for x in zip(*rounds))
        print(f"| {name} | {seconds:.1f} | {used:.1f} |")


if __name__ == "__main__":
    main()
