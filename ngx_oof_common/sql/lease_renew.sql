-- renews a lease that is still the holder's, late or not
-- $1 text: the lease's name
-- $2 text: who holds it
-- $3 int8: in which epoch
-- $4 int8: for how many milliseconds
WITH renewed AS (
    UPDATE oof_lease
       SET until = clock_timestamp() + $4 * interval '1 millisecond'
     WHERE name = $1 AND holder = $2 AND epoch = $3
    RETURNING 1
)
SELECT 0::int4 AS outcome, EXISTS (SELECT FROM renewed) AS held;
