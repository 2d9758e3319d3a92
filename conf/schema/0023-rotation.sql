-- Copyright (C) oof authors
--
-- How far the rotation of the keys of personal data has come.

SELECT current_schema() AS oof_schema \gset


CREATE TABLE oof_rotation (
    brand     text PRIMARY KEY,
    keys      text NOT NULL,
    target    text NOT NULL,
    encrypt   text NOT NULL,
    lookup    text NOT NULL,
    state     text NOT NULL,
    checking  boolean NOT NULL,
    pass      integer NOT NULL,
    started   timestamptz NOT NULL,
    ended     timestamptz,
    until     timestamptz
);

COMMENT ON TABLE oof_rotation IS
    'the last rotation of each brand''s keys, done by the holder of the lease '
    '"maintenance"';
COMMENT ON COLUMN oof_rotation.keys IS
    'the block of keys';
COMMENT ON COLUMN oof_rotation.target IS
    'fingerprints of the two keys that all values shall be under';
COMMENT ON COLUMN oof_rotation.state IS
    'running; waiting: for records of requests that cannot be written anew; '
    'done; stopped';
COMMENT ON COLUMN oof_rotation.checking IS
    'counts only';
COMMENT ON COLUMN oof_rotation.pass IS
    'all rows are read again until nothing under another key is found';
COMMENT ON COLUMN oof_rotation.until IS
    'waiting: when the last of those records is past its time, rule clock';


CREATE TABLE oof_rotation_table (
    brand       text NOT NULL,
    name        text NOT NULL,
    cursor      text,
    pass        integer NOT NULL,
    total       bigint NOT NULL,
    rows        bigint NOT NULL,
    changed     bigint NOT NULL,
    skipped     bigint NOT NULL,
    unreadable  bigint NOT NULL,
    unknown     bigint NOT NULL,
    finished    boolean NOT NULL,

    PRIMARY KEY (brand, name)
)
WITH (fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

COMMENT ON TABLE oof_rotation_table IS
    'how far each table has come in the pass';
COMMENT ON COLUMN oof_rotation_table.cursor IS
    'the last row that is done';
COMMENT ON COLUMN oof_rotation_table.total IS
    'rows when the pass began; of a large table the planner''s estimate';
COMMENT ON COLUMN oof_rotation_table.skipped IS
    'rows that another session held: for the next pass';
COMMENT ON COLUMN oof_rotation_table.unreadable IS
    'rows under a key that is not configured, or altered';
COMMENT ON COLUMN oof_rotation_table.unknown IS
    'look-up values of which only the digest is known';


CREATE TABLE oof_rotation_key (
    brand   text NOT NULL,
    name    text NOT NULL,
    kind    text NOT NULL,
    key_id  text NOT NULL,
    n       bigint NOT NULL,

    PRIMARY KEY (brand, name, kind, key_id)
)
WITH (fillfactor = 50,
      autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_threshold = 200);

COMMENT ON TABLE oof_rotation_key IS
    'values that were found in a table in the pass, by the key that they were '
    'under';


CREATE TABLE oof_rotation_holder (
    brand  text NOT NULL,
    "old"  bytea NOT NULL,
    "new"  bytea NOT NULL,

    PRIMARY KEY (brand, "old")
);

COMMENT ON TABLE oof_rotation_holder IS
    'look-up values of holders of resources and what they are under the new '
    'key, while a rotation runs';


-- Search keys are kept, sealed: without them nothing could be said of the
-- values of those under a new key.  Of keys that were given before there is
-- none until they are given again.

ALTER TABLE oof_consent_search_key
    ADD COLUMN personal bytea;

COMMENT ON COLUMN oof_consent_search_key.personal IS
    'the key, sealed (table "oof_consent_search_key", row: the first 16 bytes '
    'of key_hmac)';


-- How many rows a table has: of large ones the planner's estimate.

CREATE FUNCTION oof_rotation_total(name text)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = :"oof_schema", pg_temp
AS $$
DECLARE
    n bigint;
BEGIN
    SELECT c.reltuples::bigint INTO n
      FROM pg_catalog.pg_class c
     WHERE c.oid = name::regclass
           AND c.reltuples >= 100000;

    IF NOT FOUND THEN
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %I LIMIT 200000) r',
                       name)
           INTO n;
    END IF;

    RETURN n;
END
$$;

COMMENT ON FUNCTION oof_rotation_total(text) IS
    'rows of a table, by estimate where there are many';

REVOKE ALL ON FUNCTION oof_rotation_total(text) FROM PUBLIC;
