-- Cancels an outage that is not over.  outcome: 0 done, 1 none of that id, 2 it
-- is over.
--
-- $1 text: brand
-- $2 uuid: its id
-- $3 timestamptz: now, by the rule clock
WITH l AS MATERIALIZED (
    SELECT outage_id, ends, cancelled
      FROM oof_outage
     WHERE outage_id = $2 AND brand = $1
       FOR UPDATE
), c AS (
    UPDATE oof_outage o
       SET cancelled = $3, changed = $3
      FROM l
     WHERE o.outage_id = l.outage_id AND l.cancelled IS NULL AND l.ends > $3
    RETURNING 1
)
SELECT CASE WHEN NOT EXISTS (SELECT FROM l) THEN 1
            WHEN EXISTS (SELECT FROM c)
                 OR (SELECT cancelled FROM l) IS NOT NULL THEN 0
            ELSE 2 END::int4 AS outcome;
