-- What the bank says of a failure that is open.  outcome: 0 done, 1 none of that
-- id, 2 it is over.
--
-- $1 text: brand
-- $2 uuid: its id
-- $3 timestamptz: now, by the rule clock
-- $4 text: explanation; null: as it was
-- $5 timestamptz: expected; null: as it was
WITH l AS MATERIALIZED (
    SELECT failure_id, ended
      FROM oof_failure
     WHERE failure_id = $2 AND brand = $1
       FOR UPDATE
), c AS (
    UPDATE oof_failure f
       SET explanation = coalesce($4, f.explanation),
           expected = coalesce($5, f.expected), changed = $3
      FROM l
     WHERE f.failure_id = l.failure_id AND l.ended IS NULL
    RETURNING f.*
)
SELECT CASE WHEN NOT EXISTS (SELECT FROM l) THEN 1
            WHEN c.failure_id IS NULL THEN 2
            ELSE 0 END::int4 AS outcome,
       c.failure_id, c.endpoint, c.detected, c.changed, c.expected, c.ended,
       c.explanation
  FROM (SELECT 1) one
  LEFT JOIN c ON true;
