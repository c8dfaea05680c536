"""Serves a GGUF by llama.cpp's own server: llama_cpp.py MODEL PORT"""

import signal
import sys

import xllamacpp

model, port = sys.argv[1], int(sys.argv[2])
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_ctx = 8192
params.n_parallel = 4
params.endpoint_metrics = True
params.ui = False
# Threads that wait for each other are slow on a machine that is busy.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(f"llama.cpp's server {xllamacpp.__version__} on {server.listening_address}", flush=True)
signal.pause()
