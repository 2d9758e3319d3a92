"""The accounts API, as the bank's system behind the permission gate.

The gate has judged consent, permission and limits, and says in headers what is
asked for; nothing is answered without them:

  X-OOF-Consent-Id  must be there
  X-OOF-Resource    the account of a detail: account=10000011
  X-OOF-Resources   the accounts of the list, "ID;account=10000011", separated
                    by commas, or the address where the gate tells them
  X-OOF-Customer    when it is a CPF, the accounts must be that customer's
  X-OOF-Pagination-Key  goes into the links to other pages
"""

import datetime
import hashlib
import math
import re
import urllib.parse

from .. import cast
from . import bank, clock, texts

BASE = "/open-banking/accounts/v2"
PAGE_SIZE = 25
PAGE_SIZES = 1000

PAST = datetime.timedelta(days=366)

COMPE = "987"
BRL = "BRL"

# what happens in an account: (type, credit or debit, name, cents up to, the
# other party's document)

EVENTS = (
    ("CARTAO", "DEBITO", "Compra no debito", 30000, "61412110000155"),
    ("PIX", "DEBITO", "Pix enviado", 50000, "48847377765"),
    ("PIX", "CREDITO", "Pix recebido", 50000, "48847377765"),
    ("BOLETO", "DEBITO", "Pagamento de boleto", 80000, "33000167000101"),
    ("TED", "CREDITO", "TED recebida", 200000, "33000167000101"),
    ("TARIFA_SERVICOS_AVULSOS", "DEBITO", "Tarifa avulsa", 3000,
     cast.BANK["cnpj"]),
)
SALARY = ("FOLHA_PAGAMENTO", "CREDITO", "Salario", 900000, "33000167000101")
SALARY_DAY = 5


class Data:
    def __init__(self, store, rule_clock, base_url, resources):
        """The base URL is the one that third parties see; "resources" asks the
        gate for the list of an address."""

        self.store = store
        self.clock = rule_clock
        self.base_url = base_url
        self.resources = resources

    def get(self, path, query, headers):
        """(status, body) of a GET below BASE, or None."""

        words = path[len(BASE):].split("/")[1:]
        if words[:1] != ["accounts"] or len(words) > 3:
            return None

        if not headers.get("X-OOF-Consent-Id"):
            return self._error(401, "UNAUTHORIZED", "no consent")

        try:
            query = parameters(query)
            if len(words) == 1:
                return self._list(path, query, headers)
            if len(words) == 2:
                return self._one(path, headers, self._identification)
            if words[2] in ("transactions", "transactions-current"):
                return self._transactions(path, query, headers)
            detail = {"balances": self._balances,
                      "overdraft-limits": self._limits}.get(words[2])
            return self._one(path, headers, detail) if detail else None
        except Problem as e:
            return self._error(*e.args)

    def _error(self, status, code, detail):
        return status, texts.error(self.clock.now(), code, detail)

    # accounts

    def _list(self, path, query, headers):
        owner = headers.get("X-OOF-Customer", "")
        kind = query.get("accountType", "CONTA_DEPOSITO_A_VISTA")
        found = []

        for resource, known in self.resources(
                headers.get("X-OOF-Resources", "")):
            account = bank.ACCOUNTS.get(known.get("account"))
            if account is not None and owned(account, owner) \
                    and kind == "CONTA_DEPOSITO_A_VISTA":
                found.append({
                    "brandName": cast.BANK["name"],
                    "companyCnpj": cast.BANK["cnpj"],
                    **identity(account),
                    "accountId": resource,
                })

        return self._page(path, query, headers, found, True)

    def _one(self, path, headers, detail):
        account = self._account(headers)
        return 200, {"data": detail(account),
                     "links": {"self": self.base_url + path},
                     "meta": self._meta(1, 1)}

    def _account(self, headers):
        known = legacy_pairs(headers.get("X-OOF-Resource", ""))
        account = bank.ACCOUNTS.get(known.get("account"))

        if account is None or not owned(account,
                                        headers.get("X-OOF-Customer", "")):
            raise Problem(403, "RESOURCE_FORBIDDEN", "Recurso não permitido")
        return account

    @staticmethod
    def _identification(account):
        joint = "authorisers" in account
        return dict(identity(account), currency=BRL,
                    subtype="CONJUNTA_SIMPLES" if joint else "INDIVIDUAL")

    def _balances(self, account):
        balance = self.store.run(
            lambda db: bank.balance(db, account["number"]))
        return {
            "availableAmount": money(balance),
            "blockedAmount": money(0),
            "automaticallyInvestedAmount": money(0),
            "updateDateTime": clock.text(self.clock.now()),
        }

    @staticmethod
    def _limits(_):
        return {
            "overdraftContractedLimit": money(500000),
            "overdraftUsedLimit": money(0),
            "unarrangedOverdraftAmount": money(0),
        }

    # transactions

    def _transactions(self, path, query, headers):
        account = self._account(headers)
        today = self.clock.today()
        first, last = (booking_day(query, name, today)
                       for name in ("fromBookingDate", "toBookingDate"))

        if first > last:
            raise Problem(422, "PARAMETRO_INVALIDO",
                          "fromBookingDate is after toBookingDate")

        found = history(account["number"], max(first, day(today) - PAST),
                        min(last, day(today)))
        now = clock.text(self.clock.now())
        found = [t for t in found if t["transactionDateTime"] <= now]
        found += self._payments(account["number"], first, last)
        wanted = query.get("creditDebitIndicator")
        if wanted is not None:
            found = [t for t in found if t["creditDebitType"] == wanted]
        found.sort(key=lambda t: (t["transactionDateTime"],
                                  t["transactionId"]), reverse=True)

        return self._page(path, query, headers, found, False)

    def _payments(self, number, first, last):
        """What this core has debited, and what is scheduled."""

        start = int(datetime.datetime.combine(
            first, datetime.time(), clock.BRASILIA).timestamp())
        end = int(datetime.datetime.combine(
            last + datetime.timedelta(1), datetime.time(),
            clock.BRASILIA).timestamp())

        debits, scheduled = self.store.run(lambda db: (
            db.execute("SELECT p.id, d.amount, d.made FROM debit d JOIN"
                       " payment p ON p.id = d.payment WHERE d.account = ?"
                       " AND d.made >= ? AND d.made < ?",
                       (number, start, end)).fetchall(),
            db.execute("SELECT id, amount, due_on FROM payment WHERE"
                       " status = 'SCHD' AND account = ? AND due_on >= ?"
                       " AND due_on <= ?", (number, first.isoformat(),
                                            last.isoformat())).fetchall()))

        found = [transaction(
            "p%d" % row["id"], ("PIX", "DEBITO", "Pix enviado", None, None),
            row["amount"], clock.text(row["made"])) for row in debits]
        found += [transaction(
            "p%d" % row["id"], ("PIX", "DEBITO", "Pix agendado", None, None),
            row["amount"], row["due_on"] + "T15:00:00Z",
            "LANCAMENTO_FUTURO") for row in scheduled]
        return found

    # pages

    def _page(self, path, query, headers, found, totals):
        size = min(max(number(query, "page-size", PAGE_SIZE), PAGE_SIZE),
                   PAGE_SIZES)
        page = number(query, "page", 1)
        pages = math.ceil(len(found) / size)

        if page > max(pages, 1):
            raise Problem(422, "PAGE_NOT_FOUND", "there is no such page")

        def link(to, **more):
            return "%s%s?%s" % (self.base_url, path, urllib.parse.urlencode(
                dict(query, **{"page": to, "page-size": size}, **more)))

        # with the key the pages that follow do not count as calls

        key = headers.get("X-OOF-Pagination-Key")
        keyed = {"pagination-key": key} if key else {}
        links = {"self": link(page)}
        if page > 1:
            links.update(first=link(1, **keyed), prev=link(page - 1, **keyed))
        if page < pages:
            links.update(next=link(page + 1, **keyed))
            if totals:
                links.update(last=link(pages, **keyed))

        meta = self._meta(len(found), pages) if totals \
            else {"requestDateTime": clock.text(self.clock.now())}
        return 200, {"data": found[(page - 1) * size:page * size],
                     "links": links, "meta": meta}

    def _meta(self, records, pages):
        return {"totalRecords": records, "totalPages": pages,
                "requestDateTime": clock.text(self.clock.now())}


class Problem(Exception):
    """(status, code, detail)"""


# the gate's headers


def legacy_pairs(text):
    """A legacy id of a header: pairs, each key=value, separated by ";"."""

    found = {}
    for pair in text.split(";"):
        key, sign, value = pair.strip().partition("=")
        if sign:
            found[urllib.parse.unquote(key)] = urllib.parse.unquote(value)
    return found


def legacy_list(text):
    """[(resource id, its pairs)] of X-OOF-Resources."""

    found = []
    for item in text.split(","):
        resource, _, pairs = item.strip().partition(";")
        if resource:
            found.append((resource, legacy_pairs(pairs)))
    return found


def owned(account, owner):
    """The customer may also be told as a pseudonym, which says nothing here."""

    if not re.fullmatch("[0-9]{11}", owner):
        return True
    return owner in bank.owners(account["number"])


# the query


def parameters(text):
    try:
        pairs = urllib.parse.parse_qsl(text, strict_parsing=bool(text))
    except ValueError:
        raise Problem(400, "PARAMETRO_INVALIDO", "the query is malformed")
    return dict(pairs)


def number(query, name, default):
    value = query.get(name, str(default))
    if not re.fullmatch("[1-9][0-9]{0,9}", value):
        raise Problem(400, "PARAMETRO_INVALIDO", name)
    return int(value)


def day(text):
    return datetime.date.fromisoformat(text)


def booking_day(query, name, today):
    value = query.get(name, today)
    if not clock.is_day(value):
        raise Problem(400, "PARAMETRO_INVALIDO", name)
    return day(value)


# what is told


def identity(account):
    """The account's last digit is its check digit."""

    return {
        "compeCode": COMPE,
        "branchCode": account["issuer"],
        "number": account["number"][:-1].zfill(8),
        "checkDigit": account["number"][-1],
        "type": "CONTA_DEPOSITO_A_VISTA",
    }


def money(value):
    return {"amount": bank.amount(value), "currency": BRL}


def transaction(name, event, value, at, state="TRANSACAO_EFETIVADA"):
    kind, direction, title, _, party = event
    found = {
        "transactionId": name,
        "completedAuthorisedPaymentType": state,
        "creditDebitType": direction,
        "transactionName": title,
        "type": kind,
        "transactionAmount": money(value),
        "transactionDateTime": at[:-1] + ".000Z",
    }
    if party is not None:
        found["partieCnpjCpf"] = party
        found["partiePersonType"] = "PESSOA_NATURAL" if len(party) == 11 \
            else "PESSOA_JURIDICA"
    return found


def history(account, first, last):
    """What has always happened in an account: the same whenever it is asked,
    one to three events a day."""

    found = []
    while first <= last:
        seed = hashlib.sha256(("%s %s" % (account, first)).encode()).digest()
        events = [EVENTS[seed[i] % len(EVENTS)]
                  for i in range(1 + seed[31] % 3)]
        if first.day == SALARY_DAY:
            events.append(SALARY)

        for i, event in enumerate(events):
            part = seed[4 * i + 4:4 * i + 8]
            found.append(transaction(
                "h" + seed.hex()[:24] + str(i), event,
                1 + int.from_bytes(part, "big") % event[3],
                "%sT%02d:%02d:%02dZ" % (first, 12 + part[0] % 10,
                                        part[1] % 60, part[2] % 60)))
        first += datetime.timedelta(days=1)

    return found
