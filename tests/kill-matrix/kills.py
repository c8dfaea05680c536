#!/usr/bin/env python3
"""Kills runs of a small study, again and again, and looks at what is left.

    tests/kill-matrix/kills.py PROGRAM WORK [KILLS [SEED [SECONDS]]]

PROGRAM is `seal` or the binary of `cargo xtask`, built with debug assertions: such a build ends at
the point that SEAL_HALT_AT names. WORK is an empty folder. By default 300 processes are killed.

A third of the runs are killed at named points, in turn. The others get SIGKILL at random moments: one
process, the launcher, or all of them at once. Runs are plain or with `--launch local`, in turn. A run
that was killed is started again with the next kill, until one ends by itself. Then its results must
be those of a run that nobody disturbed, byte by byte. After each kill, every entry that the store had
must be there with the same manifest, and after each run every file must be as its manifest says.

A test of the study is judged by a server of this script. It counts the answers to each question.
A question may be answered twice only if a process was killed while it was being answered, or so
shortly after that its reply was not in the log yet. The connection that asked must have ended with that
kill: a kill of another process is no excuse. A reply that the log had must stay in it.

State is kept after each step. With SECONDS, trainings are longer, and state is kept each so many
seconds. The work that a kill loses is then a number: of each stage that the killed process was
making, the time from its last kept state, or from its begin, to the kill.

Prints a table, and ends with 1 if anything was lost that was finished.
"""

import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from small_study import CONFIG, entries, write_study  # noqa: E402

# Where `may_halt` of seal-store stands: in every run, and in launches.
POINTS = ["claimed", "state-written", "state-kept", "made", "sealed", "committed", "assembled"]
POINTS += ["exported", "reported"]
OF_LAUNCHES = ["planning", "planned", "launched", "ended"]

# How long after an answer a process may not have written it into the log yet.
WRITING = 0.25

# How far apart a kill and the end of the connections of its process are seen, on a busy machine.
CLOSING = 2.0

JUDGE = """kind = "pairwise"
[verdict]
form = "line"
first = ["A"]
second = ["B"]
tie = ["C"]
[endpoint]
base_url = "http://127.0.0.1:{port}/v1"
model = "stub"
max_tokens = 16
price = {{ input = 1.0, output = 1.0 }}
patience = {{ first_wait = 0.05, longest_wait = 0.5, attempts = 10, timeout = 20.0 }}
"""


def long_config():
    """The study with trainings of some seconds."""
    config = CONFIG.replace("[base]\nepochs = 2", "[base]\nepochs = 1200")
    config = config.replace("[sft]\nepochs = 2", "[sft]\nepochs = 1200")
    config = config.replace('"softmax"\nepochs = 2', '"softmax"\nepochs = 300\ngamma = 0.05')
    return config


class Judge:
    """A judge behind an endpoint, whose verdict is a function of the question."""

    def __init__(self, pause):
        self.lock, self.pause = threading.Lock(), pause
        self.answers, self.open = defaultdict(list), 0
        judge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                began = time.time()
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked = body["messages"][-1]["content"]
                is_probe = body.get("max_tokens", body.get("max_completion_tokens")) == 1
                if not is_probe:
                    time.sleep(judge.pause)
                verdict = "ABC"[sum(asked.encode()) % 3]
                message = {"role": "assistant", "content": verdict}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
                reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "stub"}
                reply = json.dumps({**reply, "choices": [choice], "usage": usage}).encode()
                if not is_probe:
                    with judge.lock:
                        # Its last part is when the connection ended.
                        span = [began, time.time(), None]
                        judge.answers[self.headers["idempotency-key"]].append(span)
                    self.spans.append(span)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def handle(self):
                self.spans = []
                try:
                    super().handle()
                except OSError:
                    # The client was killed.
                    pass
                for span in self.spans:
                    span[2] = time.time()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]

    def counted(self, kills):
        """Questions, answers, answers that were under way at a kill, answers paid twice; then anew."""
        with self.lock:
            answers, self.answers = self.answers, defaultdict(list)
        under_way = twice = 0

        def is_lost(span, at):
            begun, answered, closed = span
            is_of_kill = closed is not None and abs(closed - at) <= CLOSING
            return begun <= at <= answered + WRITING and is_of_kill

        for spans in answers.values():
            lost = sum(any(is_lost(span, at) for at in kills) for span in spans)
            under_way += min(lost, len(spans) - 1)
            if len(spans) - 1 > lost:
                twice += len(spans) - 1 - lost
                print(f"paid twice (begun, answered, closed): {spans}; kills: {kills}", flush=True)
        return len(answers), sum(map(len, answers.values())), under_way, twice


def logged(store):
    """The keys of the questions whose replies are in the log of the judge."""
    keys = set()
    for log in store.glob("judgements/*/verdicts.jsonl"):
        for line in log.read_bytes().split(b"\n"):
            found = re.search(rb'"key":"([^"]+)"', line)
            # The last line may be cut.
            if found and line.endswith(b"}"):
                keys.add(found.group(1))
    return keys


def birth(path):
    """When a file or folder was made."""
    done = subprocess.run(["stat", "-c", "%w", path], capture_output=True, text=True, check=False)
    stamp = re.match(r"(\S+ \d+:\d+:\d+)(\.\d{6})\d* (\S+)", done.stdout)
    if not stamp:
        return None
    return datetime.strptime("".join(stamp.groups()), "%Y-%m-%d %H:%M:%S.%f%z").timestamp()


def work_lost(store, processes, at):
    """Of each stage that the processes were making: its kind, the seconds since its last kept state or
    else since its begin, and whether it had a state."""
    lost = []
    for claim in store.glob("claims/*-*"):
        try:
            holder = json.loads(claim.read_text(errors="replace").split("\n")[0])
        except (OSError, ValueError):
            continue
        if holder.get("process") not in processes:
            continue
        kept = [
            file.stat().st_mtime
            for folder in store.glob(f"unfinished/{claim.name}*")
            for file in folder.iterdir()
            if not file.name.startswith(".")
        ]
        begun = [birth(folder) for folder in store.glob(f"scratch/{claim.name}-*")]
        begun = [time for time in begun if time]
        since = [time for time in kept + begun if time <= at]
        if since:
            lost.append((claim.name.rsplit("-", 1)[0], at - max(since), bool(kept)))
    return lost


def children(process):
    """The processes below `process`, those that are at work now."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            pass
    return found


def kill(process):
    try:
        os.kill(process, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def main():
    program, work = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    draw = random.Random(seed)
    folder = work / "study"
    judge = Judge(0.05)
    config = long_config() if seconds else CONFIG
    likelihood = '[judge.slimorca]\nkind = "answer-likelihood"'
    assert likelihood in config
    write_study(folder, config.replace(likelihood, '[judge.slimorca]\ntable = "judge.toml"'))
    (folder / "judge.toml").write_text(JUDGE.format(port=judge.port))
    ablate = [program, "ablate", "--config", "study.toml", "--jobs", "2", "-v"]
    ablate += ["--checkpoint", str(seconds / 60)]
    local = ["--launch", "local", "--launch-set", "group=0"]
    env = {key: value for key, value in os.environ.items() if key != "SEAL_HALT_AT"}

    def start(out, is_local, halt=None):
        own = {**env, "SEAL_HALT_AT": halt} if halt else env
        said = open(work / "said", "wb")
        command = ablate + ["--out", str(out)] + (local if is_local else [])
        return subprocess.Popen(command, cwd=folder, env=own, stdout=said, stderr=said)

    begun = time.monotonic()
    assert start(work / "whole", False).wait() == 0, (work / "said").read_text()
    length = time.monotonic() - begun
    asked, answered, _, _ = judge.counted([])
    assert asked == answered > 0, f"{asked} questions, {answered} answers without a kill"
    whole = (work / "whole/results.json").read_bytes()
    kills, runs, stages = Counter(), Counter(), Counter()
    lost = verdicts = other = damaged = resumed = number = 0
    questions, replies_lost, works = Counter(), 0, []
    passed = {True: 0, False: 0}
    while sum(kills.values()) < wanted:
        number += 1
        is_local = number % 2 == 0
        out, known, log, ended = work / f"run-{number}", {}, set(), []
        for attempt in range(1000):
            halt = None
            if draw.random() < 0.33 and attempt < 40:
                points = POINTS + OF_LAUNCHES if is_local else POINTS
                halt = points[passed[is_local] % len(points)]
                passed[is_local] += 1
                if not is_local and halt not in ("assembled", "exported", "reported"):
                    # In one process, a later stage may be the one that is killed.
                    halt += f":{draw.choice([1, 1, 2, 5])}"
            process = start(out, is_local, halt)
            how = f"at {halt.split(':')[0]}" if halt else None
            if not halt and attempt < 40:
                longest = length * (2.5 if is_local else 1)
                time.sleep(draw.uniform(0.5, 4 * seconds) if seconds else draw.uniform(0, longest))
                at_work = children(process.pid) if is_local else []
                how = draw.choice(["process", "launcher", "all"]) if is_local else "process"
                if process.poll() is not None or how == "process" and is_local and not at_work:
                    how = None
                elif how == "process" and is_local:
                    chosen = draw.choice(at_work)
                    ended.append(time.time())
                    if kill(chosen):
                        works.append(work_lost(out / "store", {chosen}, ended[-1]))
                    else:
                        how = None
                else:
                    how = how if is_local else "plain run"
                    ended.append(time.time())
                    process.kill()
                    killed = [kill(child) for child in at_work] if how == "all" else []
                    kills["a process of a group"] += sum(killed)
                    if how != "launcher":
                        makers = {process.pid, *at_work}
                        works.append(work_lost(out / "store", makers, ended[-1]))
            code = process.wait()
            if halt:
                # Where it ended is known to the moment, in a plain run at least.
                ended.append(time.time())
                if not is_local and code < 0:
                    works.append(work_lost(out / "store", {process.pid}, ended[-1]))
            # Processes that lost their launcher work on; the next run waits for them.
            text = (work / "said").read_text(errors="replace")
            resumed += text.count("goes on after step ")
            # A task that is given up tells its last kill once more in the error at the end.
            again = len(re.findall(r"^note: .*its process ended with a signal; started again", text, re.M))
            given_up = {*re.findall(r"failed: (.+): its process ended with a signal after \d+ attempts", text)}
            if halt and is_local and how not in ("at planning", "at planned"):
                kills[how] += again + len(given_up) + (code < 0)
            elif how == "process":
                kills["a process at its stage"] += 1
            elif how:
                # A program that had ended before the signal was not killed.
                kills[how] += code < 0
            now = entries(out / "store")
            for name, manifest in known.items():
                gone = now.get(name) != manifest
                lost += gone
                verdicts += gone and name.startswith("verdicts/")
            known = now
            replies = logged(out / "store")
            replies_lost += len(log - replies)
            log = replies
            if code == 0:
                break
        else:
            sys.exit(f"run {number} does not end: {(work / 'said').read_text()[-2000:]}")
        runs["local" if is_local else "plain"] += 1
        stages.update(name.split("/")[0] for name in known)
        is_same = (out / "results.json").read_bytes() == whole
        other += not is_same
        # A manifest has the digest of each file of its entry.
        verify = [program, "store", "verify", "--store", str(out / "store")]
        verified = subprocess.run(verify, cwd=folder, env=env, capture_output=True, check=False)
        if verified.returncode != 0:
            damaged += 1
            print(verified.stdout.decode() + verified.stderr.decode(), flush=True)
        if is_same:
            subprocess.run(["rm", "-rf", str(out)], check=False)
        counted = judge.counted(ended)
        questions.update(dict(zip(("asked", "answered", "under way", "twice"), counted)))
        total = sum(kills.values())
        print(f"run {number}: {attempt + 1} starts, {total} kills, lost {lost}, other {other}", flush=True)
    print(json.dumps({"kills": dict(kills), "runs": dict(runs), "stages": dict(stages)}, indent=1))
    print(f"{sum(kills.values())} kills, {sum(runs.values())} runs, {time.monotonic() - begun:.0f} s, seed {seed}")
    print(f"finished stages lost: {lost}, of them verdicts: {verdicts}; other results: {other}; ", end="")
    print(f"damaged stores: {damaged}; trainings that went on: {resumed}")
    print(f"questions: {questions['asked']}, answers: {questions['answered']}, of them again because a ", end="")
    print(f"process was killed meanwhile: {questions['under way']}; paid twice: {questions['twice']}; ", end="")
    print(f"replies lost from the log: {replies_lost}")
    say_work(works, seconds)
    wrong = lost or other or damaged or questions["twice"] or replies_lost
    sys.exit(1 if wrong else 0)


def say_work(works, seconds):
    """The work that was lost, by kind of stage and by kill."""
    kinds = defaultdict(list)
    for kill_lost in works:
        for kind, lost, has_state in kill_lost:
            kinds[f"{kind}, {'a state was kept' if has_state else 'no state yet'}"].append(lost)
    by_kill = [sum(lost for _, lost, _ in kill_lost) for kill_lost in works]
    print(f"work lost, with state kept each {seconds:g} s: kills, seconds (median, mean, largest)")
    for kind, all_lost in [*sorted(kinds.items()), ("all stages of a kill", by_kill)]:
        if all_lost:
            middle, mean = statistics.median(all_lost), statistics.mean(all_lost)
            print(f"  {kind}: {len(all_lost)}, {middle:.2f}, {mean:.2f}, {max(all_lost):.2f}")


main()
