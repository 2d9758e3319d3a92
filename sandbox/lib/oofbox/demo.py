"""The demonstration: a third party gets a token, creates, reads and revokes a
consent to share data, and others are refused."""

import json
import urllib.parse

from . import call, cast, jose, token
from .box import Failure

BASE = "/open-banking/consents/v3/consents"

PERMISSIONS = ["ACCOUNTS_READ", "ACCOUNTS_BALANCES_READ", "RESOURCES_READ"]


class Demo:
    def __init__(self, box):
        self.box = box
        self.number = 0

    def title(self, text):
        self.number += 1
        print("\n--- %d. %s" % (self.number, text))

    @staticmethod
    def show(target, method, path, headers, body, answer):
        print("> %s %s  (%s)" % (method, path, target))
        for name, value in headers:
            if name == "Authorization":
                value = value[:22] + "…"
            print("> %s: %s" % (name, value))
        if body:
            print(">")
            for line in body.splitlines():
                print("> " + line)
        print("< %s %d %s" % (answer.version, answer.status, answer.reason))
        for name, value in answer.headers:
            print("< %s: %s" % (name.lower(), value))
        text = answer.decoded()
        if text:
            print("<")
            for line in text.splitlines():
                print("< " + line)

    @staticmethod
    def expect(what, want, got):
        if want != got:
            raise Failure("demonstration: FAILED: %s is %r, not %r"
                          % (what, got, want))

    def api(self, status, client, bearer, method, path, body=None):
        """A request over mTLS, shown with its answer, whose status and headers
        are judged."""

        headers = call.api_headers(
            bearer, content="application/json" if body else None)
        text = call.pretty(body) if body else None
        answer = call.api(self.box, client, method, path, headers,
                          text.encode() if text else None)
        self.show("certificate of client %s" % client if client
                  else "no certificate", method, path, headers, text, answer)

        self.expect("status", status, answer.status)
        sent = dict((k.lower(), v) for k, v in headers)
        got = dict((k.lower(), v) for k, v in answer.headers)
        self.expect("x-fapi-interaction-id", sent["x-fapi-interaction-id"],
                    got.get("x-fapi-interaction-id"))
        return answer

    def token(self, client):
        """A token from the issuer, by private_key_jwt."""

        form = {
            "grant_type": "client_credentials",
            "scope": "consents",
            "client_assertion_type":
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": token.assertion(self.box, client),
        }
        headers = [("Content-Type", "application/x-www-form-urlencoded")]
        url = "http://127.0.0.1:%d" % self.box.ports()["issuer"]
        answer = call.plain(url, "POST", "/token", headers,
                            urllib.parse.urlencode(form).encode())

        form["client_assertion"] = form["client_assertion"][:22] + "…"
        shown = dict(answer.json())
        if "access_token" in shown:
            shown["access_token"] = shown["access_token"][:22] + "…"
        self.show("token issuer", "POST", "/token", headers,
                  "\n".join("%s=%s" % f for f in form.items()),
                  call.Answer(answer.version, answer.status, answer.reason,
                              answer.headers, json.dumps(shown).encode()))

        self.expect("status", 200, answer.status)
        bearer = answer.json()["access_token"]

        # the claims, so that it is seen what a token says of the customer

        print("  (claims: %s)" % jose.compact(jose.decode(bearer)[1]))
        return bearer

    def run(self):
        one, two = (client["name"] for client in cast.CLIENTS)
        cpf = cast.CUSTOMERS[0]["cpf"]

        self.title("client one gets a token, bound to its certificate")
        mine = self.token(one)

        self.title("client one creates a consent")
        answer = self.api(201, one, mine, "POST", BASE, {"data": {
            "loggedUser": {"document": {"identification": cpf,
                                        "rel": "CPF"}},
            "permissions": PERMISSIONS}})
        data = answer.json()["data"]
        self.expect("data.status", "AWAITING_AUTHORISATION", data["status"])
        path = BASE + "/" + data["consentId"]

        self.title("client one reads it")
        answer = self.api(200, one, mine, "GET", path)
        self.expect("data", data, answer.json()["data"])

        self.title("client two, with a token of its own, is refused")
        self.api(403, two, self.token(two), "GET", path)

        self.title("client two, with the token of client one, is refused")
        self.api(401, two, mine, "GET", path)

        self.title("nobody reads it without a certificate")
        self.api(401, None, mine, "GET", path)

        self.title("client one revokes it")
        answer = self.api(204, one, mine, "DELETE", path)
        self.expect("body", b"", answer.body)

        self.title("client one reads it again")
        answer = self.api(200, one, mine, "GET", path)
        data = answer.json()["data"]
        self.expect("data.status", "REJECTED", data["status"])
        self.expect("data.rejection",
                    {"rejectedBy": "USER",
                     "reason": {"code": "CUSTOMER_MANUALLY_REJECTED"}},
                    data.get("rejection"))

        print("\ndemonstration: ok")
