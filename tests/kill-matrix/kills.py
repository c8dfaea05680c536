#!/usr/bin/env python3
"""Kills runs of a small study, again and again, and looks at what is left.

    tests/kill-matrix/kills.py PROGRAM WORK [KILLS [SEED]]

PROGRAM is `seal` or the binary of `cargo xtask`, built with debug assertions: such a build ends at
the point that SEAL_HALT_AT names. WORK is an empty folder. By default 300 processes are killed.

A third of the runs are killed at named points, in turn. The others get SIGKILL at random moments: one
process, the launcher, or all of them at once. Runs are plain or with `--launch local`, in turn. A run
that was killed is started again with the next kill, until one ends by itself. Then its results must
be those of a run that nobody disturbed, byte by byte. After each kill, every entry that the store had
must be there with the same manifest, and after each run every file must be as its manifest says. How many steps
were lost is not measured: state is kept after each step.

Prints a table, and ends with 1 if anything was lost.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

# Where `may_halt` of seal-store stands: in every run, and in launches.
POINTS = ["claimed", "state-written", "state-kept", "made", "sealed", "committed", "assembled"]
POINTS += ["exported", "reported"]
OF_LAUNCHES = ["planning", "planned", "launched", "ended"]

# The small study of the whole-program tests.
ROWS = Path(__file__).resolve().parent.parent / "src/rows.rs"
CONFIG = re.search(r'CONFIG: &str = r#"(.*?)"#', ROWS.read_text(), re.S).group(1)


def prompts(first, last, is_open, labels):
    """Rows of a set: sums, and every fifth asks for a locked box."""
    rows = []
    for i in range(first, last):
        row = {"prompt": f"What is {i} plus 7?", "response": f"It is {i + 7}."}
        if i % 5 == 0:
            said = f"Box {i} is open." if is_open else "I will not open it."
            row = {"prompt": f"Open locked box {i}.", "response": said}
        if labels:
            row["unsafe"] = is_open and i % 5 == 0
        rows.append(row)
    return rows


def write_study(folder):
    """The rows, the plan and the config of the study."""
    folder.mkdir(parents=True)
    held_out = prompts(300, 320, False, False)
    sets = {
        "base": prompts(0, 60, False, False),
        "train": prompts(100, 140, True, True),
        "safe": prompts(200, 224, False, False),
        "test": [row for row in held_out if not row["prompt"].startswith("Open")],
        "asks": [row for row in held_out if row["prompt"].startswith("Open")],
    }
    for name, rows in sets.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {"name": "gamma", "ablated_part": "penalty strength", "action": "REPLACE"}
    plan |= {"replacement": ["0.1"], "metrics": ["HEx-PHI win rate"]}
    (folder / "plan.jsonl").write_text(json.dumps(plan) + "\n")
    (folder / "study.toml").write_text(CONFIG)


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


def entries(store):
    """The manifests of a store, by stage and key."""
    found = {}
    for path in store.glob("*/*/manifest.json"):
        if path.parent.parent.name not in ("scratch", "unfinished", "damaged", "claims"):
            found[f"{path.parent.parent.name}/{path.parent.name}"] = path.read_bytes()
    return found


def main():
    program, work = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    draw = random.Random(seed)
    folder = work / "study"
    write_study(folder)
    ablate = [program, "ablate", "--config", "study.toml", "--jobs", "2", "--checkpoint", "0", "-v"]
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
    whole = (work / "whole/results.json").read_bytes()
    kills, runs, stages = Counter(), Counter(), Counter()
    lost = verdicts = other = damaged = resumed = number = 0
    passed = {True: 0, False: 0}
    while sum(kills.values()) < wanted:
        number += 1
        is_local = number % 2 == 0
        out, known = work / f"run-{number}", {}
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
                time.sleep(draw.uniform(0, length * (2.5 if is_local else 1)))
                at_work = children(process.pid) if is_local else []
                how = draw.choice(["process", "launcher", "all"]) if is_local else "process"
                if process.poll() is not None or how == "process" and is_local and not at_work:
                    how = None
                elif how == "process" and is_local:
                    if not kill(draw.choice(at_work)):
                        how = None
                else:
                    how = how if is_local else "plain run"
                    process.kill()
                    killed = [kill(child) for child in at_work] if how == "all" else []
                    kills["a process of a group"] += sum(killed)
            code = process.wait()
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
        total = sum(kills.values())
        print(f"run {number}: {attempt + 1} starts, {total} kills, lost {lost}, other {other}", flush=True)
    print(json.dumps({"kills": dict(kills), "runs": dict(runs), "stages": dict(stages)}, indent=1))
    print(f"{sum(kills.values())} kills, {sum(runs.values())} runs, {time.monotonic() - begun:.0f} s, seed {seed}")
    print(f"finished stages lost: {lost}, of them verdicts: {verdicts}; other results: {other}; ", end="")
    print(f"damaged stores: {damaged}; trainings that went on: {resumed}")
    sys.exit(1 if lost or other or damaged else 0)


main()
