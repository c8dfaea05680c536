#!/usr/bin/env bash
# LiteLLM's proxy on 127.0.0.1:PORT, in front of a server of chat completions.
#
#     litellm.sh build FOLDER                 installs it from PyPI
#     litellm.sh serve FOLDER PORT BASE_URL   BASE_URL such as http://127.0.0.1:8080/v1; the variable
#                                             LITELLM_MASTER_KEY holds the key that it asks for
set -euo pipefail
what=$1 folder=$(realpath -m "$2") here=$(dirname "$(realpath "$0")")
mkdir -p "$folder"
case $what in
    build)
        [ -d "$folder/venv" ] || python3 -m venv "$folder/venv"
        "$folder/venv/bin/pip" install -q 'litellm[proxy]==1.106.12'
        ;;
    serve)
        # Its table of prices stands in the package: nothing is fetched.
        export JUDGE_BASE_URL=$4 LITELLM_LOCAL_MODEL_COST_MAP=True NO_PROXY=127.0.0.1 LITELLM_TELEMETRY=False
        PATH="$folder/venv/bin:$PATH" exec "$folder/venv/bin/litellm" --config "$here/litellm.yaml" \
            --host 127.0.0.1 --port "$3" --num_workers 1
        ;;
    *)
        sed -n '2,7p' "$0"
        exit 2
        ;;
esac
