#!/bin/sh
# Traces of Algorithms 1, 2 and released with each selector function, replayed by
# replay.py; then three deliberate errors, which must fail.
#
#   tests/reference/parity.sh FOLDER [PYTHON]
#
# 1,000 rows, 2 epochs of 100 steps, gamma 0.1 throughout, two-layer model.
set -eu
out=$1
python=${2:-python3}
here=$(dirname "$0")
config=
for algorithm in algorithm-2 algorithm-1 released; do
    rate=
    [ "$algorithm" = released ] && rate="--set bilevel.rate=0.005"
    for selector in softmax sigmoid tanh relu; do
        trace="$out/$algorithm-$selector.jsonl"
        # shellcheck disable=SC2086
        cargo xtask --quiet select --out "$out/run" --limit 1000 \
            --set bilevel.algorithm="$algorithm" --set bilevel.selector="$selector" $rate \
            --set bilevel.gamma=0.1 --set bilevel.epochs=2 --set bilevel.batch=10 \
            --file "$out/$algorithm-$selector.selector.jsonl" \
            --trace "$trace" --trace-state 20
        config=${config:-$(echo "$out"/run/store/base/*/config.json)}
        "$python" "$here/replay.py" "$trace" "$config"
    done
done
for error in sign scale order; do
    echo "with a deliberate error: $error"
    if "$python" "$here/replay.py" "$out/algorithm-2-softmax.jsonl" "$config" --error $error; then
        echo "the error was not noticed" >&2
        exit 1
    fi
done
