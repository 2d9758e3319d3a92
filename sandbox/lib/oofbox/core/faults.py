"""Being slow, wrong, or gone, on demand.

A fault has a mode and may have
  ms     milliseconds, where the mode takes them
  share  the part of the calls that it hits, 1 by default
  times  how many calls it hits before it is over
  path   the only path that it hits
  code   of the modes "refuse", "reject" and "wrong"

  slow               the call is done at once, and answered ms later
  error              500, and nothing is done
  drop_after_accept  the call is done; ms later the connection ends, unanswered
  duplicate          the call is done twice, as by a queue that delivers twice,
                     and every status is pushed twice
  forget             a known internal key is not recognised: the only way to a
                     second debit
  refuse             422 with the code, and so for ever for a payment's key
  reject             the payment is accepted, and rejected later with the code
  wrong              the call is done, and its answer is none: GARBAGE, EMPTY,
                     STATE (an unknown one), STATUS (404), OTHER (of another
                     payment)
  preparing          a discovery answers 202 without a body for ms, for good
                     without
"""

import random
import threading
import time

MODES = ("slow", "error", "drop_after_accept", "duplicate", "forget",
         "refuse", "reject", "wrong", "preparing")
CODED = ("refuse", "reject", "wrong")
WRONG = ("GARBAGE", "EMPTY", "STATE", "STATUS", "OTHER")


class Bad(ValueError):
    pass


class Fault:
    def __init__(self, text):
        if not isinstance(text, dict) or text.get("mode") not in MODES:
            raise Bad("mode is none of none, " + ", ".join(MODES))

        self.mode = text["mode"]
        self.ms = _number(text, "ms", 0, 3600000)
        self.share = _number(text, "share", 1, 1)
        self.times = _number(text, "times", None, 10 ** 9)
        self.path = text.get("path")
        self.code = text.get("code")

        if (self.code is not None) != (self.mode in CODED) \
                or not isinstance(self.code, (str, type(None))):
            raise Bad("code is for %s, and only for them" % ", ".join(CODED))
        if self.mode == "wrong" and self.code not in WRONG:
            raise Bad("code is none of " + ", ".join(WRONG))

        self.since = time.monotonic()

    def text(self):
        return {name: value for name, value in vars(self).items()
                if value is not None and name != "since"}

    def over(self):
        return self.times == 0 or self.mode == "preparing" and self.ms > 0 \
            and time.monotonic() > self.since + self.ms / 1000


def _number(text, name, default, most):
    value = text.get(name, default)
    if value is default:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) \
            or not 0 <= value <= most:
        raise Bad("%s is no number up to %s" % (name, most))
    return value


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.active = []

    def set(self, body):
        """Replaces all; a list sets several."""

        texts = body if isinstance(body, list) else [body]
        faults = [Fault(text) for text in texts
                  if not isinstance(text, dict) or text.get("mode") != "none"]

        with self.lock:
            self.active = faults

    def text(self):
        with self.lock:
            return [fault.text() for fault in self.active]

    def any(self, mode):
        with self.lock:
            return any(fault.mode == mode for fault in self.active)

    def hit(self, path):
        """The faults that this call meets, by mode."""

        if not self.active:
            return {}

        with self.lock:
            met = {}
            for fault in self.active:
                if fault.path in (None, path) and not fault.over() \
                        and random.random() < fault.share:
                    met[fault.mode] = fault
                    if fault.times is not None:
                        fault.times -= 1
            self.active = [f for f in self.active if not f.over()]
            return met


def wrong(code, status, body):
    """An answer to a payment as it must not be."""

    if code == "GARBAGE":
        return status, b"\x00{\xff: pago"
    if code == "EMPTY":
        return status, {}
    if code == "STATUS":
        return 404, body

    data = dict(body.get("data", {}))
    if code == "STATE":
        data["status"] = "PAGO"
    else:
        data["endToEndId"] = "E" + "9" * 31
        data["status"] = "RJCT"
    return status, {"data": data}
