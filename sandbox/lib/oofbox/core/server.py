"""The core's HTTP: routes, faults, and the controls that begin with "_"."""

import collections
import hmac
import json
import re
import sys
import time
import traceback

from .. import service
from . import bank, brcode, clock, data, discovery, faults, shape, texts

BODY = 1024 * 1024

# the interface's text says where a charset is told, and where not

JSON = "application/json"
UTF8 = ("/account-discovery", "/payment-validation")

# an accepted call whose caller shall not hear of it

DROPPED = object()


class Core:
    """All parts together: what a request needs."""

    def __init__(self, rule_clock, payments, found, accounts, switches, push):
        self.clock = rule_clock
        self.payments = payments
        self.discovery = found
        self.data = accounts
        self.faults = switches
        self.push = push
        self.store = rule_clock.store
        self.bearer = None
        self.certificate = None

        self.calls = {
            # path: (what it must have, what is done)
            "/account-discovery": (shape.DISCOVERY, found.payments),
            "/discovery": (shape.DISCOVERY, found.data),
            "/consent-approval": (shape.APPROVAL, payments.approve),
            "/payment-validation": (shape.VALIDATION, payments.validate),
            "/payments": (shape.PAYMENT, payments.pay),
            "/find": (shape.FIND, payments.find),
            "/cancellation": (shape.CANCELLATION, payments.cancel),
        }
        for name, kind in discovery.PRODUCTS.items():
            for path, selectable in (("/account-discovery", True),
                                     ("/discovery", False)):
                self.calls["/" + name + path] = (
                    shape.DISCOVERY,
                    lambda body, k=kind, s=selectable: found.product(
                        body, k, s))

        self.seen = collections.deque(maxlen=100)
        self.controls = {
            ("GET", "/_ledger"): lambda _: payments.ledger(),
            ("GET", "/_calls"): lambda _: list(self.seen),
            ("GET", "/_faults"): lambda _: switches.text(),
            ("POST", "/_faults"): self._faults,
            ("GET", "/_clock"): self._clock,
            ("POST", "/_clock"): self._set_clock,
            ("GET", "/_push"): self._push,
            ("POST", "/_push"): self._set_push,
            ("POST", "/_release"): self._release,
            ("POST", "/_dict"): self._dict,
            ("POST", "/_resources"): self._resources,
            ("POST", "/_brcode"): self._brcode,
        }

    # the integration layer

    def hear(self, path, text):
        """A call, of which the last are kept as they came."""

        self.seen.append({"path": path, "body": text.decode("utf-8",
                                                            "replace")})
        return self.call(path, text)

    def call(self, path, text):
        """(status, body) or DROPPED; None when there is no such call."""

        if path not in self.calls:
            return None

        met = self.faults.hit(path)
        rules, function = self.calls[path]

        if "error" in met:
            return self.failure(500, "FALHA", "the core was told to fail")
        if "preparing" in met and path.endswith("discovery"):
            return 202, None

        answer = self._judged(path, text, rules, function, met)

        for mode in ("slow", "drop_after_accept"):
            if mode in met:
                time.sleep(met[mode].ms / 1000)
        if "wrong" in met:
            answer = faults.wrong(met["wrong"].code, *answer)
        return DROPPED if "drop_after_accept" in met else answer

    def _judged(self, path, text, rules, function, met):
        try:
            body = json.loads(text)
        except ValueError:
            return self.failure(400, "BAD_REQUEST", "the body is not JSON")

        bad = shape.wrong(body, rules)
        if bad is None and path in ("/find", "/cancellation") \
                and shape.legacy_id(body.get("paymentId")) is None:
            bad = "paymentId"
        if bad is not None:
            return self.failure(400, "BAD_REQUEST",
                                "missing or malformed: " + bad)

        answer = self._done(path, body, function, met)
        if "duplicate" in met:
            self._done(path, body, function, met)
        return self.failure(400, "BAD_REQUEST", "not of this product") \
            if answer is None else answer

    @staticmethod
    def _done(path, body, function, met):
        refuse, reject = (met[mode].code if mode in met else None
                          for mode in ("refuse", "reject"))

        if path == "/payments":
            return function(body, refuse, reject, "forget" in met)
        if refuse is not None:
            return 422, texts.refusal(refuse)
        return function(body)

    def get(self, path, query, headers):
        met = self.faults.hit(path)

        if "error" in met:
            return self.failure(500, "FALHA", "the core was told to fail")

        answer = self.data.get(path, query, headers)
        for mode in ("slow", "drop_after_accept"):
            if mode in met:
                time.sleep(met[mode].ms / 1000)
        return DROPPED if "drop_after_accept" in met else answer

    def failure(self, status, code, detail):
        return status, texts.error(self.clock.now(), code, detail)

    # controls: each takes the body and returns the answer, or raises ValueError

    def _faults(self, body):
        self.faults.set(body)
        return self.faults.text()

    def _clock(self, _):
        return {"offset": self.clock.offset,
                "now": clock.text(self.clock.now())}

    def _set_clock(self, body):
        offset = member(body, "offset", int)
        if isinstance(offset, bool) or abs(offset) > 10 ** 10:
            raise ValueError("offset is no number of seconds")
        self.clock.set(offset)
        return self._clock(None)

    def _push(self, _):
        return {"enabled": self.push.on, "pending": self.push.pending()}

    def _set_push(self, body):
        self.push.switch(member(body, "enabled", bool))
        return self._push(None)

    def _release(self, body):
        wanted = member(body, "paymentId", list)
        if shape.legacy_id(wanted) is None:
            raise ValueError("paymentId is no legacy id")
        return {"released": self.payments.release(wanted)}

    def _dict(self, body):
        """Changes a key's account, or takes the key away."""

        key = member(body, "key", str)
        account = body.get("account")
        if account is None:
            entry = None
        elif shape.wrong(body, shape.under("account", shape.ACCOUNT)) is None:
            entry = {"key": key, "account": account}
        else:
            raise ValueError("account is none")

        self.store.run(lambda db: bank.set_entry(db, key, entry))
        return {}

    def _resources(self, body):
        kind, number, status = (member(body, name, str)
                                for name in ("type", "number", "status"))
        if kind not in bank.LEGACY or status not in (
                "AVAILABLE", "UNAVAILABLE", "TEMPORARILY_UNAVAILABLE",
                "PENDING_AUTHORISATION"):
            raise ValueError("no such type or status")

        self.store.run(lambda db: bank.set_status(db, kind, number, status))
        return {}

    @staticmethod
    def _brcode(body):
        """A QR code, for who tests with one."""

        words = {name: member(body, name, str)
                 for name in ("key", "amount", "url") if name in body}
        if "key" not in words and "url" not in words:
            raise ValueError("neither key nor url")
        return {"qrCode": brcode.write(**words)}


def member(body, name, kind):
    if not isinstance(body, dict) or not isinstance(body.get(name), kind):
        raise ValueError("%s is missing, or not as it must be" % name)
    return body[name]


class Handler(service.Handler):
    core = None
    timeout = 300
    disable_nagle_algorithm = True

    def parse_request(self):
        """The request line and headers, without the mail library: half of the
        work that a payment was."""

        self.command = None
        self.close_connection = True
        line = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        self.requestline = line
        words = line.split()

        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            self.request_version = "HTTP/1.0"
            self.send_error(400)
            return False

        self.command, self.path, self.request_version = words
        self.headers = Headers()
        size = 0

        while True:
            line = self.rfile.readline(65537)
            size += len(line)
            if size > 65536 or not line:
                self.send_error(431)
                return False
            if line in (b"\r\n", b"\n"):
                break
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.lower()] = value.strip()

        kept = self.headers.get("Connection", "").lower()
        self.close_connection = kept == "close" or (
            self.request_version == "HTTP/1.0" and kept != "keep-alive")

        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        return True

    def log_request(self, code="-", size="-"):
        """Only what went wrong: a payment a line would be too much, and a path
        tells an account."""

        if int(code) >= 500:
            self.log_message("%s %s", self.command, code)

    def do_POST(self):
        self._serve(self._post)

    def do_GET(self):
        self._serve(self._get)

    def _serve(self, function):
        try:
            answer = function()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            answer = self.core.failure(500, "FALHA", "the core has failed")

        if answer is DROPPED:
            self.close_connection = True
        elif answer is None:
            self._answer(*self.core.failure(404, "NOT_FOUND", "no such call"))
        else:
            self._answer(*answer)

    def _answer(self, status, body):
        if body is None:
            self.answer(status, b"")
            return

        kind = JSON
        if status == 422 or status == 200 and self.path in UTF8 \
                or status >= 400 and self.command == "GET":
            kind += "; charset=utf-8"
        self.answer(status, body if isinstance(body, bytes) else json.dumps(
            body, ensure_ascii=False, separators=(",", ":")).encode(), kind)

    def _post(self):
        text = self.body(BODY)
        path = self.path.split("?")[0]

        if path.startswith("/_"):
            return self._control("POST", path, text)
        return self._refused() or self.core.hear(path, text)

    def _get(self):
        path, _, query = self.path.partition("?")

        if path == "/health":
            return 200, {"status": "UP"}
        if path.startswith("/_"):
            return self._control("GET", path, b"null")
        if not re.match(re.escape(data.BASE) + "(/|$)", path):
            return None
        return self._refused() or self.core.get(path, query, self.headers)

    def _control(self, method, path, text):
        function = self.core.controls.get((method, path))
        if function is None:
            return None
        try:
            return 200, function(json.loads(text))
        except ValueError as e:
            return self.core.failure(400, "BAD_REQUEST", str(e))

    def _refused(self):
        """Controls and health are for this machine; the rest may ask for a
        certificate or a token."""

        certificate = self.core.certificate
        if certificate is not None \
                and self.connection.getpeercert(True) != certificate:
            return self.core.failure(401, "UNAUTHORIZED", "no certificate")

        bearer = self.core.bearer
        if bearer is not None and not hmac.compare_digest(
                self.headers.get("Authorization", "").encode("latin-1"),
                b"Bearer " + bearer.encode()):
            return self.core.failure(401, "UNAUTHORIZED", "no token")

        return None


class Headers(dict):
    """Names are asked for in any case, and kept in the lower."""

    def get(self, name, default=None):
        return super().get(name.lower(), default)


def serve(port, core, tls=None):
    Handler.core = core
    service.serve(port, Handler, tls)
