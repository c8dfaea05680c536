"""Logged runs against MLflow's own client. Needs: pip install mlflow numpy

    mlflow server --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000
    seal report --out RUN --track mlflow=http://127.0.0.1:5000
    python mlflow_runs.py RUN http://127.0.0.1:5000

Reads every run of the study's experiment with MlflowClient and compares each number, step by step,
with results.json and figures.json of RUN. Ends with 1 on a difference.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "seal-report/tests/reference"))

from event_files import expected
from mlflow import MlflowClient


def main(run, url):
    results = json.loads((run / "results.json").read_text())
    figures = json.loads((run / "figures.json").read_text())
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(results["study"])
    found = client.search_runs([experiment.experiment_id], max_results=5000)
    finished = [of for of in found if of.info.status == "FINISHED"]
    by_place = {}
    for of in finished:
        place = (of.data.tags["seal.arm"], of.data.tags.get("seal.seed"))
        assert place not in by_place, f"{place} was logged twice"
        by_place[place] = of
    wanted = {}
    for arm in results["arms"]:
        wanted[arm["id"], None] = expected(arm, arm["selection"], figures, None)
        for cell in arm["cells"]:
            selection = cell["selection"] and {**cell, **cell["selection"]}
            where = (arm["id"], cell["seed"])
            wanted[arm["id"], str(cell["seed"])] = expected(cell, selection, figures, where)
    assert set(wanted) == set(by_place), set(wanted) ^ set(by_place)
    numbers = params = 0
    for place, values in wanted.items():
        of = by_place[place]
        parent = of.data.tags.get("mlflow.parentRunId")
        above = by_place[place[0], None].info.run_id
        assert parent == (None if place[1] is None else above), place
        read = {}
        for key in of.data.metrics:
            for point in client.get_metric_history(of.info.run_id, key):
                assert (key, point.step) not in read, (place, key, point.step)
                read[key, point.step] = point.value
        assert read == values, (place, {k for k in read if read[k] != values.get(k)})
        numbers += len(values)
        params += len(of.data.params)
    others = len(found) - len(finished)
    print(f"{len(wanted)} runs, {numbers} numbers all equal, {params} params; {others} unfinished")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [run, url]:
            main(Path(run), url)
        case _:
            sys.exit(__doc__)
