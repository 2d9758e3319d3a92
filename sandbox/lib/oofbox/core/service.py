"""The core as a process of the sandbox."""

import json
import os
import ssl
import urllib.request

from ..box import Failure, read, write
from ..service import Service

OPTIONS = "OOF_CORE_OPTIONS"


class CoreService(Service):
    """Its options are of the day when the sandbox was set up, and kept for the
    start after a kill."""

    def __init__(self, box):
        super().__init__(box, "core")
        self.options_file = box.path("core", "options.json")

    def configure(self):
        os.makedirs(self.box.path("core"), exist_ok=True)
        write(self.options_file,
              json.dumps(os.environ.get(OPTIONS, "").split()) + "\n")

    def options(self):
        return json.loads(read(self.options_file, "[]"))

    def argv(self):
        return super().argv() + self.options()

    def tls(self):
        return "--mtls" in self.options()

    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.tls() else "http",
                                      self.box.ports()["core"])

    def answers(self):
        try:
            return self.control("GET", "/health")["status"] == "UP"
        except Failure:
            return False

    def control(self, method, path, body=None):
        """A call of the core's own controls; its answer."""

        request = urllib.request.Request(
            self.url() + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10,
                                        context=self._context()) as r:
                return json.loads(r.read())
        except (OSError, ValueError) as e:
            raise Failure("core: %s %s: %s" % (method, path, e))

    def _context(self):
        """The core has no host name: its certificate is the bank's."""

        if not self.tls():
            return None
        tls = ssl.create_default_context(
            cafile=os.path.join(self.box.pki, "ca.pem"))
        tls.check_hostname = False
        return tls

