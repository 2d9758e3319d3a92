-- adds one to a row, once, and tells busy (-1) from unknown (0)
-- $1 uuid: the event
-- $2 uuid: the row
WITH d AS (
    SELECT outcome FROM lab_event WHERE id = $1
), k AS (
    SELECT id FROM lab WHERE id = $2
), l AS (
    SELECT id, n FROM lab WHERE id = $2
    FOR UPDATE SKIP LOCKED
), x AS (
    UPDATE lab SET n = l.n + 1
    FROM l
    WHERE lab.id = l.id AND NOT EXISTS (SELECT FROM d)
    RETURNING lab.id, lab.n
), e AS (
    INSERT INTO lab_event (id, lab, outcome)
    SELECT $1, id, n FROM x
    RETURNING outcome
)
SELECT CASE WHEN EXISTS (SELECT FROM d) THEN (SELECT outcome FROM d)
            WHEN EXISTS (SELECT FROM e) THEN (SELECT outcome FROM e)
            WHEN EXISTS (SELECT FROM k) THEN -1
            ELSE 0
       END::int4 AS outcome;
