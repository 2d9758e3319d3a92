"""What a third party asks of the payments API v5: a Pix by key, at once or on
another day."""

import datetime
import secrets

from . import cast

BASE = "/open-banking/payments/v5"
CONSENTS = BASE + "/consents"
PAYMENTS = BASE + "/pix/payments"

AMOUNT = "1333.00"

# of Brasilia, which has no summer time

ZONE = datetime.timedelta(hours=-3)


def day(now, days=0):
    """The day so many days from now, a time of UTC, in Brasilia."""

    return (now + ZONE + datetime.timedelta(days)).date()


def left(now):
    """Seconds that are left of the day of Brasilia."""

    end = datetime.datetime.combine(day(now, 1), datetime.time()) - ZONE
    return (end - now).total_seconds()


def payment(now, days=0):
    """"payment" of a consent, to somebody whom the DICT knows."""

    payee = cast.DICT[0]
    data = {"type": "PIX", "currency": "BRL", "amount": AMOUNT}
    if days:
        data["purpose"] = "SINGLE_SCHEDULED"
        data["schedule"] = {
            "single": {"date": day(now, days).isoformat()},
            "additionalInformation": "Uma vez",
        }
    else:
        data["purpose"] = "IMMEDIATE"
        data["date"] = day(now).isoformat()
    data["details"] = {"localInstrument": "DICT", "proxy": payee["key"],
                       "creditorAccount": payee["account"]}
    return data


def consent(user, wanted):
    payee = cast.DICT[0]
    return {
        "loggedUser": user,
        "creditor": {name: payee[name]
                     for name in ("personType", "cpfCnpj", "name")},
        "payment": wanted,
    }


def end_to_end(initiator, now, days=0):
    """Of an initiator; what is scheduled is said to be made at noon."""

    stamp = now.strftime("%Y%m%d%H%M")
    if days:
        stamp = day(now, days).strftime("%Y%m%d") + "1500"
    return "E%s%s%011d" % (initiator["cnpj"][:8], stamp,
                           secrets.randbelow(10 ** 11))


def item(client, wanted, now, days=0):
    """A payment of a consent."""

    initiator = cast.client(client)
    details = wanted["details"]
    return {
        "endToEndId": end_to_end(initiator, now, days),
        "localInstrument": details["localInstrument"],
        "payment": {"amount": wanted["amount"],
                    "currency": wanted["currency"]},
        "creditorAccount": details["creditorAccount"],
        "proxy": details["proxy"],
        "cnpjInitiator": initiator["cnpj"],
    }


def cancellation(user):
    return {"status": "CANC", "cancellation": {"cancelledBy": user}}
