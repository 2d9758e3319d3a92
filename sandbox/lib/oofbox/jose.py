"""JOSE as far as the sandbox needs it: PS256, key sets, thumbprints."""

import base64
import hashlib
import json

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def load_cert(path):
    """The first certificate of the file."""

    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def x5t(path):
    """x5t#S256 of RFC 8705: SHA-256 of the DER."""

    return b64(load_cert(path).fingerprint(hashes.SHA256()))


def _number(n):
    return b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))


def thumbprint(key):
    """RFC 7638, which the directory uses for its kids."""

    pub = key.public_key() if hasattr(key, "public_key") else key
    n = pub.public_numbers()
    text = compact({"e": _number(n.e), "kty": "RSA", "n": _number(n.n)})
    return b64(hashlib.sha256(text.encode()).digest())


def jwk(key, use="sig"):
    n = key.public_key().public_numbers()
    return {"kty": "RSA", "use": use, "alg": "PS256", "kid": thumbprint(key),
            "n": _number(n.n), "e": _number(n.e)}


def _pss():
    return padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def sign(claims, key, kid=None, typ="JWT", alg="PS256"):
    """A compact JWS; the other algorithms are there to be refused."""

    header = {"alg": alg, "typ": typ}
    if alg != "none":
        header["kid"] = kid or thumbprint(key)

    text = b64(compact(header)) + "." + b64(compact(claims))
    data = text.encode()

    if alg == "PS256":
        sig = key.sign(data, _pss(), hashes.SHA256())
    elif alg == "RS256":
        sig = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    elif alg == "HS256":
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)
        mac = hmac.HMAC(pem, hashes.SHA256())
        mac.update(data)
        sig = mac.finalize()
    elif alg == "none":
        sig = b""
    else:
        raise ValueError("algorithm " + alg)

    return text + "." + b64(sig)


def decode(token):
    """Header and claims, unverified."""

    header, claims, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


def verify(token, keys):
    """The claims of a PS256 JWS that one of the keys of a set has signed,
    or None."""

    try:
        header, claims = decode(token)
        text, _, sig = token.rpartition(".")
        if header["alg"] != "PS256":
            return None
        for k in keys["keys"]:
            if k["kid"] != header["kid"]:
                continue
            numbers = rsa.RSAPublicNumbers(
                int.from_bytes(unb64(k["e"]), "big"),
                int.from_bytes(unb64(k["n"]), "big"))
            numbers.public_key().verify(unb64(sig), text.encode(), _pss(),
                                        hashes.SHA256())
            return claims
    except (ValueError, KeyError, TypeError, InvalidSignature):
        pass

    return None
