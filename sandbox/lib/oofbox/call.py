"""HTTP as the third parties and the bank's channels speak it."""

import http.client
import json
import os
import socket
import ssl
import urllib.parse
import uuid

from . import jose, token
from .box import Failure

TIMEOUT = 30


class Answer:
    def __init__(self, version, status, reason, headers, body):
        self.version = version
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def decoded(self, keys=None):
        """The body as text: indented JSON, or the claims of a JWT, of which
        is said whether the bank has signed it."""

        kind = ""
        for name, value in self.headers:
            if name.lower() == "content-type":
                kind = value.split(";")[0].strip()

        text = self.body.decode("utf-8", "replace")

        if kind == "application/jwt" and text.count(".") == 2:
            try:
                claims = jose.decode(text)[1]
            except ValueError:
                return text
            sure = keys is not None and jose.verify(text, keys) is not None
            return "(a JWT, signature %s)\n%s" % (
                "verified" if sure else "NOT verified", pretty(claims))

        try:
            return pretty(json.loads(text)) if text else ""
        except ValueError:
            return text


def pretty(value):
    return json.dumps(value, indent=2, ensure_ascii=False)


def _send(connection, method, path, headers, body):
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        r = connection.getresponse()
        answer = Answer("HTTP/%d.%d" % (r.version // 10, r.version % 10),
                        r.status, r.reason, r.getheaders(), r.read())
    except (OSError, http.client.HTTPException) as e:
        raise Failure("%s %s: %s" % (method, path, e or type(e).__name__))
    finally:
        connection.close()
    return answer


class _Mtls(http.client.HTTPSConnection):
    """A TLS connection to an address under another host's name."""

    def __init__(self, host, port, address, context):
        super().__init__(host, port, context=context, timeout=TIMEOUT)
        self.address = address
        self.tls = context

    def connect(self):
        sock = socket.create_connection(self.address, TIMEOUT)
        self.sock = self.tls.wrap_socket(sock, server_hostname=self.host)


def context(box, client):
    tls = ssl.create_default_context(cafile=os.path.join(box.pki, "ca.pem"))
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    if client is not None:
        tls.load_cert_chain(token.certificate(box, client),
                            os.path.join(box.pki, "client-%s.key" % client))
    return tls


def api(box, client, method, path, headers=(), body=None):
    """A request over mTLS; without a client, without a certificate."""

    state = box.state()
    url = urllib.parse.urlsplit(state["api"])
    host, _, port = state["address"].rpartition(":")
    connection = _Mtls(url.hostname, url.port, (host, int(port)),
                       context(box, client))
    return _send(connection, method, path, headers, body)


def plain(url, method, path, headers=(), body=None):
    netloc = urllib.parse.urlsplit(url).netloc
    return _send(http.client.HTTPConnection(netloc, timeout=TIMEOUT), method,
                 path, headers, body)


def management(box, method, path, body=None):
    """A call of the bank's own channel."""

    headers = [("Authorization", "Bearer " + token.bank(box))]
    if body is not None:
        body = json.dumps(body).encode()
        headers.append(("Content-Type", "application/json"))
    return plain(box.state()["management"], method, path, headers, body)


def api_headers(bearer, given=(), content=None, accept=None):
    """What every request of a third party has, unless it is given."""

    headers = [("Accept", accept or "application/json"),
               ("x-fapi-interaction-id", str(uuid.uuid4()))]
    if bearer is not None:
        headers.insert(0, ("Authorization", "Bearer " + bearer))
    if content is not None:
        headers.append(("Content-Type", content))

    names = {name.lower() for name, _ in given}
    return [h for h in headers if h[0].lower() not in names] + list(given)
