"""The sandbox's PostgreSQL cluster, on a socket in its private folder."""

import glob
import os
import pwd
import re
import shutil
import subprocess

from . import cast, process
from .box import ROOT, Failure, read, write

CONF = """\
# made by ./build.sh run, every time

listen_addresses = ''
port = 5432
unix_socket_directories = '%(private)s'
external_pid_file = '%(private)s/postgres.pid'

# nothing that was acknowledged may be lost

fsync = on
synchronous_commit = on
full_page_writes = on

max_connections = 100
shared_buffers = 128MB
max_wal_size = 2GB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%%m [%%p] %%a '
logging_collector = off

# statements carry personal data: the log says what failed, not with what

log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


class Postgres:
    def __init__(self, box):
        self.box = box
        self.data = os.path.join(box.private, "data")
        self.pid_file = os.path.join(box.private, "postgres.pid")
        self.log = os.path.join(box.private, "postgres.log")
        self.bin = self._bin()

    @staticmethod
    def _bin():
        found = []
        for path in glob.glob("/usr/lib/postgresql/*/bin/postgres"):
            version = re.search(r"/(\d+)/bin", path)
            if version and int(version.group(1)) >= 14:
                found.append((int(version.group(1)), os.path.dirname(path)))
        if not found:
            raise Failure("no PostgreSQL server from 14 on is installed")
        return max(found)[1]

    def conninfo(self, user, dbname="oof"):
        return "host=%s port=5432 dbname=%s user=%s" % (
            self.box.private, dbname, user)

    def _as_user(self):
        """Arguments that make a child run as PostgreSQL's user."""

        if os.getuid() != 0:
            return {"cwd": self.box.private}
        user = pwd.getpwnam(self.box.pg_user)
        return {"cwd": self.box.private, "user": user.pw_uid,
                "group": user.pw_gid, "extra_groups": [],
                "env": dict(os.environ, HOME=self.box.private)}

    def psql(self, sql, user="postgres", dbname="postgres"):
        return process.run([os.path.join(self.bin, "psql"), "-XqAt", "-v",
                            "ON_ERROR_STOP=1", "-c", sql,
                            self.conninfo(user, dbname)])

    def answers(self):
        return subprocess.run(
            [os.path.join(self.bin, "psql"), "-XqAt", "-c", "SELECT 1",
             self.conninfo("postgres", "postgres")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, PGCONNECT_TIMEOUT="5")).returncode == 0

    def pid(self):
        """The postmaster, if it lives; a recycled pid is none."""

        pid = process.pid_of(os.path.join(self.data, "postmaster.pid"))
        name = os.path.basename(process.program(pid)) if pid else ""
        return pid if process.blind() or name == "postgres" else None

    def _forget(self):
        """A cluster of a var/ that was thrown away: nobody has the keys of what
        is in it any more."""

        mark = os.path.join(self.box.private, "sandbox.id")
        wanted = read(self.box.secret("sandbox.id"))

        if read(mark) == wanted:
            return

        if os.path.exists(self.data):
            if self.pid() is not None:
                self._stop()
            shutil.rmtree(self.data)
        write(mark, wanted, 0o600)

    def _initialise(self):
        """A cluster made in one piece: what was left half made goes."""

        self._forget()

        if os.path.exists(os.path.join(self.data, "PG_VERSION")):
            major = os.path.basename(os.path.dirname(self.bin))
            with open(os.path.join(self.data, "PG_VERSION")) as f:
                made = f.read().strip()
            if made != major:
                old = "/usr/lib/postgresql/%s/bin" % made
                if not os.path.exists(os.path.join(old, "postgres")):
                    raise Failure("%s is of PostgreSQL %s, and only %s is "
                                  "installed: remove it to start afresh"
                                  % (self.data, made, major))
                self.bin = old
            return

        new = self.data + ".new"
        shutil.rmtree(new, ignore_errors=True)
        process.run([os.path.join(self.bin, "initdb"), "-D", new,
                     "--auth=trust", "--username=postgres",
                     "--encoding=UTF8", "--locale=C.UTF-8"],
                    self.box.path("log", "initdb.log"), **self._as_user())
        with open(os.path.join(new, "postgresql.conf"), "a") as f:
            f.write("\ninclude 'oof.conf'\n")
        self._configure(new)
        os.rename(new, self.data)

    def _configure(self, data):
        path = os.path.join(data, "oof.conf")
        write(path, CONF % {"private": self.box.private})
        if os.getuid() == 0:
            user = pwd.getpwnam(self.box.pg_user)
            os.chown(path, user.pw_uid, user.pw_gid)

    def start(self):
        """Returns when it answers; never makes a second one."""

        with self.box.lock("postgres"):
            self._initialise()

            if self.pid() is None:
                self._start()

            if not process.wait(self.answers, 60, 0.1):
                raise Failure("PostgreSQL does not answer, see " + self.log)

    def _start(self):
        """After kill -9 the last children may hold the shared memory for a
        moment, so that a first try may fail."""

        self._configure(self.data)

        # one whose pid another program has got by now would stop PostgreSQL;
        # else it stays: by it PostgreSQL finds children that still live

        stale = os.path.join(self.data, "postmaster.pid")
        if process.pid_of(stale) is not None:
            os.unlink(stale)

        last = None

        def started():
            nonlocal last
            try:
                process.run([os.path.join(self.bin, "pg_ctl"), "-D",
                             self.data, "-l", self.log, "-w", "-t", "60",
                             "start"], **self._as_user())
                return True
            except Failure as e:
                last = e
                return False

        if not process.wait(started, 60, 0.3):
            raise Failure("PostgreSQL does not start, see %s\n%s"
                          % (self.log, last))

    def stop(self):
        with self.box.lock("postgres"):
            if self.pid() is not None:
                self._stop()

    def _stop(self):
        process.run([os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-m",
                     "fast", "-w", "-t", "60", "stop"], **self._as_user())

    # what is in it

    def prepare(self):
        """Roles, database, schema, registered clients."""

        for role in ("oof_owner", "oof"):
            if not self.psql("SELECT 1 FROM pg_roles WHERE rolname = '%s'"
                             % role):
                self.psql("CREATE ROLE %s LOGIN" % role)

        if not self.psql("SELECT 1 FROM pg_database WHERE datname = 'oof'"):
            self.psql("CREATE DATABASE oof OWNER oof_owner")

        try:
            process.run([os.path.join(ROOT, "build", "migrate"),
                         self.conninfo("oof_owner")],
                        self.box.path("log", "migrate.log"),
                        env=dict(os.environ, OOF_ROLE="oof"))
        except Failure as e:
            raise Failure("%s\n(\"sandbox/ctl drop\" throws the sandbox's "
                          "database away)" % e)

        for client in cast.CLIENTS:
            self._register(client)

    def _register(self, client):
        """One that is registered stays as it is, but for a webhook of this
        sandbox, whose port may be another today."""

        values = [cast.BANK["brand"], client["client_id"],
                  client["organisation_id"], client["software_id"],
                  client["title"], "{%s}" % cast.webhook(client, self.box)]
        self.psql(
            "INSERT INTO oof_client (brand, client_id, organisation_id,"
            " software_id, name, webhook_uris, roles, created, updated)"
            " VALUES (%s, '{DADOS,PAGTO}', now(), now())"
            " ON CONFLICT (brand, client_id) DO UPDATE"
            " SET webhook_uris = excluded.webhook_uris"
            " WHERE coalesce(oof_client.webhook_uris[1], 'https://127.0.0.1:')"
            " LIKE 'https://127.0.0.1:%%'"
            % ", ".join("'%s'" % v for v in values),
            "oof_owner", "oof")
