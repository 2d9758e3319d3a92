-- one row and its event, once; its outcome tells that it went by itself
-- $1 uuid: the event
-- $2 uuid: the row
-- $3 int4: a number that may not be negative
-- $4 text: a note, or null
WITH d AS (
    SELECT FROM lab_event WHERE id = $1
), i AS (
    INSERT INTO lab_checked (id, n)
    SELECT $2, $3 WHERE NOT EXISTS (SELECT FROM d)
    RETURNING id
), e AS (
    INSERT INTO lab_event (id, lab, outcome)
    SELECT $1, id, 1 FROM i
)
SELECT 1::int4 AS outcome, $3::int4 AS n, $4::text AS note;
