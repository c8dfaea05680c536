"""Event files against TensorBoard's own code. Needs: pip install tensorboard

    python event_files.py golden > event_file.hex
        The small file of the test in src/tensorboard/mod.rs, written by TensorBoard's own messages
        and record writer.

    python event_files.py compare RUN FOLDER
        Reads FOLDER, which `report --out RUN --tensorboard FOLDER` wrote, with EventAccumulator, and
        compares each number with results.json and figures.json of RUN. Ends with 1 on a difference.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np


def golden():
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    class Kept(io.BytesIO):
        def flush(self):
            pass

    def scalars(step, values):
        of = [Summary.Value(tag=tag, simple_value=value) for tag, value in values]
        return Event(step=step, summary=Summary(value=of))

    file = Kept()
    writer = RecordWriter(file)
    for event in [
        Event(file_version="brain.Event:2"),
        scalars(0, [("win_rate/hh", 73.8)]),
        scalars(1, [("fine_tuning/loss", 2.5)]),
        scalars(300, [("fine_tuning/loss", -0.125)]),
    ]:
        writer.write(event.SerializeToString())
    print(file.getvalue().hex())


RATES = ["accuracy", "refusal", "over_refusal", "harm"]
EPOCH = ["safe_loss", "data_loss", "gamma", "gamma_eff", "ess", "mean_p", "clamped", "dead"]
SELECTION = [
    "keep_fraction", "auroc", "unsafe_kept", "unsafe_kept_floor", "spearman_to_seal", "ess",
    "mean_p", "gamma_eff", "clamped", "dead",
]


def expected(of, selection, figures, where):
    """(tag, step) -> value, from the stored documents."""
    found = {}

    def put(tag, step, value):
        if value is not None:
            found[tag, step] = value

    for test, rate in of.get("win_rate", {}).items():
        put(f"win_rate/{test}", 0, rate["mean"])
        for end in ["lo", "hi", "prompt_lo", "prompt_hi"]:
            put(f"win_rate_{end}/{test}", 0, rate[end])
    for kind in RATES:
        for test, value in of.get(kind, {}).items():
            put(f"{kind}/{test}", 0, value)
    for test, shares in of.get("coherence", {}).items():
        for kind in ["broken", "cut"]:
            put(f"{kind}/{test}", 0, shares.get(kind))
    for test, nll in of.get("base_nll", {}).items():
        put(f"base_nll/{test}", 0, nll["mean"])
        put(f"base_nll_above/{test}", 0, nll["above"])
    for name in SELECTION if selection is not None else []:
        put(f"selection/{name}", 0, selection.get(name))
    if where is not None:
        own = [x for x in figures["cells"] if (x["arm"], x["seed"]) == where]
        for epoch in [e for cell in own for e in cell["trace"]]:
            for name in EPOCH:
                put(f"selector/{name}", epoch["epoch"], epoch[name])
        tuning = figures.get("fine_tuning", [])
        for curve in [x for x in tuning if (x["arm"], x["seed"]) == where]:
            for i, loss in enumerate(curve["losses"]):
                put("fine_tuning/loss", i + 1, loss)
    return found


def compare(run, folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    results = json.loads((run / "results.json").read_text())
    figures = json.loads((run / "figures.json").read_text())
    runs = {}
    for arm in results["arms"]:
        runs[folder / arm["id"]] = expected(arm, arm["selection"], figures, None)
        for cell in arm["cells"]:
            selection = cell["selection"] and {**cell, **cell["selection"]}
            where = (arm["id"], cell["seed"])
            place = folder / arm["id"] / f"seed-{cell['seed']}"
            runs[place] = expected(cell, selection, figures, where)
    written = {path.parent for path in folder.rglob("*tfevents*")}
    assert written == set(runs), written ^ set(runs)
    numbers = 0
    for place, values in runs.items():
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        read = {}
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                assert (tag, event.step) not in read, (place, tag, event.step)
                read[tag, event.step] = event.value
        assert set(read) == set(values), (place, set(read) ^ set(values))
        for key, value in values.items():
            assert np.float32(value) == np.float32(read[key]), (place, key, value, read[key])
        numbers += len(values)
    print(f"{len(runs)} runs, {numbers} numbers, all equal as 32-bit floats")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["golden"]:
            golden()
        case ["compare", run, folder]:
            compare(Path(run), Path(folder))
        case _:
            sys.exit(__doc__)
