#!/usr/bin/env python3
"""Full disks, stores without the right to write, other users, odd paths: what is said, what is lost.

    sudo tests/edges/edges.py PROGRAM WORK [PART...]

PROGRAM is `seal` or the binary of `cargo xtask`. WORK is an empty folder. It needs root, because it
mounts small file systems in memory and works as other users (`setpriv`), so `cargo test` does not run
it. The parts are `full`, `read-only`, `users`, `paths` and `home`; without a name all of them run.

Each case makes something happen for real to a run of the small study, and then takes it away. The run
must end with a documented exit code other than 101, or with the right results. What it says must name
a path, or the remedy that the case expects. The same command must then end well: `results.json` is that
of a run that nobody disturbed, byte by byte, every entry that was in the store has the same manifest,
and none of their stages is made again.

Prints a line for each case, and ends with 1 if one of them is not as it should be.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from small_study import entries, write_study  # noqa: E402


class Edges:
    """The study, its undisturbed results, and what was found."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        # Other users read the study.
        os.umask(0o022)
        work.chmod(0o755)
        self.study = work / "study"
        write_study(self.study)
        self.env = dict(os.environ)
        self.wrong = 0
        self.cases = Counter()
        done = self.ablate(work / "whole", [])
        if done.returncode != 0:
            sys.exit(f"the study does not run: {done.stderr}")
        self.whole = (work / "whole/results.json").read_bytes()
        self.stages = len(entries(work / "whole/store"))

    def run(self, args, cwd=None, user=None, umask=None, env=None):
        """A run of the program. A user is a number, whose group is shared with the other users."""
        command = [self.program, *args]
        if user:
            command = ["setpriv", f"--reuid={user}", "--regid=4000", "--clear-groups", *command]
        own = {**self.env, "NO_COLOR": "1", **(env or {})}
        if umask is not None:
            command = ["sh", "-c", f'umask {umask:03o}; exec "$@"', "sh", *command]
        done = subprocess.run(
            command, cwd=cwd or self.study, env=own, capture_output=True, timeout=600, check=False
        )
        done.stdout = done.stdout.decode(errors="replace")
        done.stderr = done.stderr.decode(errors="replace")
        return done

    def ablate(self, out, more, config=b"study.toml", **how):
        args = ["ablate", "--config", config, "--out", os.fsencode(out), *more]
        return self.run(args, **how)

    def say(self, part, name, faults, note=""):
        self.cases[part] += 1
        self.wrong += bool(faults)
        print(f"{'WRONG' if faults else 'ok':<6}{part}: {name}{note}", flush=True)
        for fault in faults:
            print(f"        {fault}", flush=True)

    def failed(self, done, codes, words):
        """What is not as it should be of a run that failed."""
        faults = []
        if done.returncode not in codes:
            faults.append(f"exit code {done.returncode}, not one of {codes}")
        if "panicked" in done.stderr:
            faults.append("a panic")
        error = done.stderr[done.stderr.find("error: ") :] if "error: " in done.stderr else ""
        error = error.lower()
        faults += [f"the error does not say {w!r}" for w in words if w.lower() not in error]
        return faults + ([f"said: {done.stderr.strip()[-600:]}"] if faults else [])

    def goes_on(self, out, store, before, done):
        """What is not as it should be of the run that comes after."""
        if done.returncode != 0:
            return [f"does not go on: {done.returncode}: {done.stderr.strip()[-600:]}"]
        faults = []
        if (out / "results.json").read_bytes() != self.whole:
            faults.append("other results")
        now = stamped(store)
        lost = [name for name, manifest in before.items() if now.get(name) != manifest]
        if lost:
            faults.append(f"finished stages lost or made again: {len(lost)}, such as {lost[0]}")
        return faults


def stamped(store):
    """The manifests of a store with the files that they are in: one that was made again is another."""
    found = entries(store)
    for name, manifest in found.items():
        file = (store / name / "manifest.json").stat()
        found[name] = (manifest, file.st_ino, file.st_mtime_ns)
    return found


def mount(folder, size):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "seal-edges", folder], check=True)


def umount(folder):
    subprocess.run(["umount", "-l", folder], check=True)


def full(edges):
    """A disk that fills up, at sizes from a page to all that the run needs."""
    disk, local = edges.work / "disk", ["--launch", "local", "--launch-set", "group=0"]
    places = {
        "all": lambda: (disk / "run", disk / "run/store", []),
        "store": lambda: (edges.work / "run", disk / "store", ["--store", str(disk / "store")]),
        "run folder": lambda: (disk / "run", edges.work / "st", ["--store", str(edges.work / "st")]),
        "all, local": lambda: (disk / "run", disk / "run/store", local),
    }
    for place, folders in places.items():
        most, step = (1 << 20, 24 << 10) if place != "all, local" else (1 << 20, 100 << 10)
        failed, codes, kept = 0, Counter(), []
        for size in range(8 << 10, most, step):
            for left in (edges.work / "run", edges.work / "st"):
                shutil.rmtree(left, ignore_errors=True)
            mount(disk, size)
            try:
                out, store, more = folders()
                first = edges.ablate(out, more)
                faults, before = [], stamped(store)
                if first.returncode:
                    failed += 1
                    words = [str(disk), "No space left on device", "make room"]
                    faults = edges.failed(first, [1], words)
                    kept.append(len(before))
                codes[first.returncode] += 1
                subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
                faults += edges.goes_on(out, store, before, edges.ablate(out, more))
                if faults:
                    edges.say("full", f"{place}, {size >> 10} KiB", faults)
            finally:
                umount(disk)
        span = f"{min(kept)} to {max(kept)}" if kept else "no"
        note = f": {sum(codes.values())} sizes, {failed} full, {span} stages were finished before"
        edges.say("full", place, [] if failed else ["no run met a full disk"], note)
    # A full folder for temporary files, with room everywhere else.
    mount(disk, 4096)
    (disk / "x").write_bytes(b"x" * 4096)
    out = edges.work / "tmp-full"
    done = edges.ablate(out, [], env={"TMPDIR": str(disk)})
    edges.say("full", "TMPDIR", edges.goes_on(out, out / "store", {}, done))
    umount(disk)


def read_only(edges):
    """A store that is mounted read-only and has all stages, half of them, or none."""
    for keep in ("all", "half", "none"):
        store, out = edges.work / f"ro-{keep}", edges.work / f"ro-out-{keep}"
        shutil.copytree(edges.work / "whole/store", store)
        if keep != "all":
            names = sorted(entries(store))
            for name in names if keep == "none" else names[::2]:
                shutil.rmtree(store / name)
        before = stamped(store)
        subprocess.run(["mount", "--bind", store, store], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", store], check=True)
        try:
            more = ["--store", str(store)]
            first = edges.ablate(out, more)
            # A store that has everything serves without being written to.
            if first.returncode and keep != "all":
                faults = edges.failed(first, [1, 2], [str(store), "cannot be written", "--store"])
                name = f"has {keep}: refused"
            else:
                faults = edges.goes_on(out, store, before, first)
                name = f"has {keep}: used"
            look = edges.run(["status", "--out", str(out), "--config", "study.toml", *more])
            if look.returncode or not look.stdout:
                faults.append(f"status: {look.stderr.strip()}")
            doctor = edges.run(["doctor", "--out", str(out), "--config", "study.toml", *more])
            if str(store) not in doctor.stdout:
                faults.append("doctor does not name the store")
            verify = edges.run(["store", "verify", "--store", str(store)])
            if verify.returncode:
                faults.append(f"verify: {verify.stderr.strip()}")
        finally:
            umount(store)
        faults += edges.goes_on(out, store, before, edges.ablate(out, more))
        edges.say("read-only", name, faults)
    # A folder for the run that cannot be written.
    place = edges.work / "ro-run"
    mount(place, "1m")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    first = edges.ablate(place / "run", [])
    faults = edges.failed(first, [1, 2], [str(place), "Read-only file system", "--out"])
    umount(place)
    edges.say("read-only", "run folder", faults)


def users(edges):
    """Two users share a store: the first makes a part of the stages, the second all."""
    for first in (0o022, 0o002, 0o077):
        for second in (0o022, 0o002, 0o077):
            name = f"umask {first:03o}, then {second:03o}"
            shared = edges.work / f"shared-{first:03o}-{second:03o}"
            shared.mkdir()
            shutil.chown(shared, 4001, 4000)
            shared.chmod(0o2775)
            store, outs = shared / "store", [shared / f"run-{n}" for n in (1, 2)]
            for out in outs:
                # Each has a folder of its own for its runs.
                out.mkdir()
            shutil.chown(outs[0], 4001, 4000)
            shutil.chown(outs[1], 4002, 4000)
            more = ["--store", str(store)]
            only = ["--set", 'study.only=["standard-sft", "seal"]']
            one = edges.ablate(outs[0], more + only, user=4001, umask=first)
            if one.returncode:
                edges.say("users", name, [f"the first user: {one.stderr.strip()[-400:]}"])
                continue
            before = stamped(store)
            two = edges.ablate(outs[1], more, user=4002, umask=second)
            # What the first user made with umask 002, the group may use.
            if two.returncode == 0 or first == 0o002:
                faults = edges.goes_on(outs[1], store, before, two)
                what = "the second user goes on"
            else:
                words = [str(store), "Permission denied", "umask"]
                faults = edges.failed(two, [1, 2], words)
                what = f"the second user is refused with {two.returncode}"
                if stamped(store) != before:
                    faults.append("entries changed")
                # The remedy that was said.
                subprocess.run(["chmod", "-R", "g+rwX", store], check=True)
                two = edges.ablate(outs[1], more, user=4002, umask=0o002)
                faults += edges.goes_on(outs[1], store, before, two)
            # And the first user again, with all that the second has made.
            back = edges.ablate(outs[0], more, user=4001, umask=first)
            if back.returncode and second != 0o002:
                faults += edges.failed(back, [1, 2], [str(store), "Permission denied", "umask"])
                what += f", the first is refused with {back.returncode}"
                subprocess.run(["chmod", "-R", "g+rwX", store], check=True)
                back = edges.ablate(outs[0], more, user=4001, umask=first)
            faults += edges.goes_on(outs[0], store, before, back)
            edges.say("users", f"{name}: {what}", faults)
            shutil.rmtree(shared)


NAMES = [b"a b", b"it's", b'a "b" $(c) `d`', b"-x", b"\xc3\xa9\xe2\x82\xac", b"\xff\xfe.x", b"a\tb"]


def paths(edges):
    """Names of folders and files with blanks, quotes, a leading dash, bytes that are no UTF-8."""
    for number, name in enumerate(NAMES):
        shown, is_text = repr(name), True
        try:
            name.decode()
        except UnicodeDecodeError:
            is_text = False
        place = edges.work / f"paths-{number}"
        place.mkdir()
        inside = os.fsencode(place) + b"/" + name
        home = Path(os.fsdecode(inside))
        out, store = home / "run", home / "store"
        # Out and store.
        home.mkdir()
        done = edges.ablate(out, ["--store", os.fsencode(store)])
        faults = edges.goes_on(out, store, {}, done)
        for verb in (["status"], ["report"], ["doctor"], ["store", "ls"], ["plan"]):
            said = edges.run([*verb, "--out", os.fsencode(out), "--store", os.fsencode(store)])
            if verb == ["report"]:
                said = edges.run([*verb, "--out", os.fsencode(out)])
            if said.returncode or "panicked" in said.stderr:
                faults.append(f"{' '.join(verb)}: {said.returncode}: {said.stderr.strip()[-300:]}")
        edges.say("paths", f"{shown} as run folder and store", faults)
        # Config, plan and rows in a folder of that name, by its name and from within.
        study = home / "study"
        shutil.copytree(edges.study, study)
        out = place / "of-config"
        config = os.fsencode(study) + b"/study.toml"
        done = edges.ablate(out, [], config=config, cwd=study)
        edges.say("paths", f"{shown} as config, from within", edges.goes_on(out, out / "store", {}, done))
        if is_text:
            root = f"data.root={json.dumps(os.fsdecode(name))}"
            more = ["--set", root, b"--plan=" + name + b"/plan.jsonl"]
            rows = place / os.fsdecode(name)
            for file in edges.study.glob("*.jsonl"):
                shutil.copy(file, rows)
            out = place / "of-rows"
            done = edges.ablate(out, more, config=os.fsencode(edges.study) + b"/study.toml", cwd=place)
            edges.say("paths", f"{shown} as rows and plan", edges.goes_on(out, out / "store", {}, done))
        # A model folder of that name: the base of the undisturbed run.
        model = home / "model"
        base = next((edges.work / "whole/store/base").iterdir())
        shutil.copytree(base, model)
        ends = json.dumps({"eos_token": "<|endoftext|>"})
        (model / "tokenizer_config.json").write_text(ends)
        score = ["score", "--model", os.fsencode(model), "--data", b"train.jsonl"]
        score += ["--file", os.fsencode(home / "scores.jsonl")]
        done = edges.run(score)
        faults = []
        if done.returncode or not (home / "scores.jsonl").exists():
            faults = [f"{done.returncode}: {done.stderr.strip()[-400:]}"]
        edges.say("paths", f"{shown} as model and scores", faults)
        # A launch stores paths as text.
        out = home / "launched"
        more = ["--launch", "local"]
        done = edges.ablate(out, more)
        if is_text:
            faults = edges.goes_on(out, out / "store", {}, done)
        else:
            faults = edges.failed(done, [2], ["UTF-8"])
        edges.say("paths", f"{shown} with --launch local", faults)
        done = edges.ablate(home / "scripts", ["--launch", "script"])
        if is_text:
            faults = [] if done.returncode == 0 else [done.stderr.strip()]
            scripts = list((home / "scripts/launch").glob("*/script/all.sh"))
            ended = subprocess.run(["sh", *scripts], capture_output=True, cwd="/", check=False)
            if ended.returncode or not (home / "scripts/results.json").exists():
                faults.append(f"all.sh: {ended.returncode}: {ended.stderr.decode()[-300:]}")
        else:
            faults = edges.failed(done, [2], ["UTF-8"])
        edges.say("paths", f"{shown} with --launch script", faults)


def home(edges):
    """A home that cannot be written, that is not there, or that is not said."""
    place = edges.work / "user"
    place.mkdir()
    shutil.chown(place, 4001, 4000)
    locked = edges.work / "locked"
    locked.mkdir(mode=0o555)
    for name, env in {
        "not writable": {"HOME": str(locked)},
        "not there": {"HOME": "/nowhere/at/all"},
        "empty": {"HOME": ""},
    }.items():
        out = place / name.replace(" ", "-")
        env = {**env, "XDG_CACHE_HOME": "", "HF_HOME": ""}
        done = edges.ablate(out, [], user=4001, umask=0o022, env=env)
        faults = edges.goes_on(out, out / "store", {}, done)
        doctor = edges.run(
            ["doctor", "--config", "study.toml", "--out", str(out)], user=4001, umask=0o022, env=env
        )
        if doctor.returncode:
            faults.append(f"doctor: {doctor.returncode}: {doctor.stdout}")
        address = ["score", "--model", "hf://owner/name@main", "--data", "train.jsonl"]
        address += ["--file", str(place / "scores.jsonl")]
        offline = edges.run(address, user=4001, umask=0o022, env={**env, "HF_HUB_OFFLINE": "1"})
        if offline.returncode not in (2, 3, 5) or "panicked" in offline.stderr:
            faults.append(f"an address: {offline.returncode}: {offline.stderr.strip()[-300:]}")
        edges.say("home", name, faults)


PARTS = {"full": full, "read-only": read_only, "users": users, "paths": paths, "home": home}


def main():
    program, work = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    if os.geteuid() != 0:
        sys.exit("it needs root: it mounts file systems and works as other users")
    work.mkdir(parents=True, exist_ok=True)
    edges = Edges(program, work)
    for part in sys.argv[3:] or PARTS:
        PARTS[part](edges)
    cases = ", ".join(f"{count} {part}" for part, count in edges.cases.items())
    print(f"cases: {cases}; not as they should be: {edges.wrong}")
    sys.exit(1 if edges.wrong else 0)


main()
