"""What a request of the integration layer must have.

Only what the core works with is looked at: the layer's own examples carry
members that its schemas forbid, so nothing is refused for being there.
"""

import re

from . import clock

UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def like(pattern):
    return re.compile(pattern, re.ASCII).fullmatch


def text(most):
    return lambda value: 0 < len(value) <= most


def one_of(*values):
    return values.__contains__


CORRELATION = like("(localID:)?" + UUID)
CPF = like("[0-9]{11}")
CNPJ = like("[0-9A-Z]{12}[0-9]{2}")
MONEY = like(r"[0-9]{1,16}\.[0-9]{2}")
END_TO_END = like("E[0-9A-Z]{8}[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
                  "(2[0-3]|[01][0-9])[0-5][0-9][a-zA-Z0-9]{11}")
KEY = like(r"(?!\s).{0,39}\S")

INSTRUMENTS = ("MANU", "DICT", "QRDN", "QRES", "INIC", "AUTO", "APDN", "APES")

ACCOUNT = [
    ("ispb", like("[0-9A-Z]{8}")),
    ("issuer?", like("[0-9]{1,4}")),
    ("number", like("[0-9]{1,20}")),
    ("accountType", one_of("CACC", "SVGS", "TRAN")),
]

META = [
    ("requestMeta.correlationId", CORRELATION),
    ("requestMeta.brandId", text(50)),
]

PERSON = [
    ("consent.loggedUser.document.identification", CPF),
    ("consent.loggedUser.document.rel", one_of("CPF")),
    ("consent.businessDocumentType?.document?.identification?", CNPJ),
]

TYPE = [("paymentType?", one_of("PAYMENT_CONSENT", "PAYMENT_RECURRING_CONSENT",
                                "PAYMENT_ENROLLMENT_CONSENT"))]


def under(path, rules):
    return [(path + "." + name, test) for name, test in rules]


DISCOVERY = META + PERSON + TYPE

APPROVAL = META + PERSON + TYPE

VALIDATION = META + under("requestBody", TYPE) + [
    ("requestBody.data.loggedUser.document.identification", CPF),
    ("requestBody.data.validationStage?",
     one_of("POST_CONSENT", "POST_PAYMENT")),
    ("requestBody.data.payment?.amount?", MONEY),
] + under("requestBody.data.debtorAccount?", ACCOUNT)

PAYMENT = META + PERSON + TYPE + [
    ("consent.externalId", text(256)),
    ("idempotencyKey", KEY),
    ("internalIdempotencyKey?", KEY),
    ("requestBody.data.endToEndId", END_TO_END),
    ("requestBody.data.localInstrument", one_of(*INSTRUMENTS)),
    ("requestBody.data.payment.amount", MONEY),
    ("requestBody.data.payment.currency", like("[A-Z]{3}")),
    ("requestBody.data.cnpjInitiator", CNPJ),
    ("requestBody.data.proxy?", text(77)),
    ("requestBody.data.qrCode?", text(512)),
    ("requestBody.data.remittanceInformation?", text(140)),
    ("requestBody.data.transactionIdentification?", like("[a-zA-Z0-9]{1,35}")),
    ("requestBody.data.ibgeTownCode?", like("[0-9]{7}")),
    ("requestBody.data.date?", clock.is_day),
    ("requestBody.data.authorisationFlow?",
     one_of("HYBRID_FLOW", "CIBA_FLOW", "FIDO_FLOW")),
] + under("requestBody.data.creditorAccount", ACCOUNT) \
  + under("consent.debtorAccount", ACCOUNT)

FIND = META + TYPE

CANCELLATION = META + TYPE + [
    ("idempotencyKey?", KEY),
    ("requestBody.data.status", one_of("CANC", "REJECTED")),
    ("requestBody.data.cancellation.cancelledBy.document.identification",
     text(14)),
    ("requestBody.data.cancellation.cancelledBy.document.rel", text(4)),
]


def wrong(body, rules):
    """The path of the first member that is missing or bad, or None.  What
    has a "?" need not be there, with all that is below it."""

    if not isinstance(body, dict):
        return "body"

    for path, test in rules:
        bad = _walk(body, path.split("."), test)
        if bad:
            return path.replace("?", "")

    return None


def _walk(value, names, test):
    for name in names:
        if not isinstance(value, dict):
            return True
        bare = name.rstrip("?")
        if bare not in value:
            return bare == name
        value = value[bare]

    return not isinstance(value, str) or not test(value)


def legacy_id(value):
    """Legacy ids as a dictionary, or None."""

    if not isinstance(value, list) or not 1 <= len(value) <= 10:
        return None

    found = {}
    for pair in value:
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str) \
                or not isinstance(pair.get("value"), str):
            return None
        found[pair["key"]] = pair["value"]
    return found


def pairs(**values):
    return [{"key": key, "value": value} for key, value in values.items()]
