"""Runs the CUDA backend without a GPU, and counts what it asks of the driver.

    python3 tests/dry-cuda/run.py WORK [--program FILE] [--case llama3-8b] [--work sft] [--arch 90]

WORK is a folder that is made and kept. It gets NVRTC, its headers and ptxas from PyPI, the driver
of `driver.rs`, and the program. Without `--program`, the program is built there with the features
cuda and wgpu, which takes about 20 minutes on two cores. LLVM is left out of it: its symbols are
bound to functions that abort, since kernels are compiled by NVRTC here. `--pack` also writes the
stripped program as `xtask.xz`.

For each kind of work there is a line of figures of one step, and the times of the host in it. All
numbers that are read of the device are 0. Each PTX is then assembled by ptxas for the real device.
"""

import argparse
import glob
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WHEELS = [
    "nvidia-cuda-nvrtc-cu12==12.9.86",
    "nvidia-cuda-runtime-cu12==12.9.79",
    "nvidia-cuda-cccl-cu12==12.9.27",
    "nvidia-cuda-nvcc-cu12==12.9.86",
]


def run(command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def toolkit(work):
    """A folder as CUDA_PATH names one, of what the wheels bring."""
    cuda = work / "cuda"
    if not (cuda / "include").exists():
        run([sys.executable, "-m", "venv", work / "python"])
        run([work / "python/bin/pip", "install", "--quiet", "--no-deps", *WHEELS])
        [wheels] = glob.glob(str(work / "python/lib/python*/site-packages/nvidia"))
        wheels = Path(wheels)
        (cuda / "lib").mkdir(parents=True)
        (cuda / "bin").mkdir()
        for library in (wheels / "cuda_nvrtc/lib").glob("*.so*"):
            (cuda / "lib" / library.name).symlink_to(library)
        (cuda / "lib/libnvrtc.so").symlink_to(wheels / "cuda_nvrtc/lib/libnvrtc.so.12")
        (cuda / "bin/ptxas").symlink_to(wheels / "cuda_nvcc/bin/ptxas")
        run(["cp", "-rs", wheels / "cuda_runtime/include", cuda / "include"])
        # `mma.h` of the runtime includes files of the compiler's folder `crt`.
        (cuda / "include/crt").symlink_to(wheels / "cuda_nvcc/include/crt")
        (cuda / "include/cccl").symlink_to(wheels / "cuda_cccl/include")
    run(["rustc", "--edition", "2024", "-O", "--crate-type", "cdylib", "-o",
         cuda / "lib/libcuda.so", HERE / "driver.rs"])
    return cuda


def program(work):
    """The program with the CUDA backend, linked without LLVM."""
    target = work / "target"
    binary = target / "release/xtask"
    profile = {"OPT_LEVEL": "1", "DEBUG": "0", "LTO": "off", "CODEGEN_UNITS": "16"}
    environment = dict(
        os.environ, CARGO_TARGET_DIR=str(target), DOCS_RS="1", CUDARC_CUDA_VERSION="12080",
        **{f"CARGO_PROFILE_RELEASE_{name}": value for name, value in profile.items()})
    stub = work / "stub.o"

    def link():
        run(["cargo", "rustc", "--release", "-p", "xtask", "--bin", "xtask",
             "--features", "cuda,wgpu", "--", "-C", "relro-level=off",
             "-C", "link-arg=-Wl,--unresolved-symbols=ignore-all", "-C", f"link-arg={stub}"],
            cwd=ROOT, env=environment)

    def stubs(symbols):
        text = "#include <stdlib.h>\n"
        text += "".join(f"void {symbol}(void) {{ abort(); }}\n" for symbol in symbols)
        run(["cc", "-c", "-O1", "-x", "c", "-", "-o", stub], input=text.encode())

    stubs([])
    link()
    found = run(["nm", "-D", "--undefined-only", binary], capture_output=True, text=True).stdout
    names = [line.split()[-1] for line in found.splitlines() if line.split()]
    stubs([name for name in names if name.startswith(("LLVM", "cubecl_"))])
    link()
    return binary


def assembled(cuda, file, arch):
    """What ptxas says of a PTX: an error, or registers that spill."""
    # As the backend asks of NVRTC.
    name = f"sm_{arch}a" if int(arch) >= 90 else f"sm_{arch}"
    done = subprocess.run([str(cuda / "bin/ptxas"), "-arch", name, "-v", "-o", "/dev/null", file],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return file, done.stderr.strip()
    spilled = [line for line in done.stderr.splitlines()
               if "spill stores" in line and ", 0 bytes spill stores" not in line]
    return file, "; ".join(spilled)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="WORK")
    parser.add_argument("--program", type=Path)
    parser.add_argument("--case", default="llama3-1b")
    parser.add_argument("--work", action="append", choices=["selector", "sft", "score", "generate"])
    parser.add_argument("--arch", default="90")
    parser.add_argument("--pack", action="store_true")
    options = parser.parse_args()
    work = options.folder.resolve()
    work.mkdir(parents=True, exist_ok=True)
    cuda = toolkit(work)
    binary = options.program.resolve() if options.program else program(work)
    if options.pack:
        run(["strip", "-o", work / "xtask", binary])
        run(["xz", "-f", "-k", work / "xtask"])
    ptx = work / f"ptx-{options.arch}"
    ptx.mkdir(exist_ok=True)
    for kind in options.work or ["selector", "sft", "score"]:
        trace = work / f"{options.case}-{kind}-{options.arch}.trace"
        modules = ptx / f"{options.case}-{kind}"
        modules.mkdir(exist_ok=True)
        environment = dict(
            os.environ, LD_LIBRARY_PATH=str(cuda / "lib"), CUDA_PATH=str(cuda),
            DRY_CUDA_TRACE=str(trace), DRY_CUDA_PTX=str(modules), DRY_CUDA_ARCH=options.arch,
            DRY_CUDA_GIB="139")
        run([binary, "bench", "--case", options.case, "--device", "cuda:0", "--dtype", "bf16",
             "--work", kind, "--rounds", "1", "--steps", "3"], env=environment)
        print(f"\n{options.case} {kind}, sm_{options.arch}", flush=True)
        run([sys.executable, HERE / "count.py", trace, "--top", "12"])
    files = sorted(glob.glob(str(ptx / "*/*.ptx")))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = [(file, text) for file, text in
                pool.map(lambda file: assembled(cuda, file, options.arch), files) if text]
    errors = [(file, text) for file, text in said if "spill stores" not in text]
    print(f"ptxas sm_{options.arch}: {len(files)} modules, {len(errors)} refused, "
          f"{len(said) - len(errors)} spill registers")
    for file, text in said:
        print(f"  {file}: {text[:300]}")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
