-- Plans an outage, or changes one that is not over.  outcome: 0 done, 1 none of
-- that id, 2 it is over or cancelled, 3 it would end before it starts.
--
-- $1 text: brand
-- $2 uuid: its id
-- $3 bool: it is new
-- $4 timestamptz: now, by the rule clock
-- $5 timestamptz: starts; null: as it was
-- $6 timestamptz: ends; null: as it was
-- $7 text: explanation; null: as it was
-- $8 text: a JSON array of endpoints; null: as it was
-- $9 bool: what it names is closed meanwhile; null: as it was
WITH l AS MATERIALIZED (
    SELECT *
      FROM oof_outage
     WHERE outage_id = $2 AND brand = $1
       FOR UPDATE
), made AS (
    INSERT INTO oof_outage (outage_id, brand, starts, ends, changed,
                            explanation, endpoints, closed)
    SELECT $2, $1, $5, $6, $4, $7,
           ARRAY (SELECT e FROM json_array_elements_text($8::json) e),
           coalesce($9, false)
     WHERE $3
    ON CONFLICT (outage_id) DO NOTHING
    RETURNING *
), changed AS (
    UPDATE oof_outage o
       SET starts = coalesce($5, l.starts), ends = coalesce($6, l.ends),
           explanation = coalesce($7, l.explanation),
           endpoints = CASE WHEN $8 IS NULL THEN l.endpoints
                            ELSE ARRAY (SELECT e
                                          FROM json_array_elements_text(
                                                   $8::json) e) END,
           closed = coalesce($9, l.closed), changed = $4
      FROM l
     WHERE NOT $3 AND o.outage_id = l.outage_id AND l.cancelled IS NULL
           AND l.ends > $4
           AND coalesce($5, l.starts) < coalesce($6, l.ends)
    RETURNING o.*
), r AS (
    SELECT * FROM made
     UNION ALL
    SELECT * FROM changed
     UNION ALL
    SELECT * FROM l WHERE $3
)
SELECT CASE WHEN r.outage_id IS NOT NULL THEN 0
            WHEN l.outage_id IS NULL THEN 1
            WHEN l.cancelled IS NULL AND l.ends > $4 THEN 3
            ELSE 2 END::int4 AS outcome,
       r.outage_id, r.starts, r.ends, r.changed, r.cancelled, r.explanation,
       to_json(r.endpoints)::text AS endpoints, r.closed
  FROM (SELECT 1) one
  LEFT JOIN l ON true
  LEFT JOIN r ON true;
