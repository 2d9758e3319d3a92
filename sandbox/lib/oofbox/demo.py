"""The demonstration: a third party creates a consent to share data, the
customer authorises it in the bank's app, the third party lists what it may
read, reads it behind the gate, and renews the consent; the bank lists and
revokes it, and the gate is closed.  Others are refused.  Then money is moved:
a Pix payment is authorised, made and settled, and one of another day is
cancelled; the third party's webhook is told of each step."""

import datetime
import json
import os
import time
import urllib.parse
import uuid

from . import backoffice, call, cast, jose, journey, pix, token
from .box import Failure
from .core.service import CoreService

BASE = "/open-banking/consents/v3/consents"
RESOURCES = "/open-banking/resources/v3/resources"
ACCOUNTS = "/open-banking/accounts/v2/accounts"
AUTHORISATIONS = "/oof/v1/authorisations/"

# for how long the list of resources may be in preparation, a payment be on its
# way, and the call of a webhook take, in seconds

PREPARE = 10
SETTLE = 20
TELL = 15

# a payment of today must be made today: what must be left of the day

LEFT = 60

TIME = "%Y-%m-%dT%H:%M:%SZ"

# the term of a consent, and what a renewal makes of it, in days

TERM = 90
RENEWED = 365

# when the payment that is cancelled would be made, in days

AHEAD = 7

PERMISSIONS = ["ACCOUNTS_READ", "ACCOUNTS_BALANCES_READ", "RESOURCES_READ"]


class Demo:
    def __init__(self, box):
        self.box = box
        self.number = 0

    def title(self, text):
        self.number += 1
        print("\n--- %d. %s" % (self.number, text))

    @staticmethod
    def show(target, method, path, headers, body, answer, keys=None):
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
        text = answer.decoded(keys)
        if text:
            print("<")
            for line in text.splitlines():
                print("< " + line)

    @staticmethod
    def expect(what, want, got):
        if want != got:
            raise Failure("demonstration: FAILED: %s is %r, not %r"
                          % (what, got, want))

    def api(self, status, client, bearer, method, path, body=None, given=()):
        """A request over mTLS, shown with its answer, whose status and headers
        are judged."""

        headers = call.api_headers(
            bearer, given, content="application/json" if body else None)
        text = call.pretty(body) if body else None
        answer = call.api(self.box, client, method, path, headers,
                          text.encode() if text else None)
        self.show("certificate of client %s" % client if client
                  else "no certificate", method, path, headers, text, answer)

        self.expect("status", status, answer.status)
        self.interaction(headers, answer)
        return answer

    def interaction(self, headers, answer):
        sent = dict((k.lower(), v) for k, v in headers)
        got = dict((k.lower(), v) for k, v in answer.headers)
        self.expect("x-fapi-interaction-id", sent["x-fapi-interaction-id"],
                    got.get("x-fapi-interaction-id"))

    def signed(self, status, client, bearer, method, path, data=None,
               key=None, until=None):
        """A request of the payments API, shown with its answer: both are
        signed, and "data" of what the bank has signed is returned.  With
        "until", repeated until data.status is that."""

        body = text = None
        given = []

        if data is not None:
            body = token.message(self.box, client, self.box.state()["api"]
                                 + path, {"data": data})
            text = "(a JWT, signed by client %s)\n%s" % (
                client, call.pretty(jose.decode(body)[1]))
            body = body.encode()
            given = [("x-idempotency-key", key or str(uuid.uuid4()))]

        end = time.monotonic() + SETTLE
        while True:
            headers = call.api_headers(
                bearer, given, "application/jwt" if body else None,
                "application/jwt")
            answer = call.api(self.box, client, method, path, headers, body)
            claims = jose.verify(answer.body.decode(), self.keys)
            if until is None or claims is None \
                    or claims["data"]["status"] == until \
                    or time.monotonic() > end:
                break
            time.sleep(0.1)

        self.show("certificate of client %s" % client, method, path, headers,
                  text, answer, self.keys)
        self.expect("status", status, answer.status)
        self.expect("signed by the bank", True, claims is not None)
        self.interaction(headers, answer)
        return claims["data"]

    def bank(self, status, method, path, body=None):
        """A call of the bank's own channel, shown with its answer."""

        answer = call.management(self.box, method, path, body)
        self.show("the bank's channel", method, path, [],
                  call.pretty(body) if body else None, answer)
        self.expect("status", status, answer.status)
        return answer

    def resources(self, client, bearer):
        """The list of what is shared, once the bank has prepared it."""

        end = time.monotonic() + PREPARE
        while True:
            headers = call.api_headers(bearer)
            answer = call.api(self.box, client, "GET", RESOURCES, headers)
            if answer.status != 202 or time.monotonic() > end:
                break
            time.sleep(0.1)

        self.show("certificate of client %s" % client, "GET", RESOURCES,
                  headers, None, answer)
        return answer

    def token(self, client, scope="consents"):
        """A token from the issuer, by private_key_jwt."""

        form = {
            "grant_type": "client_credentials",
            "scope": scope,
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

    def now(self):
        """The time of the rules."""

        answer = call.management(self.box, "GET", "/oof/v1/clock")
        return datetime.datetime.strptime(answer.json()["data"]["ruleTime"],
                                          TIME)

    def today(self):
        """The time of the rules, of a day of Brasilia that lasts: just before
        midnight, that after it."""

        now = self.now()
        if pix.left(now) < LEFT:
            print("  (waiting for midnight in Brasilia)", flush=True)
        while pix.left(now) < LEFT:
            time.sleep(min(pix.left(now), 1))
            now = self.now()
        return now

    def end_of(self, days):
        """An instant so many days from now, by the clock of the rules."""

        return (self.now() + datetime.timedelta(days)).strftime(TIME)

    def create(self, client, bearer, days=None):
        """"data" of a new consent."""

        wanted = {"loggedUser": self.user, "permissions": PERMISSIONS}
        if days is not None:
            wanted["expirationDateTime"] = self.end_of(days)
        answer = self.api(201, client, bearer, "POST", BASE, {"data": wanted})
        data = answer.json()["data"]
        self.expect("data.status", "AWAITING_AUTHORISATION", data["status"])
        return data

    def rejected(self, code, answer):
        data = answer.json()["data"]
        self.expect("data.status", "REJECTED", data["status"])
        self.expect("data.rejection",
                    {"rejectedBy": "USER", "reason": {"code": code}},
                    data.get("rejection"))

    def run(self):
        one, two = (client["name"] for client in cast.CLIENTS)
        cpf = cast.CUSTOMERS[0]["cpf"]
        self.user = {"document": {"identification": cpf, "rel": "CPF"}}

        self.title("client one gets a token, bound to its certificate")
        mine = self.token(one)

        self.title("client one creates a consent")
        data = self.create(one, mine, TERM)
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

        bearer, offered = self.authorise(one, data["consentId"], cpf)
        self.read(one, bearer, offered)
        self.renew(one, mine, bearer, path)
        self.end(one, mine, bearer, data["consentId"], offered)

        self.title("client one creates another consent, and revokes it itself")
        path = BASE + "/" + self.create(one, mine)["consentId"]
        answer = self.api(204, one, mine, "DELETE", path)
        self.expect("body", b"", answer.body)
        self.rejected("CUSTOMER_MANUALLY_REJECTED",
                      self.api(200, one, mine, "GET", path))

        with open(os.path.join(self.box.pki, "bank.jwks"),
                  encoding="utf-8") as f:
            self.keys = json.load(f)

        self.title("client one gets a token to pay with")
        mine = self.token(one, "payments")
        self.pay(one, mine)
        self.schedule(one, mine)

        print("\ndemonstration: ok")

    def authorise(self, client, consent, cpf):
        """The token of the customer, and the resources that are shared."""

        self.title("the bank's app shows it to the customer")
        where = AUTHORISATIONS + consent
        shown = self.bank(200, "GET", where).json()["data"]
        offered = [r["resourceId"] for r in shown["resources"]]
        self.expect("accounts", len(cast.CUSTOMERS[0]["accounts"]),
                    len(offered))

        self.title("another customer may not authorise it")
        other = journey.decision(shown, cast.CUSTOMERS[1]["cpf"])
        self.bank(403, "POST", where, {"data": other})

        self.title("the customer authorises it, with all accounts")
        answer = self.bank(200, "POST", where,
                           {"data": journey.decision(shown)})
        self.expect("data.status", "AUTHORISED",
                    answer.json()["data"]["status"])

        self.title("the authorization server asks which token it may issue")
        answer = self.bank(200, "GET", where + "/token-check")
        self.expect("data.issue", True, answer.json()["data"]["issue"])
        scopes = answer.json()["data"]["scopes"]
        return token.access(self.box, client, " ".join(scopes), cpf), offered

    def read(self, client, bearer, offered):
        self.title("client one lists what it may read")
        answer = self.resources(client, bearer)
        self.expect("status", 200, answer.status)
        self.expect("resources", sorted(offered),
                    sorted(r["resourceId"] for r in answer.json()["data"]))

        self.title("behind the gate, the bank's core lists the accounts")
        answer = self.api(200, client, bearer, "GET", ACCOUNTS)
        self.expect("accounts", sorted(offered),
                    sorted(a["accountId"] for a in answer.json()["data"]))
        account = ACCOUNTS + "/" + offered[0]

        self.title("and tells a balance")
        answer = self.api(200, client, bearer, "GET", account + "/balances")
        self.expect("availableAmount", True,
                    "availableAmount" in answer.json()["data"])

        self.title("but no transactions: the consent has not that permission")
        self.api(403, client, bearer, "GET", account + "/transactions")

        self.title("and nothing of another account")
        self.api(403, client, bearer, "GET",
                 ACCOUNTS + "/00000000-0000-4000-8000-000000000000")

    def renew(self, client, mine, bearer, path):
        self.title("client one renews it, without a redirect")
        end = self.end_of(RENEWED)
        answer = self.api(201, client, bearer, "POST", path + "/extends",
                          {"data": {"loggedUser": self.user,
                                    "expirationDateTime": end}},
                          (("x-fapi-customer-ip-address", "203.0.113.7"),
                           ("x-customer-user-agent", "Demonstration/1.0")))
        self.expect("data.expirationDateTime", end,
                    answer.json()["data"].get("expirationDateTime"))

        self.title("client one lists the renewals")
        answer = self.api(200, client, mine, "GET", path + "/extensions")
        self.expect("expirationDateTime", [end],
                    [r.get("expirationDateTime")
                     for r in answer.json()["data"]])

    def end(self, client, mine, bearer, consent, offered):
        self.title("the bank lists the customer's active consents")
        answer = self.bank(200, "GET", backoffice.listed(
            cpf=self.user["document"]["identification"], status="AUTHORISED"))
        self.expect("the consent is there", True, backoffice.internal(consent)
                    in [c["id"] for c in answer.json()["data"]])

        self.title("the bank revokes it, as the customer has asked")
        answer = self.bank(200, *backoffice.revocation(consent))
        self.expect("data.status", "REVOKED", answer.json()["data"]["status"])

        self.title("the gate has closed at once")
        self.api(401, client, bearer, "GET",
                 "%s/%s/balances" % (ACCOUNTS, offered[0]))

        self.title("and it lists nothing any more")
        self.expect("status", 401, self.resources(client, bearer).status)

        self.title("the authorization server issues no token any more")
        answer = self.bank(200, "GET",
                           AUTHORISATIONS + consent + "/token-check")
        self.expect("data.issue", False, answer.json()["data"]["issue"])

        self.title("client one reads why")
        path = BASE + "/" + consent
        self.rejected("CUSTOMER_MANUALLY_REVOKED",
                      self.api(200, client, mine, "GET", path))

        self.title("and cannot revoke it again")
        self.api(422, client, mine, "DELETE", path)

    def approved(self, client, mine, payment):
        """(the consent as the bank's app shows it, the customer's token) of a
        new consent to pay, which the customer authorises."""

        data = self.signed(201, client, mine, "POST", pix.CONSENTS,
                           pix.consent(self.user, payment))
        self.expect("data.status", "AWAITING_AUTHORISATION", data["status"])
        consent = data["consentId"]

        self.title("the customer chooses an account in the bank's app, and "
                   "authorises it")
        where = AUTHORISATIONS + consent
        shown = self.bank(200, "GET", where).json()["data"]
        answer = self.bank(200, "POST", where,
                           {"data": journey.decision(shown)})
        self.expect("data.status", "AUTHORISED",
                    answer.json()["data"]["status"])

        answer = self.bank(200, "GET", where + "/token-check")
        self.expect("data.issue", True, answer.json()["data"]["issue"])
        return consent, token.access(
            self.box, client, " ".join(answer.json()["data"]["scopes"]),
            self.user["document"]["identification"])

    def told(self, client, *paths):
        """What the third party's webhook was told: one call for each."""

        url = "http://127.0.0.1:%d" % self.box.ports()["hooks"]
        base = "/%s/open-banking/webhook/v1/payments/v5" % client
        wanted = sorted(base + path for path in paths)
        end = time.monotonic() + TELL
        while True:
            found = [c for c in call.plain(url, "GET", "/_hooks", []).json()
                     if c["path"] in wanted]
            if len(found) >= len(wanted) or time.monotonic() > end:
                break
            time.sleep(0.1)

        for c in found:
            print("> POST %s  (the webhook of client %s)"
                  % (c["path"], c["client"]))
            for name, value in sorted(c["headers"].items()):
                print("> %s: %s" % (name, value))
            print(">\n> " + c["body"])
        self.expect("paths of the webhook", wanted,
                    sorted(c["path"] for c in found))

    def debits(self, end_to_end):
        """How often the bank's core has moved the money."""

        ledger = CoreService(self.box).control("GET", "/_ledger")
        found = [d for d in ledger["debits"] if d["endToEndId"] == end_to_end]
        print("  (the core's ledger: %s)" % jose.compact(found))
        return len(found)

    def pay(self, client, mine):
        now = self.today()
        payment = pix.payment(now)
        wanted = [pix.item(client, payment, now)]
        key = str(uuid.uuid4())

        self.title("client one creates a consent to pay; what both sides say "
                   "is signed")
        consent, bearer = self.approved(client, mine, payment)

        self.title("client one pays")
        made = self.signed(201, client, bearer, "POST", pix.PAYMENTS, wanted,
                           key)
        self.expect("payments", 1, len(made))
        path = pix.PAYMENTS + "/" + made[0]["paymentId"]

        self.title("and asks until it is settled")
        data = self.signed(200, client, mine, "GET", path, until="ACSC")
        self.expect("data.status", "ACSC", data["status"])
        self.expect("data.endToEndId", wanted[0]["endToEndId"],
                    data["endToEndId"])

        self.title("the same call again, with its idempotency key, is that "
                   "payment")
        again = self.signed(201, client, bearer, "POST", pix.PAYMENTS, wanted,
                            key)
        self.expect("paymentId", [made[0]["paymentId"]],
                    [p["paymentId"] for p in again])
        self.expect("debits", 1, self.debits(wanted[0]["endToEndId"]))

        self.title("the consent is used up")
        data = self.signed(200, client, mine, "GET",
                           pix.CONSENTS + "/" + consent)
        self.expect("data.status", "CONSUMED", data["status"])

        self.title("the webhook of client one was told of both")
        self.told(client, "/consents/" + consent,
                  "/pix/payments/" + made[0]["paymentId"])

    def schedule(self, client, mine):
        now = self.now()
        payment = pix.payment(now, AHEAD)
        wanted = [pix.item(client, payment, now, AHEAD)]

        self.title("client one creates a consent to pay in a week")
        consent, bearer = self.approved(client, mine, payment)

        self.title("client one schedules the payment")
        made = self.signed(201, client, bearer, "POST", pix.PAYMENTS, wanted)
        self.expect("data[].status", ["SCHD"], [p["status"] for p in made])
        path = pix.PAYMENTS + "/" + made[0]["paymentId"]

        self.title("client one cancels it, as the customer has asked")
        data = self.signed(200, client, mine, "PATCH", path,
                           pix.cancellation(self.user))
        self.expect("data.status", "CANC", data["status"])
        self.expect("data.cancellation.reason", "CANCELADO_AGENDAMENTO",
                    data["cancellation"]["reason"])

        self.title("and reads that it is")
        data = self.signed(200, client, mine, "GET", path)
        self.expect("data.status", "CANC", data["status"])
        self.expect("debits", 0, self.debits(wanted[0]["endToEndId"]))

        self.title("its webhook was told of the consent, and twice of the "
                   "payment")
        told = "/pix/payments/" + made[0]["paymentId"]
        self.told(client, "/consents/" + consent, told, told)
