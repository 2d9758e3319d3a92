"""Error bodies.  The titles and details are the regulation's."""

from . import clock

TEXTS = {
    # code: (title, detail)
    "SALDO_INSUFICIENTE": (
        "Saldo insuficiente.",
        "A conta selecionada não possui saldo suficiente para realizar o "
        "pagamento."),
    "VALOR_ACIMA_LIMITE": (
        "Acima do limite estabelecido.",
        "O valor ultrapassa o limite estabelecido na instituição para "
        "permitir a realização de transações pelo cliente."),
    "VALOR_INVALIDO": (
        "Valor inválido.",
        "O valor enviado não é válido para o QR Code informado."),
    "QRCODE_INVALIDO": (
        "QRCode inválido.",
        "O QRCode utilizado para a iniciação de pagamento não é válido."),
    "COBRANCA_INVALIDA": (
        "Cobrança inválida.",
        "Validação de expiração, validação de vencimento ou Status Válido."),
    "CONTA_NAO_PERMITE_PAGAMENTO": (
        "Conta não permite pagamento.",
        "A conta selecionada é do tipo salario e não permite realizar esse "
        "pagamento."),
    "CONTAS_ORIGEM_DESTINO_IGUAIS": (
        "Contas de origem e destino iguais.",
        "A conta selecionada é igual à conta destino e não permite realizar "
        "esse pagamento."),
    "NAO_INFORMADO": (
        "Não informado.",
        "Não reportado/identificado pela instituição detentora de conta."),
    "FALHA_INFRAESTRUTURA": (
        "Falha de infraestrutura.",
        "Falha de infraestrutura na detentora de conta."),
    "DETALHE_PAGAMENTO_INVALIDO": (
        "Detalhe do pagamento inválido.",
        "Parâmetro proxy diverge do cadastrado no DICT."),
    "PAGAMENTO_DIVERGENTE_CONSENTIMENTO": (
        "Divergência entre pagamento e consentimento.",
        "Dados do pagamento divergentes dos dados do consentimento."),
    "PAGAMENTO_RECUSADO_DETENTORA": (
        "Pagamento recusado pela detentora de conta.",
        "Pagamento recusado pela detentora de conta."),
    "PAGAMENTO_RECUSADO_SPI": (
        "Pagamento recusado no Sistema de Pagamentos Instantâneos (SPI).",
        "AB03"),
    "FALHA_INFRAESTRUTURA_SPI": (
        "Falha de infraestrutura do SPI.",
        "Falha na infraestrutura do SPI."),
    "FALHA_INFRAESTRUTURA_DICT": (
        "Falha de infraestrutura do DICT.",
        "Falha na infraestrutura do DICT."),
    "FALHA_INFRAESTRUTURA_PSP_RECEBEDOR": (
        "Falha de infraestrutura do PSP recebedor.",
        "Falha na infraestrutura do prestador de serviços de pagamento do "
        "recebedor."),
    "FALHA_INFRAESTRUTURA_DETENTORA": (
        "Falha de infraestrutura da detentora.",
        "Falha na infraestrutura da detentora de conta."),
    "CHAVE_PIX_DIVERGENTE_AGENDAMENTO_LIQUIDACAO": (
        "Chave Pix divergente.",
        "A chave Pix mudou entre o agendamento e a liquidação."),
    "PARAMETRO_NAO_INFORMADO": (
        "Parâmetro obrigatório não informado.",
        "Parâmetro obrigatório não informado."),
    "PARAMETRO_INVALIDO": (
        "Parâmetro com valor inválido.",
        "Parâmetro com valor inválido."),
    "ERRO_IDEMPOTENCIA": (
        "Erro idempotência.",
        "Conteúdo da mensagem diverge do conteúdo associado a esta chave de "
        "idempotência."),
    "PAGAMENTO_NAO_PERMITE_CANCELAMENTO": (
        "Pagamento não permite cancelamento",
        "Pagamento não permite cancelamento"),
    "PAGAMENTO_NAO_ENCONTRADO": (
        "Pagamento não encontrado.",
        "Não há pagamento com este identificador."),
    "FORMA_PAGAMENTO_INVALIDA": (
        "Forma de pagamento inválida.",
        "Forma de pagamento não suportada."),
}


def title(code):
    return TEXTS[code][0] if code in TEXTS else code


def detail(code):
    return TEXTS[code][1] if code in TEXTS else code


def refusal(code, text=None):
    """The body of a 422 of the payments layer: it has no meta."""

    return {"errors": [{"code": code, "title": title(code),
                        "detail": text or detail(code)}]}


def error(now, code, text):
    """The body of every other error."""

    return {"errors": [{"code": code, "title": code, "detail": text}],
            "meta": {"requestDateTime": clock.text(now)}}
