"""Customers, accounts and products of the cast, and what the DICT knows."""

import json

from .. import cast

AVAILABLE = "AVAILABLE"

# how a product is called in legacy ids

LEGACY = {
    "ACCOUNT": "account",
    "CREDIT_CARD_ACCOUNT": "card",
    "LOAN": "contract",
    "FINANCING": "contract",
    "UNARRANGED_ACCOUNT_OVERDRAFT": "contract",
    "INVOICE_FINANCING": "contract",
    "BANK_FIXED_INCOME": "investment",
    "CREDIT_FIXED_INCOME": "investment",
    "VARIABLE_INCOME": "investment",
    "TREASURE_TITLE": "investment",
    "FUND": "investment",
    "EXCHANGE": "operation",
}

# what the customer may choose from; everything else is shared as a whole

SELECTABLE = ("ACCOUNT", "CREDIT_CARD_ACCOUNT")

ACCOUNTS = {account["number"]: account for customer in cast.CUSTOMERS
            for account in customer["accounts"]}


def cents(amount):
    return int(amount.replace(".", ""))


def amount(value):
    return "%d.%02d" % divmod(value, 100)


def prepare(db):
    """The balances and keys that a new core starts with."""

    for account in ACCOUNTS.values():
        db.execute("INSERT INTO account (number, balance) VALUES (?, ?)"
                   " ON CONFLICT DO NOTHING",
                   (account["number"], cents(account["balance"])))

    if db.setting("dict") is None:
        for entry in cast.DICT:
            set_entry(db, entry["key"], entry)
        db.set("dict", "made")


def customer(cpf, cnpj=None):
    """A company is its representative's too, but only by its CNPJ."""

    for found in cast.CUSTOMERS:
        if found["cpf"] == cpf and found.get("cnpj") == cnpj:
            return found
    return None


def account(wanted):
    """The account of this bank that an account object names, or None."""

    if not isinstance(wanted, dict):
        return None

    found = ACCOUNTS.get(wanted.get("number"))
    return found if found is not None and same(found, wanted) else None


def same(one, other):
    """Whether two account objects name one account; the branch counts when
    both say it."""

    return one["ispb"] == other.get("ispb") \
        and one["number"] == other.get("number") \
        and one["accountType"] == other.get("accountType") \
        and one.get("issuer", other.get("issuer")) \
        == other.get("issuer", one.get("issuer"))


def plain(found):
    return {name: found[name] for name in ("ispb", "issuer", "number",
                                           "accountType")}


def authorisers(owner, found):
    if "authorisers" in found:
        return found["authorisers"]
    return [{"cpf": owner["cpf"],
             "name": owner.get("representative", owner["name"])}]


def owners(number):
    """CPFs of all who may act on an account."""

    cpfs = set()
    for owner in cast.CUSTOMERS:
        for found in owner["accounts"]:
            if found["number"] == number:
                cpfs.update(a["cpf"] for a in authorisers(owner, found))
    return sorted(cpfs)


def balance(db, number):
    return db.one("SELECT balance FROM account WHERE number = ?",
                  number)["balance"]


def products(owner):
    """(type, number, name, the account) of all that a customer has."""

    found = [("ACCOUNT", a["number"], "Conta corrente", a)
             for a in owner["accounts"]]
    return found + [(p["type"], p["number"], p["name"], None)
                    for p in owner.get("products", [])]


def status(db, kind, number):
    row = db.one("SELECT status FROM resource WHERE type = ? AND id = ?",
                 kind, number)
    return AVAILABLE if row is None else row["status"]


def set_status(db, kind, number, value):
    db.execute("INSERT INTO resource (type, id, status) VALUES (?, ?, ?)"
               " ON CONFLICT (type, id) DO UPDATE SET status"
               " = excluded.status", (kind, number, value))


# the DICT


def entry(db, key):
    row = db.one("SELECT entry FROM dict WHERE key = ?", key)
    return None if row is None else json.loads(row["entry"])


def set_entry(db, key, value):
    if value is None:
        db.execute("DELETE FROM dict WHERE key = ?", (key,))
        return

    db.execute("INSERT INTO dict (key, entry) VALUES (?, ?) ON CONFLICT (key)"
               " DO UPDATE SET entry = excluded.entry",
               (key, json.dumps(value, sort_keys=True)))
