#!/usr/bin/env python3
"""A study on a real HyperQueue server with two workers, killed on the way, against a plain run.

    tests/hyperqueue/study.py PROGRAM WORK [ABLATE OPTION...]

Runs under a Python that has the package `hyperqueue`. The package brings the server and its workers
as threads of one process, so they are killed together. Processes of stages are killed apart. WORK is
an empty folder. The options go to `ablate`, for example `--quick`.

Prints seconds and whether the results are the same bytes, and ends with 1 if they are not,
or if the study ended before all kills.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from launched_study import LaunchedStudy  # noqa: E402

SERVER = """
import sys, time
from hyperqueue.cluster import LocalCluster, WorkerConfig
cluster = LocalCluster(sys.argv[1], WorkerConfig(cores=1))
cluster.start_worker(WorkerConfig(cores=1))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def server(folder):
    """A process with a server and two workers of one core, and the folder to reach it."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, start_new_session=True
    )
    process.stdout.readline()
    return process


def main():
    study = LaunchedStudy(sys.argv[1], sys.argv[2], sys.argv[3:])
    process, idle = None, 0

    def launch():
        nonlocal process
        folder = study.work / f"server-{study.launches + 1}"
        process = server(folder)
        study.launch("hyperqueue", [f"python={sys.executable}", f"server={folder}"])

    def kill_server(at_work):
        if not at_work:
            return False
        process.kill()
        process.wait()
        print("server and workers killed; launched again on a new server", flush=True)
        launch()
        return True

    def turn(at_work):
        nonlocal idle
        idle = 0 if at_work else idle + 1
        if idle > 60:
            process.kill()
            sys.exit("nothing is at work, and there are no results")

    launch()
    worker = study.kill_stage
    left = study.until_results([worker, kill_server, worker, kill_server], turn)
    process.kill()
    study.end("HyperQueue", left)


main()
