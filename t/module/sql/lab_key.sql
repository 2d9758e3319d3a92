-- takes a key, and waits for whoever is taking it
-- $1 uuid: the key
WITH i AS (
    INSERT INTO lab_key (id) VALUES ($1)
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*)::int4 AS outcome FROM i;
