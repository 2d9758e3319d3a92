"""The sandbox's own HTTP services: keystore, issuer, core and hooks."""

import http.server
import json
import os
import signal
import socketserver
import urllib.request

from . import process
from .box import ROOT, Failure


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "oof-sandbox"
    sys_version = ""
    timeout = 60

    # headers and body leave together: two segments would wait for each other

    wbufsize = -1

    def answer(self, status, value, kind="application/json", headers=()):
        body = value if isinstance(value, bytes) \
            else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self, limit=65536):
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= limit:
            self.close_connection = True
            return b""
        return self.rfile.read(length)

    def log_message(self, format, *args):
        # the request line alone: bodies and headers hold secrets
        super().log_message(format, *args)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(port, handler, tls=None):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve_more(port, handler, tls)


def serve_more(port, handler, tls=None):
    """The same beside another one, in a thread."""

    server = Server(("127.0.0.1", port), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    server.serve_forever()


class Service:
    """One of them as a process: NAME is the program's in sandbox/."""

    def __init__(self, box, name):
        self.box = box
        self.name = name
        self.program = os.path.join(ROOT, "sandbox", name)
        self.pid_file = box.path("run", name + ".pid")
        self.log = box.path("log", name + ".log")

    def argv(self):
        return ["/usr/bin/python3", self.program, self.box.var]

    def _ours(self, pid):
        """Of this sandbox: the program, with our var/ as its argument."""

        command = process.command(pid).split()
        return command[1:3] == [self.program, self.box.var]

    def pid(self):
        pid = process.pid_of(self.pid_file)
        return pid if pid and (process.blind() or self._ours(pid)) else None

    def _all(self):
        """The one of the pid file, and any that a lost pid file told of."""

        found = {pid for pid in process.all_pids() if self._ours(pid)}
        if self.pid() is not None:
            found.add(self.pid())
        return found

    def owns(self, port):
        return any(self._ours(pid) for pid in process.listeners(port))

    def answers(self):
        try:
            with urllib.request.urlopen(
                    "http://127.0.0.1:%d/health"
                    % self.box.ports()[self.name], timeout=2) as r:
                return r.status == 200
        except OSError:
            return False

    def start(self):
        with self.box.lock(self.name):
            if self.pid() is None:
                process.end(self._all())
                process.spawn(self.argv(), self.log, self.pid_file)

            if not process.wait(self.answers, 60):
                raise Failure("%s does not answer, see %s"
                              % (self.name, self.log))

    def stop(self):
        with self.box.lock(self.name):
            process.end(self._all())
