-- Begins with a table, while the lease is the caller's.
--
-- $1 text: brand
-- $2 text: the table
-- $3 int4: pass
-- $4 int8: epoch of the lease
WITH l AS (
    SELECT 1
      FROM oof_lease
     WHERE name = 'maintenance'
       AND epoch = $4
), t AS (
    INSERT INTO oof_rotation_table AS t
                (brand, name, pass, total, rows, changed, skipped, unreadable,
                 unknown, finished)
         SELECT $1, $2, $3, oof_rotation_total($2), 0, 0, 0, 0, 0, false
           FROM l
    ON CONFLICT (brand, name) DO UPDATE
            SET cursor = NULL,
                pass = excluded.pass,
                total = excluded.total,
                rows = 0,
                changed = 0,
                skipped = 0,
                unreadable = 0,
                unknown = 0,
                finished = false
          WHERE t.pass <> excluded.pass
      RETURNING 1
), k AS (
    DELETE FROM oof_rotation_key k
     USING t
     WHERE k.brand = $1
       AND k.name = $2
)
SELECT 0::int4 AS outcome;
