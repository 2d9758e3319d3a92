-- The count of active consents is complete.
--
-- $1 int8: the epoch in which the lease "limits" is held
-- $2 timestamptz: now, by the rule clock
WITH ended AS (
    UPDATE oof_limit_count
       SET running = false, counted = $2,
           reached = '00000000-0000-0000-0000-000000000000'
     WHERE one AND running AND EXISTS (SELECT FROM oof_lease
                                        WHERE name = 'limits' AND epoch = $1)
    RETURNING 1
), told AS (
    UPDATE oof_limit_consents
       SET consents = counting, counting = 0
     WHERE EXISTS (SELECT FROM ended)
)
SELECT 0::int4 AS outcome;
