-- takes a lease that nobody holds; the epoch, or 0 when somebody does
-- $1 text: the lease's name
-- $2 text: who takes it
-- $3 int8: for how many milliseconds
WITH taken AS (
    INSERT INTO oof_lease AS l (name, holder, epoch, until)
    VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder,
            epoch = l.epoch + 1,
            until = excluded.until
        WHERE left(l.holder, 36) = left(excluded.holder, 36)
              OR l.until <= clock_timestamp()
    RETURNING epoch
)
SELECT 0::int4 AS outcome,
       coalesce((SELECT epoch FROM taken), 0)::int8 AS epoch;
