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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from launched_study import LaunchedStudy  # noqa: E402


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

    def tell(self):
        """The node's daemon tells the controller again which jobs it has."""
        self.daemons["slurmd"].send_signal(signal.SIGHUP)

    def stop(self):
        for daemon in self.daemons.values():
            daemon.terminate()


def main():
    conf = Path(sys.argv[2]).resolve()
    study = LaunchedStudy(sys.argv[1], sys.argv[3], sys.argv[4:])
    cluster = Cluster(conf, study.work)
    cluster.start("slurmctld")
    cluster.start("slurmd")
    cluster.wait()
    study.launch("slurm", env=cluster.env)
    idle, lost = 0, 0

    def turn(at_work):
        nonlocal idle, lost
        queue = cluster.ask("squeue", "-h", "-o", "%i %T %r")
        for job in re.findall(r"^(\S+) PENDING .*(?:held|requeue).*$", queue, re.M):
            # What Slurm holds after a controller was killed: an administrator releases it.
            cluster.ask("scontrol", "release", job)
        cluster.ask("scontrol", "update", f"NodeName={cluster.node}", "State=RESUME")
        # A controller that was killed has lost its last seconds. It waits for jobs that have ended
        # meanwhile, until the node registers again: half an hour with the defaults.
        lost = lost + 1 if re.search(r"^\S+ RUNNING ", queue, re.M) and not at_work else 0
        if lost > 20:
            lost = 0
            print("a job that has ended runs for the controller: the node is to tell it", flush=True)
            cluster.tell()
        idle = 0 if queue.strip() or at_work else idle + 1
        if idle > 20:
            if study.launches == 5:
                cluster.stop()
                sys.exit("five launches did not end the study")
            idle = 0
            print("the queue is empty and stages are missing: launched again", flush=True)
            study.launch("slurm", env=cluster.env, check=False)

    controller, node = (lambda _, name=name: cluster.kill(name) for name in cluster.commands)
    worker = study.kill_stage
    left = study.until_results([controller, worker, node, controller, worker], turn)
    cluster.stop()
    study.end("Slurm", left)


main()
