"""Consents to pay, authorised, and the requests of their payments.

A consent is made by the API; the others are rows like its own.
"""

import json
import os
import time
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oofbox import cast, jose, token

BASE = "/open-banking/payments/v5"
CONSENTS = BASE + "/consents"
PAYMENTS = BASE + "/pix/payments"

CUSTOMER = cast.CUSTOMERS[0]
DEBTOR = {name: CUSTOMER["accounts"][0][name]
          for name in ("ispb", "issuer", "number", "accountType")}
CREDITOR = cast.DICT[0]
AMOUNT = "1.00"

# what is written of a row beside its id and what is sealed for it

ROWS = """
WITH v (id, personal, debtor) AS (VALUES %s)
INSERT INTO oof_payment_consent
SELECT (jsonb_populate_record(c, jsonb_build_object(
           'consent_id', v.id, 'status', 'AUTHORISED', 'version', 2,
           'creation', now(), 'status_update', now(), 'stamp', now(),
           'expiration', now() + interval '60 minutes',
           'personal', v.personal, 'debtor', v.debtor))).*
  FROM v, oof_payment_consent c
 WHERE c.consent_id = '%s'
"""
BATCH = 50                     # rows of a statement, an argument of psql

SEALED = (("personal", b"oof_payment_consent"),
          ("debtor", b"oof_payment_consent.debtor"))


class Payer:
    def __init__(self, box, postgres, headers):
        self.box = box
        self.postgres = postgres
        self.api = box.state()["api"]
        self.party = cast.CLIENTS[0]
        self.key = token.signing_key(box, "one")
        self.kid = jose.thumbprint(self.key)
        self.issuer = jose.load_key(os.path.join(box.pki, "issuer.key"))
        self.issuer_kid = jose.thumbprint(self.issuer)
        self.x5t = jose.x5t(token.certificate(box, "one"))
        self.subject = token.subject(box, CUSTOMER["cpf"])
        self.headers = {name: value for name, value in headers.items()
                        if name != "Authorization"}
        self.client = self.bearer("payments", self.party["client_id"])
        self.numbers = 0

    # requests

    def bearer(self, scope, subject):
        now = int(time.time())
        return "Bearer " + jose.sign({
            "iss": cast.ISSUER, "aud": self.api, "iat": now,
            "exp": now + token.LIFE, "jti": str(uuid.uuid4()),
            "client_id": self.party["client_id"], "scope": scope,
            "sub": subject, "cnf": {"x5t#S256": self.x5t}},
            self.issuer, self.issuer_kid, "at+jwt")

    def request(self, method, path, bearer, body=None):
        headers = dict(self.headers, Authorization=bearer)
        if body is not None:
            headers["Content-Type"] = "application/jwt"
            headers["x-idempotency-key"] = str(uuid.uuid4())
            headers["Content-Length"] = str(len(body))
        return ("%s %s HTTP/1.1\r\n%s\r\n%s" % (
            method, path, "".join("%s: %s\r\n" % h for h in headers.items()),
            body or "")).encode()

    def message(self, path, data, when):
        """Signed now, and sent at an instant that is near."""

        return jose.sign({
            "aud": self.api + path, "iss": self.party["organisation_id"],
            "jti": str(uuid.uuid4()), "iat": int(when), "data": data},
            self.key, self.kid)

    def details(self):
        return {"localInstrument": "DICT", "proxy": CREDITOR["key"],
                "creditorAccount": CREDITOR["account"]}

    def consent(self, when=None):
        """POST of a consent."""

        when = when or time.time()
        day = time.strftime("%Y-%m-%d", time.gmtime(when - 3 * 3600))
        creditor = {name: CREDITOR[name]
                    for name in ("personType", "cpfCnpj", "name")}
        return self.request("POST", CONSENTS, self.client, self.message(
            CONSENTS, {
                "loggedUser": {"document": {
                    "identification": CUSTOMER["cpf"], "rel": "CPF"}},
                "creditor": creditor,
                "debtorAccount": DEBTOR,
                "payment": {"type": "PIX", "date": day, "currency": "BRL",
                            "amount": AMOUNT, "purpose": "IMMEDIATE",
                            "details": self.details()},
            }, when))

    def payment(self, consent, when=None):
        """POST of the payment of an authorised consent."""

        when = when or time.time()
        self.numbers += 1
        item = dict(
            self.details(), cnpjInitiator=self.party["cnpj"],
            payment={"amount": AMOUNT, "currency": "BRL"},
            endToEndId="E%s%s%05d%06d" % (
                self.party["cnpj"][:8],
                time.strftime("%Y%m%d%H%M", time.gmtime(when)),
                os.getpid() % 100000, self.numbers))
        return self.request(
            "POST", PAYMENTS,
            self.bearer("openid consent:%s payments" % self.urn(consent),
                        self.subject),
            self.message(PAYMENTS, [item], when))

    def get_payment(self, payment):
        return self.request("GET", "%s/%s" % (PAYMENTS, payment),
                            self.client)

    def get_consent(self, consent):
        return self.request("GET", "%s/%s" % (CONSENTS, self.urn(consent)),
                            self.client)

    def urn(self, consent):
        return "urn:%s:%s" % (cast.BANK["brand"], consent)

    # rows

    def authorised(self, dbname, model, count):
        """Ids of new consents in a database, like one that is there.  What
        autovacuum does within a minute is done at once: of a table whose
        statistics say nothing PostgreSQL takes the client's index."""

        with open(self.box.secret("encrypt-e1.key")) as f:
            key = AESGCM(bytes.fromhex(f.read().strip()))
        row = json.loads(self.postgres.psql(
            "SELECT json_build_array(encode(personal, 'hex'),"
            " encode(debtor, 'hex')) FROM oof_payment_consent"
            " WHERE consent_id = '%s'" % model, dbname=dbname))
        sealed = [bytes.fromhex(text) for text in row]
        head = b"\1\2e1"
        plain = [key.decrypt(text[4:16], text[16:], label + b"\0"
                             + uuid.UUID(model).bytes + b"e1")
                 for text, (_, label) in zip(sealed, SEALED)]

        ids, rows = [], []
        for _ in range(count):
            ms = "%012x" % int(time.time() * 1000)
            own = uuid.UUID(ms + "7" + uuid.uuid4().hex[13:])
            values = []
            for text, (_, label) in zip(plain, SEALED):
                nonce = os.urandom(12)
                values.append("'\\x%s'" % (head + nonce + key.encrypt(
                    nonce, text, label + b"\0" + own.bytes + b"e1")).hex())
            ids.append(str(own))
            rows.append("('%s', %s)" % (own, ", ".join(values)))

        for i in range(0, count, BATCH):
            self.postgres.psql(ROWS % (", ".join(rows[i:i + BATCH]), model),
                               dbname=dbname)
        self.postgres.psql("ANALYZE oof_payment_consent", dbname=dbname)
        return ids


def data(answer):
    """What a signed answer has."""

    return jose.decode(answer.split(b"\r\n\r\n", 1)[1].decode())[1]["data"]


def statuses(answers):
    found = {}
    for answer in answers:
        status = int(answer[9:12])
        found[status] = found.get(status, 0) + 1
    return found
