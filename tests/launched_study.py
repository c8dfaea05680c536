"""A study on a real engine with kills on the way, against a plain run: what the scripts of the folders
beside this file share."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class LaunchedStudy:
    """A plain run in the folder `work`, which is the working folder from then on, and a launched one."""

    def __init__(self, program, work, options):
        self.program, self.options = str(Path(program).resolve()), options
        work = Path(work).resolve()
        work.mkdir(parents=True, exist_ok=True)
        os.chdir(work)
        self.work, self.out = work, work / "run"
        self.results = self.out / "results.json"
        start = time.monotonic()
        plain = [self.program, "ablate", "-q", "--out", "plain", *options]
        subprocess.run(plain, check=True)
        self.plain = time.monotonic() - start
        print(f"plain run: {self.plain:.1f} s", flush=True)
        self.start, self.launches, self.kills = None, 0, 0

    def launch(self, engine, settings=(), env=None, check=True):
        """Launches what is missing. The first launch starts the clock."""
        self.start = self.start or time.monotonic()
        self.launches += 1
        words = [word for text in settings for word in ("--launch-set", text)]
        command = [self.program, "ablate", "--out", str(self.out), "--launch", engine]
        subprocess.run([*command, *words, *self.options], env=env, check=check)

    def at_work(self):
        """Processes that make stages of the launched run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                is_ours = words[0] == self.program.encode() and str(self.out).encode() in words
                if is_ours and b"run-stage" in words:
                    found.append(int(entry.name))
        return found

    def until_results(self, kills, turn):
        """Waits for the results. `kills` are functions, which are called one after another with the
        processes at work, spread over the study. One that gives `False` killed nothing, and has its
        turn again. `turn` is called twice a second with the processes at work."""
        interval = max(5.0, self.plain / 8)
        next_kill, left = time.monotonic() + interval, list(kills)
        while not self.results.exists():
            time.sleep(0.5)
            at_work = self.at_work()
            if left and time.monotonic() > next_kill:
                if left[0](at_work) is not False:
                    left.pop(0)
                    self.kills += 1
                next_kill = time.monotonic() + interval
            turn(at_work)
        return len(left)

    def kill_stage(self, at_work):
        """Kills a process at its stage, if there is one."""
        if not at_work:
            return False
        os.kill(at_work[0], signal.SIGKILL)
        print(f"process {at_work[0]} killed at its stage", flush=True)
        return True

    def end(self, name, left):
        """Prints what was measured. Ends with 1 for other bytes, or with `left` kills to come."""
        seconds = time.monotonic() - self.start
        same = (self.work / "plain/results.json").read_bytes() == self.results.read_bytes()
        print(f"{name}: {seconds:.1f} s in {self.launches} launches, {self.kills} kills; ", end="")
        print(f"plain: {self.plain:.1f} s")
        print("the same bytes" if same else "OTHER BYTES")
        if left:
            print(f"the study was too short for the last {left} kills")
        sys.exit(0 if same and not left else 1)
