"""QR codes of Pix: EMV, tag, length, value, and a CRC at the end."""

import re

KEY_OF_PIX = "br.gov.bcb.pix"


class Bad(ValueError):
    pass


def fields(text):
    found = {}
    at = 0

    while at < len(text):
        if not re.fullmatch(r"[0-9]{4}", text[at:at + 4]):
            raise Bad("no tag and length")
        tag, size = text[at:at + 2], int(text[at + 2:at + 4])
        value = text[at + 4:at + 4 + size]
        if len(value) != size or tag in found:
            raise Bad("a field is short, or twice")
        found[tag] = value
        at += 4 + size

    return found


def crc(data):
    """CRC-16/CCITT-FALSE."""

    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = value << 1 ^ (0x1021 if value & 0x8000 else 0)
            value &= 0xFFFF
    return value


def read(text):
    """{"static": bool, "key", "amount"} of a code; the last two are None where
    it does not say."""

    top = fields(text)

    if top.get("00") != "01" or text[-8:-4] != "6304" \
            or top.get("63", "").upper() != "%04X" % crc(text[:-4].encode()):
        raise Bad("not a whole code")

    for tag in range(26, 52):
        account = top.get("%02d" % tag)
        if account is None:
            continue
        inner = fields(account)
        if inner.get("00", "").lower() != KEY_OF_PIX:
            continue
        return {"static": "25" not in inner, "key": inner.get("01"),
                "amount": top.get("54")}

    raise Bad("not of Pix")


def write(key=None, amount=None, url=None):
    """A code of the payee in the cast: with a URL a dynamic one."""

    def field(tag, value):
        return "%s%02d%s" % (tag, len(value), value)

    account = field("00", KEY_OF_PIX)
    account += field("25", url) if url else field("01", key)
    text = field("00", "01")
    if url:
        text += field("01", "12")
    text += field("26", account) + field("52", "0000") + field("53", "986")
    if amount:
        text += field("54", amount)
    text += field("58", "BR") + field("59", "MARCO ANTONIO DE BRITO")
    text += field("60", "BRASILIA") + field("62", field("05", "***")) + "6304"
    return text + "%04X" % crc(text.encode())
