"""Writes advisories.json from a copy of the RustSec advisory database.

    git clone https://github.com/RustSec/advisory-db
    python advisories.py advisory-db ../../../../Cargo.lock

The database is dedicated to the public domain (CC0).
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

# Known and left, with the reason.
ACCEPTED = {
    "RUSTSEC-2024-0436": "paste is finished and not maintained; it comes with Burn and gemm, "
    "runs at build time, and has no fault that is known",
}


def main(database: str, lock: str) -> None:
    root = pathlib.Path(database)
    locked = tomllib.loads(pathlib.Path(lock).read_text())["package"]
    # Crates of the workspace have no source.
    names = sorted({p["name"] for p in locked if "source" in p})
    advisories = []
    for name in names:
        for file in sorted((root / "crates" / name).glob("RUSTSEC-*.md")):
            head = re.search(r"```toml\n(.*?)```", file.read_text(), re.S)
            entry = tomllib.loads(head.group(1))
            if "withdrawn" in entry["advisory"]:
                continue
            versions = entry.get("versions", {})
            advisories.append(
                {
                    "id": entry["advisory"]["id"],
                    "crate": name,
                    "patched": versions.get("patched", []),
                    "unaffected": versions.get("unaffected", []),
                }
            )
    commit = subprocess.run(
        ["git", "-C", database, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    accepted = [{"id": i, "reason": r} for i, r in sorted(ACCEPTED.items())]
    out = {"database": commit, "crates": names, "advisories": advisories, "accepted": accepted}
    target = pathlib.Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(out, indent=1) + "\n")
    print(f"{len(names)} crates, {len(advisories)} advisories")


main(sys.argv[1], sys.argv[2])
