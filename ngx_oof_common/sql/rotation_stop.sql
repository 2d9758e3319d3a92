-- Ends a rotation where it is; what has been written stays.
--
-- $1 text: brand
-- $2 timestamptz: rule clock
WITH r AS (
    UPDATE oof_rotation
       SET state = 'stopped',
           ended = $2,
           until = NULL
     WHERE brand = $1
       AND state IN ('running', 'waiting')
 RETURNING 1
)
SELECT 0::int4 AS outcome, (SELECT count(*) FROM r)::int4 AS stopped;
