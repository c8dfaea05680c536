"""Holds the schema of a config against the configs of the repository, with a validator that is not ours.

    pip install jsonschema
    cargo xtask config schema --file config.schema.json
    cargo xtask config schema --plan-line --file plan.schema.json
    python tests/reference/config_schema.py config.schema.json plan.schema.json

Each config with [study] must be valid, and so must each line of each plan. Each of them with one key
misspelt must not be.
"""

import json
import pathlib
import sys
import tomllib

import jsonschema

ROOT = pathlib.Path(__file__).parents[2]
# Tables whose keys a user chooses.
FREE = {"set", "metrics", "bindings", "test", "judge", "also", "kwargs", "rank_pattern", "alpha_pattern"}


def tables(value, place=()):
    """Every table with keys of the program, by its place."""
    if isinstance(value, dict):
        if not place or place[-1] not in FREE:
            yield place, value
        for key, inside in value.items():
            if key not in ("set", "kwargs", "metrics"):
                yield from tables(inside, (*place, key))
    elif isinstance(value, list):
        for i, inside in enumerate(value):
            yield from tables(inside, (*place, i))


def check(validator, value, name):
    errors = [f"{name}: {e.json_path}: {e.message[:200]}" for e in validator.iter_errors(value)]
    misspelt = 0
    for place, table in list(tables(value)):
        table["misspelt"] = 1
        if validator.is_valid(value):
            errors.append(f"{name}: {place}: a misspelt key is taken")
        misspelt += 1
        del table["misspelt"]
    return errors, misspelt


def main(config: str, plan: str) -> int:
    errors, count, misspelt = [], 0, 0
    for file, paths in ((config, "configs/*.toml"), (plan, "plans/*.jsonl")):
        schema = json.loads(pathlib.Path(file).read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        for path in sorted(ROOT.glob(paths)):
            text = path.read_text()
            if path.suffix == ".toml":
                values = [tomllib.loads(text)]
                values = [value for value in values if "study" in value]
            else:
                values = [json.loads(line) for line in text.splitlines() if line.strip()]
            for value in values:
                found, tried = check(validator, value, path.name)
                errors += found
                count += 1
                misspelt += tried
    print(*errors, sep="\n")
    print(f"{count} configs and lines, {misspelt} misspelt keys, {len(errors)} faults")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
