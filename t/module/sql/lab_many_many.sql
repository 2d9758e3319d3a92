-- the same for many that have not run before; the outcome is how many
-- $1 uuid[]: the events
-- $2 uuid[]: the rows
-- $3 int4[]: numbers that may not be negative
-- $4 text[]: notes, or nulls
WITH u AS (
    SELECT * FROM unnest($1, $2, $3, $4) WITH ORDINALITY
                  AS t (event, id, n, note, place)
), i AS (
    INSERT INTO lab_checked (id, n) SELECT id, n FROM u
), e AS (
    INSERT INTO lab_event (id, lab, outcome) SELECT event, id, 1 FROM u
)
SELECT (count(*) OVER ())::int4 AS outcome, n, note FROM u ORDER BY place;
