"""Reads the trace of a run on the dry CUDA driver.

    python3 count.py TRACE [--json FILE]

The figures are those of one step, from the last read of the host in one to that in the next:
launches by kernel, waits, and bytes carried from and to the host.
"""

import argparse
import collections
import json
import re


def step_of(events):
    """Events of one step: from a read of the host to the one that is as many reads later as a step
    has. Steps are as many launches apart.
    """
    launches, reads = 0, []
    for place, event in enumerate(events):
        launches += event[0] == "launch"
        if event[0] == "download":
            reads.append((place, launches))
    distances = [b[1] - a[1] for a, b in zip(reads, reads[1:])]
    for reads_of_step in range(1, 10):
        # The last read may be of what comes after the last step.
        for left_out in range(0, 4):
            end = len(reads) - 1 - left_out
            tail = distances[:end]
            last, before = tail[-reads_of_step:], tail[-2 * reads_of_step:-reads_of_step]
            # Whether an operation writes in place depends on who still holds its input, so that
            # steps differ by a few launches.
            alike = all(abs(a - b) * 100 <= max(a, b, 100) for a, b in zip(last, before))
            if len(before) == reads_of_step and alike and sum(last) > 1:
                return reads[end - reads_of_step][0] + 1, reads[end][0] + 1
    raise SystemExit("no step is repeated in the trace")


def read(path):
    """Events in order: (kind, fields)."""
    with open(path) as file:
        return [line.rstrip("\n").split(" ") for line in file]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace")
    parser.add_argument("--top", type=int, default=30, help="kernels that are listed")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    events = read(options.trace)
    start, end = step_of(events)
    step = events[start:end]
    kinds = collections.Counter(event[0] for event in step)
    carried = {kind: sum(int(e[1]) for e in step if e[0] == kind)
               for kind in ("upload", "download", "device-copy")}
    by_name = collections.Counter(event[2] for event in step if event[0] == "launch")
    peak = max(int(e[4]) for e in events if e[0] == "alloc")
    before = [int(e[-1] if e[0] == "free" else e[3])
              for e in events[:end] if e[0] in ("alloc", "free")]
    figures = {
        "launches": kinds["launch"],
        "waits": kinds["wait"],
        "uploads": kinds["upload"],
        "upload_bytes": carried["upload"],
        "downloads": kinds["download"],
        "download_bytes": carried["download"],
        "device_copies": kinds["device-copy"],
        "device_copy_bytes": carried["device-copy"],
        "allocations": kinds["alloc"],
        "peak_bytes": peak,
        "bytes_at_end": before[-1] if before else 0,
        "kernels_compiled": sum(1 for e in events if e[0] == "load"),
        "by_kernel": dict(by_name.most_common()),
    }
    for name, figure in figures.items():
        if name != "by_kernel":
            print(f"{name:>18} {figure:,}")
    for name, n in by_name.most_common(options.top):
        print(f"{n:>18,} {re.sub(r'_+', '_', name)}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
