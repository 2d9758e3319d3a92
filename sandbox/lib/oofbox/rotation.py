"""New keys of personal data, by the steps that a bank takes."""

import json
import os
import time

from . import call
from .box import Failure, read, write

KINDS = ("encrypt", "lookup")
FIRST = {"encrypt": ["e1"], "lookup": ["l1"]}


def _path(box):
    return box.path("secrets", "keys.json")


def configured(box):
    """Ids of the keys of each kind, in the order of the configuration."""

    text = read(_path(box))
    return json.loads(text) if text else FIRST


def lines(box):
    """What is inside "oof_keys"."""

    return "\n".join(
        "        %-8s %s %s;" % (kind, name,
                                 box.secret("%s-%s.key" % (kind, name)))
        for kind in KINDS for name in configured(box)[kind])


class Rotation:
    def __init__(self, box, nginx):
        self.box = box
        self.nginx = nginx

    def _use(self, text, keys):
        print("%s: %s" % (text, ", ".join(
            "%s %s" % (kind, " ".join(keys[kind])) for kind in KINDS)),
            flush=True)
        write(_path(self.box), json.dumps(keys) + "\n", 0o600)
        self.nginx.configure()
        self.nginx.check()
        self.nginx.reload()

    def _ask(self, method, body=None):
        answer = call.management(self.box, method, "/oof/v1/rotation", body)
        if answer.status != 200:
            raise Failure("%s /oof/v1/rotation: %d %s"
                          % (method, answer.status, answer.body.decode()))
        return answer.json()["data"]

    def run(self):
        keys = configured(self.box)

        if self._ask("GET")["state"] != "waiting":
            keys = self._new(keys)
            self._ask("POST", {"data": {}})

        data = self._follow()

        # what is sealed is under the new key, whatever is waited for

        used = {"encrypt": keys["encrypt"][:1],
                "lookup": keys["lookup"][:1] if data["state"] == "done"
                else keys["lookup"]}
        self._use("the old keys go", used)

        for kind in KINDS:
            for name in keys[kind]:
                if name not in used[kind]:
                    os.unlink(self.box.secret("%s-%s.key" % (kind, name)))

        if data["state"] == "waiting":
            print("the old lookup key stays until %s, for records of "
                  "requests: ./build.sh rotate takes it away then"
                  % data["until"])

    def _new(self, keys):
        new = {kind: keys[kind][0][0] + str(int(keys[kind][0][1:]) + 1)
               for kind in KINDS}
        self._use("new keys come second, for reading",
                  {k: keys[k][:1] + [new[k]] + keys[k][1:] for k in KINDS})
        keys = {k: [new[k]] + keys[k] for k in KINDS}
        self._use("new keys come first, for writing", keys)
        return keys

    def _follow(self):
        told = None

        while True:
            data = self._ask("GET")
            text = "%s, pass %d: %d rows read, %d written, %d left" % (
                data["state"], data["pass"],
                sum(t["rows"] for t in data["tables"]),
                sum(t["written"] for t in data["tables"]),
                sum(t["left"] for t in data["tables"]))

            if text != told:
                print(text, flush=True)
                told = text

            if data["state"] != "running":
                break
            time.sleep(0.5)

        if data["state"] == "stopped":
            raise Failure("the rotation was stopped")

        for table in data["tables"]:
            print("  %-24s %s" % (table["table"], "  ".join(
                "%s %s: %d" % (kind, name, n)
                for kind in KINDS for name, n in table[kind].items())))
        return data
