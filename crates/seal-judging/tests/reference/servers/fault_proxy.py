#!/usr/bin/env python3
"""A proxy between the program and a real server of chat completions: it injects faults and counts.

    fault_proxy.py --listen 8090 --upstream http://127.0.0.1:8080 --log proxy.jsonl --seed 1 --rate 0.15

Which fault a question gets depends on the seed, the question and the number of the attempt, and on
nothing else. A question is known by its Idempotency-Key. At most two attempts at a question fail, so
that no run gives up. The faults that end a run (401, 403, 404) come once each, at the numbers of
requests that --permanent names.

Every request is a line of the log: its key, the fault, whether the server behind made a completion
("made"), and whether a whole one was handed on ("delivered"). Only Python's own library is needed.
"""
import argparse
import collections
import email.utils
import hashlib
import http.client
import json
import os
import socket
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/json"
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
ERROR_200 = {"error": {"message": "the server is busy", "type": "server_error", "code": 500}}

# Faults that are said in place of the server: nothing is asked of it.
SPOKEN = {
    "408": (408, {}, {"error": {"message": "took too long"}}),
    "429_seconds": (429, {"Retry-After": "1"}, {"error": {"message": "slow down", "type": "rate_limit_exceeded"}}),
    "429_date": (429, {"Retry-After": "DATE"}, {"error": {"message": "slow down"}}),
    "429_plain": (429, {}, {"error": {"message": "slow down"}}),
    "500": (500, {}, {"error": {"message": "oops"}}),
    "502": (502, {}, "<html><body>Bad gateway</body></html>"),
    "503_loading": (503, {}, LOADING),
    "200_error": (200, {}, ERROR_200),
}
# Faults of a completion that the server made.
CHANGED = ["empty_choices", "content_null", "cut_body", "wrong_type", "reset_after"]
# Whole completions all the same: none may be asked for again.
HARMLESS = ["logprobs_absent", "logprobs_null", "slow_body"]
PASSING = [*SPOKEN, *CHANGED, "reset_before"]
PERMANENT = {
    "401": (401, {}, {"error": {"message": "no such key", "type": "authentication_error"}}),
    "403": (403, {}, {"error": {"message": "not for you"}}),
    "404": (404, {}, {"error": {"message": "no such model"}}),
}


class Shared:
    """Counts, and the log."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.requests = 0
        self.under_way = 0
        self.attempts = collections.Counter()
        if os.path.exists(options.log):  # a proxy that was started again goes on counting
            for line in open(options.log, encoding="utf-8"):
                self.attempts[json.loads(line)["key"]] += 1
                self.requests += 1
        self.file = open(options.log, "a", encoding="utf-8")
        self.permanent = dict(zip(sorted(int(n) for n in options.permanent.split(",") if n), PERMANENT))

    def begin(self, key):
        """The fault of this request, or None."""
        with self.lock:
            self.requests += 1
            self.under_way += 1
            number, attempt = self.requests, self.attempts[key]
            self.attempts[key] += 1
        if number in self.permanent:
            return self.permanent[number]
        digest = hashlib.sha256(f"{self.options.seed}|{key}|{attempt}".encode()).digest()
        share, which = digest[0] / 256, int.from_bytes(digest[1:5], "big")
        if share >= self.options.rate:
            return None
        kinds = [*PASSING, *HARMLESS] if attempt < 2 else HARMLESS
        return kinds[which % len(kinds)]

    def end(self, **line):
        with self.lock:
            self.under_way -= 1
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shared: Shared

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # A question that is asked again after an empty reply has its key with a number behind it.
        key = self.headers.get("idempotency-key", "none")[:53]
        fault = self.shared.begin(key)
        made = delivered = False
        status = None
        try:
            if fault == "reset_before":
                return self.reset()
            spoken = SPOKEN.get(fault) or PERMANENT.get(fault)
            if spoken:
                status, headers, said = spoken
                return self.say(status, headers, said)
            status, answer = self.ask(body)
            made = status == 200
            delivered = self.hand_on(fault, status, answer)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self.close_connection = True
            self.shared.end(key=key, fault=fault, status=status, made=made, delivered=delivered, time=time.time())

    def do_GET(self):
        if self.path == "/under_way":
            return self.say(200, {}, {"under_way": self.shared.under_way})
        status, answer = self.ask(None, "GET")
        self.say(status, {}, answer)

    def ask(self, body, method="POST"):
        up = urllib.parse.urlsplit(self.shared.options.upstream)
        connection = http.client.HTTPConnection(up.hostname, up.port, timeout=600)
        headers = {"content-type": JSON}
        if self.headers.get("authorization"):
            headers["authorization"] = self.headers["authorization"]
        try:
            connection.request(method, self.path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (ConnectionRefusedError, http.client.HTTPException, TimeoutError):
            return 502, b'{"error": {"message": "the server behind the proxy is gone"}}'
        finally:
            connection.close()

    def hand_on(self, fault, status, answer):
        """Sends the server's answer, with its fault; whether a whole completion went out."""
        if status != 200 or fault is None:
            self.say(status, {}, answer)
            return status == 200
        if fault == "reset_after":
            self.reset()
            return False
        if fault == "cut_body":
            self.say(200, {}, answer, length=len(answer))
            return False
        if fault == "wrong_type":
            self.say(200, {"Content-Type": "text/html"}, "<html><body>Please sign in</body></html>")
            return False
        reply = json.loads(answer)
        if fault == "empty_choices":
            reply["choices"] = []
        elif fault == "content_null":
            reply["choices"][0]["message"]["content"] = None
            reply["choices"][0]["finish_reason"] = "stop"
            reply["choices"][0].pop("logprobs", None)
        elif fault == "logprobs_absent":
            reply["choices"][0].pop("logprobs", None)
        elif fault == "logprobs_null":
            reply["choices"][0]["logprobs"] = None
        self.say(200, {}, reply, is_slow=fault == "slow_body")
        return fault in HARMLESS

    def say(self, status, headers, said, length=None, is_slow=False):
        if isinstance(said, (dict, list)):
            said = json.dumps(said).encode()
        elif isinstance(said, str):
            said = said.encode()
        headers = {"Content-Type": JSON, **headers}
        if headers.get("Retry-After") == "DATE":
            headers["Retry-After"] = email.utils.formatdate(time.time() + 2, usegmt=True)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        if length is not None:
            said = said[: len(said) // 2]
        parts = [said] if not is_slow else [said[i : i + 1 + len(said) // 8] for i in range(0, len(said), 1 + len(said) // 8)]
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
            if is_slow:
                time.sleep(0.05)

    def reset(self):
        # Closing with a linger time of 0 sends a reset in place of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise ConnectionResetError


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--rate", type=float, default=0.15)
    parser.add_argument("--permanent", default="")
    options = parser.parse_args()
    Handler.shared = Shared(options)
    server = ThreadingHTTPServer(("127.0.0.1", options.listen), Handler)
    server.daemon_threads = True
    print(f"fault proxy on {options.listen}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
