-- makes a row and its event, once
-- $1 uuid: the event
-- $2 uuid: the row
-- $3 text: the note
WITH d AS (
    SELECT outcome FROM lab_event WHERE id = $1
), i AS (
    INSERT INTO lab (id, n, note)
    SELECT $2, 0, $3 WHERE NOT EXISTS (SELECT FROM d)
    RETURNING id
), e AS (
    INSERT INTO lab_event (id, lab, outcome)
    SELECT $1, id, 1 FROM i
    RETURNING outcome
)
SELECT coalesce((SELECT outcome FROM d), (SELECT outcome FROM e))::int4
           AS outcome;
