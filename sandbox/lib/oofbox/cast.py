"""Who plays in the sandbox: the bank, its third parties, its customers."""

HOST = "mtls-api.oof.test"
HOST_TWO = "mtls-api.two.oof.test"

# issuers of tokens: of the third parties, and of the bank's own channels

ISSUER = "https://auth.oof.test"
BANK_ISSUER = "https://sso.oof.test"
BANK_AUDIENCE = "oof-management"
BANK_SCOPES = ("oob_consents:read oob_consents:write oob_payments:write "
               "oof_journey oof_admin")
CUSTOMER_SCOPE = "oob_customer"

BANK = {
    "name": "Banco Sandbox SA",
    "brand": "sandbox",
    "organisation_id": "c1b7a9f4-32d6-4c4a-9b5e-7f0e5a1d2c38",
    "software_id": "0e6c9c52-6a5b-4f5d-8f3c-2f4d5b6a7c89",
    "cnpj": "42000111000177",
    "ispb": "87654321",
}

# registered third parties, and one that is not

CLIENTS = [
    {
        "name": "one",
        "title": "Iniciadora Um Ltda",
        "client_id": "6b0a3d0e-5f1c-4e83-9f0a-1d2c3b4a5f60",
        "organisation_id": "2d8f4a71-0c6b-4d7e-8a35-9e1f2b3c4d5e",
        "software_id": "b7c2e9d4-1a3f-4b6c-9d8e-0f1a2b3c4d5e",
        "cnpj": "11222333000181",
    },
    {
        "name": "two",
        "title": "Agregadora Dois SA",
        "client_id": "f4e3d2c1-8b7a-4c6d-95e4-a3b2c1d0e9f8",
        "organisation_id": "9a1b2c3d-4e5f-4a6b-8c7d-0e9f8a7b6c5d",
        "software_id": "5d4c3b2a-9f8e-4d7c-a6b5-4e3f2a1b0c9d",
        "cnpj": "44555666000181",
    },
]

STRANGER = {
    "name": "three",
    "title": "Terceira Nova SA",
    "client_id": "3c3c3c3c-7d6e-4f5a-8b4c-3d2e1f0a9b8c",
    "organisation_id": "7e6d5c4b-3a2f-4e1d-9c0b-8a7f6e5d4c3b",
    "software_id": "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9",
    "cnpj": "77888999000181",
}


def _account(number, balance, authorisers=None):
    account = {"ispb": BANK["ispb"], "issuer": "0001", "number": number,
               "accountType": "CACC", "balance": balance}
    if authorisers:
        account["authorisers"] = authorisers
    return account


def _product(kind, number, name):
    return {"type": kind, "number": number, "name": name}


# both must agree to what is done with the account that they share

_COUPLE = [{"cpf": "39053344705", "name": "Carla Dias"},
           {"cpf": "86413425750", "name": "Davi Rocha"}]
_JOINT = _account("40000013", "50000.00", _COUPLE)

CUSTOMERS = [
    {"cpf": "76109277673", "name": "Ana Clara Souza",
     "accounts": [_account("10000011", "100000000.00"),
                  _account("10000029", "100000000.00")],
     "products": [
         _product("CREDIT_CARD_ACCOUNT", "5100001", "Cartao Ouro"),
         _product("LOAN", "6100001", "Credito pessoal"),
         _product("FINANCING", "6200001", "Financiamento de veiculo"),
         _product("UNARRANGED_ACCOUNT_OVERDRAFT", "6300001",
                  "Adiantamento a depositante"),
         _product("INVOICE_FINANCING", "6400001", "Antecipacao de recebiveis"),
         _product("BANK_FIXED_INCOME", "7100001", "CDB 110% CDI"),
         _product("CREDIT_FIXED_INCOME", "7200001", "Debenture"),
         _product("VARIABLE_INCOME", "7300001", "Acoes"),
         _product("TREASURE_TITLE", "7400001", "Tesouro Selic"),
         _product("FUND", "7500001", "Fundo multimercado"),
         _product("EXCHANGE", "8100001", "Cambio turismo")]},
    {"cpf": "52998224725", "name": "Bruno Lima",
     "accounts": [_account("20000015", "25000.00")]},
    {"cpf": "11144477735", "cnpj": "45723174000110",
     "name": "Padaria Estrela Ltda", "representative": "Celia Prado",
     "accounts": [_account("30000019", "1500000.00")],
     "products": [
         _product("CREDIT_CARD_ACCOUNT", "5300001", "Cartao Empresa"),
         _product("INVOICE_FINANCING", "6430001", "Antecipacao de recebiveis"),
         _product("BANK_FIXED_INCOME", "7130001", "CDB 100% CDI")]},
    {"cpf": _COUPLE[0]["cpf"], "name": _COUPLE[0]["name"],
     "accounts": [_JOINT]},
    {"cpf": _COUPLE[1]["cpf"], "name": _COUPLE[1]["name"],
     "accounts": [_account("50000017", "25000.00"), _JOINT]},
]

# whom the DICT knows: not a customer of this bank

_PAYEE = {
    "personType": "PESSOA_NATURAL", "cpfCnpj": "48847377765",
    "name": "MARCO ANTONIO DE BRITO",
    "account": {"ispb": "12345678", "issuer": "1774", "number": "1234567890",
                "accountType": "CACC"},
}

DICT = [dict(_PAYEE, key=key) for key in (
    "cliente-a00001@pix.bcb.gov.br", "+5561990010001",
    "7a1f3c5e-9b2d-4e68-8c07-15d3a9f4b2e6")]


def client(name):
    """The third party of that name; the special certificates act for one."""

    for party in CLIENTS + [STRANGER]:
        if party["name"] == name:
            return party

    return CLIENTS[0]


def webhook(client, box):
    """Where a third party's webhook is."""

    return "https://127.0.0.1:%d/%s" % (box.ports()["webhook"],
                                        client["name"])
