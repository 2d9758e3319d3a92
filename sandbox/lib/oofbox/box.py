"""Where the sandbox keeps what: folders, ports, secrets, sandbox.json."""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import random
import secrets
import socket
import stat
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.realpath(__file__)))))

# below the range from which the kernel takes ports of outgoing connections,
# and below that of the tests

PORTS = (12000, 20000)
SERVICES = ("api", "plain", "management", "issuer", "keystore", "core",
            "hooks", "webhook")


class Failure(Exception):
    """An error that is the user's to read, without a trace."""


def write(path, text, mode=0o644):
    new = path + ".new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode),
              "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(new, path)


def read(path, default=None):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return default


def port_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Box:
    def __init__(self):
        self.var = os.path.realpath(
            os.environ.get("OOF_VAR") or os.path.join(ROOT, "var"))
        self.pki = self.path("pki")
        self.nginx = self.path("nginx")
        self.conf = self.path("nginx", "nginx.conf")
        self.binary = os.environ.get("OOF_NGINX") or self.path(
            "build", "static", "nginx")
        self.json = self.path("sandbox.json")

        # PostgreSQL refuses to run as root and cannot enter a folder that only
        # root may; nor may the path of a socket be long

        name = hashlib.sha256(self.var.encode()).hexdigest()[:12]
        self.private = "/var/tmp/oof-" + name

        if os.getuid() == 0:
            self.pg_user = self._pg_user()
        else:
            self.pg_user = pwd.getpwuid(os.getuid()).pw_name

    def exists(self):
        """Something of a sandbox is there: its var/, or what is elsewhere."""

        return bool(self.known_ports()) or os.path.isdir(self.private)

    def path(self, *names):
        return os.path.join(self.var, *names)

    @staticmethod
    def _pg_user():
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                pwd.getpwnam(name)
                return name
        raise Failure("no user postgres, nor nobody, to run PostgreSQL as")

    def make(self):
        for name in ("log", "run", "nginx/logs", "secrets"):
            os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path("secrets"), 0o700)
        self._make_private()

    def _make_private(self):
        """The folder's name can be guessed: nobody else's may stand there."""

        user = pwd.getpwnam(self.pg_user)

        with contextlib.suppress(FileExistsError):
            os.mkdir(self.private, 0o700)
            if os.getuid() == 0:
                os.chown(self.private, user.pw_uid, user.pw_gid)

        st = os.lstat(self.private)
        if not stat.S_ISDIR(st.st_mode) or st.st_uid != user.pw_uid \
                or st.st_mode & 0o077:
            raise Failure("%s is not a private folder of user %s: remove it"
                          % (self.private, self.pg_user))

    @contextlib.contextmanager
    def lock(self, name):
        os.makedirs(self.path("run"), exist_ok=True)
        with open(self.path("run", name + ".lock"), "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield

    # ports

    def known_ports(self):
        return json.loads(read(self.path("ports.json"), "{}"))

    def ports(self):
        ports = self.known_ports()
        if not ports:
            raise Failure("there is no sandbox in %s: ./build.sh run makes "
                          "one" % self.var)
        return ports

    def choose_ports(self, ours):
        """Remembered ports, unless another program has taken one: "ours" says
        whether the service that listens on it is this sandbox's."""

        ports = self.known_ports()
        taken = set(ports.values())

        for name in SERVICES:
            port = ports.get(name)
            if port and (port_free(port) or ours(name, port)):
                continue
            while True:
                port = random.randrange(*PORTS)
                if port not in taken and port_free(port):
                    break
            ports[name] = port
            taken.add(port)

        write(self.path("ports.json"), json.dumps(ports, indent=2) + "\n")
        return ports

    # secrets

    def secret(self, name):
        """The path of a secret of 64 hexadecimal characters."""

        path = self.path("secrets", name)
        if not os.path.exists(path):
            write(path, secrets.token_hex(32) + "\n", 0o600)
        return path

    # sandbox.json

    def state(self):
        text = read(self.json)
        if text is None:
            raise Failure("there is no %s: ./build.sh run makes it"
                          % self.json)
        return json.loads(text)


def main(function):
    """Runs a command's main function with errors as one line."""

    try:
        sys.exit(function())
    except Failure as e:
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0]), e))
    except BrokenPipeError:
        os._exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
