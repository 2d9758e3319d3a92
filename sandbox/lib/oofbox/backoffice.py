"""The bank's back office: calls of the consent management API."""

import urllib.parse

BASE = "/open-banking/oob-consents"

# who revokes, and the reason that is told when none is given

REASONS = {
    "USER": "CUSTOMER_MANUALLY_REVOKED",
    "ASPSP": "INTERNAL_SECURITY_REASON",
}


def internal(consent):
    """Of a consent, the id that the bank's side knows: the URN's last part."""

    return consent.rpartition(":")[2]


def listed(**filters):
    """The path of a list; a filter that is None is none."""

    query = urllib.parse.urlencode(
        {name: value for name, value in filters.items() if value is not None})
    return BASE + "/v1/consents" + ("?" + query if query else "")


def shown(consent):
    return "%s/v1/consents/%s" % (BASE, internal(consent))


def revocation(consent, by="USER", code=None, detail=None):
    """(method, path, body) of the call that ends a consent."""

    reason = {"code": code or REASONS[by]}
    if detail is not None:
        reason["additionalInformation"] = detail
    return ("PATCH", "%s/consents/v1/consents/%s" % (BASE, internal(consent)),
            {"data": {"rejection": {"rejectedBy": by, "reason": reason}}})
