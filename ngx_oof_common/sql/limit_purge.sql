-- takes away months that are over, and writers that have gone
-- $1 int4: the first month that stays
-- $2 timestamptz: since when a writer is silent
-- $3 int4: how many rows at most
WITH old AS (
    DELETE FROM oof_limit_month
     WHERE (month, key) IN (SELECT month, key
                              FROM oof_limit_month
                             WHERE month < $1
                             ORDER BY month, key
                             LIMIT $3)
    RETURNING 1
), gone AS (
    DELETE FROM oof_limit_writer WHERE changed < $2
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM old)::int4 AS months;
