-- Begins a rotation of a brand's keys, or a count of what is under which; one
-- that is going on to the same keys goes on.
--
-- $1 text: brand
-- $2 text: the block of keys
-- $3 text: fingerprints of its first keys
-- $4 text: id of the first to encrypt
-- $5 text: id of the first to look up
-- $6 bool: counts only
-- $7 timestamptz: rule clock
WITH r AS (
    INSERT INTO oof_rotation AS r
                (brand, keys, target, encrypt, lookup, state, checking, pass,
                 started)
         VALUES ($1, $2, $3, $4, $5, 'running', $6, 1, $7)
    ON CONFLICT (brand) DO UPDATE
            SET keys = excluded.keys,
                target = excluded.target,
                encrypt = excluded.encrypt,
                lookup = excluded.lookup,
                state = excluded.state,
                checking = excluded.checking,
                pass = excluded.pass,
                started = excluded.started,
                ended = NULL,
                until = NULL
          WHERE r.state NOT IN ('running', 'waiting')
             OR r.target <> excluded.target
             OR r.keys <> excluded.keys
             OR r.checking AND NOT excluded.checking
      RETURNING r.brand
), t AS (
    DELETE FROM oof_rotation_table t
     USING r
     WHERE t.brand = r.brand
), k AS (
    DELETE FROM oof_rotation_key k
     USING r
     WHERE k.brand = r.brand
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM r)::int4 AS started;
