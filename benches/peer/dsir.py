"""Time of DSIR in the authors' package, on the rows of the example `dsir_speed`.

    cargo run --release -p seal-select --example dsir_speed 1000000 FOLDER
    pip install data-selection==1.0.3 nltk==3.10.4
    python benches/peer/dsir.py FOLDER [PROCESSES] [ROWS]

The package reads its texts from JSON lines in every stage and writes the rows
it keeps, which is part of its times; the example has its texts in memory. That
is some microseconds a row out of hundreds. The mean log weight is printed to
compare with the example's: both have hashed the same n-grams.
"""

import itertools
import os
import sys
import tempfile
import time

import numpy as np

KEEP = 0.2


def main():
    folder = sys.argv[1]
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else None
    sys.stderr = open(os.devnull, "w")  # the package's progress bars
    from data_selection import HashedNgramDSIR

    with tempfile.TemporaryDirectory() as dir:
        with open(f"{folder}/raw.jsonl") as file, open(f"{dir}/raw.jsonl", "w") as raw:
            count = sum(bool(raw.write(line)) for line in itertools.islice(file, rows))
        start = time.perf_counter()
        dsir = HashedNgramDSIR(
            [f"{dir}/raw.jsonl"],
            [f"{folder}/target.jsonl"],
            cache_dir=f"{dir}/cache",
            num_proc=processes,
            min_example_length=1,
        )
        dsir.fit_importance_estimator(num_tokens_to_fit="all")
        fitted = time.perf_counter()
        dsir.compute_importance_weights()
        weighed = time.perf_counter()
        dsir.resample(f"{dir}/out", num_to_sample=int(KEEP * count), cache_dir=f"{dir}/part")
        end = time.perf_counter()
        parts = [np.load(f"{dir}/cache/log_importance_weights/{i}.npy") for i in range(processes)]
    print(f"{count} rows, {processes} processes")
    print(f"fit             {fitted - start:8.3f} s")
    print(f"weights         {weighed - fitted:8.3f} s")
    print(f"resample        {end - weighed:8.3f} s")
    print(f"all             {end - start:8.3f} s  {count / (end - start):.0f} rows/s")
    print(f"mean log weight {np.concatenate(parts).mean():.6f}")


if __name__ == "__main__":
    main()
