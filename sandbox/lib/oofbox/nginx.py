"""The sandbox's nginx: its configuration, and its life."""

import json
import os
import signal
import subprocess
import urllib.request

from . import cast, process, rotation
from .box import ROOT, Failure, read, write
from .core.service import CoreService
from .postgres import Postgres

LISTENERS = ("api", "plain", "management")


class Nginx:
    def __init__(self, box):
        self.box = box
        self.pid_file = box.path("run", "nginx.pid")
        self.error_log = box.path("nginx", "logs", "error.log")
        self.access_log = box.path("nginx", "logs", "access.log")
        self.events = box.path("nginx", "events.jsonl")

    def api(self):
        return "https://%s:%d" % (cast.HOST, self.box.ports()["api"])

    # configuration

    def configure(self):
        box, ports = self.box, self.box.ports()
        extra = os.environ.get("OOF_CONF_EXTRA")
        issuer = "http://127.0.0.1:%d" % ports["issuer"]

        if extra and not os.path.isfile(extra):
            raise Failure("OOF_CONF_EXTRA: there is no file " + extra)

        values = {
            "USER": "user  root;" if os.getuid() == 0 else "",
            "WORKERS": os.environ.get("OOF_WORKERS", "2"),
            "PREFIX": box.nginx,
            "PID": self.pid_file,
            "ERROR_LOG": self.error_log,
            "EVENTS": self.events,
            "ACCESS_LOG": self.access_log,
            "CONF": os.path.join(ROOT, "conf"),
            "CONNECT": Postgres(box).conninfo("oof"),
            "KEYS": rotation.lines(box),
            "ISSUER": cast.ISSUER,
            "ISSUER_JWKS": issuer + "/jwks",
            "BANK_ISSUER": cast.BANK_ISSUER,
            "BANK_AUDIENCE": cast.BANK_AUDIENCE,
            "BANK_JWKS": issuer + "/bank/jwks",
            "CORE": CoreService(box).url(),
            "CORE_ADDRESS": "127.0.0.1:%d" % ports["core"],
            "BRAND": cast.BANK["brand"],
            "ORGANISATION_ID": cast.BANK["organisation_id"],
            "API": self.api(),
            "HOST": cast.HOST,
            "PKI": box.pki,
            "KEYSTORE": "http://127.0.0.1:%d" % ports["keystore"],
            "BANK_KID": self._bank_kid(),
            "PORT_HOOKS": str(ports["hooks"]),
            "PORT_API": str(ports["api"]),
            "PORT_PLAIN": str(ports["plain"]),
            "PORT_MANAGEMENT": str(ports["management"]),
            "EXTRA": "include  %s;" % os.path.abspath(extra) if extra else "",
        }

        text = read(os.path.join(ROOT, "sandbox", "nginx.conf.in"))
        for name, value in values.items():
            text = text.replace("@%s@" % name, value)
        write(box.conf, text)

    def _bank_kid(self):
        keys = json.loads(read(os.path.join(self.box.pki, "bank.jwks")))
        return keys["keys"][0]["kid"]

    def _run(self, *args):
        return process.run([self.box.binary, "-e", self.error_log, "-p",
                            self.box.nginx, "-c", self.box.conf] + list(args),
                           self.box.path("log", "nginx.log"), cwd="/")

    def check(self):
        """nginx -t; what it says."""

        return self._run("-t")

    # life

    def _ours(self, pid):
        return process.program(pid) == self.box.binary

    def pid(self):
        pid = process.pid_of(self.pid_file)
        return pid if pid and (process.blind() or self._ours(pid)) else None

    def _masters(self):
        """The one of the pid file, and any that a lost pid file told of."""

        found = {pid for pid in process.all_pids()
                 if self._ours(pid)
                 and "master process" in process.command(pid)
                 and self.box.conf in process.command(pid).split()}
        if self.pid() is not None:
            found.add(self.pid())
        return found

    def _listeners(self):
        """Whatever of this nginx listens on our ports: the workers of a killed
        master too."""

        return {pid for name in LISTENERS if name in self.box.known_ports()
                for pid in process.listeners(self.box.known_ports()[name])
                if self._ours(pid)}

    def owns(self, port):
        return any(self._ours(pid) for pid in process.listeners(port))

    def serves(self):
        return all(process.listens(self.box.ports()[name])
                   for name in LISTENERS)

    def ready(self):
        try:
            with urllib.request.urlopen(
                    "http://127.0.0.1:%d/health/ready"
                    % self.box.ports()["management"], timeout=2) as r:
                return r.status == 200
        except OSError:
            return False

    def start(self, patience=5):
        """Returns when it serves; never makes a second one.  Without its
        database it serves too: false when it is not ready after some seconds
        of patience."""

        with self.box.lock("nginx"):
            if self.pid() is None:
                process.end(self._masters() | self._listeners(),
                            signal.SIGKILL)
                self._run()

            if not process.wait(self.serves, 60):
                raise Failure("nginx does not serve, see " + self.error_log)

        return process.wait(self.ready, patience)

    def reload(self):
        """Returns when workers of the new configuration alone serve."""

        old = self._listeners() - self._masters()
        os.kill(self.pid(), signal.SIGHUP)

        if not process.wait(lambda: not old & self._listeners(), 60):
            raise Failure("workers of the old configuration do not end")
        if not process.wait(self.ready, 60):
            raise Failure("nginx is not ready, see " + self.error_log)

    def stop(self):
        with self.box.lock("nginx"):
            workers = self._listeners()
            process.end(self._masters(), signal.SIGQUIT)
            process.end(workers)
