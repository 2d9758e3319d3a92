"""Telling oof of a payment's new status, in order, until it has heard."""

import http.client
import json
import sys
import threading
import time
import urllib.parse

from .. import token
from . import clock, payments

PATH = "/open-banking/oob-consents/v1/payment-status-notification"
SCOPE = "oob_payments:write"
ROWS = 100
TIMEOUT = 5
BACK_OFF = (0.2, 5)


class Push:
    """Switched by a setting of the store; what was to be pushed when it is
    switched off is forgotten."""

    def __init__(self, store, faults, box, management):
        """The management is a function that says the listener's URL."""

        self.store = store
        self.faults = faults
        self.box = box
        self.management = management
        self.wake = threading.Event()
        self.token = None
        self.until = 0
        self.connection = None
        self.on = store.run(lambda db: db.setting("push") == "on")

        store.on_change.append(self.wake.set)
        threading.Thread(target=self._work, daemon=True).start()

    def switch(self, on):
        def unit(db):
            db.set("push", "on" if on else "off")
            if not on:
                db.execute("DELETE FROM push")

        self.store.run(unit)
        self.on = on

    def pending(self):
        return self.store.run(
            lambda db: db.one("SELECT count(*) AS n FROM push")["n"])

    def _work(self):
        back_off = BACK_OFF[0]

        while True:
            self.wake.wait(1)
            self.wake.clear()

            try:
                while self.on and self._round():
                    back_off = BACK_OFF[0]
            except Exception as e:
                print("push: %s, again in %.1f s" % (type(e).__name__,
                                                     back_off),
                      file=sys.stderr, flush=True)
                self._close()
                time.sleep(back_off)
                back_off = min(back_off * 2, BACK_OFF[1])
                self.wake.set()

    def _round(self):
        """Whether something was told."""

        rows = self.store.run(lambda db: db.execute(
            "SELECT q.*, p.end_to_end FROM push q JOIN payment p"
            " ON p.id = q.payment ORDER BY q.id LIMIT ?", (ROWS,)).fetchall())

        for row in rows:
            self._tell(row)
            self.store.run(lambda db, row=row: db.execute(
                "DELETE FROM push WHERE id = ?", (row["id"],)))
        return bool(rows)

    def _tell(self, row):
        data = {
            "legacyId": payments.legacy_id(
                {"id": row["payment"], "end_to_end": row["end_to_end"]}),
            "paymentStatus": row["status"],
            "paymentStatusUpdateDateTime": clock.text(row["changed"]),
        }
        if row["reason"] is not None:
            data["rejectionReason"] = {"code": row["reason"],
                                       "detail": row["detail"]}

        body = json.dumps({"data": data}).encode()
        for _ in range(2 if self.faults.any("duplicate") else 1):
            self._post(body)

    def _post(self, body):
        """Returns when oof has taken it, or will never take it."""

        if self.connection is None:
            url = urllib.parse.urlsplit(self.management())
            self.connection = http.client.HTTPConnection(
                url.hostname, url.port, timeout=TIMEOUT)

        self.connection.request("POST", PATH, body, {
            "Authorization": "Bearer " + self._bearer(),
            "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()

        if answer.status >= 500 or answer.status in (401, 408, 429):
            self.token = None
            raise ConnectionError(answer.status)
        if answer.status >= 400:
            print("push: refused with %d" % answer.status, file=sys.stderr,
                  flush=True)

    def _bearer(self):
        if self.token is None or time.monotonic() > self.until:
            self.token = token.bank(self.box, SCOPE)
            self.until = time.monotonic() + token.LIFE / 2
        return self.token

    def _close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
