"""Pix payments: validation, payment, look-up, cancellation, settlement.

A payment is decided once, in one transaction with the debit and the answer to
its key; whoever asks again with that key gets that answer.  What happens later
is seen by /find, and pushed.

  RCVD -> ACCP -> ACPD -> ACSC     one step each time the step's delay is over
  PDNG -> ACCP ...                 when it is released; only then is it debited
  SCHD -> ACCP ...                 on its day; only then is it debited
  RCVD, PDNG, SCHD -> RJCT         never debited
  PDNG, SCHD -> CANC               never debited
"""

import hashlib
import json
import time

from . import bank, brcode, clock, shape, texts, triggers

NEXT = {"RCVD": "ACCP", "PDNG": "ACCP", "SCHD": "ACCP", "ACCP": "ACPD",
        "ACPD": "ACSC"}

# one tick handles so many, so that nobody waits long for a commit

TICK_ROWS = 500

ECHO = ("proxy", "ibgeTownCode", "localInstrument", "cnpjInitiator", "payment",
        "transactionIdentification", "remittanceInformation",
        "creditorAccount", "authorisationFlow")
ECHO_RECURRING = ("document", "date")

LIMIT = bank.cents("999999999.99")

# the order in which a consent's errors count

PRIORITY = ("CONTA_NAO_PERMITE_PAGAMENTO", "CONTAS_ORIGEM_DESTINO_IGUAIS",
            "VALOR_INVALIDO", "QRCODE_INVALIDO", "VALOR_ACIMA_LIMITE",
            "SALDO_INSUFICIENTE")


class Refused(Exception):
    """A 422: raised before anything is written."""

    def __init__(self, code, detail=None):
        super().__init__(code)
        self.code = code
        self.detail = detail

    def answer(self):
        return 422, texts.refusal(self.code, self.detail)


class Payments:
    def __init__(self, store, rule_clock, step):
        """The step is the seconds between two statuses of a settlement."""

        self.store = store
        self.clock = rule_clock
        self.step = step
        store.on_tick.append(self.tick)

    # validation

    def approve(self, body):
        """At the creation of a consent, before the customer is known."""

        payment = body["consent"].get("payment")
        kind = payment.get("type") if isinstance(payment, dict) else None

        if kind not in (None, "PIX"):
            return Refused("FORMA_PAGAMENTO_INVALIDA").answer()
        return 200, {}

    def validate(self, body):
        data = body["requestBody"]["data"]
        late = data.get("validationStage") == "POST_PAYMENT"
        amount = data.get("payment", {}).get("amount")
        code = (triggers.REFUSED if late else triggers.CONSENT).get(amount)

        if code is None and amount is not None:
            code = self.store.run(lambda db: self._judge(db, data, late))

        return (200, {}) if code is None else Refused(code).answer()

    def _judge(self, db, data, late):
        payment = data["payment"]
        amount = bank.cents(payment["amount"])
        debtor = data.get("debtorAccount")
        details = payment.get("details")
        details = details if isinstance(details, dict) else payment
        creditor = details.get("creditorAccount")
        found = set()

        if amount == 0:
            found.add("VALOR_INVALIDO")

        if amount >= LIMIT:
            found.add("VALOR_ACIMA_LIMITE")

        code = qr_problem(details, payment["amount"])
        if code is not None:
            found.add(code)

        if debtor is not None:
            account = bank.account(debtor)
            if account is None:
                found.add("CONTA_NAO_PERMITE_PAGAMENTO")
            else:
                if isinstance(creditor, dict) and bank.same(debtor, creditor):
                    found.add("CONTAS_ORIGEM_DESTINO_IGUAIS")
                if "schedule" not in payment \
                        and bank.balance(db, account["number"]) < amount:
                    found.add("SALDO_INSUFICIENTE")

        for code in PRIORITY:
            if code in found:
                return at_payment(code) if late else code
        return None

    # payment

    def pay(self, body, refuse=None, reject=None, forget=False):
        """Faults may refuse it, reject it later, or forget that the key is
        known."""

        return self.store.run(
            lambda db: self._pay(db, body, refuse, reject, forget))

    def _pay(self, db, body, refuse, reject, forget):
        key, digest = idempotency(body)
        known = db.one("SELECT * FROM answer WHERE key = ?", key)

        if known is not None and not forget:
            if known["digest"] != digest:
                return Refused("ERRO_IDEMPOTENCIA").answer()
            return self._again(db, known)

        try:
            row = self._decide(db, body, refuse, reject,
                               known is not None)
        except Refused as e:
            db.execute("INSERT INTO answer (key, digest, code, detail)"
                       " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                       (key, digest, e.code, e.detail))
            return e.answer()

        row["key"] = key
        row["id"] = insert(db, "payment", row)
        db.execute("INSERT INTO answer (key, digest, payment)"
                   " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                   (key, digest, row["id"]))
        if debited(row):
            self._debit(db, row)

        return 201, answer(row, row["first"], row["created"])

    def _again(self, db, known):
        if known["code"] is not None:
            return Refused(known["code"], known["detail"]).answer()

        row = payment(db, known["payment"])
        return 201, answer(row, row["first"], row["created"])

    def _decide(self, db, body, refuse, reject, twice):
        """The new payment, or Refused."""

        consent, data = body["consent"], body["requestBody"]["data"]
        amount = data["payment"]["amount"]
        value = bank.cents(amount)
        code = refuse or triggers.REFUSED.get(amount)

        if code is not None:
            raise Refused(code)

        due = self._due(body)
        account = self._parties(db, consent, data, twice)
        entry = self._receiver(db, data)
        reject = reject or triggers.REJECTED.get(amount)

        if value == 0:
            raise Refused("VALOR_INVALIDO", "O valor é zero.")
        if value >= LIMIT:
            raise Refused("VALOR_ACIMA_LIMITE")
        if due is None and reject is None \
                and bank.balance(db, account["number"]) < value:
            raise Refused("SALDO_INSUFICIENTE")

        now = self.clock.now()
        row = {
            "end_to_end": data["endToEndId"],
            "account": account["number"],
            "amount": value,
            "proxy": data.get("proxy") if entry is not None else None,
            "entry": entry,
            "document": document(body),
            "owners": " ".join(bank.owners(account["number"])
                               + [person(consent)]),
            "created": now,
            "changed": now,
            "due_on": due,
            "reason": None,
            "detail": None,
            "next_at": None,
        }
        self._plan(row, reject)
        row["first"] = row["status"]
        return row

    def _plan(self, row, reject=None):
        """What becomes of a payment from here on."""

        amount = bank.amount(row["amount"])

        row["goal"] = triggers.STAYS.get(amount, "ACSC")
        row["next_at"] = time.time() + self.step
        row["status"] = "RCVD"

        if reject is not None:
            row["goal"] = "RJCT"
            row["reason"], row["detail"] = reject, texts.detail(reject)

        if row["due_on"] is not None:
            row["status"], row["next_at"] = "SCHD", None

        elif reject is None and amount in triggers.HELD:
            wait = triggers.HELD[amount]
            row["status"] = "PDNG"
            row["next_at"] = None if wait is None else time.time() + wait

    def _parties(self, db, consent, data, twice):
        debtor, creditor = consent["debtorAccount"], data["creditorAccount"]
        account = bank.account(debtor)

        if account is None:
            raise Refused("PAGAMENTO_RECUSADO_DETENTORA",
                          "A conta de débito não existe.")
        if bank.same(debtor, creditor):
            raise Refused("DETALHE_PAGAMENTO_INVALIDO",
                          "A conta de débito é igual à conta destino.")
        if not twice and db.one("SELECT 1 FROM payment WHERE end_to_end = ?",
                                data["endToEndId"]):
            raise Refused("DETALHE_PAGAMENTO_INVALIDO",
                          "Parâmetro endToEndId já utilizado.")

        return account

    def _receiver(self, db, data):
        """What the DICT says of the key, as it is kept, or None."""

        if qr_problem(data, data["payment"]["amount"]) is not None:
            raise Refused("VALOR_INVALIDO",
                          texts.detail("QRCODE_INVALIDO"))

        if data["localInstrument"] in ("MANU", "AUTO") \
                or "proxy" not in data:
            return None

        entry = bank.entry(db, data["proxy"])
        if entry is None or not bank.same(entry["account"],
                                          data["creditorAccount"]):
            raise Refused("DETALHE_PAGAMENTO_INVALIDO")

        return json.dumps(entry, sort_keys=True)

    def _due(self, body):
        """The day of a scheduled payment, None of one for today."""

        data, consent = body["requestBody"]["data"], body["consent"]
        consented = consent.get("payment")
        schedule = consented.get("schedule") \
            if isinstance(consented, dict) else None
        recurring = body.get("paymentType") == "PAYMENT_RECURRING_CONSENT"

        if isinstance(schedule, dict) and isinstance(
                schedule.get("single"), dict):
            due = schedule["single"].get("date")
        elif isinstance(schedule, dict) or recurring:
            due = data.get("date")
        else:
            return None

        if due is None:
            raise Refused("PARAMETRO_NAO_INFORMADO", "date")
        if not clock.is_day(due):
            raise Refused("PARAMETRO_INVALIDO", "date")
        if due < self.clock.today():
            raise Refused("PARAMETRO_INVALIDO",
                          "A data do pagamento já passou.")

        return due if due > self.clock.today() else None

    def _debit(self, db, row):
        db.execute("UPDATE account SET balance = balance - ? WHERE number = ?",
                   (row["amount"], row["account"]))
        db.execute("INSERT INTO debit (payment, account, amount, made)"
                   " VALUES (?, ?, ?, ?)", (row["id"], row["account"],
                                            row["amount"], self.clock.now()))

    # look-up and cancellation

    def find(self, body):
        row = self.store.run(lambda db: by_legacy_id(db, body["paymentId"]))

        if row is None:
            return Refused("PAGAMENTO_NAO_ENCONTRADO").answer()
        return 200, answer(row, row["status"], row["changed"])

    def cancel(self, body):
        return self.store.run(lambda db: self._cancel(db, body))

    def _cancel(self, db, body):
        by = body["requestBody"]["data"]["cancellation"]["cancelledBy"][
            "document"]
        key = body.get("idempotencyKey")
        row = by_legacy_id(db, body["paymentId"])

        if row is None:
            return Refused("PAGAMENTO_NAO_ENCONTRADO").answer()

        again = row["status"] == "CANC" and key is not None \
            and row["cancel_key"] == key

        if not again:
            if not self._cancellable(row, by):
                return Refused("PAGAMENTO_NAO_PERMITE_CANCELAMENTO").answer()
            row.update(next_at=None, cancel_key=key)
            self._move(db, row, "CANC")

        return 200, answer(row, row["status"], row["changed"])

    def _cancellable(self, row, by):
        """A scheduled one until the end of the day before its own."""

        return by["rel"] == "CPF" \
            and by["identification"] in row["owners"].split() \
            and (row["status"] == "PDNG" or row["status"] == "SCHD"
                 and row["due_on"] > self.clock.today())

    def release(self, wanted):
        """Lets a held payment go on; whether there was one."""

        def unit(db):
            row = by_legacy_id(db, wanted)
            if row is None or row["status"] != "PDNG":
                return False
            self._start(db, row)
            return True

        return self.store.run(unit)

    # settlement

    def tick(self, db):
        now = time.time()

        for row in db.execute("SELECT * FROM payment WHERE next_at <= ?"
                              " ORDER BY next_at LIMIT ?",
                              (now, TICK_ROWS)).fetchall():
            self._step(db, dict(row))

        for row in db.execute("SELECT * FROM payment WHERE status = 'SCHD'"
                              " AND due_on <= ? ORDER BY id LIMIT ?",
                              (self.clock.today(), TICK_ROWS)).fetchall():
            self._mature(db, dict(row))

    def _step(self, db, row):
        if row["goal"] == "RJCT":
            row["next_at"] = None
            self._move(db, row, "RJCT")
        elif row["status"] == "PDNG":
            self._start(db, row)
        else:
            self._forward(db, row)

    def _mature(self, db, row):
        """The day of a scheduled payment has come."""

        entry = bank.entry(db, row["proxy"]) if row["proxy"] else None

        if row["proxy"] and json.dumps(entry, sort_keys=True) != row["entry"]:
            self._reject(db, row,
                         "CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO")
            return

        reject = row["reason"]
        row["due_on"] = None
        self._plan(row, reject)

        if reject is not None:
            self._reject(db, row, reject)
        elif row["status"] == "PDNG":
            self._move(db, row, "PDNG")
        else:
            self._start(db, row)

    def _start(self, db, row):
        """Debits it, unless the money is gone."""

        if bank.balance(db, row["account"]) < row["amount"]:
            self._reject(db, row, "SALDO_INSUFICIENTE")
            return

        self._debit(db, row)
        self._forward(db, row)

    def _forward(self, db, row):
        status = NEXT[row["status"]]
        row["next_at"] = None if status == row["goal"] \
            else time.time() + self.step
        self._move(db, row, status)

    def _reject(self, db, row, code):
        row.update(next_at=None, reason=code, detail=texts.detail(code))
        self._move(db, row, "RJCT")

    def _move(self, db, row, status):
        row.update(status=status, changed=self.clock.now())

        db.execute("UPDATE payment SET status = ?, changed = ?, next_at = ?,"
                   " goal = ?, due_on = ?, reason = ?, detail = ?,"
                   " cancel_key = ? WHERE id = ?",
                   tuple(row[name] for name in (
                       "status", "changed", "next_at", "goal", "due_on",
                       "reason", "detail", "cancel_key", "id")))

        if db.setting("push") == "on":
            insert(db, "push", {
                "payment": row["id"], "status": status,
                "changed": row["changed"],
                "reason": row["reason"] if status == "RJCT" else None,
                "detail": row["detail"] if status == "RJCT" else None})

    # the ledger

    def ledger(self):
        def unit(db):
            return (db.execute("SELECT p.end_to_end, d.amount, d.account,"
                               " p.key, d.made FROM debit d JOIN payment p"
                               " ON p.id = d.payment ORDER BY d.rowid")
                    .fetchall(),
                    db.execute("SELECT number, balance FROM account")
                    .fetchall())

        debits, balances = self.store.run(unit)

        return {
            "debits": [{
                "endToEndId": row["end_to_end"],
                "amount": bank.amount(row["amount"]),
                "account": row["account"],
                "internalIdempotencyKey": row["key"],
                "at": clock.text(row["made"]),
            } for row in debits],
            "balances": {row["number"]: bank.amount(row["balance"])
                         for row in balances},
        }


# a payment's row, and what is said of it


def insert(db, table, row):
    names = list(row)
    return db.execute("INSERT INTO %s (%s) VALUES (%s)" % (
        table, ", ".join(names), ", ".join("?" * len(names))),
        [row[name] for name in names]).lastrowid


def payment(db, number):
    row = db.one("SELECT * FROM payment WHERE id = ?", number)
    return None if row is None else dict(row)


def by_legacy_id(db, wanted):
    """Found by either part of its id; both must fit when both are there."""

    known = shape.legacy_id(wanted)
    number, end_to_end = known.get("paymentId"), known.get("endToEndId")

    if number is not None and number.isascii() and number.isdigit() \
            and len(number) < 19:
        row = payment(db, int(number))
    elif number is None and end_to_end is not None:
        row = db.one("SELECT * FROM payment WHERE end_to_end = ?"
                     " ORDER BY id LIMIT 1", end_to_end)
    else:
        row = None

    if row is None or end_to_end not in (None, row["end_to_end"]):
        return None
    return dict(row)


def debited(row):
    """Whether a new payment takes its money at once."""

    return row["status"] == "RCVD" and row["goal"] != "RJCT"


def document(body):
    """What all answers repeat, made when the payment is."""

    data, consent = body["requestBody"]["data"], body["consent"]
    names = ECHO
    if body.get("paymentType") == "PAYMENT_RECURRING_CONSENT":
        names += ECHO_RECURRING

    echo = {name: data[name] for name in names if name in data}
    echo["debtorAccount"] = consent["debtorAccount"]
    return json.dumps(echo, ensure_ascii=False, separators=(",", ":"))


def legacy_id(row):
    return shape.pairs(paymentId=str(row["id"]), endToEndId=row["end_to_end"])


def answer(row, status, changed):
    data = {
        "paymentId": legacy_id(row),
        "endToEndId": row["end_to_end"],
        "creationDateTime": clock.text(row["created"]),
        "statusUpdateDateTime": clock.text(changed),
        "status": status,
    }
    if status == "RJCT":
        data["rejectionReason"] = {"code": row["reason"],
                                   "detail": row["detail"]}
    data.update(json.loads(row["document"]))
    return {"data": data}


# a request


def person(consent):
    return consent["loggedUser"]["document"]["identification"]


def idempotency(body):
    """The key, and what must be the same when it comes again."""

    data, consent = body["requestBody"]["data"], body["consent"]
    key = body.get("internalIdempotencyKey")

    if key is None:
        key = "%s/%s/%s" % (consent["externalId"], body["idempotencyKey"],
                            data["endToEndId"])

    same = json.dumps([data, consent["externalId"], consent["debtorAccount"]],
                      sort_keys=True, separators=(",", ":"))
    return key, hashlib.sha256(same.encode()).digest()


def at_payment(code):
    """The code that a consent's problem has at the payment."""

    return {"CONTA_NAO_PERMITE_PAGAMENTO": "PAGAMENTO_RECUSADO_DETENTORA",
            "CONTAS_ORIGEM_DESTINO_IGUAIS": "DETALHE_PAGAMENTO_INVALIDO",
            "QRCODE_INVALIDO": "COBRANCA_INVALIDA"}.get(code, code)


def qr_problem(details, amount):
    """What is wrong with the QR code, or None."""

    instrument = details.get("localInstrument")
    if instrument not in ("QRES", "QRDN", "APES", "APDN"):
        return None

    try:
        code = brcode.read(details.get("qrCode") or "")
    except brcode.Bad:
        return "QRCODE_INVALIDO"

    if code["static"] != (instrument in ("QRES", "APES")):
        return "QRCODE_INVALIDO"
    if code["static"] and code["amount"] is not None \
            and not same_amount(code["amount"], amount):
        return "VALOR_INVALIDO"
    if code["static"] and code["key"] != details.get("proxy"):
        return "QRCODE_INVALIDO"
    return None


def same_amount(one, other):
    whole, _, part = one.partition(".")
    if not (whole + part).isdigit() or not one.isascii() or len(part) > 2:
        return False
    return int(whole or "0") * 100 + int(part.ljust(2, "0")) \
        == bank.cents(other)
