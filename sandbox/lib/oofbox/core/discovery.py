"""What a customer has: accounts that can pay, and products whose data can be
shared.

Of the vendor's two texts on a consent that names its debtor account, the one
of the interface is followed: all accounts are told, that one as selected.
"""

import datetime

from . import bank, clock, shape

# the paths of the products' own integration layers

PRODUCTS = {
    "accounts": "ACCOUNT",
    "credit-cards-accounts": "CREDIT_CARD_ACCOUNT",
    "loans": "LOAN",
    "financings": "FINANCING",
    "unarranged-accounts-overdraft": "UNARRANGED_ACCOUNT_OVERDRAFT",
    "invoice-financings": "INVOICE_FINANCING",
    "bank-fixed-incomes": "BANK_FIXED_INCOME",
    "credit-fixed-incomes": "CREDIT_FIXED_INCOME",
    "variable-incomes": "VARIABLE_INCOME",
    "treasure-titles": "TREASURE_TITLE",
    "funds": "FUND",
    "exchanges": "EXCHANGE",
}

# for how long a product that is not chosen by the customer may be shared

VALID = datetime.timedelta(days=365)


class Discovery:
    def __init__(self, store, rule_clock):
        self.store = store
        self.clock = rule_clock

    @staticmethod
    def _customer(body):
        consent = body["consent"]
        business = consent.get("businessDocumentType") or {}
        document = business.get("document") or {}
        return bank.customer(
            consent["loggedUser"]["document"]["identification"],
            document.get("identification"))

    def payments(self, body):
        """POST /account-discovery: the accounts that can pay."""

        owner = self._customer(body)
        if owner is None:
            return 200, {"data": {"resources": []}}

        wanted = body["consent"].get("debtorAccount")
        wanted = bank.account(wanted)
        balances = self.store.run(lambda db: [
            bank.balance(db, account["number"])
            for account in owner["accounts"]])

        resources = []
        for account, balance in zip(owner["accounts"], balances):
            resource = self._account(owner, account, balance)
            resource["defaultSelected"] = account is wanted
            resource["debtorAccount"] = bank.plain(account)
            resource["useOverdraftLimit"] = True
            resources.append(resource)

        return 200, {"data": {"resources": resources}}

    def product(self, body, kind, selectable):
        """The discovery of one product, in the form of its layer; None when
        that product has the other form."""

        if (kind in bank.SELECTABLE) != selectable:
            return None
        return 200, {"data": {"resources": self._data(body, [kind], False)},
                     "meta": {"requestDateTime":
                              clock.text(self.clock.now())}}

    def data(self, body):
        """POST /discovery: all products, or those of "resourceTypes"."""

        kinds = body.get("resourceTypes", list(bank.LEGACY))
        if not isinstance(kinds, list) or not all(
                kind in bank.LEGACY for kind in kinds):
            return None
        return 200, {"data": {"resources": self._data(body, kinds, True)},
                     "meta": {"requestDateTime":
                              clock.text(self.clock.now())}}

    def _data(self, body, kinds, typed):
        owner = self._customer(body)
        if owner is None:
            return []

        return self.store.run(lambda db: [
            self._product(db, owner, kind, number, name, account, typed)
            for kind, number, name, account in bank.products(owner)
            if kind in kinds])

    def _product(self, db, owner, kind, number, name, account, typed):
        status = bank.status(db, kind, number)

        if account is not None:
            resource = self._account(owner, account,
                                     bank.balance(db, number))
        else:
            resource = {
                "resourceName": shape.pairs(Produto=name, Numero=number),
                "resourceLegacyId": shape.pairs(
                    **{bank.LEGACY[kind]: number}),
            }

        if kind in bank.SELECTABLE:
            resource.setdefault("authorizers", bank.authorisers(owner, {}))
            resource["defaultSelected"] = False
            if status != bank.AVAILABLE:
                resource["status"] = status
        else:
            resource["validUntil"] = self._valid_until()
            resource["status"] = status

        if typed:
            resource["type"] = kind
        return resource

    @staticmethod
    def _account(owner, account, balance):
        return {
            "resourceName": shape.pairs(Agencia=account["issuer"],
                                        Conta=account["number"]),
            "resourceLegacyId": shape.pairs(account=account["number"]),
            "resourceBalanceCurrency": "BRL",
            "resourceBalanceAmount": bank.amount(balance),
            "authorizers": bank.authorisers(owner, account),
        }

    def _valid_until(self):
        last = datetime.date.fromisoformat(self.clock.today()) + VALID
        return last.isoformat()
