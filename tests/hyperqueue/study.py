#!/usr/bin/env python3
"""A study on a real HyperQueue server with two workers, killed on the way, against a plain run.

    tests/hyperqueue/study.py PROGRAM WORK [ABLATE OPTION...]

Runs under a Python that has the package `hyperqueue`. The package brings the server and its workers
as threads of one process, so they are killed together. Processes of stages are killed apart. WORK is
an empty folder. The options go to `ablate`, for example `--quick`.

Prints seconds and whether the results are the same bytes, and ends with 1 if they are not,
or if the study ended before all kills.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SERVER = """
import sys, time
from hyperqueue.cluster import LocalCluster, WorkerConfig
cluster = LocalCluster(sys.argv[1], WorkerConfig(cores=1))
cluster.start_worker(WorkerConfig(cores=1))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def stages_at_work(program, out):
    """Processes that make stages of the run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"run-stage" in words and str(out).encode() in words and words[0] == program.encode():
                found.append(int(entry.name))
    return found


def server(folder):
    """A process with a server and two workers of one core, and the folder to reach it."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, start_new_session=True
    )
    process.stdout.readline()
    return process


def main():
    program, work = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    options = sys.argv[3:]
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    start = time.monotonic()
    subprocess.run([program, "ablate", "-q", "--out", "plain", *options], check=True)
    plain = time.monotonic() - start
    print(f"plain run: {plain:.1f} s", flush=True)
    # Kills are spread over the study.
    interval = max(5.0, plain / 8)
    out = work / "run"
    results = out / "results.json"

    def launch(number):
        folder = work / f"server-{number}"
        process = server(folder)
        settings = [f"python={sys.executable}", f"server={folder}"]
        settings = [word for text in settings for word in ("--launch-set", text)]
        command = [program, "ablate", "--out", str(out), "--launch", "hyperqueue"]
        subprocess.run([*command, *settings, *options], check=True)
        return process

    start = time.monotonic()
    launches, process = 1, launch(1)
    kills = ["worker", "server", "worker", "server"]
    next_kill, idle = start + interval, 0
    while not results.exists():
        time.sleep(0.5)
        at_work = stages_at_work(program, out)
        if kills and at_work and time.monotonic() > next_kill:
            kill = kills.pop(0)
            if kill == "worker":
                os.kill(at_work[0], signal.SIGKILL)
                print(f"process {at_work[0]} killed at its stage", flush=True)
            else:
                process.kill()
                process.wait()
                launches += 1
                print("server and workers killed; launched again on a new server", flush=True)
                process = launch(launches)
            next_kill = time.monotonic() + interval
        idle = 0 if at_work else idle + 1
        if idle > 60:
            process.kill()
            sys.exit("nothing is at work, and there are no results")
    hyperqueue = time.monotonic() - start
    process.kill()
    same = (work / "plain/results.json").read_bytes() == results.read_bytes()
    print(f"HyperQueue: {hyperqueue:.1f} s in {launches} launches, {4 - len(kills)} kills; ", end="")
    print(f"plain: {plain:.1f} s")
    print("the same bytes" if same else "OTHER BYTES")
    if kills:
        print(f"the study was too short for the last {len(kills)} kills")
    sys.exit(0 if same and not kills else 1)


main()
