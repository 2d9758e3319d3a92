"""The bank's app: what the customer decides on a consent that is shown."""


def decision(shown, cpf=None, account=None, partial=False, reject=None):
    """"data" of a decision on what GET /oof/v1/authorisations/ID has shown:
    everything that is offered, or one account of it."""

    customer = {"cpf": cpf or shown["loggedUser"]["document"]
                ["identification"]}
    if "businessEntity" in shown:
        customer["cnpj"] = shown["businessEntity"]["document"][
            "identification"]

    if reject is not None:
        return {"decision": "REJECT", "customer": customer,
                "reason": {"code": reject}}

    if shown["type"] == "PAYMENT":
        return payment(shown, customer, account, partial)

    chosen = [choice(resource) for resource in shown.get("resources", [])
              if account is None or number(resource) == account]
    data = {"decision": "PARTIAL" if partial else "AUTHORISE",
            "customer": customer, "resources": chosen}
    if "linkId" in shown.get("journey", {}):
        data["journey"] = {"linkId": shown["journey"]["linkId"]}
    return data


def payment(shown, customer, account, partial):
    """Of a consent to pay: the account of that number, the one that the
    initiator has named, or the first."""

    accounts = [{name: offered[name] for name in
                 ("ispb", "issuer", "number", "accountType")
                 if name in offered}
                for offered in shown["debtorAccounts"]
                if account is None or offered["number"] == account]
    data = {"decision": "PARTIAL" if partial else "AUTHORISE",
            "customer": customer}
    if accounts and (account is not None or "debtorAccount" not in shown):
        data["debtorAccount"] = accounts[0]
    return data


def choice(resource):
    chosen = {"resourceId": resource["resourceId"], "type": resource["type"]}
    if "authorisers" in resource:
        chosen["authorisers"] = [
            {name: person[name] for name in ("cpf", "name") if name in person}
            for person in resource["authorisers"]]
    return chosen


def number(resource):
    """Of an account, as the core calls it."""

    for pair in resource.get("legacyId", []):
        if pair["key"] == "account":
            return pair["value"]
    return None
