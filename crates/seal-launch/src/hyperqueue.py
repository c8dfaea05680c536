"""Submits the tasks of a study to a HyperQueue server: submit.py TASKS [SERVER].

TASKS is the file `tasks.json` beside this script. SERVER is the folder of the server; without it,
HyperQueue's own default. The id of the job is printed. The exit code is 3 without the package
`hyperqueue`.
"""

import datetime
import json
import sys

try:
    from hyperqueue import Client, Job
    from hyperqueue.ffi.protocol import ResourceRequest
except ImportError as error:
    print(f"{error} ({sys.executable})", file=sys.stderr)
    sys.exit(3)


def request(task):
    """What a task asks of a worker; the job's own entries are those of the results."""
    resources = {}
    if task["gpus"]:
        resources["gpus/nvidia"] = task["gpus"]
    if task["memory"]:
        # Workers count memory in MiB.
        resources["mem"] = task["memory"]
    minutes = task["minutes"]
    time = datetime.timedelta(minutes=minutes) if minutes else None
    return ResourceRequest(cpus=task["cpus"], resources=resources, min_time=time)


def main():
    """Submits one job with a task for each process."""
    with open(sys.argv[1], encoding="utf-8") as file:
        graph = json.load(file)
    # A task that fails ends those that wait for it: those that read from it, and those that would
    # ask the same service after it.
    job = Job(default_workdir=graph["folder"], name=graph["name"], max_fails=None)
    # What the script itself says. The program's words are in the log of the task.
    said = f"{graph['logs']}/hyperqueue.log"
    tasks, asks = [], {}
    for task in graph["tasks"]:
        after = [tasks[i] for i in task["after"]]
        # Tasks that ask one service run one after another.
        if task["asks"] and task["asks"] in asks:
            after.append(asks[task["asks"]])
        tasks.append(
            job.program(
                ["sh", graph["task"], *task["arguments"]],
                deps=after,
                name=task["arguments"][0],
                resources=request(task),
                stdout=said,
                stderr=said,
            )
        )
        if task["asks"]:
            asks[task["asks"]] = tasks[-1]
    job.program(
        ["sh", graph["task"], *graph["results"]],
        deps=tasks,
        name="results",
        resources=request(graph),
        stdout=said,
        stderr=said,
    )
    client = Client(sys.argv[2] if len(sys.argv) > 2 else None)
    print(client.submit(job).id)


main()
