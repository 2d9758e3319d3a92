"""Access tokens of both issuers, and the parties' signed requests."""

import hmac
import os
import time
import uuid

from . import cast, jose
from .box import Failure, read

LIFE = 900
DYNAMIC = ("consent:", "recurring-consent:", "enrollment:")


def subject(box, cpf):
    """Opaque, and the same for the same customer."""

    key = bytes.fromhex(read(box.secret("subject.key")).strip())
    return jose.b64(hmac.digest(key, cpf.encode(), "sha256")[:16])


def is_code(scope):
    return any(word.startswith(DYNAMIC) for word in scope.split())


def certificate(box, name):
    path = os.path.join(box.pki, "client-%s.pem" % name)
    if not os.path.exists(path):
        raise Failure("there is no client \"%s\"" % name)
    return path


def access(box, name, scope, cpf=None, ttl=LIFE, claims=(), key="issuer",
           alg="PS256"):
    """A token of the issuer that serves third parties, bound to the client's
    certificate."""

    party = cast.client(name)
    now = int(time.time())

    body = {
        "iss": cast.ISSUER,
        "aud": box.state()["api"],
        "iat": now,
        "exp": now + ttl,
        "jti": str(uuid.uuid4()),
        "client_id": party["client_id"],
        "scope": scope,
        "sub": party["client_id"],
        "cnf": {"x5t#S256": jose.x5t(certificate(box, name))},
    }

    if is_code(scope):
        body["sub"] = subject(box, cpf or cast.CUSTOMERS[0]["cpf"])

    body.update(claims)
    return _sign(box, body, "issuer", key, alg)


def bank(box, scope=cast.BANK_SCOPES, ttl=LIFE, claims=(), key="bank-issuer",
         alg="PS256", customer=None):
    """A token of the bank's own issuer, for the management listener; that of a
    customer sees only what is that customer's."""

    now = int(time.time())
    if customer is not None and cast.CUSTOMER_SCOPE not in scope.split():
        scope += " " + cast.CUSTOMER_SCOPE
    body = {
        "iss": cast.BANK_ISSUER,
        "aud": cast.BANK_AUDIENCE,
        "iat": now,
        "exp": now + ttl,
        "jti": str(uuid.uuid4()),
        "client_id": "bank-channel",
        "sub": "bank-channel",
        "scope": scope,
    }
    if customer is not None:
        body["sub"] = subject(box, customer)
        body["cpf"] = customer
        for known in cast.CUSTOMERS:
            if known["cpf"] == customer and "cnpj" in known:
                body["cnpj"] = known["cnpj"]
    body.update(claims)
    return _sign(box, body, "bank-issuer", key, alg)


def _sign(box, body, true, name, alg):
    """A forger uses the kid of the true key."""

    path = os.path.join(box.pki, name + ".key")
    if not os.path.exists(path):
        raise Failure("there is no key \"%s\"" % name)

    kid = jose.thumbprint(jose.load_key(os.path.join(box.pki,
                                                     true + ".key")))
    body = {k: v for k, v in body.items() if v is not None}
    return jose.sign(body, jose.load_key(path), kid, "at+jwt", alg)


def assertion(box, name):
    """private_key_jwt of a client, for the token endpoint."""

    party = cast.client(name)
    now = int(time.time())
    return jose.sign({
        "iss": party["client_id"],
        "sub": party["client_id"],
        "aud": cast.ISSUER,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 60,
    }, signing_key(box, name))


def signing_key(box, name):
    path = os.path.join(box.pki, "client-%s-signing.key" % name)
    if not os.path.exists(path):
        path = os.path.join(box.pki, "client-one-signing.key")
    return jose.load_key(path)


def message(box, name, audience, claims):
    """A signed request body (FAPI-BR message signing)."""

    party = cast.client(name)
    body = {
        "aud": audience,
        "iss": party["organisation_id"],
        "jti": str(uuid.uuid4()),
        "iat": int(time.time()),
    }
    body.update(claims)
    return jose.sign(body, signing_key(box, name))
