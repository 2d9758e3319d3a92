"""A PKI shaped like the Brazilian one (root, intermediate, issuing CA, leaf),
with what a bank must refuse beside it.

All is made once and kept, under names that do not change:

  root, intermediate, issuing    the chain of transport certificates (BRCAC)
  foreign-issuing                an issuing CA under the same root, for others
  seal-issuing                   the chain of signing certificates (BRSEAL)
  other-root                     a root that nobody trusts
  ca.pem                         trusts the bank's server certificate
  client-ca.pem                  all CAs of client certificates, for TLS
  issuing-ca.pem                 the issuing CAs that the bank accepts
  crl.pem                        revocation lists of all these CAs

  server, server-two             the bank's hosts, with their chain
  hooks                          the third parties' webhooks, 127.0.0.1
  bank-transport, bank-signing   the bank as a client, and its signing key
  issuer, bank-issuer, other     keys that sign tokens; "other" is a forger's

  client-NAME                    transport certificate, with its chain
  client-NAME-signing            signing key and certificate
  NAME.jwks                      its key set (also bank.jwks)

Clients "one", "two" and "three" are third parties; all others act for "one":
foreign, revoked, expired, future, untrusted, old (organisation in OU), none
(no organisation at all), upper (upper case), and the string types bmp,
printable, t61, universal.
"""

import datetime
import ipaddress
import json
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.name import _ASN1Type as Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import cast, jose

FORMAT = "1"

ORGANISATION = x509.ObjectIdentifier("2.5.4.97")
DAY = datetime.timedelta(days=1)

CAS = {
    # name: (issuer, common name)
    "root": (None, "OOF Sandbox Raiz v10"),
    "intermediate": ("root", "AC OOF Sandbox Intermediaria v10"),
    "issuing": ("intermediate", "AC OOF Sandbox Emissora SSL v10"),
    "foreign-issuing": ("intermediate", "AC OOF Sandbox Estranha SSL v10"),
    "seal-issuing": ("root", "AC OOF Sandbox Assinatura v5"),
    "other-root": (None, "Raiz Desconhecida"),
}

STRING_TYPES = {
    "bmp": Type.BMPString,
    "printable": Type.PrintableString,
    "t61": Type.T61String,
    "universal": Type.UniversalString,
}

SPECIAL = ["foreign", "revoked", "expired", "future", "untrusted", "old",
           "none", "upper"] + list(STRING_TYPES)


def _now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def _usage(*names):
    kinds = ["digital_signature", "content_commitment", "key_encipherment",
             "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{kind: kind in names for kind in kinds})


class Pki:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.changed = False

    # files

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, data):
        if isinstance(data, str):
            data = data.encode()
        path = self.path(name)
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT
                          | os.O_TRUNC, 0o600), "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)
        self.changed = True

    def _read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def key(self, name):
        """The private key NAME.key, made when there is none."""

        path = self.path(name + ".key")
        if os.path.exists(path):
            return jose.load_key(path)

        key = rsa.generate_private_key(65537, 2048)
        self._write(name + ".key", key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return key

    def cert(self, name):
        return jose.load_cert(self.path(name + ".pem"))

    def _good(self, name, left=7 * DAY):
        """NAME.pem is there, signed by today's CAs, and will last."""

        try:
            cert = self.cert(name)
        except (OSError, ValueError):
            return False
        return cert.not_valid_after > _now() + left

    # certificates

    def _sign(self, name, subject, issuer, extensions, start, end,
              key_name=None):
        key = self.key(key_name or name)
        ca = self.cert(issuer) if issuer else None
        ca_key = self.key(issuer) if issuer else key

        builder = (x509.CertificateBuilder()
                   .subject_name(subject)
                   .issuer_name(ca.subject if ca else subject)
                   .public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(start)
                   .not_valid_after(end)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(
                       key.public_key()), False)
                   .add_extension(
                       x509.AuthorityKeyIdentifier.from_issuer_public_key(
                           ca_key.public_key()), False))

        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)

        cert = builder.sign(ca_key, hashes.SHA256())
        return cert.public_bytes(serialization.Encoding.PEM)

    def _ca(self, name):
        issuer, title = CAS[name]
        if self._good(name, 400 * DAY):
            return

        subject = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OOF Sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, title)])

        self._write(name + ".pem", self._sign(
            name, subject, issuer,
            [(x509.BasicConstraints(True, None), True),
             (_usage("key_cert_sign", "crl_sign"), True)],
            _now() - DAY, _now() + 3650 * DAY))

    def _chain(self, issuer):
        """What a leaf is sent with: its issuers up to, not with, the root."""

        chain = b""
        while issuer is not None and CAS[issuer][0] is not None:
            chain += self._read(issuer + ".pem")
            issuer = CAS[issuer][0]
        return chain

    def _server(self, name, host, party=cast.BANK):
        if self._good(name):
            return

        subject = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME,
                               party.get("title") or party["name"]),
            x509.NameAttribute(NameOID.COMMON_NAME, host)])

        leaf = self._sign(
            name, subject, "issuing",
            [(x509.BasicConstraints(False, None), True),
             (_usage("digital_signature", "key_encipherment"), True),
             (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
              False),
             (x509.SubjectAlternativeName([self._host(host)]), False)],
            _now() - DAY, _now() + 397 * DAY)
        self._write(name + ".pem", leaf + self._chain("issuing"))

    @staticmethod
    def _host(host):
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    @staticmethod
    def _transport_name(party, host, kind):
        """The DN of a transport certificate, in its regulated order."""

        organisation = party["organisation_id"]
        if kind == "upper":
            organisation = organisation.upper()

        names = [
            (NameOID.BUSINESS_CATEGORY, "Private Organization", None),
            (NameOID.JURISDICTION_COUNTRY_NAME, "BR", None),
            (NameOID.SERIAL_NUMBER, party["cnpj"], Type.PrintableString),
            (NameOID.COUNTRY_NAME, "BR", None),
            (NameOID.ORGANIZATION_NAME,
             party.get("title") or party["name"], None),
        ]

        if kind == "old":
            names.append((NameOID.ORGANIZATIONAL_UNIT_NAME, organisation,
                          None))

        names += [
            (NameOID.STATE_OR_PROVINCE_NAME, "SP", None),
            (NameOID.LOCALITY_NAME, "Sao Paulo", None),
        ]

        if kind not in ("old", "none"):
            names.append((ORGANISATION, "OFBBR-" + organisation,
                          STRING_TYPES.get(kind)))

        names += [
            (NameOID.USER_ID, party["software_id"], None),
            (NameOID.COMMON_NAME, host, None),
        ]

        return x509.Name([
            x509.NameAttribute(oid, value, kind) if kind
            else x509.NameAttribute(oid, value)
            for oid, value, kind in names])

    def transport(self, name, party, kind="", issuer="issuing", start=None,
                  end=None):
        """A transport certificate (BRCAC) of a party, in NAME.pem."""

        host = name.replace("client-", "") + ".tpp.oof.test"
        start = start or _now() - DAY
        end = end or _now() + 397 * DAY

        leaf = self._sign(
            name, self._transport_name(party, host, kind), issuer,
            [(x509.BasicConstraints(False, None), True),
             (_usage("digital_signature", "key_encipherment"), True),
             (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
              False),
             (x509.SubjectAlternativeName([x509.DNSName(host)]), False)],
            start, end)
        self._write(name + ".pem", leaf + self._chain(issuer))

    def _client(self, kind):
        name = "client-" + kind
        start = end = None

        if kind == "expired":
            if os.path.exists(self.path(name + ".pem")):
                return
            start, end = _now() - 400 * DAY, _now() - DAY
        elif kind == "future":
            start, end = _now() + 3000 * DAY, _now() + 3397 * DAY

        if self._good(name) and kind != "expired":
            return

        issuer = {"foreign": "foreign-issuing",
                  "untrusted": "other-root"}.get(kind, "issuing")
        self.transport(name, cast.client(kind), kind, issuer, start, end)

    def _seal(self, name, party):
        """A signing certificate (BRSEAL) and its key."""

        if self._good(name):
            return

        title = party.get("title") or party["name"]
        subject = x509.Name([
            x509.NameAttribute(NameOID.USER_ID, party["organisation_id"]),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ICP-Brasil"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME,
                               CAS["seal-issuing"][1]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME,
                               cast.BANK["cnpj"]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME,
                               "Videoconferencia"),
            x509.NameAttribute(NameOID.COMMON_NAME, title)])

        # ICP-Brasil: 2.16.76.1.3.3 is the CNPJ, a DER string

        cnpj = party["cnpj"].encode()
        leaf = self._sign(
            name, subject, "seal-issuing",
            [(x509.BasicConstraints(False, None), True),
             (_usage("digital_signature", "content_commitment"), True),
             (x509.SubjectAlternativeName([x509.OtherName(
                 x509.ObjectIdentifier("2.16.76.1.3.3"),
                 b"\x13" + bytes([len(cnpj)]) + cnpj)]), False)],
            _now() - DAY, _now() + 397 * DAY)
        self._write(name + ".pem", leaf + self._chain("seal-issuing"))

    # what is made of all these

    def _crl(self, issuer, revoked):
        builder = (x509.CertificateRevocationListBuilder()
                   .issuer_name(self.cert(issuer).subject)
                   .last_update(_now() - DAY)
                   .next_update(_now() + 3650 * DAY)
                   .add_extension(x509.CRLNumber(int(_now().timestamp())),
                                  False))

        for cert in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(cert.serial_number)
                .revocation_date(_now() - DAY)
                .build())

        return builder.sign(self.key(issuer), hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM)

    def _jwks(self, name, key_name):
        keys = {"keys": [jose.jwk(self.key(key_name))]}
        self._write(name + ".jwks", json.dumps(keys, indent=2) + "\n")

    def _bundles(self):
        self._write("ca.pem", self._read("root.pem"))
        self._write("issuing-ca.pem", self._read("issuing.pem"))
        self._write("client-ca.pem", b"".join(
            self._read(ca + ".pem") for ca in
            ("root", "intermediate", "issuing", "foreign-issuing")))
        self._write("crl.pem", b"".join(
            self._crl(ca, [self.cert("client-revoked")]
                      if ca == "issuing" else [])
            for ca in ("root", "intermediate", "issuing",
                       "foreign-issuing")))

        self._jwks("bank", "bank-signing")
        for party in cast.CLIENTS + [cast.STRANGER]:
            self._jwks(party["name"], "client-%s-signing" % party["name"])

    def ensure(self):
        """Makes what is missing or runs out within a week."""

        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._start_over()

        for name in CAS:
            self._ca(name)

        self._server("server", cast.HOST)
        self._server("server-two", cast.HOST_TWO)
        self._server("hooks", "127.0.0.1", cast.CLIENTS[0])

        if not self._good("bank-transport"):
            self.transport("bank-transport", cast.BANK)
        self._seal("bank-signing", cast.BANK)

        for name in ("issuer", "bank-issuer", "other"):
            self.key(name)

        for party in cast.CLIENTS + [cast.STRANGER]:
            self._client(party["name"])
            self._seal("client-%s-signing" % party["name"], party)

        for kind in SPECIAL:
            self._client(kind)

        if self.changed:
            self._bundles()
            self._write("format", FORMAT + "\n")

        return self.changed

    def _start_over(self):
        """A PKI of another make, half made, or with a CA that runs out, is no
        base to build on."""

        try:
            whole = self._read("format").decode().strip() == FORMAT
        except OSError:
            whole = False

        if whole and all(self._good(ca, 400 * DAY) for ca in CAS):
            return

        for name in os.listdir(self.folder):
            if name.endswith((".pem", ".key", ".jwks", ".new", "format")):
                os.unlink(self.path(name))
