-- gives a lease back
-- $1 text: the lease's name
-- $2 text: who holds it
-- $3 int8: in which epoch
WITH returned AS (
    UPDATE oof_lease
       SET holder = '', until = clock_timestamp()
     WHERE name = $1 AND holder = $2 AND epoch = $3
    RETURNING 1
)
SELECT 0::int4 AS outcome, EXISTS (SELECT FROM returned) AS returned;
