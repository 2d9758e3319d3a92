-- What comes after a pass: another one while something was found to be done;
-- then, where look-up keys were changed too, the time until the last record of
-- a request is gone that was made before, whose digest cannot be made anew;
-- then nothing.  For how long they are kept is told by the one that is kept
-- longest: there may be millions, and only it is looked at.
--
-- $1 text: brand
-- $2 int4: pass
-- $3 bool: there is a look-up key that shall go
-- $4 timestamptz: rule clock
-- $5 int8: epoch of the lease
WITH l AS (
    SELECT 1
      FROM oof_lease
     WHERE name = 'maintenance'
       AND epoch = $5
), s AS MATERIALIZED (
    SELECT r.brand, r.checking,
           NOT r.checking
           AND EXISTS (SELECT
                         FROM oof_rotation_table t
                        WHERE t.brand = r.brand
                          AND t.changed + t.skipped > 0) AS again,
           CASE WHEN $3 AND NOT r.checking
           THEN (SELECT r.started + greatest(i.until - i.created,
                                             interval '24 hours')
                   FROM oof_idempotency i
                  WHERE i.until > $4
                  ORDER BY i.until DESC
                  LIMIT 1)
           END AS until
      FROM oof_rotation r, l
     WHERE r.brand = $1
       AND r.pass = $2
       AND r.state IN ('running', 'waiting')
), r AS (
    UPDATE oof_rotation r
       SET pass = CASE WHEN s.again THEN r.pass + 1 ELSE r.pass END,
           state = CASE WHEN s.again THEN 'running'
                   WHEN s.until > $4 THEN 'waiting'
                   ELSE 'done' END,
           until = CASE WHEN NOT s.again AND s.until > $4 THEN s.until END,
           ended = CASE WHEN NOT s.again AND (s.until > $4) IS NOT TRUE
                   THEN $4 END
      FROM s
     WHERE r.brand = s.brand
 RETURNING r.brand, r.state, r.checking, r.pass, r.until
), h AS (
    DELETE FROM oof_rotation_holder h
     USING r
     WHERE h.brand = r.brand
       AND r.state <> 'running'
)
SELECT r.state, r.checking, r.until,
       (SELECT coalesce(sum(t.unreadable), 0)::int8
          FROM oof_rotation_table t
         WHERE t.brand = r.brand) AS unreadable,
       (SELECT coalesce(sum(t.unknown), 0)::int8
          FROM oof_rotation_table t
         WHERE t.brand = r.brand) AS unknown
  FROM r;
