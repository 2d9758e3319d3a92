"""SQLite, and the one thread that uses it.

A unit is a function of the database.  Units that queue while a commit is on
its way make the next transaction together, with one fsync; run() returns when
the unit is on the disk, whatever it read included.  As there is no other
thread, a unit needs no locks.
"""

import os
import queue
import sqlite3
import sys
import threading
import time
import traceback

UNITS = 128
TICK = 0.1

# the journal goes into the database when nothing was written for so many
# seconds, or when it has so many bytes: whoever waits for a commit then waits
# long

IDLE = 1
JOURNAL = 512 * 1024 * 1024

SCHEMA = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                      "schema.sql")


class Unit:
    def __init__(self, function):
        self.function = function
        self.result = None
        self.error = None
        self.done = threading.Lock()
        self.done.acquire()


class Database(sqlite3.Connection):
    def one(self, sql, *values):
        return self.execute(sql, values).fetchone()

    def setting(self, name, default=None):
        row = self.one("SELECT value FROM setting WHERE name = ?", name)
        return default if row is None else row["value"]

    def set(self, name, value):
        self.execute("INSERT INTO setting (name, value) VALUES (?, ?)"
                     " ON CONFLICT (name) DO UPDATE SET value"
                     " = excluded.value", (name, str(value)))


class Store:
    def __init__(self, path):
        self.path = path
        self.queue = queue.SimpleQueue()
        self.on_tick = []       # units that run ten times a second
        self.on_change = []     # called when something was written

        self.db = sqlite3.connect(path, isolation_level=None,
                                  check_same_thread=False, factory=Database)
        self.db.row_factory = sqlite3.Row

        # small pages: a commit writes each page that it has touched

        self.db.execute("PRAGMA page_size = 1024")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA foreign_keys = ON")

        with open(SCHEMA, encoding="utf-8") as f:
            self.db.executescript(f.read())

        self.db.execute("PRAGMA wal_autocheckpoint = 0")

        threading.Thread(target=self._work, daemon=True).start()

    def run(self, function):
        unit = Unit(function)
        self.queue.put(unit)
        unit.done.acquire()
        if unit.error is not None:
            raise unit.error
        return unit.result

    def _work(self):
        ticked = written = time.monotonic()

        while True:
            units = self._take(ticked + TICK)
            tick = time.monotonic() >= ticked + TICK

            if tick:
                ticked = time.monotonic()
                units += [Unit(function) for function in self.on_tick]

            before = self.db.total_changes
            self._commit(units)
            for unit in units:
                unit.done.release()

            if self.db.total_changes != before:
                written = time.monotonic()
                for function in self.on_change:
                    function()

            if tick:
                self._checkpoint(written)

    def _checkpoint(self, written):
        try:
            size = os.path.getsize(self.path + "-wal")
            if size > JOURNAL or size and time.monotonic() > written + IDLE:
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (OSError, sqlite3.Error) as e:
            print("checkpoint: %s" % e, file=sys.stderr, flush=True)

    def _take(self, until):
        """What has queued, or what comes first until then."""

        units = []
        try:
            units.append(self.queue.get(
                timeout=max(0.001, until - time.monotonic())))
            while len(units) < UNITS:
                units.append(self.queue.get_nowait())
        except queue.Empty:
            pass
        return units

    def _commit(self, units):
        if self._together(units):
            return

        # one of them failed, and took the others with it

        for unit in units:
            unit.error = None
            if not self._together([unit]):
                traceback.print_exception(unit.error, file=sys.stderr)

    def _together(self, units):
        try:
            self.db.execute("BEGIN IMMEDIATE")
            for unit in units:
                unit.result = unit.function(self.db)
            self.db.execute("COMMIT")
        except Exception as e:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            for unit in units:
                unit.error = e
            return False
        return True
