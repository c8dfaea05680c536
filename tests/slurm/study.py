#!/usr/bin/env python3
"""A study on a real Slurm of one node, with kills on the way, against a plain run.

    tests/slurm/study.py PROGRAM CONF WORK [ABLATE OPTION...]

PROGRAM is `seal`, or the binary of `cargo xtask`. CONF is a slurm.conf whose node is this machine,
with folders that exist. `sbatch`, `scontrol`, `squeue`, and `slurmctld` and `slurmd` or Debian's names
of them (`slurmctld-wlm`) must be on the path, with `slurmstepd` beside. WORK is an empty folder. The
options go to `ablate`, for example `--quick`. The controller, the node's daemon and a process at
work are each killed once by SIGKILL. Nothing needs root but what CONF asks for.

Prints seconds and whether the results are the same bytes, and ends with 1 if they are not,
or if the study ended before all kills.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def tool(*names):
    """The first of these programs that is on the path."""
    found = [path for path in map(shutil.which, names) if path]
    if not found:
        sys.exit(f"none of {', '.join(names)} is on the path")
    return found[0]


class Cluster:
    """The two daemons."""

    def __init__(self, conf, work):
        self.env = {**os.environ, "SLURM_CONF": str(conf)}
        self.work = work
        node = re.search(r"^NodeName=(\S+)", conf.read_text(), re.M)
        self.node = node.group(1)
        self.commands = {
            "slurmctld": [tool("slurmctld", "slurmctld-wlm"), "-D", "-f", str(conf)],
            "slurmd": [tool("slurmd", "slurmd-wlm"), "-D", "-N", self.node, "-f", str(conf)]
            + ["-d", tool("slurmstepd", "slurmstepd-wlm")],
        }
        self.daemons = {}

    def start(self, name):
        log = open(self.work / f"{name}.out", "ab")
        self.daemons[name] = subprocess.Popen(
            self.commands[name], env=self.env, stdout=log, stderr=log, start_new_session=True
        )

    def ask(self, *command):
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    def wait(self):
        for _ in range(120):
            self.ask("scontrol", "update", f"NodeName={self.node}", "State=RESUME")
            if re.search(r"State=(IDLE|MIXED|ALLOCATED)", self.ask("scontrol", "show", "node")):
                return
            time.sleep(0.5)
        sys.exit("the node does not come up")

    def kill(self, name):
        self.daemons[name].kill()
        self.daemons[name].wait()
        time.sleep(1)
        self.start(name)
        print(f"{name} killed and started again", flush=True)

    def stop(self):
        for daemon in self.daemons.values():
            daemon.terminate()


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


def main():
    program, conf, work = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    program = str(Path(program).resolve())
    options = sys.argv[4:]
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    start = time.monotonic()
    subprocess.run([program, "ablate", "-q", "--out", "plain", *options], check=True)
    plain = time.monotonic() - start
    print(f"plain run: {plain:.1f} s", flush=True)
    # Kills are spread over the study.
    interval = max(5.0, plain / 8)
    cluster = Cluster(conf, work)
    cluster.start("slurmctld")
    cluster.start("slurmd")
    cluster.wait()
    out = work / "run"
    results = out / "results.json"
    launch = [program, "ablate", "--out", str(out), "--launch", "slurm", *options]
    start = time.monotonic()
    subprocess.run(launch, env=cluster.env, check=True)
    kills = ["slurmctld", "worker", "slurmd", "slurmctld", "worker"]
    next_kill, launches, idle = start + interval, 1, 0
    while not results.exists():
        time.sleep(0.5)
        if kills and time.monotonic() > next_kill:
            at_work = stages_at_work(program, out)
            if kills[0] != "worker":
                cluster.kill(kills.pop(0))
            elif at_work:
                os.kill(at_work[0], signal.SIGKILL)
                print(f"process {at_work[0]} killed at its stage", flush=True)
                kills.pop(0)
            next_kill = time.monotonic() + interval
        queue = cluster.ask("squeue", "-h", "-o", "%i %T %r")
        for job in re.findall(r"^(\S+) PENDING .*(?:held|requeue).*$", queue, re.M):
            # What Slurm holds after a controller was killed: an administrator releases it.
            cluster.ask("scontrol", "release", job)
        cluster.ask("scontrol", "update", f"NodeName={cluster.node}", "State=RESUME")
        idle = 0 if queue.strip() or stages_at_work(program, out) else idle + 1
        if idle > 20:
            idle, launches = 0, launches + 1
            print("the queue is empty and stages are missing: launched again", flush=True)
            subprocess.run(launch, env=cluster.env, check=False)
        if launches > 5:
            cluster.stop()
            sys.exit("five launches did not end the study")
    slurm = time.monotonic() - start
    same = (work / "plain/results.json").read_bytes() == results.read_bytes()
    left = len(kills)
    print(f"Slurm: {slurm:.1f} s in {launches} launches, {5 - left} kills; plain: {plain:.1f} s")
    print("the same bytes" if same else "OTHER BYTES")
    cluster.stop()
    if left:
        print(f"the study was too short for the last {left} kills")
    sys.exit(0 if same and not left else 1)


main()
