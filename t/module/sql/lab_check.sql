-- fails when n is negative
-- $1 uuid: the row
-- $2 int4: n
WITH i AS (
    INSERT INTO lab_checked (id, n) VALUES ($1, $2)
    RETURNING id
)
SELECT 1::int4 AS outcome FROM i;
