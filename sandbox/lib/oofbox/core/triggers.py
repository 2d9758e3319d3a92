"""Amounts that provoke an outcome, whatever the balance is."""

CONSENT = {"999999999.99": "SALDO_INSUFICIENTE"}
CONSENT.update(("300.%02d" % n, code) for n, code in enumerate((
    "CONTA_NAO_PERMITE_PAGAMENTO", "CONTAS_ORIGEM_DESTINO_IGUAIS",
    "VALOR_INVALIDO", "QRCODE_INVALIDO", "VALOR_ACIMA_LIMITE",
    "FALHA_INFRAESTRUTURA", "NAO_INFORMADO"), 1))

# refused at once

REFUSED = dict(("20422.%02d" % n, code) for n, code in enumerate((
    "SALDO_INSUFICIENTE", "VALOR_ACIMA_LIMITE", "COBRANCA_INVALIDA",
    "PAGAMENTO_RECUSADO_DETENTORA")))

# accepted, and rejected later

REJECTED = dict(("20201.%02d" % n, code) for n, code in enumerate((
    "SALDO_INSUFICIENTE", "VALOR_ACIMA_LIMITE", "VALOR_INVALIDO",
    "COBRANCA_INVALIDA", "NAO_INFORMADO", "DETALHE_PAGAMENTO_INVALIDO",
    "PAGAMENTO_RECUSADO_DETENTORA", "PAGAMENTO_RECUSADO_SPI",
    "FALHA_INFRAESTRUTURA_SPI", "FALHA_INFRAESTRUTURA_DICT",
    "FALHA_INFRAESTRUTURA_PSP_RECEBEDOR", "FALHA_INFRAESTRUTURA_DETENTORA"),
    1))

# how far it gets

STAYS = {"1334.00": "ACPD", "1335.00": "ACCP"}

# held for analysis: seconds until it goes on, None when somebody must say so

HELD = {"12345.00": None, "12345.67": 20}
