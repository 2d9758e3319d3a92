-- Rows of a table that are done, while the lease is the caller's and nobody has
-- stopped the rotation.
--
-- $1 text: brand
-- $2 text: the table
-- $3 int4: pass
-- $4 text: the last row before, null: none
-- $5 text: the last row, null: as it was
-- $6 bool: the table is at its end
-- $7 int8: rows
-- $8 int8: of them written
-- $9 int8: of them held by other sessions
-- $10 int8: of them unreadable
-- $11 int8: look-up values of which only the digest is known
-- $12 text: JSON array of {"k": kind, "i": id of a key, "n": values under it}
-- $13 int8: epoch of the lease
WITH l AS (
    SELECT 1
      FROM oof_lease
     WHERE name = 'maintenance'
       AND epoch = $13
       AND EXISTS (SELECT
                     FROM oof_rotation r
                    WHERE r.brand = $1
                      AND r.pass = $3
                      AND r.state = 'running')
), t AS (
    UPDATE oof_rotation_table t
       SET cursor = coalesce($5, t.cursor),
           finished = $6,
           rows = t.rows + $7,
           changed = t.changed + $8,
           skipped = t.skipped + $9,
           unreadable = t.unreadable + $10,
           unknown = t.unknown + $11
      FROM l
     WHERE t.brand = $1
       AND t.name = $2
       AND t.pass = $3
       AND t.cursor IS NOT DISTINCT FROM $4
       AND NOT t.finished
 RETURNING 1
), k AS (
    INSERT INTO oof_rotation_key AS k (brand, name, kind, key_id, n)
         SELECT $1, $2, f.k, f.i, f.n
           FROM t, jsonb_to_recordset($12::jsonb)
                       AS f (k text, i text, n bigint)
    ON CONFLICT (brand, name, kind, key_id) DO UPDATE
            SET n = k.n + excluded.n
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM t)::int4 AS done;
