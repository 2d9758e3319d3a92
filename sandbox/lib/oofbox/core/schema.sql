-- Amounts are whole cents, times are seconds since the epoch: "at" by the real
-- clock, "on" a day in Brasilia, all others by the rule clock.

CREATE TABLE IF NOT EXISTS setting (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS account (
    number   TEXT PRIMARY KEY,
    balance  INTEGER NOT NULL CHECK (balance >= 0)
) WITHOUT ROWID;

-- keys of the DICT, with the owner and account as JSON

CREATE TABLE IF NOT EXISTS dict (
    key    TEXT PRIMARY KEY,
    entry  TEXT NOT NULL
) WITHOUT ROWID;

-- products that are not simply available

CREATE TABLE IF NOT EXISTS resource (
    type    TEXT,
    id      TEXT,
    status  TEXT NOT NULL,
    PRIMARY KEY (type, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS payment (
    id           INTEGER PRIMARY KEY,
    key          TEXT NOT NULL,
    end_to_end   TEXT NOT NULL,
    account      TEXT NOT NULL REFERENCES account (number),
    amount       INTEGER NOT NULL,
    proxy        TEXT,               -- a key of the DICT, and what it said
    entry        TEXT,
    document     TEXT NOT NULL,      -- what an answer repeats, JSON
    owners       TEXT NOT NULL,      -- who may cancel it, CPFs
    first        TEXT NOT NULL,      -- the status that was answered
    status       TEXT NOT NULL,
    goal         TEXT NOT NULL,      -- the status that it will come to
    reason       TEXT,
    detail       TEXT,
    created      INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    next_at      REAL,               -- when it goes on
    due_on       TEXT,
    cancel_key   TEXT
);

CREATE INDEX IF NOT EXISTS payment_end_to_end ON payment (end_to_end);

CREATE INDEX IF NOT EXISTS payment_next_at ON payment (next_at)
    WHERE next_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS payment_due_on ON payment (due_on)
    WHERE status = 'SCHD';

-- what an internal key was answered: a payment, or why not

CREATE TABLE IF NOT EXISTS answer (
    key      TEXT PRIMARY KEY,
    digest   BLOB NOT NULL,
    payment  INTEGER REFERENCES payment (id),
    code     TEXT,
    detail   TEXT,
    CHECK ((payment IS NULL) <> (code IS NULL))
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS debit (
    payment     INTEGER PRIMARY KEY REFERENCES payment (id),
    account     TEXT NOT NULL REFERENCES account (number),
    amount      INTEGER NOT NULL,
    made        INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS debit_account ON debit (account, made);

-- statuses that oof has not been told of

CREATE TABLE IF NOT EXISTS push (
    id       INTEGER PRIMARY KEY,
    payment  INTEGER NOT NULL REFERENCES payment (id),
    status   TEXT NOT NULL,
    changed  INTEGER NOT NULL,
    reason   TEXT,
    detail   TEXT
);
